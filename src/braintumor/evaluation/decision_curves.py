"""Decision curves: is acting on the probabilities better than acting on all, or on none?

Net benefit = true positives / n - false positives / n * t / (1 - t), where t is the probability
from which one would act: (1 - t) / t is how many needless actions one would pay for one that was
needed (Vickers & Elkin 2006, Decision curve analysis, Medical Decision Making 26:565-574). Where
the curve lies above both "treat all" and "treat none", by more than chance makes, the probabilities
are worth having.

Knows arrays only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
THRESHOLDS: Floats = np.arange(1, 100) / 100
_Z = 1.959964


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit of calling one class against the rest; treating none has net benefit 0.

    Attributes:
        threshold: (m,) probability from which one acts, rising.
        model: (m,) net benefit of acting where p >= threshold.
        low, high: (m,) its 95 % interval over patients; NaN where all slices are of one.
        treat_all: (m,) net benefit of acting on every slice.
        better: (m,) whether the 95 % intervals of what the model gains on acting on every slice,
            and on none, both lie above 0.
        prevalence: share of the class.
    """

    threshold: Floats
    model: Floats
    low: Floats
    high: Floats
    treat_all: Floats
    better: NDArray[np.bool_]
    prevalence: float

    @property
    def useful(self) -> tuple[float, float] | None:
        """The longest run of thresholds at which the model beats both by more than chance makes;
        None where it never does."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], self.better.astype(int), [0]])))
        if not len(edges):
            return None
        starts, ends = edges[::2], edges[1::2] - 1
        longest = int(np.argmax(ends - starts))
        return float(self.threshold[starts[longest]]), float(self.threshold[ends[longest]])


def decision_curve(
    positive: ArrayLike,
    prob: ArrayLike,
    group: NDArray[np.int64] | None = None,
    *,
    thresholds: Floats = THRESHOLDS,
) -> DecisionCurve:
    """The decision curve of one class.

    Net benefit is a mean over slices, so its standard error is that of a mean of clustered
    values; no redrawing is needed.

    Args:
        positive: (n,) whether a slice belongs to the class.
        prob: (n,) the class's calibrated probability.
        group: (n,) number of each slice's patient; each its own by default.
        thresholds: at which to compute it, above 0 and below 1.

    Raises:
        ValueError: no rows, or a threshold outside 0 to 1.
    """
    truth, given = np.asarray(positive, bool), np.asarray(prob, np.float64)
    if not len(truth) or thresholds.min() <= 0 or thresholds.max() >= 1:
        raise ValueError("a decision curve needs rows, and thresholds between 0 and 1")
    code = np.arange(len(truth)) if group is None else np.unique(group, return_inverse=True)[1]
    model, error = np.empty(len(thresholds)), np.empty(len(thresholds))
    better = np.empty(len(thresholds), bool)
    for i, t in enumerate(thresholds):
        price, acted = t / (1 - t), given >= t
        worth = np.where(truth, 1.0, -price)
        model[i], error[i] = (worth * acted).mean(), _error(worth * acted, code)
        # Acting on all gains the worth of every slice: the model is ahead where it spares a loss.
        better[i] = _above_zero(worth * acted, code, (-price, 1.0)) and _above_zero(
            -worth * ~acted, code, (-1.0, price)
        )
    share = float(truth.mean())
    everybody = share - (1 - share) * thresholds / (1 - thresholds)
    return DecisionCurve(
        thresholds, model, model - _Z * error, model + _Z * error, everybody, better, share
    )


def _error(values: Floats, code: NDArray[np.int64]) -> float:
    """Standard error of a mean of clustered values; NaN of a single group, for nobody knows how
    far another would be from it."""
    by_group = np.bincount(code, weights=values - values.mean())
    few = len(by_group) / (len(by_group) - 1) if len(by_group) > 1 else np.nan
    return float(np.sqrt(few * float(by_group @ by_group))) / len(values)


def _above_zero(values: Floats, code: NDArray[np.int64], ends: tuple[float, float]) -> bool:
    """Whether a mean is surely above 0, with half a group's worth of slices at either end added.

    Four needless actions spared, and no needed one, do not show that none would be missed. The
    doubt is that of `rates`, by its mean and variance: Gamma(1/2) groups at either end.
    """
    low, high = ends
    groups = int(code.max()) + 1
    middle = values.mean() + (low + high) / 2 / groups
    doubt = (low**2 + high**2) / 2 / groups**2
    return bool(middle > _Z * np.sqrt(_error(values, code) ** 2 + doubt))
