"""Intervals of shares over groups: Jeffreys' where slices are alone, honest where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from made_run import made_table
from scipy.stats import beta

from braintumor.evaluation import rates
from braintumor.evaluation.predictions import Predictions


def test_with_one_slice_a_group_the_interval_is_jeffreys() -> None:
    hit = np.arange(60) < 54
    found = rates.share(hit, np.arange(60))
    assert found.value == 0.9
    assert found.low == pytest.approx(beta.ppf(0.025, 54.5, 6.5))
    assert found.high == pytest.approx(beta.ppf(0.975, 54.5, 6.5))


def test_the_draws_come_to_the_same_as_the_formula() -> None:
    """Pairs of equal slices: each patient is one slice twice, so nothing but the path differs."""
    hit = np.arange(60) < 54
    twice = rates.share(np.repeat(hit, 2), np.repeat(np.arange(60), 2), draws=40_000)
    once = rates.share(hit, np.arange(60))
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high), abs=0.003)


def test_very_many_groups_are_bundled_and_the_spread_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    hit = np.random.default_rng(0).random(6000) < 0.8
    cells = np.column_stack([hit, ~hit]).astype(float)

    def spread() -> float:
        drawn = rates.drawn_sums(cells, np.arange(6000), draws=1000)
        return float((drawn[:, 0] / drawn.sum(axis=1)).std())

    assert spread() == pytest.approx(np.sqrt(0.8 * 0.2 / 6000), rel=0.1)
    monkeypatch.setattr(rates, "_MOST_GROUPS", 500)
    assert spread() == pytest.approx(np.sqrt(0.8 * 0.2 / 6000), rel=0.1)


def test_no_error_seen_is_not_no_error_possible() -> None:
    found = rates.share(np.ones(49, bool), np.arange(49))
    assert found.value == found.high == 1.0
    assert found.low == pytest.approx(beta.ppf(0.025, 49.5, 0.5), abs=0.005)


def test_many_slices_of_few_patients_say_little() -> None:
    hit = np.repeat(np.arange(20) < 17, 30)
    by_slice = rates.share(hit, np.arange(600))
    by_patient = rates.share(hit, np.repeat(np.arange(20), 30))
    assert by_patient.high - by_patient.low > 4 * (by_slice.high - by_slice.low)
    alone = rates.share(np.arange(20) < 17, np.arange(20))
    assert by_patient.low == pytest.approx(alone.low, abs=0.01)


@pytest.mark.parametrize("truth", [0.70, 0.95])
def test_the_interval_covers_the_truth_in_clustered_data(truth: float) -> None:
    """60 patients of 1 to 4 slices that share half of their luck; 600 made tables."""
    rng = np.random.default_rng(5)
    covered = []
    for seed in range(600):
        sizes = rng.integers(1, 5, 60)
        group = np.repeat(np.arange(60), sizes)
        luck = (rng.random(60) < truth)[group]
        hit = np.where(rng.random(len(group)) < 0.5, luck, rng.random(len(group)) < truth)
        found = rates.share(hit, group, draws=400, seed=seed)
        covered.append(found.low <= truth <= found.high)
    assert 0.92 <= np.mean(covered) <= 0.975


def test_a_row_of_unknown_group_is_a_group_of_its_own() -> None:
    frame = made_table().frame.head(6).assign(group=["a", "", "b", "", "a", "b"])
    assert rates.group_numbers(Predictions.from_frame(frame)).tolist() == [0, 2, 1, 3, 0, 1]


def test_the_same_seed_gives_the_same_draws_in_any_block_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values, group = np.random.default_rng(0).random((40, 3)), np.arange(40) // 4
    whole = rates.drawn_sums(values, group, draws=50, seed=3)
    monkeypatch.setattr(rates, "_AT_ONCE", 70)
    assert np.allclose(rates.drawn_sums(values, group, draws=50, seed=3), whole)
    assert whole.mean(axis=0) == pytest.approx(values.sum(axis=0), rel=0.15)


def test_nothing_is_undefined_not_an_error() -> None:
    found = rates.share(np.zeros(0, bool), np.zeros(0, np.int64))
    assert np.isnan([found.value, found.low, found.high]).all()
