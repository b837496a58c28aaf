"""95 % intervals of every score, with patients and not slices as the units.

Slices of one patient resemble each other, so groups (patients, or near copies) are drawn anew as
wholes. The bootstrap gives the variance; the interval has a form that keeps its coverage near one
(Wilson's, or the logit's), where percentiles of the draws are too narrow. The AUC has Obuchowski's
variance. Where every group is one image, proportions have Wilson's
interval and the AUC DeLong's. Knows arrays only.

References:
    Wilson (1927), JASA 22: 209-212; Brown, Cai, DasGupta (2001), Statistical Science 16: 101-133.
    Rao, Scott (1992), Biometrics 48: 577-585 (effective sample size of clustered proportions).
    DeLong et al. (1988), Obuchowski (1997): see `auc`. Logit scale: Pepe (2003), section 5.2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation import resampling
from braintumor.evaluation.auc import auc_covariance
from braintumor.evaluation.metrics import without_nan
from braintumor.evaluation.scoresums import GAPS, NAMES, ScoreSums

LEVEL = 0.95
# With fewer units than this, or fewer that hold an error, the coverage is not what it claims.
FEWEST_UNITS, FEWEST_ERRORS = 50, 5
# The log loss of a row whose truth was given the probability zero (`metrics.log_loss`), nats.
_WORST_LOSS = -math.log(np.finfo(np.float64).eps)
_PROPORTIONS = ("accuracy", "sensitivity", "specificity", "precision")
_AREAS = ("auc", "average_precision", "macro_auc", "macro_ap")


@dataclass(frozen=True)
class Interval:
    """A 95 % interval.

    Attributes:
        low, high: its ends; NaN where the rows cannot define it.
        method: "wilson", "delong", "obuchowski" or "bootstrap".
        units: groups (or images) that the score rests on.
        errors: those of them that hold an error which the score counts.
    """

    low: float
    high: float
    method: str
    units: int
    errors: int

    @property
    def unreliable(self) -> bool:
        """Whether so few units, or so few with an error, carry it that it may be too narrow."""
        return self.units < FEWEST_UNITS or self.errors < FEWEST_ERRORS

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "unreliable": self.unreliable}


@dataclass(frozen=True, eq=False)
class Intervals:
    """The intervals of a set of rows.

    Attributes:
        scores: name of an overall score, or "CLASS.SCORE" -> interval.
        unit: "group", or "image" where every group is one image.
        units: how many.
        rows: how many rows.
        unknown: rows of unknown group, each taken as a group of its own.
        draws, seed: of the bootstrap.
    """

    scores: Mapping[str, Interval]
    unit: str
    units: int
    rows: int
    unknown: int
    draws: int
    seed: int

    def note(self) -> str:
        """What the intervals rest on, in a sentence or two."""
        if self.unknown == self.rows:
            return (
                "No groups are known, so each slice is taken for a patient of its own: where a "
                "patient gave several slices, these intervals are too narrow."
            )
        rest = ""
        if self.unknown:
            rest = f" Of {self.unknown} slices no group is known; each counts as its own."
        if self.unit == "image":
            return (
                f"Every group (patient, or near copies) is one of these {self.rows} slices.{rest}"
            )
        return (
            f"The units are the {self.units} groups (patients, or near copies) of these "
            f"{self.rows} slices.{rest}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: scores by name, and by class below `per_class`."""
        overall = {name: s.to_dict() for name, s in self.scores.items() if "." not in name}
        by_class: dict[str, Any] = {label: {} for label in CLASSES}
        for name, interval in self.scores.items():
            label, _, score = name.partition(".")
            if score:
                by_class[label][score] = interval.to_dict()
        plain: dict[str, Any] = without_nan(
            {
                "level": LEVEL,
                "unit": self.unit,
                "units": self.units,
                "unknown_groups": self.unknown,
                "draws": self.draws,
                "seed": self.seed,
                "note": self.note(),
                **overall,
                "per_class": by_class,
            }
        )
        return plain


