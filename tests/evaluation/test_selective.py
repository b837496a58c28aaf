"""Risk against coverage: right by hand and by formula, whatever the order of equal rows."""

from __future__ import annotations

import numpy as np
import pytest

from braintumor.evaluation.selective import risk_coverage


def test_by_hand() -> None:
    found = risk_coverage([0.9, 0.8, 0.7, 0.6], [True, False, True, True])
    assert found.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert found.risk == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4])
    assert found.threshold.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert found.aurc.value == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert found.best == pytest.approx((0 + 0 + 0 + 1 / 4) / 4)
    assert found.excess == pytest.approx(found.aurc.value - 1 / 16)


def test_the_best_area_is_the_published_one() -> None:
    """r + (1 - r) ln(1 - r) for an error rate r (Geifman, Uziel, El-Yaniv 2019, eq. 3)."""
    rng = np.random.default_rng(0)
    right = rng.random(50_000) > 0.2
    found = risk_coverage(rng.random(50_000), right, draws=2)
    r = 1 - right.mean()
    assert found.best == pytest.approx(r + (1 - r) * np.log(1 - r), abs=1e-4)
    assert found.aurc.value == pytest.approx(r, abs=0.01), "a random order rejects at random"


def test_rows_of_equal_confidence_are_accepted_together_in_any_order() -> None:
    rng = np.random.default_rng(1)
    sure = rng.choice([0.5, 0.8, 1.0], 300)
    right = rng.random(300) < sure
    found = risk_coverage(sure, right, draws=2)
    order = rng.permutation(300)
    again = risk_coverage(sure[order], right[order], draws=2)
    assert len(found.coverage) == 3
    assert again.aurc.value == pytest.approx(found.aurc.value)
    assert again.risk == pytest.approx(found.risk)


def test_a_model_that_knows_when_has_the_smaller_area() -> None:
    rng = np.random.default_rng(2)
    sure = rng.random(800)
    right = rng.random(800) < 0.6 + 0.4 * sure
    knows, guesses = risk_coverage(sure, right), risk_coverage(rng.random(800), right)
    assert knows.aurc.high < guesses.aurc.low
    assert knows.aurc.low < knows.aurc.value < knows.aurc.high


def test_few_patients_make_the_interval_wide() -> None:
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(20), 20)
    right = rng.permutation(np.arange(20) < 15)[group]
    sure = rng.random(400)
    by_patient = risk_coverage(sure, right, group).aurc
    by_slice = risk_coverage(sure, right).aurc
    assert by_patient.high - by_patient.low > 2 * (by_slice.high - by_slice.low)


def test_a_single_patient_makes_no_interval() -> None:
    found = risk_coverage([0.9, 0.8, 0.7], [True, False, True], np.zeros(3, np.int64))
    assert found.aurc.value > 0
    assert np.isnan([found.aurc.low, found.aurc.high]).all()


@pytest.mark.parametrize(("wrong", "known"), [(0, False), (4, False), (5, True)])
def test_a_handful_of_errors_makes_no_interval(wrong: int, known: bool) -> None:
    """Of thirty patients all right the redrawn area is 0, and that of the next ones is not."""
    sure = np.linspace(1, 0.5, 30)
    for right in (np.arange(30) >= wrong, np.arange(30) < wrong):
        found = risk_coverage(sure, right).aurc
        assert np.isfinite(found.value)
        assert np.isfinite([found.low, found.high]).all() == known


def test_errors_are_counted_by_patient() -> None:
    right = np.repeat(np.arange(30) >= 4, 10)
    group = np.repeat(np.arange(30), 10)
    assert np.isnan(risk_coverage(np.linspace(1, 0.5, 300), right, group).aurc.high)


def test_no_rows_are_undefined_not_an_error() -> None:
    assert np.isnan(risk_coverage([], []).aurc.value)
