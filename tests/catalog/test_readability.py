"""The first part of the audit: can every file be read, and is it what it says it is?"""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from small_folders import CLASS_FOLDERS, data_set, picture

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.readability import Readability, audit_readability
from braintumor.classes import CLASSES


def kinds(audit: Readability) -> dict[str, str]:
    """kind -> severity of every finding."""
    return {finding.kind: finding.severity for finding in audit.findings}


def one(audit: Readability, kind: str) -> tuple[str, tuple[str, ...]]:
    (finding,) = [finding for finding in audit.findings if finding.kind == kind]
    return finding.sentence, finding.paths


def test_a_sound_data_set(tmp_path: Path) -> None:
    audit = audit_readability(data_set(tmp_path))
    assert audit.findings == ()
    assert audit.counts == {
        split: dict.fromkeys(CLASSES, 3) for split in ("train", "valid", "test")
    }


def test_unreadable_files(tmp_path: Path) -> None:
    data_set(tmp_path)
    (tmp_path / "train/glioma/zero.png").touch()
    (tmp_path / "test/glioma/words.jpg").write_text("words")
    audit = audit_readability(tmp_path)
    assert kinds(audit) == {"unreadable": "wrong"}
    sentence, paths = one(audit, "unreadable")
    assert "cannot be read: 2 (" in sentence
    assert set(paths) == {"train/glioma/zero.png", "test/glioma/words.jpg"}


def test_what_does_not_belong(tmp_path: Path) -> None:
    data_set(tmp_path)
    (tmp_path / "train/README.txt").touch()
    picture(tmp_path / "train/other/a.png", 70)
    picture(tmp_path / "train/stray.png", 71)
    (tmp_path / "train/glioma/loop").symlink_to(tmp_path)
    audit = audit_readability(tmp_path)
    assert kinds(audit) == {
        "unknown_folder": "doubtful",
        "stray": "doubtful",
        "link": "doubtful",
        "not_image": "note",
    }


def test_blank_images(tmp_path: Path) -> None:
    data_set(tmp_path)
    Image.new("L", (90, 90), 7).save(tmp_path / "valid/glioma/blank.png")
    audit = audit_readability(tmp_path)
    assert kinds(audit) == {"blank": "wrong"}
    assert one(audit, "blank")[1] == ("valid/glioma/blank.png",)


def test_tiny_images(tmp_path: Path) -> None:
    data_set(tmp_path)
    picture(tmp_path / "train/glioma/tiny.png", 90, side=63)
    picture(tmp_path / "train/glioma/just.png", 91, side=64)
    audit = audit_readability(tmp_path)
    assert kinds(audit) == {"tiny": "doubtful"}
    assert one(audit, "tiny")[1] == ("train/glioma/tiny.png",)


def test_coloured_images(tmp_path: Path) -> None:
    data_set(tmp_path)
    Image.radial_gradient("L").convert("RGB").save(tmp_path / "train/glioma/grey.jpg")
    colours = Image.merge("RGB", [Image.radial_gradient("L"), *[Image.new("L", (256, 256))] * 2])
    colours.save(tmp_path / "train/glioma/colour.jpg")
    audit = audit_readability(tmp_path)
    assert kinds(audit) == {"coloured": "doubtful", "mixed_modes": "note"}
    assert one(audit, "coloured")[1] == ("train/glioma/colour.jpg",)


def test_large_images(tmp_path: Path) -> None:
    data_set(tmp_path)
    Image.new("L", (2049, 4)).save(tmp_path / "train/glioma/long.png")
    assert kinds(audit_readability(tmp_path))["large"] == "note"


def test_modes_that_differ(tmp_path: Path) -> None:
    data_set(tmp_path)
    Image.radial_gradient("L").convert("RGB").save(tmp_path / "train/glioma/rgb.png")
    audit = audit_readability(tmp_path)
    assert kinds(audit) == {"mixed_modes": "note"}
    assert one(audit, "mixed_modes") == (
        "Pixels of more than one mode: 36 L, 1 RGB.",
        ("train/glioma/rgb.png",),
    )


def test_balance(tmp_path: Path) -> None:
    data_set(tmp_path, count=1)
    for number in range(3):
        picture(tmp_path / f"train/glioma/more{number}.png", 200 + number)
    sentence, _ = one(audit_readability(tmp_path), "unbalanced")
    assert sentence == "Unbalanced: train has 4 images of glioma and 1 of meningioma."


def test_missing_classes_and_splits(tmp_path: Path) -> None:
    data_set(tmp_path, splits=("train", "valid"), classes=CLASS_FOLDERS[:3], count=2)
    audit = audit_readability(tmp_path)
    assert kinds(audit) == {"absent_class": "wrong", "missing_split": "doubtful"}
    sentence, _ = one(audit, "absent_class")
    assert sentence == "There are no images of pituitary at all."


def test_a_class_that_one_split_lacks_could_be_dealt_otherwise(tmp_path: Path) -> None:
    data_set(tmp_path, splits=("train", "valid"), count=2)
    data_set(tmp_path, splits=("test",), classes=CLASS_FOLDERS[:3], count=2)
    sentence, _ = one(audit_readability(tmp_path), "missing_class")
    assert sentence == "The test split has no images of pituitary."


def test_a_list_without_training_images_is_judged_by_what_it_holds(tmp_path: Path) -> None:
    whole = Catalog.from_folder(data_set(tmp_path / "data"))
    whole.subset("test").write(tmp_path / "test.csv", with_root=True)
    audit = audit_readability(tmp_path / "test.csv")
    assert [finding.sentence for finding in audit.findings] == [
        "There are no train images.",
        "There are no valid images.",
    ]
    assert sum(audit.counts["test"].values()) == 12


def test_a_split_that_was_drawn_is_noted(tmp_path: Path) -> None:
    data_set(tmp_path, splits=("train", "test"), count=10)
    audit = audit_readability(tmp_path)
    assert kinds(audit) == {"split": "note"}


def test_what_is_written(tmp_path: Path) -> None:
    data_set(tmp_path / "data")
    (tmp_path / "data/train/glioma/zero.png").touch()
    made = audit_readability(tmp_path / "data").to_dict()
    assert made["dataset"] == "data"
    assert made["images"] == 36
    assert made["phantom"] is False
    reading = made["readability"]
    assert reading["counts"]["train"]["glioma"] == 3
    assert reading["left_out"] == [
        {
            "path": "train/glioma/zero.png",
            "reason": "the file is empty (0 bytes): copy or download it again",
            "kind": "unreadable",
        }
    ]
    assert reading["formats"] == {"PNG": 36}
    assert reading["modes"] == {"L": 36}
    assert reading["sizes"] == [{"width": 80, "height": 80, "images": 36}]
