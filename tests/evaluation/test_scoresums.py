"""Scores from sums by group are the scores of the rows, under any weighting of the groups."""

from __future__ import annotations

import numpy as np
import pytest
from made_groups import made_groups
from sklearn.metrics import average_precision_score, roc_auc_score

from braintumor.classes import CLASSES
from braintumor.evaluation.metrics import measure
from braintumor.evaluation.scoresums import BY_CLASS, NAMES, OVERALL, ScoreSums, score_bins


def flat(metrics: dict) -> list[float]:  # type: ignore[type-arg]
    """The scores of `measure` in the order of `NAMES`."""
    by_class = metrics["per_class"]
    return [
        *(metrics[name] for name in OVERALL),
        *(by_class[label][score] for label in CLASSES for score in BY_CLASS),
    ]


def made(groups: int = 40, seed: int = 0, slices: float = 3) -> tuple:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    return made_groups(rng, groups, skill=1.5, share=0.4, slices=slices)


@pytest.mark.parametrize("decimals", [1, 3, 12])
def test_all_rows_once_give_the_scores_of_measure(decimals: int) -> None:
    truth, prob, codes = made()
    prob = np.round(prob, decimals) + 1e-3
    prob /= prob.sum(axis=1, keepdims=True)
    found = ScoreSums.of(truth, prob, codes).estimate()
    assert found == pytest.approx(flat(measure(truth, prob)), abs=2e-7)


def test_a_weighting_gives_the_scores_of_rows_repeated_so_often() -> None:
    truth, prob, codes = made()
    weights = np.random.default_rng(1).integers(0, 4, 40)
    rows = np.repeat(np.arange(len(truth)), weights[codes])
    sums = ScoreSums.of(truth, prob, codes)
    found = sums.scores(sums.matrix @ weights[:, None].astype(np.float32))[:, 0]
    expected = dict(zip(NAMES, flat(measure(truth[rows], prob[rows])), strict=True))
    for name, value in zip(NAMES, found, strict=True):
        # The calibration bins are those of the table itself.
        if name != "ece":
            assert value == pytest.approx(expected[name], abs=2e-7), name


def test_what_is_not_defined_is_nan_as_in_measure() -> None:
    truth, prob, codes = made()
    truth = np.where(truth == 3, 2, truth)
    found = ScoreSums.of(truth, prob, codes).estimate()
    assert found == pytest.approx(flat(measure(truth, prob)), abs=2e-7, nan_ok=True)
    assert np.isnan(found).sum() == 3


@pytest.mark.parametrize("rare", [0.25, 0.002])
def test_with_more_scores_than_bins_areas_err_by_less_than_1e_4(rare: float) -> None:
    rng = np.random.default_rng(2)
    truth = np.where(rng.random(120_000) < rare, 0, rng.integers(1, 4, 120_000))
    logits = rng.normal(size=(120_000, 4))
    logits[np.arange(120_000), truth] += 2
    prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    sums = ScoreSums.of(truth, prob, np.arange(120_000))
    assert 4096 <= min(sums.bins) <= max(sums.bins) <= 16_386
    found = dict(zip(NAMES, sums.estimate(), strict=True))
    for label in (0, 1):
        own, scores = truth == label, prob[:, label]
        area = roc_auc_score(own, scores)
        assert found[f"{CLASSES[label]}.auc"] == pytest.approx(area, abs=1e-4)
        average = average_precision_score(own, scores)
        assert found[f"{CLASSES[label]}.average_precision"] == pytest.approx(average, abs=1e-4)


def test_no_bin_holds_more_than_its_share() -> None:
    rng = np.random.default_rng(3)
    own = rng.random(20_000) < 0.05
    scores = rng.normal(size=20_000) + 3 * own
    index, count = score_bins(scores, own, 200)
    assert count <= 202
    for part in (own, ~own):
        assert np.bincount(index[part], minlength=count).max() <= -(-part.sum() // 100)
    order = np.argsort(-scores)
    assert (np.diff(index[order]) >= 0).all(), "bin 0 is the highest"
