"""The measurement of the shipped gates, and the tables that are made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gate
import gate_shown
import nibabel
import numpy as np
import pytest
from gate_shown import Margins
from PIL import Image
from tiny_bundle import make_tiny_bundle, striped
from tiny_gate import add_tiny_gate

from braintumor.bundle.classifier import Classifier
from braintumor.images.decode import Slice
from braintumor.images.read import read_slices


def shown(count: int, refused: int, **more: float) -> dict[str, Any]:
    return {"shown": count, "refused": refused, "doubted": 0, **more}


def test_what_was_refused_is_counted_by_condition_kind_and_folder(tmp_path: Path) -> None:
    def of(refused: int) -> dict[str, Any]:
        return {
            "test": {"untouched": shown(200, 1)},
            "conditions": {
                name: [shown(10, refused if name == "blur" else 0)] * 3
                for name in gate.conditions.CONDITIONS
            },
            "drawn": {"abdomen": shown(10, 9, auroc=0.9), "noise": shown(30, 30, auroc=1.0)},
            "heads": {"home": shown(9, 3), "home, brain in view": shown(3, 0)},
            "foreign": {"holiday": shown(7, 7, auroc=0.998)},
        }

    file = tmp_path / "gate.json"
    models = {"cnn": of(1), "resnet50": of(0)}
    file.write_text(json.dumps({"slices": 10, "severest": 3, "models": models}))
    text = gate.section(file)
    file.write_text(json.dumps({"slices": 200, "severest": 3, "models": models}))
    assert "conditions all 200 test slices were shown" in gate.section(file)

    assert "conditions 10 of the 200 test slices were shown, each at severities 1 to 3" in text
    assert "| test slices | 0.5 % of 200 |  | 0.5 % of 200 |  |" in text
    assert "| – blur | 10.0 % of 30 |  | 0.0 % of 30 |  |" in text
    assert "| – motion | 0.0 % of 30 |  | 0.0 % of 30 |  |" in text
    assert "| heads: home, brain in view | 0.0 % of 3 |  | 0.0 % of 3 |  |" in text
    # Of all kinds together every picture counts alike: (10 x 0.9 + 30 x 1) / 40.
    assert "| drawn anew, all kinds | 97.5 % of 40 | 0.975 | 97.5 % of 40 | 0.975 |" in text
    assert "| – abdomen | 90.0 % of 10 | 0.900 | 90.0 % of 10 | 0.900 |" in text
    assert "| foreign pictures: holiday | 100.0 % of 7 | 0.998 | 100.0 % of 7 | 0.998 |" in text


def test_every_row_is_held_against_what_was_aimed_at(tmp_path: Path) -> None:
    def of(refused: int, passed: int) -> dict[str, Any]:
        return {
            "test": {"untouched": shown(200, 2)},
            "conditions": {name: [shown(100, refused)] for name in gate.conditions.CONDITIONS},
            "drawn": {"abdomen": shown(100, 100 - passed, auroc=0.9)},
            "heads": {
                "home": shown(9, 3), "home, brain in view": shown(3, 0),
                "home, ends of the volumes": shown(6, 3), "pictures": shown(10, 3),
                "none": shown(0, 0),
            },
            "foreign": {"holiday": shown(7, 7, auroc=0.998)},
        }  # fmt: skip

    file = tmp_path / "gate.json"
    models = {"cnn": of(2, 2), "resnet50": of(1, 1)}
    file.write_text(json.dumps({"slices": 100, "severest": 3, "models": models}))
    lines = {line.split(" |")[0]: line for line in gate.section(file).splitlines()}
    lines = {name: line.rstrip(" |").split("| ")[-1] for name, line in lines.items()}

    assert lines["| test slices"] == "at most 1 %: reached"
    assert lines["| – blur"] == "at most 1 %: missed by `cnn`"
    assert lines["| – abdomen"] == "at least 99 %: missed by `cnn`"
    assert lines["| drawn anew, all kinds"] == "at least 99 %: missed by `cnn`"
    assert lines["| foreign pictures: holiday"] == "at least 99 %: reached"
    assert lines["| heads: home, brain in view"] == "at most 1 %: reached"
    assert lines["| heads: pictures"] == "at most 1 %: missed by `cnn`, `resnet50`"
    # Where a volume ends there is no brain, and where nothing was shown nothing was reached.
    for row in ("home", "home, ends of the volumes", "none"):
        assert "1 %" not in lines[f"| heads: {row}"]


def test_what_was_left_out_of_the_fit_is_held_against_the_same_aims() -> None:
    evidence = {
        "cnn": {
            "foreign": {"a": {"refused": 0.99, "auroc": 1.0}, "b": {"refused": 0.98, "auroc": 1.0}},
            "brain_slices": {"beside:home": {"refused": 0.011, "n": 100}},
            "auroc": 0.99,
        },
        "resnet50": {
            "foreign": {"a": {"refused": 1.0, "auroc": 1.0}},
            "brain_slices": {"beside:home": {"refused": 0.01, "n": 100}},
            "auroc": 0.99,
        },
    }
    lines = gate._out_of_fold(evidence)

    assert any(line.startswith("| a |") and line.endswith("| at least 99 %: reached |")
               for line in lines)  # fmt: skip
    told = [line for line in lines if line.endswith("| at least 99 %: missed by `cnn` |")]
    assert [line.split(" |")[0] for line in told] == [
        "| b", "| **mean of the kinds, all pictures**",
    ]  # fmt: skip
    assert any(line.startswith("| home |") and line.endswith("| at most 1 %: missed by `cnn` |")
               for line in lines)  # fmt: skip
    widths = {line.count("|") for line in lines if line.startswith("|") and "auro" in line.lower()}
    assert widths == {7}, "a cell for every head"


def test_the_sternest_member_speaks_for_an_ensemble() -> None:
    refuse = np.array([[-2.0, -3.0], [-1.0, 0.5], [np.inf, np.inf], [-1.5, -4.0]])
    found = Margins(refuse, refuse + 1.2)
    brains = Margins(np.array([[-3.0, -1.2], [-5.0, -6.0]]), np.zeros((2, 2)))

    assert found.row([0]) == shown(4, 1) | {"doubted": 1}
    assert found.row([1]) == shown(4, 2)
    # -2, 0.5, infinite and -1.5 against -1.2 and -5: six of the eight pairs are in order.
    assert found.row([0, 1], brains) == shown(4, 2, auroc=0.75)


def test_a_gate_is_asked_as_the_classifier_asks_it(tmp_path: Path) -> None:
    bundle = add_tiny_gate(make_tiny_bundle(tmp_path / "tiny"))
    classifier = Classifier.load(bundle)
    noise = np.random.default_rng(1).integers(0, 256, (90, 90)).astype(np.uint8)
    pictures = [striped("upright"), noise, np.full((80, 80), 7, np.uint8), striped("checked")]
    pictures = pictures * 5  # more than a batch

    found = gate_shown.margins(classifier.networks, pictures)
    answers = classifier.predict(list(pictures))

    assert list(found.refuse[:, 0] > 0) == [one.status == "refused" for one in answers]
    assert found.row([0])["refused"] == 10
    assert np.isinf(found.refuse[2])


def test_folders_are_read_by_pixels_and_other_files_passed_over(tmp_path: Path) -> None:
    Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")

    assert [pixels.shape for pixels in gate_shown.pixels_in(tmp_path)] == [(64, 64)]
    # Single pictures do not say where in a head they lie.
    assert list(gate_shown.head_rows(tmp_path)) == [tmp_path.name]


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """A folder with a volume of slices 5 mm apart: neck below, air in the uppermost twenty mm."""
    voxels = np.random.default_rng(0).integers(0, 5, (40, 40, 40)).astype(np.int16)
    voxels[10:30, 10:30, :36] += 200
    affine = np.diag([5.0, 5.0, 5.0, 1.0])
    folder = tmp_path / "made"
    folder.mkdir()
    nibabel.save(nibabel.Nifti1Image(voxels, affine), folder / "head.nii.gz")
    return folder


def test_a_brain_is_looked_for_beneath_the_top_of_the_head(head: Path) -> None:
    volume = [one for one in read_slices(head / "head.nii.gz") if isinstance(one, Slice)]
    view = gate_shown.brain_in_view(volume)

    # The top is slice 36 of 40, at 175 mm; 10 to 130 mm beneath it lie those at 45 to 165 mm.
    assert list(np.flatnonzero(view)) == list(range(9, 34))
    rows = gate_shown.head_rows(head)
    assert {name: len(pixels) for name, pixels in rows.items()} == {
        "made": 40,
        "made, ends of the volumes": 15,
        "made, brain in view": 25,
    }


def test_the_pictures_of_the_wheel_are_shown() -> None:
    skimage = pytest.importorskip("skimage", reason="SKIPPED FOR WANT OF scikit-image")
    found = list(gate_shown.bundled_pictures())

    assert len(found) > 20
    assert any(np.array_equal(pixels, skimage.data.camera()) for pixels in found)
