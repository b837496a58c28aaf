"""Draws of whole groups: seeded, right on average, and as varied as drawing rows in a loop."""

from __future__ import annotations

import numpy as np
import pytest
from made_groups import Made, made_groups
from made_run import made_table
from sklearn.metrics import roc_auc_score

from braintumor.evaluation import resampling
from braintumor.evaluation.metrics import count, macro_f1
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.resampling import bootstrap, group_codes, permute
from braintumor.evaluation.scoresums import NAMES, ScoreSums


def made(groups: int, seed: int = 0) -> Made:
    return made_groups(np.random.default_rng(seed), groups, skill=1.5, share=0.4, slices=3)


def test_rows_of_a_group_share_a_number_and_rows_of_none_have_their_own() -> None:
    codes = group_codes(["b", "", "a", "b", ""], 5)
    assert codes[0] == codes[3]
    assert len(set(codes.tolist())) == 4
    assert codes.max() == 3
    assert list(group_codes(None, 3)) == [0, 1, 2]


def test_draws_depend_on_the_seed_alone_and_centre_on_the_estimate() -> None:
    truth, prob, codes = made(200)
    sums = ScoreSums.of(truth, prob, codes)
    drawn = bootstrap(sums.matrix, sums.scores, draws=400, seed=1)
    assert drawn.shape == (len(NAMES), 400)
    assert (drawn == bootstrap(sums.matrix, sums.scores, draws=400, seed=1)).all()
    assert not (drawn == bootstrap(sums.matrix, sums.scores, draws=400, seed=2)).all()
    accuracy = drawn[NAMES.index("accuracy")]
    assert accuracy.mean() == pytest.approx(sums.estimate()[0], abs=4 * accuracy.std() / 20)


def test_the_bootstraps_variance_is_that_of_drawing_rows_in_a_loop() -> None:
    truth, prob, codes = made(60)
    sums = ScoreSums.of(truth, prob, codes)
    drawn = bootstrap(sums.matrix, sums.scores, draws=3000, seed=0)[NAMES.index("macro_f1")]
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(codes == code) for code in range(60)]
    looped = []
    for _ in range(150):
        rows = np.concatenate([members[code] for code in rng.integers(0, 60, 60)])
        looped.append(macro_f1(count(truth[rows], prob[rows].argmax(axis=1))))
    assert drawn.std() == pytest.approx(np.std(looped), rel=0.2)
    assert drawn.mean() == pytest.approx(np.mean(looped), abs=0.02)


def test_swapping_models_in_every_group_turns_the_difference_round() -> None:
    truth, first, codes = made(30)
    second = made(30, seed=9)[1][: len(truth)]
    second = np.vstack([second, first])[: len(truth)]
    one, two = ScoreSums.of_two(truth, first, second, codes)
    difference = one.estimate() - two.estimate()
    swapped = permute(one.matrix, two.matrix, one.scores, draws=2000, seed=0)
    assert np.abs(swapped.mean(axis=1)).max() < 0.02, "alike on average, whoever is better"
    back = two.estimate() - one.estimate()
    assert back == pytest.approx(-difference)
    for sums, prob in ((one, first), (two, second)):
        auc = NAMES.index("glioma.auc")
        assert sums.estimate()[auc] == pytest.approx(roc_auc_score(truth == 0, prob[:, 0]))


def test_very_many_groups_are_bundled_and_the_spread_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    hit = np.random.default_rng(0).random(6000) < 0.8
    cells = np.column_stack([hit, ~hit]).astype(float)

    def spread() -> float:
        drawn = resampling.drawn_sums(cells, np.arange(6000), draws=1000)
        return float((drawn[:, 0] / drawn.sum(axis=1)).std())

    assert spread() == pytest.approx(np.sqrt(0.8 * 0.2 / 6000), rel=0.1)
    monkeypatch.setattr(resampling, "_MOST_GROUPS", 500)
    assert spread() == pytest.approx(np.sqrt(0.8 * 0.2 / 6000), rel=0.1)


def test_a_row_of_unknown_group_is_a_group_of_its_own() -> None:
    frame = made_table().frame.head(6).assign(group=["a", "", "b", "", "a", "b"])
    assert resampling.group_numbers(Predictions.from_frame(frame)).tolist() == [0, 2, 1, 3, 0, 1]


def test_the_same_seed_gives_the_same_draws_in_any_block_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values, group = np.random.default_rng(0).random((40, 3)), np.arange(40) // 4
    whole = resampling.drawn_sums(values, group, draws=50, seed=3)
    monkeypatch.setattr(resampling, "_AT_ONCE", 70)
    assert np.allclose(resampling.drawn_sums(values, group, draws=50, seed=3), whole)
    assert whole.mean(axis=0) == pytest.approx(values.sum(axis=0), rel=0.15)
