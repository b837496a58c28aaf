"""Of a hundred 95 % intervals, about 95 hold the truth: on made data whose truth is known."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from made_groups import made_groups, true_scores
from scipy.special import expit, logit, ndtri
from scipy.stats import binom

from braintumor.evaluation.auc import auc_covariance
from braintumor.evaluation.intervals import FEWEST_UNITS, intervals, wilson

# How many tables are made, and of what.
CASES: dict[str, tuple[int, dict[str, Any]]] = {
    "60 patients, each of one class": (
        700,
        {"groups": 60, "skill": 2.4, "share": 0.5, "slices": 3},
    ),
    "110 patients with slices of several classes": (
        700,
        {"groups": 110, "skill": 1.9, "share": 0.4, "slices": 3, "one_class": False},
    ),
    "300 images, all independent": (400, {"groups": 300, "skill": 1.9, "share": 0, "slices": 1}),
}


@pytest.mark.parametrize("case", CASES)
def test_intervals_of_every_score_hold_the_truth_as_often_as_they_claim(case: str) -> None:
    times, facts = CASES[case]
    true = true_scores(**{**facts, "groups": 60_000})
    rng = np.random.default_rng(5)
    held, units = Counter[str](), Counter[str]()
    for seed in range(times):
        truth, prob, codes = made_groups(rng, **facts)
        found = intervals(truth, prob, [f"p{code}" for code in codes], draws=200, seed=seed)
        for name, interval in found.scores.items():
            units[name] += interval.units
            held[name] += interval.low <= true[name] <= interval.high
    # A score of the classes is judged over the four together, which makes it four times as exact.
    judged: dict[str, list[float]] = {}
    for name, value in true.items():
        if 0.70 <= value <= 0.95 and units[name] / times >= FEWEST_UNITS:
            judged.setdefault(name.rpartition(".")[2], []).append(held[name] / times)
    coverage = {score: float(np.mean(shares)) for score, shares in judged.items()}
    assert {"accuracy", "mcc"} <= set(coverage)
    assert {s: share for s, share in coverage.items() if not 0.93 <= share <= 0.97} == {}
    # A calibration error has no unbiased estimate; its interval errs on the wide side.
    assert held["ece"] / times >= 0.95
    assert 0.92 <= held["log_loss"] / times <= 0.98


@pytest.mark.parametrize(("n", "share"), [(50, 0.7), (60, 0.8), (100, 0.9), (150, 0.95)])
def test_wilsons_interval_covers_a_proportion(n: int, share: float) -> None:
    found = [wilson(k / n, n) for k in range(n + 1)]
    near = share + np.linspace(-0.02, 0.02, 41)
    chance = binom.pmf(np.arange(n + 1)[:, None], n, near)
    inside = np.array([[low <= p <= high for p in near] for low, high in found])
    assert 0.94 <= float((chance * inside).sum(axis=0).mean()) <= 0.96


@pytest.mark.parametrize("true", [0.75, 0.95])
def test_obuchowskis_variance_covers_the_auc_of_clustered_rows(true: float) -> None:
    rng = np.random.default_rng(3)
    distance = np.sqrt(2) * ndtri(true)
    held = 0
    for _ in range(1200):
        codes = np.repeat(np.arange(60), 4)
        positive = rng.random(240) < 0.5
        common, own = rng.normal(size=60)[codes], rng.normal(size=240)
        scores = positive * distance + np.sqrt(0.6) * common + np.sqrt(0.4) * own
        (area,), ((variance,),) = auc_covariance(positive, scores, codes)
        step = 2.0 * np.sqrt(variance) / (area * (1 - area))
        held += expit(logit(area) - step) <= true <= expit(logit(area) + step)
    assert 0.93 <= held / 1200 <= 0.97
