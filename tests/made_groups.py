"""Made predictions of patients with several slices, whose true scores are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from braintumor.evaluation.scoresums import NAMES, ScoreSums

Made = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]
MIX = (0.33, 0.26, 0.2, 0.21)


def made_groups(
    rng: np.random.Generator,
    groups: int,
    *,
    skill: float,
    share: float,
    slices: float,
    one_class: bool = True,
) -> Made:
    """Labels (n,), probabilities (n, 4) and group numbers (n,).

    Args:
        groups: patients.
        skill: how far the truth's logit stands out, in standard deviations.
        share: of the logits' variance, what slices of a patient have in common.
        slices: a patient's mean number of slices (1 + Poisson); 1: just one each.
        one_class: whether all slices of a patient have one class.
    """
    sizes = 1 + rng.poisson(slices - 1, groups) if slices > 1 else np.ones(groups, np.int64)
    codes = np.repeat(np.arange(groups), sizes)
    n = len(codes)
    truth = rng.choice(4, groups, p=MIX)[codes] if one_class else rng.choice(4, n, p=MIX)
    common, own = rng.normal(size=(groups, 4))[codes], rng.normal(size=(n, 4))
    logits = np.sqrt(share) * common + np.sqrt(1 - share) * own
    logits[np.arange(n), truth] += skill
    prob = np.exp(1.7 * logits)
    return truth, prob / prob.sum(axis=1, keepdims=True), codes


def true_scores(groups: int = 60_000, seed: int = 1, **facts: float) -> dict[str, float]:
    """Every score of `scoresums.NAMES` in a population too large for chance to matter."""
    truth, prob, codes = made_groups(np.random.default_rng(seed), groups, **facts)  # type: ignore[arg-type]
    scores = ScoreSums.of(truth, prob, codes).estimate()
    return dict(zip(NAMES, scores.tolist(), strict=True))
