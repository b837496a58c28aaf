"""A linear probe: how well two sources can be told apart from numbers, with groups kept whole.

Logistic regression on standardised numbers, fitted in folds that keep every group (a patient, or
near copies) on one side, and judged by the ROC AUC. Knows arrays only; what the numbers are of, and
what the sources, stands in `embeddings`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from braintumor.evaluation.auc import auc_covariance
from braintumor.evaluation.intervals import quantile

FOLDS = 5
# So often the groups are dealt into other folds, and a row's scores averaged.
REPEATS = 5
# A source of fewer groups is not in every fold, and nothing is said of it.
LEAST = FOLDS


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows that one probe may be fitted on: numbers that mean the same in all of them.

    Attributes:
        x: (n, d) numbers.
        own: (n,) whether a row is of the source that is looked for.
        groups: (n,) names of groups.
    """

    x: NDArray[Any]
    own: NDArray[np.bool_]
    groups: NDArray[Any]

    @property
    def enough(self) -> bool:
        """Whether both sources have `LEAST` groups."""
        counts = (len(np.unique(self.groups[self.own == side])) for side in (True, False))
        return min(counts) >= LEAST

    def shuffled(self, seed: int) -> Rows:
        """The same with the sources dealt among the groups anew: what chance alone gives.

        A group of both sources counts as one of its first row's.
        """
        _, first, place = np.unique(self.groups, return_index=True, return_inverse=True)
        return replace(self, own=np.random.default_rng(seed).permutation(self.own[first])[place])


@dataclass(frozen=True)
class Told:
    """How well the sources were told apart.

    Attributes:
        auc: chance that a row of the source looked for ranks before another; of several parts the
            mean.
        low, high: its 95 % interval by group (Obuchowski's variance, on the logit's scale); it
            holds for the probes that were fitted, not for others fitted on other rows.
        parts: in how many parts it was measured.
    """

    auc: float
    low: float
    high: float
    parts: int

    def to_dict(self) -> dict[str, Any]:
        """With three digits; None for an end that is not known."""
        ends = {name: getattr(self, name) for name in ("auc", "low", "high")}
        known = {name: round(x, 3) if math.isfinite(x) else None for name, x in ends.items()}
        return {**known, "parts": self.parts}


def tell(parts: Sequence[Rows], *, repeats: int = REPEATS, seed: int = 0) -> Told | None:
    """Tell the sources apart in each part by itself, by probes that have not seen a row's group.

    Args:
        parts: rows whose numbers are comparable, each part with probes of its own.
        repeats: how often each part's groups are dealt into folds.
        seed: of the folds.

    Returns:
        None where no part has `enough` groups; parts that have not are left out.
    """
    used = [part for part in parts if part.enough]
    return judged([(part, out_of_fold(part, repeats=repeats, seed=seed)) for part in used])


def judged(parts: Sequence[tuple[Rows, NDArray[np.float64]]]) -> Told | None:
    """The mean area of parts, from each one's rows and their scores; None where there is none.

    Each part counts alike, and a group lies in one part only, so that variances add up.
    """
    areas, variances, groups = [], [], 0
    for rows, scores in parts:
        codes = np.unique(rows.groups, return_inverse=True)[1]
        area, covariance = auc_covariance(rows.own, scores, codes)
        areas.append(float(area[0]))
        variances.append(float(covariance[0, 0]))
        groups += min(len(np.unique(codes[rows.own == side])) for side in (True, False))
    if not areas:
        return None
    auc, variance = float(np.mean(areas)), sum(variances) / len(areas) ** 2
    return Told(auc, *_ends(auc, variance, groups - len(areas)), len(areas))


def out_of_fold(rows: Rows, *, repeats: int = REPEATS, seed: int = 0) -> NDArray[np.float64]:
    """(n,) scores by probes that were fitted without the row's group, mean over the repeats."""
    total = np.zeros(len(rows.own))
    for repeat in range(repeats):
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed + repeat)
        for fit, asked in folds.split(rows.x, rows.own, rows.groups):
            probe = fitted(rows.x[fit], rows.own[fit])
            total[asked] += probe.decision_function(rows.x[asked])
    return total / repeats


def fitted(x: NDArray[Any], own: NDArray[np.bool_]) -> Pipeline:
    """A probe of these rows; both sources weigh alike, however many rows they have.

    The more numbers, the stronger the penalty, so that it binds few numbers and many alike.
    """
    model = LogisticRegression(C=1 / x.shape[1], class_weight="balanced", max_iter=500)
    probe = make_pipeline(StandardScaler(), model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return probe.fit(np.asarray(x, np.float64), own)


def _ends(auc: float, variance: float, df: int) -> tuple[float, float]:
    """The interval on the logit's scale; NaN where nothing varies."""
    if not (variance > 0 and 0 < auc < 1 and df > 0):
        return math.nan, math.nan
    middle = math.log(auc / (1 - auc))
    step = quantile(df) * math.sqrt(variance) / (auc * (1 - auc))
    low, high = (1 / (1 + math.exp(-end)) for end in (middle - step, middle + step))
    return low, high
