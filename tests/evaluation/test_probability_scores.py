"""Brier in parts, reliability by class, and the calibration error that chance alone makes."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk
from made_answers import answers, bent

from braintumor.classes import CLASSES
from braintumor.evaluation import metrics
from braintumor.evaluation.probability_scores import (
    brier,
    class_reliability,
    ece_by_chance,
    probability_scores,
)


def test_the_brier_score_is_scikit_learns_summed_over_classes() -> None:
    truth, prob, _ = answers(300, 1)
    each = [sk.brier_score_loss(truth == k, prob[:, k]) for k in range(4)]
    assert brier(truth, prob).score == pytest.approx(sum(each))


def test_murphys_parts_by_hand() -> None:
    """Two forecasts of a class, each given to ten slices: 0.8 (6 true) and 0.2 (3 true)."""
    p = np.repeat([0.8, 0.2], 10)
    truth = np.array([0] * 6 + [1] * 4 + [0] * 3 + [1] * 7)
    found = brier(truth, np.column_stack([p, 1 - p, 0 * p, 0 * p]))
    # Of one class: reliability (0.2^2 + 0.1^2) / 2, resolution 0.15^2, uncertainty 0.45 * 0.55.
    assert found.reliability == pytest.approx(2 * 0.025)
    assert found.resolution == pytest.approx(2 * 0.0225)
    assert found.uncertainty == pytest.approx(2 * 0.2475)
    assert found.score == pytest.approx(2 * (0.025 - 0.0225 + 0.2475))


@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
def test_the_parts_add_up_and_miscalibration_is_found_in_the_right_one(scale: float) -> None:
    truth, prob, _ = answers(5000, 2)
    found = brier(truth, bent(prob, scale))
    total = found.reliability - found.resolution + found.uncertainty
    assert total == pytest.approx(found.score, abs=1e-12)
    assert found.resolution == pytest.approx(brier(truth, prob).resolution, rel=0.1)
    if scale == 1.0:
        assert found.reliability < 0.004
    else:
        assert found.reliability > 0.02


def test_chance_alone_makes_a_calibration_error() -> None:
    """A calibrated model is beyond its own 95 % quantile in about one table of twenty."""
    beyond, errors, means = [], [], []
    for seed in range(120):
        truth, prob, _ = answers(200, 10 + seed)
        sure = prob.max(axis=1)
        mean, quantile = ece_by_chance(sure, draws=60, seed=seed)
        error = metrics.reliability(sure, prob.argmax(axis=1) == truth).ece
        beyond.append(error > quantile)
        errors.append(error)
        means.append(mean)
    assert np.mean(beyond) < 0.12
    assert np.mean(errors) == pytest.approx(np.mean(means), rel=0.1)


def test_an_over_confident_model_is_beyond_chance() -> None:
    truth, prob, _ = answers(500, 3)
    found = probability_scores(truth, bent(prob, 3.0))
    assert found.ece > 1.5 * found.ece_by_chance[1]
    assert found.log_loss == pytest.approx(metrics.log_loss(truth, bent(prob, 3.0)))


def test_each_class_has_its_own_reliability_with_intervals_over_patients() -> None:
    truth, prob, group = answers(600, 4, slices=4, like=0.6)
    found = class_reliability(truth, prob, group)
    curves = list(found.values())
    assert set(found) == set(CLASSES)
    for label, name in enumerate(CLASSES):
        curve = found[name]
        assert curve.count.sum() == len(truth)
        assert (np.diff(curve.predicted) > 0).all()
        assert curve.observed @ curve.count == pytest.approx((truth == label).sum())
        assert ((curve.low <= curve.observed) & (curve.observed <= curve.high)).all()
    inside = np.concatenate([(c.low <= c.predicted) & (c.predicted <= c.high) for c in curves])
    assert inside.mean() > 0.8, "a calibrated model lies on its diagonal"


def test_no_rows_are_undefined_not_an_error() -> None:
    found = probability_scores([], np.zeros((0, 4)))
    assert np.isnan([found.log_loss, found.ece, found.brier.score]).all()
