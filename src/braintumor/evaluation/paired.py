"""Two models on the same rows: every difference with its interval and a test.

Where every group is one image: McNemar's exact test for accuracy, sensitivity and specificity,
DeLong's for the AUC. Where groups have several slices: a permutation test that swaps the models in
whole groups, and the paired bootstrap of whole groups. Over the classes p-values are corrected by
Holm's method. Knows arrays only.

References:
    McNemar (1947), Psychometrika 12: 153-157. DeLong et al. (1988): see `auc`.
    Holm (1979), Scandinavian Journal of Statistics 6: 65-70.
    Bandos, Rockette, Gur (2005), Statistics in Medicine 24: 2873-2893 (permuting ROC curves).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation import resampling
from braintumor.evaluation.auc import auc_covariance
from braintumor.evaluation.intervals import FEWEST_UNITS, quantile, support, variance, wilson
from braintumor.evaluation.metrics import without_nan
from braintumor.evaluation.scoresums import BY_CLASS, NAMES, ScoreSums

# Of five that differ, all for one model, chance makes one in sixteen: too often to conclude.
FEWEST_DIFFERING = 6
# The smallest p-value of a permutation test is one over one more than this.
PERMUTATIONS = 4999
# How far two models can lie apart, where that is not 1.
_REACH = {"mcc": 2.0, "log_loss": math.inf}
# Differences of scores that are closer than this, and this share of the scores, are the same.
_ROUNDING, _ROUNDING_OF_SCORES = 1e-7, 1e-6


@dataclass(frozen=True)
class Difference:
    """One score of two models.

    Attributes:
        first, second: the score of each.
        difference: first - second, with the ends `low` and `high` of its 95 % interval.
        p: two-sided p-value of "alike".
        p_holm: the same corrected over the classes; as `p` for overall scores.
        test: "mcnemar", "delong" or "permutation"; "" for the calibration error, not tested.
        units: groups (or images) that the score rests on, of the model with fewer.
        differing: those of them with rows that the score counts and the two models classify
            differently.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    test: str
    units: int
    differing: int

    @property
    def unreliable(self) -> bool:
        """Whether so few units carry it that nothing should be concluded."""
        return self.units < FEWEST_UNITS or self.differing < FEWEST_DIFFERING

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        plain: dict[str, Any] = without_nan({**asdict(self), "unreliable": self.unreliable})
        return plain


@dataclass(frozen=True, eq=False)
class Paired:
    """Every difference of two models.

    Attributes:
        differences: overall score, or "CLASS.SCORE" -> difference.
        unit: "group", or "image" where every group is one image.
        units: how many.
        rows: how many rows.
        nameless: of those, of how many no group is known; each is one of its own.
    """

    differences: Mapping[str, Difference]
    unit: str
    units: int
    rows: int
    nameless: int

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: overall scores by name, and by class below `per_class`."""
        overall = {n: d.to_dict() for n, d in self.differences.items() if "." not in n}
        by_class = {
            label: {score: self.differences[f"{label}.{score}"].to_dict() for score in BY_CLASS}
            for label in CLASSES
        }
        head = {"unit": self.unit, "units": self.units, "rows_of_unknown_group": self.nameless}
        return {**head, **overall, "per_class": by_class}


def paired(
    y_true: ArrayLike,
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    groups: ArrayLike | None = None,
    *,
    draws: int = resampling.DRAWS,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Paired:
    """Compare two models on the same rows.

    Args:
        y_true: (n,) class indices.
        first, second: (n, 4) probabilities of the two models.
        groups: n names of groups, "" where unknown; None where none is known.
        draws, permutations, seed: of bootstrap and permutation test.
    """
    truth = np.asarray(y_true, np.int64)
    codes = resampling.group_codes(groups, len(truth))
    count = int(codes.max()) + 1
    single = count == len(truth)
    sums = [ScoreSums.of(truth, prob, codes) for prob in (first, second)]
    values = [each.estimate() for each in sums]
    drawn = [
        resampling.bootstrap(each.matrix, each.scores, draws=draws, seed=seed) for each in sums
    ]
    chance = _permutation_p(truth, first, second, codes, permutations, seed)
    resting = [support(each.matrix[:16].toarray()) for each in sums]
    differing = _differing(truth, first, second, codes)
    found: dict[str, Difference] = {}
    for row, name in enumerate(NAMES):
        label, _, score = name.rpartition(".")
        difference = float(values[0][row] - values[1][row])
        var = variance(drawn[0][row] - drawn[1][row], count)
        p, test = float(chance[row]), "" if score == "ece" else "permutation"
        if single and score == "auc":
            own = truth == CLASSES.index(label)
            columns = [prob[:, CLASSES.index(label)] for prob in (first, second)]
            _, var, p = auc_difference(own, np.column_stack(columns))
            test = "delong"
        elif single and score in ("accuracy", "sensitivity", "specificity"):
            p, test = _mcnemar(truth, first, second, label, score), "mcnemar"
        units = min(of_model[name][0] for of_model in resting)
        reach = _REACH.get(score, 1.0)
        low, high = _ends(difference, var, units if label else count, reach)
        found[name] = Difference(
            first=float(values[0][row]),
            second=float(values[1][row]),
            difference=difference,
            low=low,
            high=high,
            p=p,
            p_holm=p,
            test=test,
            units=units,
            differing=differing.get(name, differing[label]),
        )
    unit = "image" if single else "group"
    named = np.full(len(truth), "") if groups is None else np.asarray(groups, dtype=object)
    return Paired(_corrected(found), unit, count, len(truth), int((named == "").sum()))


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Two-sided exact p-value of "each is as often right where the other is wrong".

    McNemar (1947), with the binomial distribution for its chi-square; 1 where the two never
    differ.
    """
    from scipy.stats import binomtest

    total = only_a + only_b
    return float(binomtest(only_a, total, 0.5).pvalue) if total else 1.0


