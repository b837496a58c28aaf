"""Prediction sets with a promise: of every class, at most a share alpha of slices is missed.

Class k is in the set of a slice where 1 - p_k <= quantile_k; each quantile comes from calibration
slices that truly are of class k (Vovk 2012, Conditional validity of inductive conformal predictors;
Sadinle, Lei, Wasserman 2019, Least ambiguous set-valued classifiers with bounded error levels).
The promise needs exchangeable units, and slices of one patient are not: patients are. So every
patient counts once, with weight 1 / (slices of the class) on each slice, and the patient to come
stands for one more: the quantile of hierarchical conformal prediction (Lee, Barber, Willett 2023,
Distribution-free inference with hierarchical data, arXiv:2306.06342). It promises coverage for a
slice of a new patient of the same source; of another scanner it promises nothing. With one slice a
patient it is the ordinary split-conformal quantile.

Knows arrays only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation import rates, resampling
from braintumor.evaluation.rates import Estimate
from braintumor.evaluation.words import CLASS_NAMES, percent

Floats = NDArray[np.float64]
ALPHA = 0.05
_K = len(CLASSES)
# Sums of weights such as 1/3 + 1/3 + 1/3 may fall short of one by their last bits.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Quantiles:
    """What makes sets of probabilities.

    Attributes:
        alpha: the error rate asked for, above 0 and below 1.
        value: (4,) one a class; 1 lets the class into every set.
        units: (4,) patients (or slices of unknown patient) that each rests on.
    """

    alpha: float
    value: tuple[float, ...]
    units: tuple[int, ...]

    def sets(self, prob: ArrayLike) -> NDArray[np.bool_]:
        """(n, 4) whether a class is in the set of a row of (n, 4) calibrated probabilities."""
        return np.asarray(1 - np.asarray(prob, np.float64) <= np.asarray(self.value), bool)

    @property
    def least_alpha(self) -> tuple[float, ...]:
        """(4,) the smallest error rate that this many patients can promise, 1 / (patients + 1)."""
        return tuple(1 / (count + 1) for count in self.units)


@dataclass(frozen=True)
class ClassCoverage:
    """How the promise is kept on slices that the quantiles did not come from.

    Attributes:
        name: class, or "all".
        n, units: slices of the class, and patients (or slices of unknown patient) among them.
        coverage: share of slices whose set holds the truth; the interval is over patients.
        by_patient: mean over patients of the share of their slices covered: what is promised.
        single, several, empty: shares of slices by how many classes their set holds.
        size: mean number of classes in a set.
        right_if_single: share right of the slices with one class in the set.
        own_error: share of the class's slices that the plain answer gets wrong.
    """

    name: str
    n: int
    units: int
    coverage: Estimate
    by_patient: float
    single: float
    several: float
    empty: float
    size: float
    right_if_single: float
    own_error: float


def quantiles(
    y_true: ArrayLike, y_prob: ArrayLike, group: NDArray[np.int64], *, alpha: float = ALPHA
) -> Quantiles:
    """The quantiles of each class.

    Args:
        y_true: (n,) class indices 0 to 3 of the calibration slices.
        y_prob: (n, 4) their calibrated probabilities.
        group: (n,) number of each slice's patient.
        alpha: the error rate asked for.

    Raises:
        ValueError: alpha outside 0 to 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    truth, prob = np.asarray(y_true, np.int64), np.asarray(y_prob, np.float64)
    found, units = [], []
    for label in range(_K):
        rows = truth == label
        value, count = _quantile(1 - prob[rows, label], group[rows], alpha)
        found.append(value)
        units.append(count)
    return Quantiles(alpha, tuple(found), tuple(units))


def _quantile(score: Floats, group: NDArray[np.int64], alpha: float) -> tuple[float, int]:
    """The smallest score below which patients of weight 1 - alpha lie, the new one at the top."""
    code, size = np.unique(group, return_inverse=True, return_counts=True)[1:]
    patients = len(size)
    weight = 1 / (size[code] * (patients + 1.0))
    order = np.argsort(score, kind="stable")
    reached = np.flatnonzero(np.cumsum(weight[order]) >= 1 - alpha - _ROUNDING)
    # Where even all patients weigh too little, every slice gets the class.
    return (float(score[order[reached[0]]]) if len(reached) else 1.0), patients


def coverage(
    y_true: ArrayLike,
    y_prob: ArrayLike,
    sets: NDArray[np.bool_],
    group: NDArray[np.int64],
    *,
    draws: int = resampling.DRAWS,
    seed: int = 0,
) -> list[ClassCoverage]:
    """How sets do on labelled slices, for each class and for all.

    Args:
        y_true: (n,) class indices.
        y_prob: (n, 4) calibrated probabilities.
        sets: (n, 4) from quantiles that these slices had no part in.
        group: (n,) number of each slice's patient.
        draws, seed: of the intervals.
    """
    truth, prob = np.asarray(y_true, np.int64), np.asarray(y_prob, np.float64)
    right = prob.argmax(axis=1) == truth
    covered = sets[np.arange(len(truth)), truth]
    size = sets.sum(axis=1)
    parts = [(name, truth == label) for label, name in enumerate(CLASSES)]
    return [
        ClassCoverage(
            name=name,
            n=int(rows.sum()),
            units=len(np.unique(group[rows])),
            coverage=rates.share(covered[rows], group[rows], draws=draws, seed=seed),
            by_patient=_mean(_by_group(covered[rows], group[rows])),
            single=_mean(size[rows] == 1),
            several=_mean(size[rows] > 1),
            empty=_mean(size[rows] == 0),
            size=_mean(size[rows]),
            right_if_single=_mean(covered[rows & (size == 1)]),
            own_error=_mean(~right[rows]),
        )
        for name, rows in [*parts, ("all", np.ones(len(truth), bool))]
    ]


def remarks(found: Quantiles, kept: list[ClassCoverage]) -> list[str]:
    """Where sets say nothing: too few patients for the promise, or a model better than it."""
    asked = percent(found.alpha)
    said = []
    for name, least, units in zip(CLASSES, found.least_alpha, found.units, strict=True):
        if least > found.alpha:
            said.append(
                f"{units} patients with {CLASS_NAMES[name].lower()} can promise an error rate of "
                f"{percent(least)} at best; for {asked} the class is in every set."
            )
    whole = next(part for part in kept if part.name == "all")
    judged = [part for part in kept if part.n]
    if judged and all(part.own_error <= found.alpha for part in judged):
        said.append(
            f"The error rate asked for, {asked}, is above the model's own, "
            f"{percent(whole.own_error)}: the sets are vacuous, they promise less than the plain "
            "answer keeps. Ask for less."
        )
        return said
    better = [
        f"{CLASS_NAMES[part.name].lower()} ({percent(part.own_error)})"
        for part in kept
        if part.name != "all" and part.n and part.own_error <= found.alpha
    ]
    if better:
        said.append(
            f"For {', '.join(better)} the model's own error rate is below the {asked} asked for: "
            "there the sets are vacuous."
        )
    return said


def _by_group(hit: NDArray[np.bool_], group: NDArray[np.int64]) -> Floats:
    code = np.unique(group, return_inverse=True)[1]
    size = np.bincount(code)
    return np.asarray(np.bincount(code, weights=hit) / np.maximum(size, 1))


def _mean(values: NDArray[Any]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
