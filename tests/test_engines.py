"""What benchmarks/engines.py tells of two engines' answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_folders import data_set

pytest.importorskip("onnx", reason="SKIPPED FOR WANT OF the extra [train]")
pytest.importorskip("onnxruntime", reason="SKIPPED FOR WANT OF onnxruntime")
import engines
from tiny_bundle import make_tiny_bundle

from braintumor.bundle.ensemble import make_ensemble


def test_a_slice_moves_by_that_of_its_probabilities_which_moves_most() -> None:
    one = np.array([[0.7, 0.1, 0.1, 0.1]] * 4)
    other = one.copy()
    other[0] = [0.69, 0.11, 0.1, 0.1]  # moves by 0.01
    other[1] = [0.3, 0.5, 0.1, 0.1]  # by 0.4, and to another class

    found = engines.changes(one, other, 0.02)
    assert found["same_class"] == found["within_aim"] == 0.75
    assert found["mean_change"] == pytest.approx((0.01 + 0.4) / 4)
    assert found["max_change"] == pytest.approx(0.4)
    assert found["mean_change"] < found["p99_change"] < found["max_change"]


def test_both_engines_are_asked_about_every_slice_by_a_bundle_and_by_an_ensemble(
    tmp_path: Path,
) -> None:
    slices = engines.Slices(data_set(tmp_path / "data", count=2), ["valid", "test"])
    members = [make_tiny_bundle(tmp_path / name, name=name) for name in ("cnn", "other")]
    both = make_ensemble(members, tmp_path / "both")

    assert len(slices) == 16
    for folder in (members[0], both):
        found = engines.judged(folder, slices)
        assert found["precision"] == "float32"
        assert found["aim"] == 1e-4
        assert found["same_class"] == found["within_aim"] == 1
    # Engines that differ are not compared with themselves.
    answers = [slices.logits(members[0], engine) for engine in engines.ENGINES]
    assert answers[0].shape == (16, 4)
    assert answers[0] is not answers[1]


def test_an_ensemble_is_as_coarse_as_its_coarsest_member(tmp_path: Path) -> None:
    members = [
        make_tiny_bundle(tmp_path / name, name=name, precision=precision)
        for name, precision in (("cnn", "int8"), ("other", "float32"))
    ]
    assert engines.precision_of(members) == "int8"
    assert engines.precision_of(members[1:]) == "float32"
