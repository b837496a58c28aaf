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
    beats = found.threshold[found.model > np.maximum(found.treat_all, 0)]
    assert (beats.min(), beats.max()) == (0.13, 0.2)
    assert found.useful is None, "ahead by less than chance makes among 105 cancers"


def test_a_perfect_model_gains_the_prevalence_everywhere() -> None:
    positive = np.arange(4000) < 1000
    found = decision_curve(positive, positive.astype(float))
    assert found.model == pytest.approx(np.full(99, 0.25))
    assert found.useful == (0.01, 0.99)


def test_ten_right_calls_do_not_show_that_99_of_100_are() -> None:
    """At 0.81 a needless call costs 4.26: 10 - 3.26 / 2 = 8.4 are gained, and the interval reaches
    1.96 sqrt(7.7 + (1 + 4.26^2) / 2) = 8.1 down; at 0.82 they are 8.2 and 8.4."""
    positive = np.arange(40) < 10
    assert decision_curve(positive, positive.astype(float)).useful == (0.06, 0.81)


def test_a_useless_model_is_hardly_ever_called_useful() -> None:
    """Probabilities that know nothing, in 100 tables of 200 slices; by the curves alone, most of
    them beat acting on all and on none somewhere."""
    rng = np.random.default_rng(2)
    curves = [decision_curve(rng.random(200) < 0.25, rng.beta(1, 3, 200)) for _ in range(100)]
    ahead = [(c.model > np.maximum(c.treat_all, 0) + 1e-12).any() for c in curves]
    assert np.mean(ahead) > 0.5
    assert sum(c.useful is not None for c in curves) <= 3


def test_patients_and_not_slices_make_a_model_useful() -> None:
    """Ten slices of a patient that are alike are as good as one, and no better."""
    rng = np.random.default_rng(3)
    prob = rng.beta(0.5, 1.0, 60)
    positive = rng.random(60) < prob
    once, ten = decision_curve(positive, prob), (np.repeat(x, 10) for x in (positive, prob))
    tenfold = decision_curve(*ten, np.repeat(np.arange(60), 10))
    assert 5 < once.better.sum() < 90
    assert (tenfold.better == once.better).all()


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
    assert found.useful is None


def test_thresholds_lie_between_and_rows_are_needed() -> None:
    assert THRESHOLDS[0] == 0.01
    with pytest.raises(ValueError, match="needs rows"):
        decision_curve([], [])
    with pytest.raises(ValueError, match="between 0 and 1"):
        decision_curve([True], [0.5], thresholds=np.array([1.0]))
