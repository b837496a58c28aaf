"""A cleaned catalogue: copies and conflicts out, groups filled, the split without leaks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageOps
from small_folders import data_set

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.copies import find_copies
from braintumor.catalog.fix import cleaned
from braintumor.catalog.thumbnails import thumbnails
from braintumor.files import sha256_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """60 pictures; an exact and a mirrored copy across splits, and one in two classes."""
    root = data_set(tmp_path / "data", count=5)
    shutil.copy(root / "train/glioma/img_0.png", root / "test/glioma/again.png")
    with Image.open(root / "train/glioma/img_1.png") as picture:
        ImageOps.mirror(picture).save(root / "test/glioma/mirrored.png")
    shutil.copy(root / "train/pituitary/img_0.png", root / "valid/no_tumor/other.png")
    return root


def clean(root: Path, **options: object) -> Catalog:
    catalog = Catalog.from_folder(root)
    return cleaned(catalog, find_copies(thumbnails(catalog), altered=False), **options)  # type: ignore[arg-type]


def test_exact_copies_within_a_class_stay_once(root: Path) -> None:
    paths = set(clean(root).table["path"])
    assert "test/glioma/again.png" in paths
    assert "train/glioma/img_0.png" not in paths
    assert {"train/glioma/img_1.png", "test/glioma/mirrored.png"} <= paths


@pytest.mark.parametrize("count", [3, 20])
def test_however_many_exact_copies_there_are_one_stays(root: Path, count: int) -> None:
    """Of more than 32 in all, not every two are a pair."""
    for number in range(count):
        for split in ("train", "test"):
            shutil.copy(
                root / "valid/meningioma/img_0.png", root / split / f"meningioma/m{number}.png"
            )
    catalog = clean(root)
    same = catalog.table["sha256"] == sha256_of(root / "valid/meningioma/img_0.png")
    assert catalog.table["path"][same].tolist() == ["test/meningioma/m0.png"]
    gone = [item for item in catalog.left_out if "copy of test/meningioma/m0" in item.reason]
    assert len(gone) == 2 * count
    assert {item.kind for item in gone} == {"copy"}


@pytest.mark.parametrize("count", [3, 30])
def test_however_many_copies_lie_in_two_classes_none_stays(root: Path, count: int) -> None:
    picture, mirrored = root / "valid/meningioma/img_0.png", root / "valid/glioma/img_0.png"
    with Image.open(picture) as image:
        ImageOps.mirror(image).save(mirrored)
    for number in range(count):
        shutil.copy(picture, root / f"train/meningioma/m{number}.png")
        shutil.copy(picture, root / f"test/pituitary/p{number}.png")
        shutil.copy(mirrored, root / f"train/glioma/g{number}.png")
    catalog = clean(root)
    ours = {sha256_of(picture), sha256_of(mirrored)}
    assert not ours & set(catalog.table["sha256"])
    of = {item.path: item.kind for item in catalog.left_out}
    assert of["train/meningioma/m2.png"] == of["train/glioma/g2.png"] == "conflict"


def test_copies_in_two_classes_go_on_both_sides(root: Path) -> None:
    catalog = clean(root)
    gone = {item.path: item for item in catalog.left_out}
    assert gone.keys() - {"train/glioma/img_0.png"} == {
        "train/pituitary/img_0.png",
        "valid/no_tumor/other.png",
    }
    assert gone["train/pituitary/img_0.png"].kind == "conflict"
    assert gone["valid/no_tumor/other.png"].kind == "conflict"
    assert gone["train/pituitary/img_0.png"].reason == (
        "it is a copy of valid/no_tumor/other.png, which is filed under no_tumor"
    )
    assert gone["valid/no_tumor/other.png"].reason == (
        "it is a copy of train/pituitary/img_0.png, which is filed under pituitary"
    )
    assert gone["train/glioma/img_0.png"].kind == "copy"
    assert "test/glioma/again.png" in gone["train/glioma/img_0.png"].reason
    assert len(catalog) == 60


def test_labels_that_another_source_contradicts_go_too(root: Path) -> None:
    path = "test/meningioma/img_3.png"
    catalog = clean(root, conflicts=[path])
    assert path not in set(catalog.table["path"])
    assert path in {item.path for item in catalog.left_out}


def test_a_copy_stays_where_the_one_before_it_is_in_conflict(root: Path) -> None:
    catalog = clean(root, conflicts=["test/glioma/again.png"])
    assert "train/glioma/img_0.png" in set(catalog.table["path"])


def test_the_split_leaks_no_more(root: Path) -> None:
    table = clean(
        root, patients={"train/glioma/img_2.png": "P", "test/glioma/img_2.png": "P"}
    ).table
    assert table.groupby("group")["split"].nunique().max() == 1
    of = table.set_index("path")
    assert of.loc["train/glioma/img_1.png", "split"] == of.loc["test/glioma/mirrored.png", "split"]
    assert of.loc["train/glioma/img_2.png", "split"] == of.loc["test/glioma/img_2.png", "split"]


def test_the_file_stands_in_for_the_folder_and_images_are_not_touched(
    root: Path, tmp_path: Path
) -> None:
    before = {file: file.read_bytes() for file in root.rglob("*.png")}
    catalog = clean(root)
    catalog.write(tmp_path / "out.csv", with_root=True)
    assert Catalog.open(tmp_path / "out.csv").table.equals(catalog.table)
    assert {file: file.read_bytes() for file in root.rglob("*.png")} == before
