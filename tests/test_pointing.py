"""docs/evaluation.md says where the networks looked, and how far looking nowhere gets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tomli_w")
import pointing

from braintumor.evaluation.predictions import Predictions


def measured(hit: float, exact: float) -> dict[str, float]:
    return {"pointing": hit, "pointing_exact": exact, "energy": 0.4, "iou": 0.5}


def test_every_class_is_told_with_both_counts_beside_two_that_look_at_nothing(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "labeled-mri-grouped" / "cnn"
    folder.mkdir(parents=True)
    table = Predictions.from_arrays(["a.png"], np.array([0]), np.eye(4)[:1], model="cnn")
    of_network = table.frame.assign(model_sha256="0" * 64)
    Predictions.from_frame(of_network).write(folder / "predictions.csv")
    bases = {"centre": measured(0.49, 0.17), "random": measured(0.11, 0.02)}
    classes = {
        "all": {"n": 1828, "maps": measured(0.89, 0.78), **bases},
        "glioma": {"n": 805, "maps": measured(0.76, 0.58), **bases},
    }
    told = {"judged": ["0" * 64], "classes": classes}
    (folder / "localisation.json").write_text(json.dumps(told))

    lines = pointing.section(tmp_path).splitlines()[2:]
    assert lines == [
        "| `cnn` | all | 1,828 | 89.0 % | 78.0 % | 40.0 % | 0.50 |",
        "| `cnn` | glioma | 805 | 76.0 % | 58.0 % | 40.0 % | 0.50 |",
        "| the middle of the head | all | 1,828 | 49.0 % | 17.0 % | 40.0 % | 0.50 |",
        "| any place in the head | all | 1,828 | 11.0 % | 2.0 % | 40.0 % | 0.50 |",
    ]


def test_what_nobody_measured_is_not_made_up(tmp_path: Path) -> None:
    assert pointing.section(tmp_path) == pointing.NOT_YET
