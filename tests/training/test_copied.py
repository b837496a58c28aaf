"""A further image that shows what a slice held back shows is not learnt from, whoever it is of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from altered import ALTERATIONS, phantoms
from PIL import Image, ImageOps

pytest.importorskip("keras")
pytest.importorskip("tomli_w")

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.copies import Copy
from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.evaluation.patients import read_patients
from braintumor.training import copied as module
from braintumor.training import sources
from braintumor.training.copied import find_copied
from braintumor.training.recipe import default_recipe
from braintumor.training.several import Common, Training, carry_out
from braintumor.training.sources import Materials, Sources

PLACES = [(split, label) for split in ("train", "valid", "test") for label in CLASSES[:2]]


def head(number: int) -> Image.Image:
    """The slice of one person."""
    return Image.fromarray(phantoms()[number])


def mirrored(picture: Image.Image) -> Image.Image:
    return ImageOps.mirror(picture).resize((230, 230))


def brightened(picture: Image.Image) -> Image.Image:
    return Image.fromarray(ALTERATIONS["gamma"](np.asarray(picture)))


def save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **({"quality": 92} if path.suffix == ".jpg" else {}))


@pytest.fixture
def data(tmp_path: Path) -> Catalog:
    """Six people whom nobody names, two in each split: 0 and 1 train, 2 to 5 are held back."""
    for number, (split, label) in enumerate(PLACES):
        save(head(number), tmp_path / "data" / split / label / f"{number}.png")
    return Catalog.from_folder(tmp_path / "data")


@pytest.fixture
def further(tmp_path: Path) -> Callable[..., Catalog]:
    """A folder of glioma slices by name, and whose they are in `more.csv`."""

    def made(**slices: tuple[str, Image.Image]) -> Catalog:
        rows = [f"glioma/{name}.jpg,{patient}" for name, (patient, _) in slices.items()]
        (tmp_path / "more.csv").write_text("\n".join(["path,patient", *rows]) + "\n")
        for name, (_, picture) in slices.items():
            save(picture, tmp_path / "more" / "glioma" / f"{name}.jpg")
        return Catalog.from_folder(tmp_path / "more", least=1)

    return made


def file(catalog: Catalog, name: str) -> str:
    """The hash of the one file of this name."""
    (row,) = (n for n, path in enumerate(catalog.table["path"]) if Path(path).stem == name)
    return str(catalog.table["sha256"][row])


def learnt(data: Catalog, extra: Catalog, *files: Path) -> tuple[list[str], Sources]:
    """The names of the further images that are learnt from, and everything that is."""
    named = (extra.root.parent / "more.csv", *files)
    found = Materials(tuple(map(read_patients, named)), (extra,)).for_training(data)
    return [Path(path).stem for part in found.extra for path in part.table["path"]], found


class TestWhatIsACopy:
    def test_saved_anew_mirrored_and_of_another_size_it_is_one(
        self, data: Catalog, further: Callable[..., Catalog]
    ) -> None:
        extra = further(same=("A", mirrored(head(4))), other=("B", head(10)))
        copied = find_copied(data, [extra])

        assert copied.covers(data)
        assert not copied.covers(extra)
        for sure in (False, True):
            assert copied.of({file(data, "4")}, sure=sure) == {file(extra, "same")}
            assert copied.of({file(data, "2"), file(data, "3")}, sure=sure) == set()

    def test_with_other_grey_levels_it_is_one_that_makes_no_two_patients_one(
        self, data: Catalog, further: Callable[..., Catalog]
    ) -> None:
        copied = find_copied(data, [further(bright=("A", brightened(head(4))))])
        assert len(copied.of({file(data, "4")})) == 1
        assert copied.of({file(data, "4")}, sure=True) == set()

    def test_the_copy_of_a_copy_is_one(self, data: Catalog, tmp_path: Path) -> None:
        folders = []
        for number, picture in enumerate((head(4), mirrored(head(4)))):
            save(picture, tmp_path / str(number) / "glioma" / "x.jpg")
            folders.append(Catalog.from_folder(tmp_path / str(number), least=1))
        copied = find_copied(data, folders)
        assert copied.of({file(data, "4")}) == {file(one, "x") for one in folders}

    @pytest.mark.parametrize(("kind", "joined"), [("exact", True), ("altered", False)])
    def test_what_the_catalogue_parts_itself_is_not_joined_by_weak_evidence(
        self,
        data: Catalog,
        further: Callable[..., Catalog],
        monkeypatch: pytest.MonkeyPatch,
        kind: Any,
        joined: bool,
    ) -> None:
        """The further image is a copy of one of two of the catalogue's that resemble each other."""
        found = (Copy(0, 1, 0.99, "upright", kind), Copy(1, len(data), 0.995, "upright", "near"))
        monkeypatch.setattr(module, "find_copies", lambda _: found)
        copied = find_copied(data, [further(one=("A", head(0)))])
        first, second = ({file} for file in data.table["sha256"][:2])
        assert copied.of(second)
        assert bool(copied.of(first)) is joined


