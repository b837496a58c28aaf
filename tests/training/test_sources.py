"""Further images: of no patient who is judged, and no patient is held back unnoticed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_dicom import dataset, saved
from PIL import Image

from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.evaluation.patients import read_patients
from braintumor.training.folds import fold_catalog
from braintumor.training.learnt import everything
from braintumor.training.sources import Materials, grouped, patient_shares, strangers


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (80, 80)).astype(np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for number, (split, name) in enumerate(
        [("train", "a"), ("train", "b"), ("valid", "c"), ("test", "d")]
    ):
        picture(root / split / "glioma" / f"{name}.png", number)
        picture(root / split / "no_tumor" / f"{name}n.png", 100 + number)
    return root


@pytest.fixture
def extra(tmp_path: Path) -> Path:
    root = tmp_path / "extra"
    for number in (1, 2, 3, 4):
        picture(root / "glioma" / f"{number}.png", 50 + number)
        picture(root / "pituitary" / f"{number}.png", 70 + number)
    return root


PATIENTS = """split,class,file,patient,group
train,glioma,a.png,MR1,g1
train,glioma,b.png,MR2,g2
valid,glioma,c.png,MR3,g3
test,glioma,d.png,MR4,g4
"""
EXTRA = "class,file,patient\n" + "".join(
    f"{label},{n}.png,MR{n}\n" for label in ("glioma", "pituitary") for n in (1, 2, 3, 4)
)


@pytest.fixture
def patients(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "ours.csv").write_text(PATIENTS)
    (tmp_path / "extra.csv").write_text(EXTRA)
    return tmp_path / "ours.csv", tmp_path / "extra.csv"


def test_slices_of_patients_who_are_judged_do_not_train(
    data: Path, extra: Path, patients: tuple[Path, Path]
) -> None:
    materials = Materials(tuple(map(read_patients, patients)), (Catalog.from_folder(extra),))
    sources = materials.for_training(Catalog.from_folder(data))
    (further,) = sources.extra
    assert sorted(further.table["path"]) == [
        "glioma/1.png", "glioma/2.png", "pituitary/1.png", "pituitary/2.png",
    ]  # fmt: skip
    assert set(further.table["split"]) == {"train"}
    record = sources.record()
    assert record["extra_images"] == 4
    assert record["masks"] is False


def test_an_id_that_differs_by_a_letter_at_its_end_is_the_same_patient(
    data: Path, extra: Path, patients: tuple[Path, Path]
) -> None:
    ours, theirs = patients
    theirs.write_text(EXTRA.replace("MR3", "MR3B").replace("MR4", "MR4A"))
    materials = Materials(
        (read_patients(ours), read_patients(theirs)), (Catalog.from_folder(extra),)
    )
    (further,) = materials.for_training(Catalog.from_folder(data)).extra
    assert {Path(path).stem for path in further.table["path"]} == {"1", "2"}


@pytest.mark.parametrize("several", ["MR4+MR9", "MR9+MR4", "MR9+MR4B"])
def test_a_slice_that_may_be_of_several_patients_is_not_learnt_from_where_one_is_judged(
    data: Path, extra: Path, patients: tuple[Path, Path], several: str
) -> None:
    ours, theirs = patients
    theirs.write_text(EXTRA.replace("glioma,1.png,MR1", f"glioma,1.png,{several}"))
    materials = Materials(
        (read_patients(ours), read_patients(theirs)), (Catalog.from_folder(extra),)
    )
    assert extra_of(Catalog.from_folder(data), materials) == [
        "glioma/2.png", "pituitary/1.png", "pituitary/2.png",
    ]  # fmt: skip


def test_who_has_a_copy_of_a_judged_slice_of_nobody_is_held_back_though_another_may_be_meant(
    data: Path, extra: Path, patients: tuple[Path, Path]
) -> None:
    """Nobody names the patient of `test/no_tumor/dn.png`; the further copy is of MR1 or MR9."""
    ours, theirs = patients
    theirs.write_text(EXTRA.replace("pituitary,1.png,MR1", "pituitary,1.png,MR1+MR9"))
    shutil.copy(data / "test/no_tumor/dn.png", extra / "pituitary/1.png")
    materials = Materials(
        (read_patients(ours), read_patients(theirs)), (Catalog.from_folder(extra),)
    )
    assert extra_of(Catalog.from_folder(data), materials) == ["glioma/2.png", "pituitary/2.png"]


def test_a_whole_path_goes_before_a_file_name_whatever_the_order_of_the_files(
    data: Path, tmp_path: Path
) -> None:
    """A further slice happens to bear the name of a training slice of somebody else."""
    ours, theirs, more = tmp_path / "ours.csv", tmp_path / "theirs.csv", tmp_path / "more"
    ours.write_text(PATIENTS)
    theirs.write_text("path,patient\nglioma/a.png,MR4\n")
    picture(more / "glioma" / "a.png", 300)
    for order in ((ours, theirs), (theirs, ours)):
        materials = Materials(
            tuple(map(read_patients, order)), (Catalog.from_folder(more, least=1),)
        )
        assert materials.for_training(Catalog.from_folder(data)).extra == ()


def test_several_folders_each_with_its_own_patients(
    data: Path, extra: Path, patients: tuple[Path, Path], tmp_path: Path
) -> None:
    heads, names = tmp_path / "heads", tmp_path / "heads.csv"
    picture(heads / "no_tumor" / "h1.png", 200)
    names.write_text("path,patient\nno_tumor/h1.png,head-1\n")
    files = tuple(map(read_patients, (*patients, names)))
    both = (Catalog.from_folder(extra), Catalog.from_folder(heads, least=1))
    sources = Materials(files, both).for_training(Catalog.from_folder(data))
    assert [list(part.table["label"].unique()) for part in sources.extra] == [
        ["glioma", "pituitary"], ["no_tumor"],
    ]  # fmt: skip
    record = sources.record()
    assert record["extra_images"] == 5
    assert record["extra_sha256"].split() == [part.digest() for part in sources.extra]
    assert record["extra_given_sha256"].split() == [part.digest() for part in both]
    with pytest.raises(BraintumorError, match=r"heads: whose slices"):
        Materials(files[:2], both).for_training(Catalog.from_folder(data))


def test_further_images_of_unknown_patients_are_refused(data: Path, extra: Path) -> None:
    with pytest.raises(BraintumorError, match="--patients"):
        Materials((), (Catalog.from_folder(extra),)).for_training(Catalog.from_folder(data))


def test_a_patients_file_that_names_nobody_is_refused(
    data: Path, extra: Path, patients: tuple[Path, Path]
) -> None:
    """One that names the further images alone, or the catalogue's, is as good as any."""
    files = tuple(map(read_patients, patients))
    catalog = Catalog.from_folder(data)
    Materials(files, (Catalog.from_folder(extra),)).require_named(catalog)
    Materials(files[:1]).require_named(catalog)
    Materials().require_named(catalog)
    patients[0].write_text(PATIENTS.replace("glioma", "pituitary"))
    with pytest.raises(BraintumorError, match=r"ours\.csv names none of the images in .*data;"):
        Materials((read_patients(patients[0]),)).require_named(catalog)


