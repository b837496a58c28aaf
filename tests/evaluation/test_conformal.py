"""Prediction sets keep their promise, to patients, and say where it is empty."""

from __future__ import annotations

import numpy as np
import pytest
from made_answers import answers

from braintumor.evaluation import conformal
from braintumor.evaluation.conformal import Quantiles, coverage, quantiles, remarks
from braintumor.evaluation.words import percent


def one_class(score: list[float], group: list[int], alpha: float) -> float:
    """The quantile of class 0 for scores 1 - p_0."""
    prob = np.column_stack([1 - np.array(score), score, 0 * np.array(score), 0 * np.array(score)])
    return quantiles(np.zeros(len(score)), prob, np.array(group), alpha=alpha).value[0]


def test_with_one_slice_a_patient_it_is_the_split_conformal_quantile() -> None:
    """The ceil((n + 1)(1 - alpha)) smallest score (Vovk et al. 2005)."""
    score = np.random.default_rng(0).random(57)
    for alpha in (0.05, 0.1, 0.3):
        rank = int(np.ceil(58 * (1 - alpha)))
        expected = np.sort(score)[rank - 1]
        assert one_class(list(score), list(range(57)), alpha) == pytest.approx(expected)


def test_nineteen_patients_can_promise_five_percent_and_eighteen_cannot() -> None:
    score = [i / 100 for i in range(19)]
    assert one_class(score, list(range(19)), 0.05) == pytest.approx(0.18)
    assert one_class(score[:18], list(range(18)), 0.05) == 1.0


def test_a_patient_counts_once_however_many_slices_it_gave() -> None:
    """Lee, Barber, Willett 2023 by hand: weights 1/8 and 1/4 for two patients and one to come."""
    score, group = [0.1, 0.2, 0.9, 0.3], [0, 0, 0, 1]
    # 1/9 + 1/9 for 0.1 and 0.2, then 1/3 for 0.3 makes 5/9, then 1/9 for 0.9 makes 6/9.
    assert one_class(score, group, 0.5) == pytest.approx(0.3)
    assert one_class(score, group, 0.4) == pytest.approx(0.9)
    assert one_class(score, group, 0.3) == 1.0


def test_coverage_is_as_published_for_made_data() -> None:
    """Mean coverage over calibration sets of n is 1 - floor((n + 1) alpha) / (n + 1), no less
    than 1 - alpha, whatever the model (Angelopoulos & Bates 2023, section 3.2)."""
    truth, prob, _ = answers(20_000, 1, gap=1.5)
    kept = []
    for seed in range(150):
        small, given, group = answers(240, 100 + seed, gap=1.5)
        found = quantiles(small, given, group, alpha=0.1)
        covered = found.sets(prob)[np.arange(len(truth)), truth]
        expected = [1 - np.floor((n + 1) * 0.1) / (n + 1) for n in found.units]
        kept.append([covered[truth == k].mean() - expected[k] for k in range(4)])
    assert np.mean(kept, axis=0) == pytest.approx(np.zeros(4), abs=0.008)


def test_a_model_that_knows_nothing_keeps_the_promise_too() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 4, 4000)
    prob = rng.dirichlet(np.ones(4), 4000)
    found = quantiles(truth[:1000], prob[:1000], np.arange(1000), alpha=0.1)
    covered = found.sets(prob[1000:])[np.arange(3000), truth[1000:]]
    for k in range(4):
        assert covered[truth[1000:] == k].mean() == pytest.approx(0.9, abs=0.035)


