"""The statistics of association, against brute force."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from made_tables import draw

from braintumor.evaluation import association

RNG = np.random.default_rng(0)


def test_mean_and_deviation_are_those_of_all_permutations() -> None:
    made = draw(RNG, 7, skill=1.0)
    orders = np.array(list(permutations(range(7))))
    scores = made.prob[np.arange(7), made.truth[orders]].mean(axis=1)
    observed, mean, spread = association.permuted(made.prob, made.truth)
    assert observed == pytest.approx(made.prob[np.arange(7), made.truth].mean())
    assert mean == pytest.approx(scores.mean())
    assert spread == pytest.approx(scores.std())


def test_a_shuffled_table_bears_out_nothing_and_a_sound_one_its_claim() -> None:
    made = draw(RNG, 4000, skill=4.0, boast=4.0)
    sound = association.associate(made.prob, made.truth)
    mixed = association.associate(made.prob, RNG.permutation(made.truth))
    assert sound is not None
    assert mixed is not None
    assert sound.share == pytest.approx(1, abs=0.05)
    assert abs(mixed.share) < 4 * mixed.error / (mixed.claimed - mixed.chance)
    assert (sound.z > 100, abs(mixed.z) < 4) == (True, True)
    assert association.associate(made.prob, np.zeros(4000, np.int64)) is None


def test_windows_and_places_elsewhere_are_what_a_loop_gives() -> None:
    made = draw(RNG, 90)
    windows = association.windows(made.prob, made.truth, 20, stride=7)
    for i, start in enumerate(windows.start):
        part = slice(start, start + 20)
        observed, mean, spread = association.permuted(made.prob[part], made.truth[part])
        assert windows.excess[i] == pytest.approx(20 * (observed - mean))
        assert windows.spread[i] == pytest.approx(20 * spread)
    places, excess, spread_there = association.elsewhere(made.prob, made.truth, 14, 20)
    for place in (0, 14, 70):
        observed, mean, spread = association.permuted(
            made.prob[14:34], made.truth[place : place + 20]
        )
        assert places[place] == place
        assert excess[place] == pytest.approx(20 * (observed - mean))
        assert spread_there[place] == pytest.approx(20 * spread)


def test_the_lag_of_shifted_labels_stands_out() -> None:
    made = draw(RNG, 300)
    agreement = association.agreement_by_lag(made.prob, np.roll(made.truth, 17))
    assert int(agreement.argmax()) == 17
    assert agreement[17] == pytest.approx(made.prob[np.arange(300), made.truth].mean())


def test_runs_are_measured_against_the_same_values_well_mixed() -> None:
    start = np.array([0])
    alternating = np.tile([0, 1], 20)
    assert association.run_ratios(alternating, start, 40)[0] == 1
    assert association.run_ratios(np.repeat([0, 1], 20), start, 40)[0] == pytest.approx(10.5)
