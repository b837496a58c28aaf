"""Probabilities that are none: how much rounding excuses."""

from __future__ import annotations

import numpy as np
import pytest
from made_tables import draw

from braintumor.evaluation import scale
from braintumor.evaluation.predictions import Predictions

MADE = draw(np.random.default_rng(0), 200)


def kinds(prob: np.ndarray) -> list[str]:
    table = Predictions.from_arrays(["x"] * len(prob), MADE.truth[: len(prob)], prob)
    return [finding.kind for finding in scale.not_probabilities(table)]


@pytest.mark.parametrize("digits", [1, 2, 3, 4, 6])
def test_rounding_is_no_mistake(digits: int) -> None:
    assert kinds(np.round(MADE.prob, digits)) == []
    assert scale.decimals(np.round(MADE.prob, digits)) == digits


def test_half_precision_is_no_mistake_and_the_same_error_in_full_precision_is() -> None:
    off = MADE.prob.copy()
    off[:, 0] += 0.004
    assert kinds(off) == ["not_one"]
    assert kinds(MADE.prob.astype(np.float16).astype(float)) == []
    brain = (MADE.prob.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    assert np.abs(brain.sum(axis=1) - 1).max() > 1e-3
    assert kinds(brain.astype(float)) == []


def test_percentages_must_sum_to_a_hundred_row_by_row() -> None:
    percent = 100 * MADE.prob
    assert kinds(percent) == ["percentages"]
    percent[3, 0] += 5
    assert kinds(percent) == ["percentages", "not_one"]


def test_logarithms_become_the_probabilities_that_they_came_from() -> None:
    table = Predictions.from_arrays(["x"] * 200, MADE.truth, np.log(MADE.prob) + 2)
    np.testing.assert_allclose(scale.as_probabilities(table).y_prob, MADE.prob, rtol=1e-9)