def intervals(
    y_true: ArrayLike,
    y_prob: NDArray[np.float64],
    groups: ArrayLike | None = None,
    *,
    draws: int = resampling.DRAWS,
    seed: int = 0,
) -> Intervals:
    """Intervals of every score of `metrics.measure`.

    Args:
        y_true: (n,) class indices 0 to 3.
        y_prob: (n, 4) probabilities.
        groups: n names of groups, "" where unknown; None where none is known.
        draws, seed: of the bootstrap over groups.
    """
    truth = np.asarray(y_true, np.int64)
    codes = resampling.group_codes(groups, len(truth))
    count = int(codes.max()) + 1
    sums = ScoreSums.of(truth, y_prob, codes)
    estimates = sums.estimate()
    drawn = resampling.bootstrap(sums.matrix, sums.scores, draws=draws, seed=seed)
    single = count == len(truth)
    resting = support(sums.matrix[:16].toarray())
    found = {}
    for row, name in enumerate(NAMES):
        score = name.split(".")[-1]
        units, errors = resting[name]
        about = (float(estimates[row]), units, errors)
        if score == "auc":
            label = CLASSES.index(name.split(".")[0])
            area, covariance = auc_covariance(truth == label, y_prob[:, label], codes)
            method = "delong" if single else "obuchowski"
            found[name] = _area(float(area[0]), float(covariance[0, 0]), units, errors, method)
        elif single and score in _PROPORTIONS:
            low, high = wilson(about[0], units)
            found[name] = Interval(low, high, "wilson", units, errors)
        elif score == "ece":
            ends = _ece(about[0], drawn[row], units, _noise(sums.matrix[GAPS]) / len(truth))
            found[name] = Interval(*ends, "bootstrap", units, errors)
        else:
            found[name] = _from_draws(score, *about, drawn[row], count)
    unknown = len(truth) if groups is None else int((np.asarray(groups, object) == "").sum())
    unit = "image" if single else "group"
    return Intervals(found, unit, count, len(truth), unknown, draws, seed)


def wilson(share: float, n: float, df: float = math.inf) -> tuple[float, float]:
    """Wilson's score interval of a proportion.

    Args:
        share: the proportion found, 0 to 1.
        n: how many it is of; the effective number where they are not independent.
        df: degrees of freedom where n itself was estimated.
    """
    if not n > 0 or not math.isfinite(share):
        return math.nan, math.nan
    t = quantile(df)
    middle = (share + t * t / (2 * n)) / (1 + t * t / n)
    half = t / (1 + t * t / n) * math.sqrt(share * (1 - share) / n + t * t / (4 * n * n))
    # At the ends the formula is exact and its rounding is not.
    return (
        0.0 if share == 0 else max(middle - half, 0.0),
        1.0 if share == 1 else min(middle + half, 1.0),
    )


def quantile(df: float) -> float:
    """The 97.5 % quantile of Student's t; of the normal distribution for infinite df."""
    from scipy.special import ndtri, stdtrit

    p = 0.5 + LEVEL / 2
    return float(stdtrit(df, p)) if math.isfinite(df) else float(ndtri(p))


def variance(draws: NDArray[np.float64], groups: int) -> float:
    """Variance of a score from its bootstrap draws, free of the bootstrap's (G - 1) / G."""
    defined = draws[~np.isnan(draws)]
    if groups < 2 or len(defined) < 2:
        return math.nan
    return float(defined.var(ddof=1)) * groups / (groups - 1)


def _from_draws(
    score: str, value: float, units: int, errors: int, draws: NDArray[np.float64], groups: int
) -> Interval:
    """From the bootstrap's variance, on the scale on which the score is nearest to normal."""
    var = variance(draws, groups)
    if score in _AREAS:
        return _area(value, var, units, errors, "bootstrap")
    if score == "log_loss":
        ends = _log_scale(value, var, units)
    elif score == "mcc":
        low, high = _effective((value + 1) / 2, var / 4, units)
        ends = (2 * low - 1, 2 * high - 1)
    else:
        ends = _effective(value, var, units)
    return Interval(*ends, "bootstrap", units, errors)


