"""Calibration: finds what was bent, holds back where there is little to learn from."""

from __future__ import annotations

import json

import numpy as np
import pytest
import sklearn.metrics as sk
from made_answers import answers, bent
from scipy.optimize import check_grad, minimize_scalar

from braintumor.evaluation import calibration
from braintumor.evaluation.calibration import Calibrator, fit


def test_a_temperature_is_found_again() -> None:
    truth, prob, _ = answers(20_000, 1)
    found = fit(truth, bent(prob, 2.5), method="temperature")
    assert found.scale == pytest.approx([0.4] * 4, rel=0.03)
    assert found.bias == (0.0,) * 4


def test_temperature_scaling_is_the_one_that_scikit_learns_log_loss_likes_best() -> None:
    """Guo et al. 2017: T minimises the log loss; found here by another search on another loss."""
    truth, prob, _ = answers(20_000, 2)
    prob = bent(prob, 1.7)

    def loss(scale: float) -> float:
        return float(sk.log_loss(truth, Calibrator((scale,) * 4).apply(prob)))

    best = minimize_scalar(loss, bounds=(0.1, 5), method="bounded").x
    assert fit(truth, prob, method="temperature").scale[0] == pytest.approx(best, rel=1e-3)


def test_scales_and_biases_are_found_again() -> None:
    """Large differences are drawn in a little even by 20,000 slices; the answers are as true."""
    truth, prob, _ = answers(20_000, 3)
    wrong = bent(prob, [2.0, 1.5, 1.0, 1.0], [0.0, 0.5, -0.5, 0.0])
    found = fit(truth, wrong)
    assert np.abs(found.apply(wrong) - prob).mean() < 0.01
    assert sk.log_loss(truth, found.apply(wrong)) < sk.log_loss(truth, prob) + 0.001
    assert sk.log_loss(truth, wrong) > sk.log_loss(truth, prob) + 0.05


def test_the_gradient_is_the_losss_own() -> None:
    truth, prob, _ = answers(60, 4)
    logs = calibration.log_prob(prob)
    at = np.array([0.8, 1.3, 1.0, 0.6, 0.2, -0.1, 0.3, 0.0])
    wrong = check_grad(
        lambda x: calibration._vector_loss(x, logs, truth, 0.7)[0],
        lambda x: calibration._vector_loss(x, logs, truth, 0.7)[1],
        at,
    )
    assert wrong < 1e-4


def test_few_patients_move_little() -> None:
    truth, prob, _ = answers(5000, 5)
    wrong = bent(prob, 1.0, [1.0, 0, 0, -1.0])
    little, much = fit(truth[:12], wrong[:12]), fit(truth, wrong)
    assert np.ptp(much.bias) > 1.5
    assert np.ptp(little.bias) < 0.6
    assert np.ptp(little.scale) < 0.2


def test_fitted_on_forty_patients_it_hardly_harms_what_was_calibrated() -> None:
    """Nothing is wrong with these probabilities: what calibration costs is the price of trying."""
    truth, prob, _ = answers(4000, 6)
    costs = []
    for seed in range(20):
        small, given, _ = answers(40, 100 + seed)
        costs.append(sk.log_loss(truth, fit(small, given).apply(prob)) - sk.log_loss(truth, prob))
    assert 0 < np.mean(costs) < 0.02


def test_repeated_slices_are_no_more_patients() -> None:
    truth, prob, _ = answers(50, 7)
    prob = bent(prob, 2.0)
    many = fit(np.repeat(truth, 30), np.repeat(prob, 30, axis=0), units=50)
    assert many.scale == pytest.approx(fit(truth, prob).scale, abs=1e-3)
    assert many.bias == pytest.approx(fit(truth, prob).bias, abs=1e-3)


@pytest.mark.parametrize("method", calibration.METHODS)
def test_a_perfect_table_does_not_make_it_certain(method: str) -> None:
    truth = np.arange(80) % 4
    prob = np.full((80, 4), 0.02)
    prob[np.arange(80), truth] = 0.94
    found = fit(truth, prob, method=method)
    assert np.isfinite(found.scale).all()
    assert max(found.scale) < 6
    assert found.apply(prob).max() < 1


def test_calibrated_rows_sum_to_one_and_zeros_do_no_harm() -> None:
    prob = Calibrator((2.0, 1.0, 1.0, 0.5), (0.1, 0, 0, 0)).apply([[1.0, 0, 0, 0], [0.25] * 4])
    assert prob.sum(axis=1) == pytest.approx(1)
    assert np.isfinite(prob).all()
    assert (prob > 0).all()


def test_none_changes_nothing() -> None:
    truth, prob, _ = answers(30, 8)
    assert fit(truth, prob, method="none").apply(prob) == pytest.approx(prob)


def test_a_calibrator_survives_json() -> None:
    truth, prob, _ = answers(100, 9)
    found = fit(truth, prob)
    assert Calibrator.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_nothing_and_nonsense_are_refused() -> None:
    with pytest.raises(ValueError, match="no rows"):
        fit([], np.zeros((0, 4)))
    with pytest.raises(ValueError, match="method is one of"):
        fit([0], [[0.25] * 4], method="isotonic")
