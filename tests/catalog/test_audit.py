"""`braintumor audit`, part one: can every file be read, and is it what it says it is?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from small_folders import CLASS_FOLDERS, data_set, picture

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.readability import Readability, audit_readability
from braintumor.classes import CLASSES
from braintumor.cli.main import cli


def kinds(audit: Readability) -> dict[str, str]:
    """kind -> severity of every finding."""
    return {finding.kind: finding.severity for finding in audit.findings}


def one(audit: Readability, kind: str) -> tuple[str, tuple[str, ...]]:
    (finding,) = [finding for finding in audit.findings if finding.kind == kind]
    return finding.sentence, finding.paths


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["audit", *(str(argument) for argument in arguments)])


def copy(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes())


class TestFindings:
    def test_a_sound_data_set(self, tmp_path: Path) -> None:
        audit = audit_readability(data_set(tmp_path))
        assert audit.sound
        assert audit.findings == ()
        assert audit.counts == {
            split: dict.fromkeys(CLASSES, 3) for split in ("train", "valid", "test")
        }

    def test_unreadable_files(self, tmp_path: Path) -> None:
        data_set(tmp_path)
        (tmp_path / "train/glioma/zero.png").touch()
        (tmp_path / "test/glioma/words.jpg").write_text("words")
        audit = audit_readability(tmp_path)
        assert kinds(audit) == {"unreadable": "wrong"}
        assert not audit.sound
        sentence, paths = one(audit, "unreadable")
        assert "cannot be read: 2 (" in sentence
        assert set(paths) == {"train/glioma/zero.png", "test/glioma/words.jpg"}

    def test_what_does_not_belong(self, tmp_path: Path) -> None:
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
        assert audit.sound

    def test_blank_images(self, tmp_path: Path) -> None:
        data_set(tmp_path)
        Image.new("L", (90, 90), 7).save(tmp_path / "valid/glioma/blank.png")
        audit = audit_readability(tmp_path)
        assert kinds(audit) == {"blank": "wrong"}
        assert one(audit, "blank")[1] == ("valid/glioma/blank.png",)

    def test_tiny_images(self, tmp_path: Path) -> None:
        data_set(tmp_path)
        picture(tmp_path / "train/glioma/tiny.png", 90, side=63)
        picture(tmp_path / "train/glioma/just.png", 91, side=64)
        audit = audit_readability(tmp_path)
        assert kinds(audit) == {"tiny": "doubtful"}
        assert one(audit, "tiny")[1] == ("train/glioma/tiny.png",)

    def test_coloured_images(self, tmp_path: Path) -> None:
        data_set(tmp_path)
        Image.radial_gradient("L").convert("RGB").save(tmp_path / "train/glioma/grey.jpg")
        colours = Image.merge(
            "RGB", [Image.radial_gradient("L"), *[Image.new("L", (256, 256))] * 2]
        )
        colours.save(tmp_path / "train/glioma/colour.jpg")
        audit = audit_readability(tmp_path)
        assert kinds(audit) == {"coloured": "doubtful"}
        assert one(audit, "coloured")[1] == ("train/glioma/colour.jpg",)

    def test_copies_across_splits(self, tmp_path: Path) -> None:
        data_set(tmp_path)
        copy(tmp_path / "train/glioma/img_0.png", tmp_path / "test/glioma/again.png")
        audit = audit_readability(tmp_path)
        assert kinds(audit) == {"copies_across_splits": "wrong"}
        sentence, paths = one(audit, "copies_across_splits")
        assert paths == ("train/glioma/img_0.png", "test/glioma/again.png")
        assert "1 image (the same bytes) lie in more than one split" in sentence

    def test_copies_across_classes(self, tmp_path: Path) -> None:
        data_set(tmp_path)
        copy(tmp_path / "train/glioma/img_0.png", tmp_path / "train/pituitary/again.png")
        assert kinds(audit_readability(tmp_path)) == {"copies_across_classes": "wrong"}

    def test_copies_within_a_class_are_a_note(self, tmp_path: Path) -> None:
        data_set(tmp_path)
        copy(tmp_path / "train/glioma/img_0.png", tmp_path / "train/glioma/again.png")
        audit = audit_readability(tmp_path)
        assert kinds(audit) == {"copies": "note"}
        assert audit.sound

    def test_balance(self, tmp_path: Path) -> None:
        data_set(tmp_path, count=1)
        for number in range(3):
            picture(tmp_path / f"train/glioma/more{number}.png", 200 + number)
        sentence, _ = one(audit_readability(tmp_path), "unbalanced")
        assert sentence == "Unbalanced: train has 4 images of glioma and 1 of meningioma."

    def test_missing_classes_and_splits(self, tmp_path: Path) -> None:
        data_set(tmp_path, splits=("train", "valid"), classes=CLASS_FOLDERS[:3], count=2)
        audit = audit_readability(tmp_path)
        assert kinds(audit) == {"missing_class": "wrong", "missing_split": "doubtful"}

    def test_a_split_that_was_drawn_is_noted(self, tmp_path: Path) -> None:
        data_set(tmp_path, splits=("train", "test"), count=10)
        audit = audit_readability(tmp_path)
        assert kinds(audit) == {"split": "note"}

    def test_names_cannot_play_tricks_on_the_terminal(self, tmp_path: Path) -> None:
        data_set(tmp_path)
        (tmp_path / "train/glioma/\x1b[2Jevil\n.png").touch()
        audit = audit_readability(tmp_path)
        assert "\x1b" not in run(tmp_path).output
        assert "\x1b" not in "".join(audit.catalog.warnings)
        assert audit.findings[0].paths == ("train/glioma/\x1b[2Jevil\n.png",)


class TestCommand:
    def test_the_table(self, tmp_path: Path) -> None:
        data_set(tmp_path, count=2)
        picture(tmp_path / "train/glioma/more.png", 300)
        result = run(tmp_path)
        assert result.exit_code == 0
        rows = {line.split()[0]: line.split()[1:] for line in result.output.splitlines() if line}
        assert rows["glioma"] == ["3", "2", "2", "7", "28%"]
        assert rows["all"] == ["9", "8", "8", "25"]
        assert "25 images can be used" in result.output
        assert result.output.endswith("Nothing wrong found.\n")

    def test_phantoms_are_called_so(self, tmp_path: Path) -> None:
        data_set(tmp_path)
        (tmp_path / "PHANTOM.txt").touch()
        assert "phantom images (drawn by code)" in run(tmp_path).output

    def test_strict(self, tmp_path: Path) -> None:
        data_set(tmp_path)
        assert run(tmp_path, "--strict").exit_code == 0
        (tmp_path / "train/glioma/zero.png").touch()
        assert run(tmp_path).exit_code == 0
        result = run(tmp_path, "--strict")
        assert result.exit_code == 1
        assert "1 wrong." in result.output

    def test_json_and_file_are_the_same(self, tmp_path: Path) -> None:
        data_set(tmp_path / "data")
        (tmp_path / "data/train/glioma/zero.png").touch()
        result = run(tmp_path / "data", "--json", "--out", tmp_path / "out")
        printed = json.loads(result.stdout)
        assert printed == json.loads((tmp_path / "out/audit.json").read_text())
        assert printed["dataset"] == "data"
        assert printed["images"] == 36
        assert printed["phantom"] is False
        assert printed["catalog_sha256"] == Catalog.from_folder(tmp_path / "data").digest()
        reading = printed["readability"]
        assert reading["sound"] is False
        assert reading["counts"]["train"]["glioma"] == 3
        assert reading["left_out"] == [
            {
                "path": "train/glioma/zero.png",
                "reason": "the file is empty (0 bytes): copy or download it again",
                "kind": "unreadable",
            }
        ]
        assert reading["findings"][0]["kind"] == "unreadable"
        assert reading["formats"] == {"PNG": 36}
        assert reading["modes"] == {"L": 36}
        assert reading["sizes"] == [{"width": 80, "height": 80, "images": 36}]
        assert str(tmp_path) not in result.stdout

    def test_what_later_parts_will_measure_is_not_made_up(self, tmp_path: Path) -> None:
        made = audit_readability(data_set(tmp_path)).to_dict()
        for key in ("near_copies", "stems", "patients", "label_conflicts", "shortcuts"):
            assert key not in made

    def test_bad_input_is_one_sentence(self, tmp_path: Path) -> None:
        data_set(tmp_path / "data", count=1)
        (tmp_path / "file").touch()
        for arguments, says in (
            ([tmp_path / "gone"], "There is no folder"),
            ([tmp_path / "file"], "is a file"),
            ([tmp_path / "data/train/glioma"], "class"),
            ([tmp_path / "data", "--out", tmp_path / "file" / "x"], "cannot be written"),
        ):
            done = subprocess.run(
                [sys.executable, "-m", "braintumor", "audit", *map(str, arguments)],
                capture_output=True,
                text=True,
            )
            assert done.returncode == 1
            assert says in done.stderr
            assert "Traceback" not in done.stderr
            assert len(done.stderr.splitlines()) == 1


@pytest.mark.shared
def test_the_labelled_set(shared: Path) -> None:
    audit = audit_readability(shared / "data/labeled-mri")
    assert audit.sound
    assert kinds(audit) == {"coloured": "doubtful", "not_image": "note"}
    assert sum(audit.counts["test"].values()) == 246
