"""A patients file says whose a slice is: how slices are found in it, and what it must hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from braintumor.errors import BraintumorError
from braintumor.evaluation.patients import Owner, Patients, read_patients


def written(folder: Path, *lines: str) -> Patients:
    (folder / "p.csv").write_text("\n".join(lines) + "\n")
    return read_patients(folder / "p.csv")


def test_split_class_and_file_name_a_slice_in_any_spelling(tmp_path: Path) -> None:
    patients = written(
        tmp_path,
        "split,class,file,group,patient_id,raw_patient_id,source_label",
        "Testing,no tumour,a.jpg,pat_1,MR1,MR1B,glioma_tumor",
    )
    owner = Owner(patient="MR1", raw_patient="MR1B", group="pat_1", source_label="glioma")
    assert patients.find("test/no_tumor/a.jpg") == owner
    assert patients.find("elsewhere/Test/notumor/a.jpg") == owner
    assert patients.find("a.jpg", split="test", label="no_tumor") == owner
    assert patients.find("test/glioma/a.jpg") is None
    assert patients.find("test/no_tumor/b.jpg") is None


def test_a_path_and_a_patient_are_enough(tmp_path: Path) -> None:
    patients = written(
        tmp_path, "Path,Patient", "train/glioma/a.jpg,one", "glioma/b.jpg,two", "c.jpg,"
    )
    found = patients.find_all(
        ["train/glioma/a.jpg", "valid/glioma/b.jpg", "test/pituitary/c.jpg", "test/glioma/a.jpg"],
        ["train", "valid", "test", "test"],
        ["glioma", "glioma", "pituitary", "glioma"],
    )
    assert [owner and owner.patient for owner in found] == ["one", "two", "", None]
    assert patients.find("train/glioma/a.jpg") == Owner("one", "one", "one")
    assert patients.train_groups == ["one"]


def test_the_path_tells_slices_of_one_name_apart(tmp_path: Path) -> None:
    patients = written(
        tmp_path, "path,patient", "train/glioma/p1/1.jpg,p1", "train/glioma/p2/1.jpg,p2"
    )
    assert patients.find("train/glioma/p2/1.jpg") == Owner("p2", "p2", "p2")
    # The name alone fits both, so it says nothing.
    assert patients.find("train/glioma/1.jpg") is None


def test_a_slice_that_was_given_another_split_since_is_still_found(tmp_path: Path) -> None:
    patients = written(tmp_path, "split,class,file,group", "test,glioma,a.jpg,g")
    assert patients.find("Testing/glioma/a.jpg", split="train", label="glioma") == Owner(group="g")


def test_a_flat_folders_slice_is_found_in_whatever_split_the_file_has_it(tmp_path: Path) -> None:
    patients = written(
        *(tmp_path, "split,class,file,group", "train,glioma,a.jpg,g1", "test,glioma,b.jpg,g2"),
        *("train,glioma,c.jpg,g3", "test,glioma,c.jpg,g4", "test,pituitary,a.jpg,g5"),
    )

    def found(path: str, split: str = "", label: str = "") -> str | None:
        owner = patients.find(path, split=split, label=label)
        return owner.group if owner else None

    assert [found(f"glioma/{name}.jpg") for name in "ab"] == ["g1", "g2"]
    assert found("a.jpg", label="pituitary") == "g5"
    assert found("glioma/c.jpg") is None, "two slices of one name, and either may be meant"
    assert found("glioma/c.jpg", split="test") == "g4"
    assert found("test/glioma/a.jpg") is None, "a folder that names a split means it"
    assert found("meningioma/a.jpg") is None
    assert found("glioma/a.jpg", split="test") == "g1", "its split may be drawn"
    rows = (["glioma/a.jpg", "glioma/b.jpg"], None, ["glioma", "glioma"])
    assert [owner and owner.group for owner in patients.find_all(*rows)] == ["g1", "g2"]


def test_without_splits_class_and_file_are_the_whole_path(tmp_path: Path) -> None:
    patients = written(tmp_path, "class,file,group", "glioma,a.jpg,g")
    assert patients.find("glioma/a.jpg", whole_path=True) == Owner(group="g")
    assert patients.find("train/glioma/a.jpg", whole_path=True) is None
    assert patients.find("train/glioma/a.jpg") == Owner(group="g")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("split,class,file\n", "lacks the column group"),
        ("a,b\n1,2\n", "lacks the columns class, file, group"),
        ("path\nx.jpg\n", "lacks the column group; .* or path and patient"),
        ("split,class,file,group\ntrain,glioma,a,x\ntrain,Glioma,a,y\n", "twice, with two groups"),
        ("path,patient\na/b.png,x\na\\b.png,y\n", "twice"),
        ("", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "p.csv").write_text(content)
    with pytest.raises(BraintumorError, match=message):
        read_patients(tmp_path / "p.csv")
    with pytest.raises(BraintumorError, match="does not exist"):
        read_patients(tmp_path / "nowhere.csv")


@pytest.mark.shared
def test_the_file_of_the_labelled_set_names_every_slice(shared: Path) -> None:
    patients = read_patients(shared / "data/labeled-mri-patients.csv")
    root = shared / "data/labeled-mri"
    files = sorted(root.glob("*/*/*.jpg"))
    owners = [patients.find(file.relative_to(root).as_posix()) for file in files]
    assert len(owners) == 2443
    assert all(owner and owner.group for owner in owners)
    assert len({owner.group for owner in owners if owner}) == 600