def hard_and_easy(patients: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half of the patients give one hard slice, half twelve easy ones."""
    rng = np.random.default_rng(seed)
    size = np.where(np.arange(patients) % 2 == 0, 1, 12)
    group = np.repeat(np.arange(patients), size)
    score = np.where(size[group] == 1, rng.random(len(group)), 0.1 * rng.random(len(group)))
    return (
        np.zeros(len(group), np.int64),
        np.column_stack([1 - score, score, 0 * score, 0 * score]),
        group,
    )


def test_the_promise_is_kept_to_patients_where_counting_slices_breaks_it() -> None:
    truth, prob, group = hard_and_easy(1000, 0)
    ours, naive = [], []
    for seed in range(60):
        small, given, own = hard_and_easy(60, 1 + seed)
        for kept, units in ((ours, own), (naive, np.arange(len(own)))):
            sets = quantiles(small, given, units, alpha=0.2).sets(prob)
            parts = coverage(truth, prob, sets, group, draws=2)
            kept.append(parts[0].by_patient)
    assert 0.79 < np.mean(ours) < 0.84
    assert np.mean(naive) < 0.65


def test_coverage_by_hand() -> None:
    truth = np.array([0, 0, 0, 1])
    prob = np.array([[0.9, 0.1, 0, 0], [0.4, 0.6, 0, 0], [0.5, 0.5, 0, 0], [0.1, 0.9, 0, 0]])
    sets = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]], bool)
    group = np.array([0, 0, 1, 2])
    glioma, meningioma, none, _, whole = coverage(truth, prob, sets, group)
    assert (glioma.n, glioma.units) == (3, 2)
    assert glioma.coverage.value == pytest.approx(2 / 3)
    assert glioma.by_patient == pytest.approx((1 / 2 + 1) / 2)
    assert (glioma.single, glioma.several, glioma.empty) == pytest.approx((2 / 3, 1 / 3, 0))
    assert glioma.size == pytest.approx(4 / 3)
    assert glioma.right_if_single == pytest.approx(1 / 2)
    assert glioma.own_error == pytest.approx(1 / 3)
    assert meningioma.empty == 1.0
    assert np.isnan(none.coverage.value)
    assert whole.n == 4
    assert glioma.coverage.low < glioma.coverage.value < glioma.coverage.high


def test_a_vacuous_promise_is_called_so() -> None:
    truth, prob, group = answers(2000, 2, gap=4.0)  # errs in well under 5 %
    found = quantiles(truth[:1000], prob[:1000], group[:1000], alpha=0.05)
    sets = found.sets(prob[1000:])
    said = remarks(found, coverage(truth[1000:], prob[1000:], sets, group[1000:], draws=2))
    assert len(said) == 1
    assert "5.0\N{NO-BREAK SPACE}%, is above the model's own" in said[0]
    assert "vacuous" in said[0]


def test_a_promise_is_not_vacuous_where_one_class_needs_it() -> None:
    truth = np.repeat(np.arange(4), [100, 700, 600, 600])
    prob = np.full((2000, 4), 0.02)
    prob[np.arange(2000), truth] = 0.94
    prob[:20] = (0.02, 0.94, 0.02, 0.02)  # of the gliomas a fifth, of all slices one in a hundred
    found = quantiles(truth, prob, np.arange(2000), alpha=0.05)
    said = remarks(found, coverage(truth, prob, found.sets(prob), np.arange(2000), draws=2))
    assert len(said) == 1
    assert said[0].startswith("For meningioma (")
    assert "glioma (20" not in said[0]


def test_a_promise_that_means_something_is_not_called_vacuous() -> None:
    truth, prob, group = answers(2000, 3, gap=1.0)
    found = quantiles(truth[:1000], prob[:1000], group[:1000], alpha=0.05)
    sets = found.sets(prob[1000:])
    assert not remarks(found, coverage(truth[1000:], prob[1000:], sets, group[1000:], draws=2))


def test_too_few_patients_are_named() -> None:
    truth, prob, group = answers(60, 4, gap=1.0)
    keep = ~((truth == 3) & (np.cumsum(truth == 3) > 5))
    found = quantiles(truth[keep], prob[keep], group[keep], alpha=0.1)
    said = remarks(found, coverage(truth, prob, found.sets(prob), group, draws=2))
    assert found.value[3] == 1.0
    assert found.least_alpha[3] == pytest.approx(1 / 6)
    assert f"5 patients with pituitary can promise an error rate of {percent(1 / 6)}" in said[0]


def test_an_absent_class_is_in_every_set() -> None:
    truth, prob, group = answers(60, 6)
    keep = truth != 2
    found = quantiles(truth[keep], prob[keep], group[keep])
    assert found.value[2] == 1.0
    assert found.units[2] == 0
    assert found.sets(prob)[:, 2].all()


def test_a_row_on_the_edge_is_inside() -> None:
    edge = Quantiles(0.1, (0.25, 0.5, 0.5, 0.5), (9, 9, 9, 9))
    assert edge.sets([[0.75, 0.25, 0.0, 0.0]])[0].tolist() == [True, False, False, False]


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1])
def test_an_error_rate_is_above_zero_and_below_one(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        conformal.quantiles([0], [[1.0, 0, 0, 0]], np.array([0]), alpha=alpha)
