"""Intervals of shares over groups: Jeffreys' where slices are alone, honest where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from braintumor.evaluation import rates
from braintumor.evaluation.rates import GroupDraws


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


def test_nothing_is_undefined_not_an_error() -> None:
    found = rates.share(np.zeros(0, bool), np.zeros(0, np.int64))
    assert np.isnan([found.value, found.low, found.high]).all()


def test_a_mean_under_a_mix_weighs_the_classes_anew() -> None:
    truth, group = np.repeat([0, 1], 60), np.arange(120)
    hit = np.concatenate([np.arange(60) < 54, np.arange(60) < 30]).astype(float)
    draw = GroupDraws(group)
    found = draw.mean_under(hit, truth, np.array([0.25, 0.75, 0, 0]))
    assert found.value == pytest.approx(0.25 * 0.9 + 0.75 * 0.5)
    error = np.sqrt(0.25**2 * 0.9 * 0.1 / 60 + 0.75**2 * 0.25 / 60)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.1)
    absent = draw.mean_under(hit, truth, np.array([0, 0.5, 0.5, 0]))
    undefined = draw.mean_under(hit, truth, np.array([np.nan] * 4))
    assert np.isnan([absent.low, absent.high, undefined.value]).all()


def test_a_class_of_one_patient_leaves_the_interval_open() -> None:
    """Thirty slices of one patient whom one model judges rightly make nobody the winner."""
    truth = np.repeat([0, 1], 30)
    draw = GroupDraws(np.where(truth == 0, 0, np.arange(60)))
    ahead = (truth == 0).astype(float)
    found = draw.mean_under(ahead, truth, np.array([0.5, 0.5, 0, 0]), lowest=-1.0)
    assert found.value == 0.5
    assert np.isnan([found.low, found.high]).all()
    other = draw.mean_under(ahead, truth, np.array([0, 1.0, 0, 0]), lowest=-1.0)
    assert np.isfinite([other.low, other.high]).all(), "of no share, the class says nothing"


def test_differences_that_were_never_seen_are_still_possible() -> None:
    found = GroupDraws(np.arange(30)).mean(np.zeros(30), lowest=-1.0)
    assert found.value == 0
    assert -0.2 < found.low < -0.01
    assert 0.01 < found.high < 0.2
    wider = GroupDraws(np.arange(30)).mean(np.zeros(30), lowest=-1.0, comparisons=20)
    assert wider.high > found.high


def test_a_ratio_of_sums_has_the_spread_of_its_groups() -> None:
    rng = np.random.default_rng(0)
    before = (rng.random(400) < 0.9).astype(float)
    after = before * (rng.random(400) < 0.8)
    found = GroupDraws(np.arange(400)).ratio(after, before)
    assert found.value == after.sum() / before.sum()
    error = np.sqrt(found.value * (1 - found.value) / before.sum())
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.1)
    assert np.isnan(GroupDraws(np.arange(3)).ratio(np.ones(3), np.zeros(3)).value)


MIXES = np.array([[0.25, 0.25, 0.25, 0.25], [0.0, 0.0, 0.0, 1.0], [1 / 3, 1 / 3, 1 / 3, 0.0]])


def answers(rng: np.random.Generator, *right: tuple[float, float]):  # type: ignore[no-untyped-def]
    """Of 150 patients with two slices each: the truth, and who is right of tumours and of healthy
    heads with which chance; slices of a patient are alike."""
    truth = np.repeat(np.arange(150) % 4, 2)
    group = np.repeat(np.arange(150), 2)
    hits = [
        np.repeat(rng.random(150), 2) < np.where(truth == 3, healthy, tumours)
        for tumours, healthy in right
    ]
    return truth, group, [hit.astype(float) for hit in hits]


def test_the_network_whose_accuracy_moves_more_from_mix_to_mix_is_told() -> None:
    truth, group, (first, second) = answers(np.random.default_rng(0), (0.95, 0.5), (0.9, 0.9))
    found = GroupDraws(group).steadiness(first, second, truth, MIXES)
    by_mix = [
        [sum(s * hit[truth == k].mean() for k, s in enumerate(mix) if s) for mix in MIXES]
        for hit in (first, second)
    ]
    assert found.value == pytest.approx(np.ptp(by_mix[0]) - np.ptp(by_mix[1]))
    assert found.low > 0.1
    back = GroupDraws(group).steadiness(second, first, truth, MIXES)
    assert (back.value, back.low, back.high) == pytest.approx(
        (-found.value, -found.high, -found.low)
    ), "the same draws for both"


def test_networks_that_move_alike_are_seldom_told_apart() -> None:
    rng = np.random.default_rng(1)
    told = 0
    for _ in range(100):
        truth, group, (first, second) = answers(rng, (0.9, 0.8), (0.9, 0.8))
        found = GroupDraws(group, draws=400).steadiness(first, second, truth, MIXES)
        told += found.low > 0 or found.high < 0
    assert told <= 10


def test_a_mix_that_holds_an_absent_class_moves_nothing() -> None:
    truth, group, (first, second) = answers(np.random.default_rng(2), (0.9, 0.8), (0.9, 0.8))
    kept = truth != 3
    found = GroupDraws(group[kept]).steadiness(first[kept], second[kept], truth[kept], MIXES)
    assert np.isnan([found.value, found.low, found.high]).all()
