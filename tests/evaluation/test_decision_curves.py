"""Net benefit, held against the published tutorial, and against what it means."""

from __future__ import annotations

import numpy as np
import pytest

from braintumor.evaluation.decision_curves import THRESHOLDS, decision_curve


def test_the_published_tutorials_family_history() -> None:
    """The example of decisioncurveanalysis.org (R package dcurves, df_cancer_dx): 750 patients,
    105 cancers; a family history has 24 of them and 91 without cancer. Its net benefits as dcurves
    prints them."""
    cancer = np.arange(750) < 105
    history = np.zeros(750, bool)
    history[:24] = history[105 : 105 + 91] = True
    found = decision_curve(cancer, history.astype(float))
    at = {round(float(t), 2): i for i, t in enumerate(found.threshold)}
    published = {
        0.05: (0.025614035087719297, 0.09473684210526317),
        0.10: (0.018518518518518517, 0.04444444444444445),
        0.20: (0.0016666666666666635, -0.07499999999999998),
        0.35: (-0.033333333333333354, -0.32307692307692315),
        0.50: (-0.08933333333333335, -0.72),
    }
    for threshold, (model, everybody) in published.items():
        assert found.model[at[threshold]] == pytest.approx(model, abs=1e-12)
        assert found.treat_all[at[threshold]] == pytest.approx(everybody, abs=1e-12)
    assert found.prevalence == pytest.approx(0.14)
    assert found.useful == (0.13, 0.2)


def test_a_perfect_model_gains_the_prevalence_everywhere() -> None:
    positive = np.arange(40) < 10
    found = decision_curve(positive, positive.astype(float))
    assert found.model == pytest.approx(np.full(99, 0.25))
    assert found.useful == (0.01, 0.99)


def test_calling_everything_is_treating_all() -> None:
    positive = np.arange(40) < 10
    found = decision_curve(positive, np.ones(40))
    assert found.model == pytest.approx(found.treat_all)
    assert found.useful is None


def test_a_calibrated_model_is_never_worse_than_both_but_for_chance() -> None:
    rng = np.random.default_rng(0)
    prob = rng.beta(1, 4, 40_000)
    found = decision_curve(rng.random(40_000) < prob, prob)
    assert (found.high >= np.maximum(found.treat_all, 0)).all()
    assert found.useful is not None
    bent = decision_curve(rng.random(40_000) < prob, np.sqrt(prob))
    assert (bent.high < np.maximum(bent.treat_all, 0)).any(), "an over-confident one can be"


def test_the_interval_covers_in_clustered_data() -> None:
    """40 patients of 4 slices that are alike; the true net benefit by a table of 200,000."""
    rng = np.random.default_rng(1)
    t = np.array([0.3])

    def made(patients: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        prob = np.repeat(rng.beta(2, 3, patients), 4)
        positive = np.repeat(rng.random(patients) < prob[::4], 4)
        return positive, prob, np.repeat(np.arange(patients), 4)

    true = decision_curve(*made(50_000), thresholds=t).model[0]
    curves = [decision_curve(*made(40), thresholds=t) for _ in range(400)]
    covered = [c.low[0] <= true <= c.high[0] for c in curves]
    assert 0.9 <= np.mean(covered) <= 0.98
    positive, prob, _ = made(40)
    narrow = decision_curve(positive, prob, thresholds=t)
    assert narrow.high[0] - narrow.low[0] < 0.7 * (curves[0].high[0] - curves[0].low[0])


def test_a_single_patient_makes_no_interval() -> None:
    found = decision_curve([True, False, True], [0.9, 0.2, 0.6], np.zeros(3, np.int64))
    assert np.isfinite(found.model).all()
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()


def test_thresholds_lie_between_and_rows_are_needed() -> None:
    assert THRESHOLDS[0] == 0.01
    with pytest.raises(ValueError, match="needs rows"):
        decision_curve([], [])
    with pytest.raises(ValueError, match="between 0 and 1"):
        decision_curve([True], [0.5], thresholds=np.array([1.0]))