@pytest.mark.parametrize("seed", range(4))
def test_a_flat_folders_patients_are_kept_together_whatever_split_is_drawn(
    tmp_path: Path, seed: int
) -> None:
    rows = ["split,class,file,patient"]
    for number in range(24):
        label = ("glioma", "no_tumor")[number % 2]
        picture(tmp_path / "flat" / label / f"{number}.png", number)
        split = ("train", "valid", "test")[number % 3]
        rows.append(f"{split},{label},{number}.png,MR{number // 4}")
    (tmp_path / "p.csv").write_text("\n".join(rows) + "\n")
    catalog = Catalog.from_folder(tmp_path / "flat", seed=seed)
    table = grouped(catalog, [read_patients(tmp_path / "p.csv")]).table
    number = table["path"].str.extract(r"/(\d+)\.")[0].astype(int)
    assert list(table["group"]) == [f"pat_MR{n // 4}" for n in number]


def test_the_splits_of_a_list_tell_slices_of_one_name_apart(tmp_path: Path) -> None:
    rows = []
    for number, split in enumerate(("train", "test")):
        picture(tmp_path / f"part{number}" / "glioma" / "0.png", number)
        rows.append(f"{split},glioma,0.png,MR{number}")
    file = tmp_path / "p.csv"
    file.write_text("\n".join(["split,class,file,patient", *rows]) + "\n")
    parts = [Catalog.from_folder(tmp_path / f"part{n}", least=1).table for n in (0, 1)]
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(split=["train", "test"], path=["part0/glioma/0.png", "part1/glioma/0.png"])
    Catalog(tmp_path, table).write(tmp_path / "list.csv")
    catalog = Catalog.read(tmp_path / "list.csv")
    Materials((read_patients(file),)).require_named(catalog)
    found = grouped(catalog, [read_patients(file)])
    assert found.table["group"].tolist() == ["pat_MR0", "pat_MR1"]
    dealt = grouped(replace(catalog, drawn=True), [read_patients(file)])
    assert not dealt.table["group"].str.startswith("pat_").any(), "either might be meant"


