"""Decision curves: is acting on the probabilities better than acting on all, or on none?

Net benefit = true positives / n - false positives / n * t / (1 - t), where t is the probability
from which one would act: (1 - t) / t is how many needless actions one would pay for one that was
needed (Vickers & Elkin 2006, Decision curve analysis, Medical Decision Making 26:565-574). Where
the curve lies above both "treat all" and "treat none" the probabilities are worth having.

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
        prevalence: share of the class.
    """

    threshold: Floats
    model: Floats
    low: Floats
    high: Floats
    treat_all: Floats
    prevalence: float

    @property
    def useful(self) -> tuple[float, float] | None:
        """The longest run of thresholds at which the model beats both; None where it never does."""
        better = self.model > np.maximum(self.treat_all, 0.0) + 1e-12
        edges = np.flatnonzero(np.diff(np.concatenate([[0], better.astype(int), [0]])))
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
    for i, t in enumerate(thresholds):
        gain = np.where(truth, 1.0, -t / (1 - t)) * (given >= t)
        model[i] = gain.mean()
        by_group = np.bincount(code, weights=gain - model[i])
        # Of a single group nobody knows how far another would be from it.
        few = len(by_group) / (len(by_group) - 1) if len(by_group) > 1 else np.nan
        error[i] = np.sqrt(few * float(by_group @ by_group)) / len(truth)
    share = float(truth.mean())
    everybody = share - (1 - share) * thresholds / (1 - thresholds)
    return DecisionCurve(
        thresholds, model, model - _Z * error, model + _Z * error, everybody, share
    )
