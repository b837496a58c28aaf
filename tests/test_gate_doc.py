"""The measurement of the shipped gates, and the tables that are made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gate
import numpy as np
from PIL import Image

from braintumor.bundle.classifier import Classifier
from braintumor.bundle.shipped import shipped


def test_what_was_refused_is_counted_by_condition_kind_and_folder(
    tmp_path: Path,
) -> None:
    def of(refused: int) -> dict[str, Any]:
        counts = {"ok": 10 - refused, "refused": refused}
        return {
            "test": {"untouched": {"ok": 99, "uncertain": 100, "refused": 1}},
            "conditions": {
                name: [counts if name == "blur" else {"ok": 10}] * 3
                for name in gate.conditions.CONDITIONS
            },
            "drawn": {"abdomen": {"refused": 9, "ok": 1}, "noise": {"refused": 10}},
            "heads": {},
            "foreign": {"holiday": {"refused": 7}},
        }

    file = tmp_path / "gate.json"
    file.write_text(json.dumps({"models": {"cnn": of(1), "resnet50": of(0)}}))
    text = gate.section(file)

    assert "| test slices | 0.5 % of 200 | 0.5 % of 200 |" in text
    assert "| – blur | 10.0 % of 30 | 0.0 % of 30 |" in text
    assert "– motion" not in text
    assert "| – abdomen | 90.0 % of 10 | 90.0 % of 10 |" in text
    assert "– noise" not in text
    assert "| foreign pictures: holiday | 100.0 % of 7 | 100.0 % of 7 |" in text


def test_folders_are_read_by_pixels_and_other_files_passed_over(
    tmp_path: Path,
) -> None:
    Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")

    assert [pixels.shape for pixels in gate._pixels(tmp_path)] == [(64, 64)]
    if "cnn" in shipped():
        counts = gate._counts(Classifier.load("cnn"), gate._pixels(tmp_path))
        assert sum(counts.values()) == 1