class TestWhatIsLeftOut:
    @pytest.mark.parametrize("change", [mirrored, brightened])
    def test_the_copy_and_all_others_of_its_patient(
        self,
        data: Catalog,
        further: Callable[..., Catalog],
        change: Callable[[Image.Image], Image.Image],
    ) -> None:
        """Nobody names the patient of the slice that is held back: it is the copy's."""
        extra = further(
            copy=("A", change(head(4))), neighbour=("A", head(11)), other=("B", head(10))
        )
        names, found = learnt(data, extra)
        assert names == ["other"]
        assert found.copies == found.record()["extra_copies_left_out"] == 2

    def test_nothing_where_all_that_have_copies_are_learnt_from(
        self, data: Catalog, further: Callable[..., Catalog]
    ) -> None:
        extra = further(copy=("A", mirrored(head(0))), other=("B", head(10)))
        everything = replace(data, table=data.table.assign(split="train"))
        for catalog in (data, everything):
            names, found = learnt(catalog, extra)
            assert sorted(names) == ["copy", "other"]
            assert "extra_copies_left_out" not in found.record()

    @pytest.mark.parametrize(("change", "left"), [(mirrored, []), (brightened, ["neighbour"])])
    def test_of_another_patient_by_name_the_whole_patient_if_the_copy_is_sure(
        self,
        data: Catalog,
        further: Callable[..., Catalog],
        tmp_path: Path,
        change: Callable[[Image.Image], Image.Image],
        left: list[str],
    ) -> None:
        ours = tmp_path / "ours.csv"
        ours.write_text("path,patient\ntest/glioma/4.png,Z\n")
        extra = further(copy=("A", change(head(4))), neighbour=("A", head(11)))
        names, found = learnt(data, extra, ours)
        assert names == left
        assert found.copies == 2 - len(left)

    def test_what_names_or_files_tell_is_no_matter_of_copies(
        self, data: Catalog, further: Callable[..., Catalog], tmp_path: Path
    ) -> None:
        ours = tmp_path / "ours.csv"
        ours.write_text("path,patient\ntest/glioma/4.png,A\n")
        extra = further(copy=("A", mirrored(head(4))), neighbour=("A", head(11)))
        names, found = learnt(data, extra, ours)
        assert names == []
        assert found.copies == 0


class TestOnce:
    @pytest.fixture
    def looked(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """How many images were looked through for copies, each time."""
        times: list[int] = []

        def look(catalog: Catalog, extra: Any) -> Any:
            times.append(len(catalog))
            return find_copied(catalog, extra)

        monkeypatch.setattr(sources, "find_copied", look)
        return times

    def test_copies_are_looked_for_once_whoever_is_held_back(
        self, data: Catalog, further: Callable[..., Catalog], looked: list[int]
    ) -> None:
        extra = further(copy=("A", mirrored(head(0))), other=("B", head(10)))
        named = (read_patients(extra.root.parent / "more.csv"),)
        materials = Materials(named, (extra,)).compared(data)
        for held in range(len(data)):
            splits = np.where(np.arange(len(data)) == held, "test", "train")
            own = replace(data, table=data.table.assign(split=splits))
            kept = sum(map(len, materials.for_training(own).extra))
            assert kept == (1 if data.table["path"][held].endswith("/0.png") else 2)
        assert looked == [len(data)]
        materials.compared(replace(data, table=data.table[:3])).compared(data)
        assert looked == [len(data)]

    def test_of_several_trainings_each_says_how_many_it_leaves_out(
        self,
        data: Catalog,
        further: Callable[..., Catalog],
        looked: list[int],
        asked: list[tuple[str, bool]],
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        extra = further(
            copy=("A", mirrored(head(4))), neighbour=("A", head(11)), other=("B", head(10))
        )
        named = (read_patients(extra.root.parent / "more.csv"),)
        judged = [data.table["path"].str.endswith(f"/{number}.png") for number in (3, 4)]
        plans = [
            Training(
                replace(data, table=data.table.assign(split=np.where(held, "test", "train"))),
                default_recipe("cnn"),
                tmp_path / f"run-{number}",
            )
            for number, held in enumerate(judged)
        ]
        common = Common(materials=Materials(named, (extra,)))
        assert len(list(carry_out(plans, common))) == len(asked) == 2
        assert looked == [len(data)]
        said = capsys.readouterr().err.splitlines()
        assert said == [
            f"{tmp_path / 'run-1'}: 2 of 3 further images are left out, for they or others of "
            "their patients are copies of images that are held back"
        ]
        list(carry_out(plans, replace(common, quiet=True)))
        assert capsys.readouterr().err == ""

    def test_images_that_were_not_looked_through_are(
        self, data: Catalog, further: Callable[..., Catalog], looked: list[int]
    ) -> None:
        extra = further(copy=("A", mirrored(head(4))))
        named = (read_patients(extra.root.parent / "more.csv"),)
        some = replace(data, table=data.table[:2].reset_index(drop=True))
        assert Materials(named, (extra,)).compared(some).for_training(data).extra == ()
        assert looked == [2, len(data)]

    def test_where_nobody_is_held_back_none_is_looked_for(
        self, data: Catalog, further: Callable[..., Catalog], looked: list[int]
    ) -> None:
        extra = further(copy=("A", mirrored(head(4))))
        everything = replace(data, table=data.table.assign(split="train"))
        names, _ = learnt(everything, extra)
        assert (names, looked) == (["copy"], [])

    def test_whose_they_are_is_asked_first(
        self, data: Catalog, further: Callable[..., Catalog], looked: list[int]
    ) -> None:
        with pytest.raises(BraintumorError, match="whose slices these are is not known"):
            Materials((), (further(copy=("A", head(4))),)).compared(data)
        assert looked == []