def _effective(share: float, var: float, units: int) -> tuple[float, float]:
    """Wilson's interval with the sample size at which independent rows had this variance.

    Where nothing varies (all right in every draw), the units stand for it.
    """
    if units < 2 or not math.isfinite(share):
        return math.nan, math.nan
    size = share * (1 - share) / var if var > 0 and 0 < share < 1 else units
    return wilson(share, size, units - 1)


def _area(value: float, var: float, units: int, errors: int, method: str) -> Interval:
    """On the logit scale, so that it stays below one and is wider towards one half."""
    if var > 0 and 0 < value < 1 and units > 1:
        from scipy.special import expit

        # Of a few units the step may be thousands of logits: the ends are then as good as 0 and 1.
        step = quantile(units - 1) * math.sqrt(var) / (value * (1 - value))
        middle = math.log(value / (1 - value))
        low, high = (float(expit(x)) for x in (middle - step, middle + step))
    else:
        low, high = _effective(value, 0.0, units)
    return Interval(low, high, method, units, errors)


def _log_scale(value: float, var: float, units: int) -> tuple[float, float]:
    """On the log scale, so that it stays above zero; no mean is above the loss of a zero."""
    if not (value > 0 and var >= 0 and units > 1):
        return math.nan, math.nan
    step = quantile(units - 1) * math.sqrt(var) / value
    room = max(math.log(_WORST_LOSS / value), 0.0)
    return value * math.exp(-step), value * math.exp(min(step, room))


def _ece(value: float, draws: NDArray[np.float64], units: int, noise: float) -> tuple[float, float]:
    """Noise alone makes a calibration error: up to `noise`, where calibration is perfect.

    The lower end takes it off and the upper end does not, so the interval errs on the wide side.
    """
    var = variance(draws, units)
    if not math.isfinite(var):
        return math.nan, math.nan
    step = quantile(units - 1) * math.sqrt(var)
    return max(value - noise - step, 0.0), value + step


def _noise(gaps: Any) -> float:
    """Sum over bins of the mean size of a gap that is chance alone, as the groups tell it.

    Args:
        gaps: (bins, G) sparse: sums of (right - confidence).
    """
    groups = gaps.shape[1]
    mean = np.asarray(gaps.mean(axis=1)).ravel()
    squares = np.asarray(gaps.multiply(gaps).sum(axis=1)).ravel() - groups * mean**2
    return float(np.sqrt(2 / math.pi * np.maximum(squares, 0.0)).sum())


def support(cells: NDArray[np.float32]) -> dict[str, tuple[int, int]]:
    """Name of a score -> (units it rests on, those of them with an error that it counts).

    Args:
        cells: (16, G) confusion matrix of each group.
    """
    k = len(CLASSES)
    table = cells.reshape(k, k, -1)
    truth, said = table.sum(axis=1), table.sum(axis=0)
    n = truth.sum(axis=0)

    def units(rows: NDArray[np.float32]) -> int:
        return int((rows > 0).sum())

    wrong = units(n - table[range(k), range(k)].sum(axis=0))
    found = {name: (units(n), wrong) for name in NAMES if "." not in name}
    for i, label in enumerate(CLASSES):
        missed, false = truth[i] - table[i, i], said[i] - table[i, i]
        either = units(missed + false)
        sides = min(units(truth[i]), units(n - truth[i]))
        found |= {
            f"{label}.sensitivity": (units(truth[i]), units(missed)),
            f"{label}.specificity": (units(n - truth[i]), units(false)),
            f"{label}.precision": (units(said[i]), units(false)),
            f"{label}.f1": (units(truth[i] + said[i]), either),
            f"{label}.auc": (sides, either),
            f"{label}.average_precision": (sides, either),
        }
    # A mean over classes is as unsure as its rarest class.
    for name, score in (
        ("balanced_accuracy", "sensitivity"),
        ("macro_f1", "f1"),
        ("macro_auc", "auc"),
        ("macro_ap", "average_precision"),
    ):
        each = [found[f"{label}.{score}"][0] for label in CLASSES]
        found[name] = (min([count for count in each if count], default=0), wrong)
    return found