@pytest.mark.parametrize("deal", ["flat", "grouped", "folds", "everything"])
def test_splits_that_were_dealt_here_are_nobodys_word(data: Path, extra: Path, deal: str) -> None:
    catalog = Catalog.from_folder(data)
    assert catalog.told_splits == catalog.table["split"].tolist()
    groups = [f"g{number}" for number in range(len(catalog))]
    own = replace(catalog, table=catalog.table.assign(group=groups))
    dealt = {
        "flat": lambda: Catalog.from_folder(extra),
        "grouped": lambda: own.grouped(),
        "folds": lambda: fold_catalog(own.with_folds(2), 0, seed=1, choosing=0.0),
        "everything": lambda: everything(catalog),
    }
    assert dealt[deal]().told_splits is None


def test_nothing_further_is_nothing(data: Path) -> None:
    assert Materials().for_training(Catalog.from_folder(data)).record() == {"masks": False}


def test_groups_are_patients_where_a_file_names_them(
    data: Path, patients: tuple[Path, Path]
) -> None:
    catalog = grouped(Catalog.from_folder(data), [read_patients(patients[0])])
    groups = dict(zip(catalog.table["path"], catalog.table["group"], strict=True))
    assert groups["train/glioma/a.png"] == "pat_MR1"
    assert all(groups.values())


def test_a_group_that_is_no_patient_takes_in_what_copies_it(data: Path, tmp_path: Path) -> None:
    """The file's author found some copies; what we find besides must not part from them."""
    original = data / "train" / "glioma" / "a.png"
    with Image.open(original) as picture:
        altered = Image.fromarray(((np.asarray(picture) / 255) ** 2 * 255).astype(np.uint8))
    altered.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(data / "test" / "glioma" / "e.png")
    file = tmp_path / "clusters.csv"
    file.write_text(
        "split,class,file,patient,group\ntrain,glioma,a.png,,dup_1\ntrain,glioma,b.png,,dup_1\n"
        "test,glioma,e.png,,dup_2\ntest,glioma,d.png,MR4,dup_3\nvalid,glioma,c.png,,dup_3\n"
    )
    catalog = grouped(Catalog.from_folder(data), [read_patients(file)])
    groups = dict(zip(catalog.table["path"], catalog.table["group"], strict=True))

    a, b, e = (
        groups[f"{place}.png"] for place in ("train/glioma/a", "train/glioma/b", "test/glioma/e")
    )
    assert a == b == e
    assert groups["test/glioma/d.png"] == groups["valid/glioma/c.png"] == "pat_MR4"
    assert len(set(groups.values())) == 6


def test_a_patient_whom_a_list_names_stays_together_without_the_file(
    data: Path, patients: tuple[Path, Path], tmp_path: Path
) -> None:
    """`audit --patients` wrote the list; `train` is given it alone."""
    grouped(Catalog.from_folder(data), [read_patients(patients[0])]).write(
        tmp_path / "clean.csv", with_root=True
    )
    listed = Catalog.read(tmp_path / "clean.csv")
    groups = listed.table["group"].where(~listed.table["path"].str.endswith("n.png"), "pat_MR1")
    listed = replace(listed, table=listed.table.assign(group=groups))
    again = grouped(listed, ())
    of = dict(zip(again.table["path"], again.table["group"], strict=True))
    assert of["train/glioma/a.png"] == of["test/no_tumor/dn.png"] == "pat_MR1"
    assert of["test/glioma/d.png"] == "pat_MR4"


def dicom(path: Path, patient: str, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 900, (70, 70)).astype(np.uint16)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(saved(dataset(pixels, PatientID=patient, BodyPartExamined="HEAD")))


def test_dicom_files_of_one_patient_are_one_group(tmp_path: Path) -> None:
    for number, (place, patient) in enumerate(
        [("train/glioma/a", "SMITH-1"), ("test/glioma/b", "SMITH-1"), ("train/no_tumor/c", "X-2")]
    ):
        dicom(tmp_path / "data" / f"{place}.dcm", patient, number)
    picture(tmp_path / "data/train/no_tumor/d.png", 9)
    catalog = grouped(Catalog.from_folder(tmp_path / "data"), ())
    of = dict(zip(catalog.table["path"], catalog.table["group"], strict=True))
    assert of["train/glioma/a.dcm"] == of["test/glioma/b.dcm"] == "pat_dicom-0001"
    assert len(set(of.values())) == 3
    assert "SMITH" not in "".join(of.values())


def extra_of(data: Catalog, materials: Materials) -> list[str]:
    """The further images that are learnt from, by path."""
    return sorted(
        path for part in materials.for_training(data).extra for path in part.table["path"]
    )


