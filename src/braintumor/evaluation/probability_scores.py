"""Are the probabilities believable? Reliability of each class, Brier score in parts, and chance.

Knows arrays only; the calibration error and the log loss themselves are those of `metrics`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation import metrics, rates

Floats = NDArray[np.float64]
_CHANCES = 200
# Of equal numbers of slices, in a class's reliability.
_CURVE_BINS = 10


@dataclass(frozen=True)
class ClassReliability:
    """One class's probability against how often it was true, in bins of equal numbers of slices.

    Attributes:
        predicted: (b,) mean probability of the class, rising.
        observed, low, high: (b,) share of slices of the class, with 95 % intervals over patients.
        count: (b,) slices.
    """

    predicted: Floats
    observed: Floats
    low: Floats
    high: Floats
    count: NDArray[np.int64]


@dataclass(frozen=True)
class Brier:
    """The Brier score, 0 to 2, the mean squared distance of probabilities and truth, in parts.

    score = reliability - resolution + uncertainty (Murphy 1973, A new vector partition of the
    probability score), summed over the classes and taken in bins of equal numbers of slices; what
    varies within the bins is counted as resolution, so that the sum is exact (Stephenson, Coelho,
    Jolliffe 2008, Two extra components in the Brier score decomposition).

    Attributes:
        score: the whole; lower is better.
        reliability: what miscalibration adds; lower is better.
        resolution: what telling slices apart takes off; higher is better.
        uncertainty: what knowing only the class shares would give.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float


@dataclass(frozen=True)
class ProbabilityScores:
    """How good some probabilities are as probabilities.

    Attributes:
        log_loss: nats.
        brier: with its parts.
        ece: expected calibration error, top label, 15 bins of equal numbers.
        ece_by_chance: (mean, 95 % quantile) of the calibration error that slices with exactly these
            probabilities of being right would show: below the quantile nothing is proved.
    """

    log_loss: float
    brier: Brier
    ece: float
    ece_by_chance: tuple[float, float]


def probability_scores(y_true: ArrayLike, y_prob: ArrayLike, *, seed: int = 0) -> ProbabilityScores:
    """Score (n, 4) probabilities against (n,) class indices."""
    truth, prob = np.asarray(y_true, np.int64), np.asarray(y_prob, np.float64)
    sure = prob.max(axis=1) if len(prob) else np.zeros(0)
    right = prob.argmax(axis=1) == truth if len(prob) else np.zeros(0, bool)
    return ProbabilityScores(
        log_loss=metrics.log_loss(truth, prob),
        brier=brier(truth, prob),
        ece=metrics.reliability(sure, right).ece,
        ece_by_chance=ece_by_chance(sure, seed=seed),
    )


def brier(y_true: ArrayLike, y_prob: ArrayLike) -> Brier:
    """The Brier score of several classes and its parts; NaN without rows.

    Args:
        y_true: (n,) class indices.
        y_prob: (n, 4) probabilities.
    """
    truth, prob = np.asarray(y_true, np.int64), np.asarray(y_prob, np.float64)
    if not len(truth):
        return Brier(np.nan, np.nan, np.nan, np.nan)
    happened = np.eye(len(CLASSES))[truth]
    score = float(((prob - happened) ** 2).sum(axis=1).mean())
    off = 0.0
    for label in range(len(CLASSES)):
        found = metrics.reliability(prob[:, label], happened[:, label])
        off += float(found.count @ (found.confidence - found.accuracy) ** 2) / len(truth)
    base = happened.mean(axis=0)
    uncertainty = float((base * (1 - base)).sum())
    return Brier(score, off, off + uncertainty - score, uncertainty)


def ece_by_chance(
    confidence: ArrayLike, *, draws: int = _CHANCES, seed: int = 0
) -> tuple[float, float]:
    """Calibration error of a perfectly calibrated model at this size: its mean and 95 % quantile.

    Consistency resampling (Brocker & Smith 2007, Increasing the reliability of reliability
    diagrams): every slice is right with just the chance that it claims.

    Args:
        confidence: (n,) largest probabilities.
        draws, seed: of the resampling; fewer draws are taken of very many rows.
    """
    sure = np.asarray(confidence, np.float64)
    if not len(sure):
        return np.nan, np.nan
    times = max(20, min(draws, 20_000_000 // len(sure)))
    size = metrics.reliability(sure, np.ones(len(sure))).count
    ranked, starts = np.sort(sure), np.concatenate([[0], np.cumsum(size)[:-1]])
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(times):
        miss = (rng.random(len(ranked)) < ranked) - ranked
        drawn.append(np.abs(np.add.reduceat(miss, starts)).sum() / len(ranked))
    return float(np.mean(drawn)), float(np.quantile(drawn, 0.95))


def class_reliability(
    y_true: ArrayLike, y_prob: ArrayLike, group: NDArray[np.int64]
) -> Mapping[str, ClassReliability]:
    """Reliability of each class's probability.

    Args:
        y_true: (n,) class indices.
        y_prob: (n, 4) probabilities.
        group: (n,) number of each row's patient, for the intervals.
    """
    truth, prob = np.asarray(y_true, np.int64), np.asarray(y_prob, np.float64)
    found = {}
    for label, name in enumerate(CLASSES):
        curve = metrics.reliability(prob[:, label], truth == label, bins=_CURVE_BINS)
        order = np.argsort(prob[:, label], kind="stable")
        ends = np.cumsum(curve.count)
        parts = [order[end - size : end] for end, size in zip(ends, curve.count, strict=True)]
        shares = [rates.share(truth[rows] == label, group[rows], draws=500) for rows in parts]
        found[name] = ClassReliability(
            predicted=curve.confidence,
            observed=curve.accuracy,
            low=np.array([share.low for share in shares]),
            high=np.array([share.high for share in shares]),
            count=curve.count,
        )
    return found