def auc_difference(positive: ArrayLike, scores: NDArray[np.float64]) -> tuple[float, float, float]:
    """Difference of two AUCs on the same rows, its variance, and the two-sided p-value, where rows
    are independent (DeLong et al. 1988).

    Args:
        positive: (n,) whether a row belongs to the class.
        scores: (n, 2) of the two models.
    """
    from scipy.special import ndtr

    area, covariance = auc_covariance(positive, scores)
    difference = float(area[0] - area[1])
    var = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if not var > 1e-18:
        return difference, var, 1.0 if difference == 0 else math.nan
    return difference, var, float(2 * ndtr(-abs(difference) / math.sqrt(var)))


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for being several (Holm 1979); NaN stays and does not count."""
    known = [i for i, value in enumerate(p) if not math.isnan(value)]
    corrected = list(p)
    highest = 0.0
    for rank, i in enumerate(sorted(known, key=lambda i: p[i])):
        highest = max(highest, min((len(known) - rank) * p[i], 1.0))
        corrected[i] = highest
    return corrected


def _corrected(found: Mapping[str, Difference]) -> dict[str, Difference]:
    changed = dict(found)
    for score in BY_CLASS:
        names = [f"{label}.{score}" for label in CLASSES]
        for name, p in zip(names, holm([found[name].p for name in names]), strict=True):
            changed[name] = Difference(**{**asdict(found[name]), "p_holm": p})
    return changed


def _permutation_p(
    truth: NDArray[np.int64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    codes: NDArray[np.int64],
    draws: int,
    seed: int,
) -> NDArray[np.float64]:
    """(M,) p-value of each difference; NaN where a score is not defined."""
    one, two = ScoreSums.of_two(truth, first, second, codes)
    scores = one.estimate(), two.estimate()
    observed = scores[0] - scores[1]
    swapped = resampling.permute(one.matrix, two.matrix, one.scores, draws=draws, seed=seed)
    # Sums are float32 and scores are ratios of them: equal splits must count as equal, and the
    # rounding of a difference is as large as its two scores, which for the log loss may be tens.
    rounding = _ROUNDING + _ROUNDING_OF_SCORES * np.maximum(*np.abs(scores))
    as_far = np.abs(swapped) >= (np.abs(observed) - rounding)[:, None]
    p = (1 + as_far.sum(axis=1)) / (1 + draws)
    # Exchanged models need common calibration bins, and so another calibration error: not tested.
    p[NAMES.index("ece")] = np.nan
    return np.where(np.isnan(observed), np.nan, p)


def _mcnemar(
    truth: NDArray[np.int64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    label: str,
    score: str,
) -> float:
    """Exact test on all rows, on those of a class, or on the others'."""
    said = [prob.argmax(axis=1) for prob in (first, second)]
    if score == "accuracy":
        right = [s == truth for s in said]
    else:
        index = CLASSES.index(label)
        own = truth == index
        rows = own if score == "sensitivity" else ~own
        if not rows.any():  # nothing to be right about: no test, and none that Holm counts
            return math.nan
        right = [(s[rows] == index) == own[rows] for s in said]
    return mcnemar_exact(int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum()))


def _differing(
    truth: NDArray[np.int64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    codes: NDArray[np.int64],
) -> dict[str, int]:
    """Groups with rows that only one model has right: overall (""), and class against the rest;
    of sensitivity and specificity ("CLASS.SCORE") among the rows that these count."""
    said = [prob.argmax(axis=1) for prob in (first, second)]
    apart = {"": (said[0] == truth) != (said[1] == truth)}
    for i, label in enumerate(CLASSES):
        changed = (said[0] == i) != (said[1] == i)
        apart[label] = changed
        apart[f"{label}.sensitivity"] = changed & (truth == i)
        apart[f"{label}.specificity"] = changed & (truth != i)
    return {name: len(np.unique(codes[rows])) for name, rows in apart.items()}


def _ends(difference: float, var: float, units: int, reach: float) -> tuple[float, float]:
    """Ends of the interval; where the two never differ, what as many units could have hidden.

    No difference is larger than `reach`."""
    if units < 2 or not math.isfinite(difference) or not math.isfinite(var):
        return math.nan, math.nan
    step = quantile(units - 1) * math.sqrt(max(var, 0.0)) if var > 1e-18 else wilson(0.0, units)[1]
    return max(difference - step, -reach), min(difference + step, reach)