def test_the_very_file_of_a_slice_held_back_is_not_learnt_from(
    data: Path, extra: Path, patients: tuple[Path, Path]
) -> None:
    """Nobody names the patient of `test/no_tumor/dn.png`, whom the further file calls MR1: where
    it shows anything, it is MR1's. A blank one is nobody's copy, and that very file."""
    files = tuple(map(read_patients, patients))

    def learnt() -> list[str]:
        shutil.copy(data / "test/no_tumor/dn.png", extra / "pituitary/1.png")
        return extra_of(Catalog.from_folder(data), Materials(files, (Catalog.from_folder(extra),)))

    assert learnt() == ["glioma/2.png", "pituitary/2.png"]
    Image.new("L", (80, 80), 7).save(data / "test/no_tumor/dn.png")
    assert learnt() == ["glioma/1.png", "glioma/2.png", "pituitary/2.png"]


def test_a_patient_whom_the_list_alone_names_is_held_back(
    data: Path, extra: Path, patients: tuple[Path, Path]
) -> None:
    """Of several patients, whose slices are one group, each."""
    catalog = Catalog.from_folder(data)
    listed = {"train/glioma/a.png": "pat_MR1", "test/glioma/d.png": "pat_MR2B+MR4"}
    groups = [listed.get(path, "") for path in catalog.table["path"]]
    catalog = replace(catalog, table=catalog.table.assign(group=groups))
    materials = Materials((read_patients(patients[1]),), (Catalog.from_folder(extra),))
    assert {Path(path).stem for path in extra_of(catalog, materials)} == {"1", "3"}


def test_a_dicom_file_of_a_patient_held_back_is_not_learnt_from_whatever_it_is_called(
    tmp_path: Path,
) -> None:
    data, more = tmp_path / "data", tmp_path / "more"
    for number, (place, patient) in enumerate(
        [("train/glioma/a", "SMITH-1"), ("train/no_tumor/c", "X-2"), ("test/glioma/b", "Y-3")]
    ):
        dicom(data / f"{place}.dcm", patient, number)
    for number, patient in enumerate(("SMITH-1", "Y-3", "Z-4")):
        dicom(more / f"glioma/{number}.dcm", patient, 40 + number)
    (tmp_path / "more.csv").write_text(
        "path,patient\n" + "".join(f"glioma/{n}.dcm,p{n}\n" for n in range(3))
    )
    further = Catalog.from_folder(more, least=1)
    materials = Materials((read_patients(tmp_path / "more.csv"),), (further,))
    assert extra_of(Catalog.from_folder(data), materials) == ["glioma/0.dcm", "glioma/2.dcm"]


def test_a_patient_of_many_slices_counts_less_the_more_balance_is_asked_for() -> None:
    groups = ["a", "a", "a", "a", "b", "", ""]
    labels, strange = np.zeros(7, int), np.zeros(7, bool)
    assert patient_shares(groups, labels, strange, 0.0) is None
    half, whole = (patient_shares(groups, labels, strange, balance) for balance in (0.5, 1.0))
    assert half == pytest.approx([0.5, 0.5, 0.5, 0.5, 1, 1, 1])
    assert whole == pytest.approx([0.25, 0.25, 0.25, 0.25, 1, 1, 1])


def test_the_many_slices_of_few_strangers_count_as_the_mean_image_of_their_class() -> None:
    groups = ["a", "a", "a", "a", "b", "b", "head", "head", "head", "other"]
    labels = np.array([0, 0, 0, 0, 2, 2, 2, 2, 2, 1])
    strange = np.array([False] * 6 + [True] * 4)
    shares = patient_shares(groups, labels, strange, 0.5)
    assert shares == pytest.approx([0.5] * 4 + [0.5**0.5] * 5 + [1])


def test_strangers_are_those_whom_the_catalogue_does_not_hold(
    data: Path, extra: Path, patients: tuple[Path, Path]
) -> None:
    files = tuple(map(read_patients, patients))
    catalog = grouped(Catalog.from_folder(data), files)
    further = Materials(files, (Catalog.from_folder(extra),)).for_training(catalog).extra
    train = catalog.subset("train")
    assert not strangers(train, further).any()

    (folder,) = further
    heads = replace(folder, table=folder.table.assign(group="pat_head", label="no_tumor"))
    assert strangers(train, (heads, folder)).tolist() == [False] * len(train) + [True] * len(
        heads
    ) + [False] * len(folder)


def test_a_further_image_is_in_the_group_that_its_patient_has_in_the_catalogue(
    data: Path, extra: Path, patients: tuple[Path, Path]
) -> None:
    files = tuple(map(read_patients, patients))
    catalog = grouped(Catalog.from_folder(data), files)
    (further,) = Materials(files, (Catalog.from_folder(extra),)).for_training(catalog).extra
    groups = dict(zip(further.table["path"], further.table["group"], strict=True))
    ours = dict(zip(catalog.table["path"], catalog.table["group"], strict=True))
    assert groups["glioma/1.png"] == groups["pituitary/1.png"] == ours["train/glioma/a.png"]
    assert groups["glioma/2.png"] == ours["train/glioma/b.png"]
