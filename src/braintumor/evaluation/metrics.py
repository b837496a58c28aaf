"""Labels and probabilities -> every score, in two steps: counts first, then scores from counts.

Knows arrays only: no tables, no files, no figures. A score that the rows cannot define (the ROC
AUC of a class that does not occur) is NaN, and null in JSON; it is never an exception and never
a silent zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from braintumor.classes import CLASSES

CALIBRATION_BINS = 15
PER_CLASS: tuple[str, ...] = (
    "sensitivity",
    "specificity",
    "precision",
    "f1",
    "auc",
    "average_precision",
    "support",
)


class Metrics(dict[str, Any]):
    """The scores by name: a dict whose undefined values are NaN.

    Keys: n, accuracy, balanced_accuracy, macro_f1, mcc, macro_auc, macro_ap, log_loss, ece,
    per_class (class -> `PER_CLASS`), confusion (4 x 4 counts as lists, rows = truth); where a table
    was measured left_out, and intervals where they were asked for.
    """

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON values: undefined scores become None."""
        plain: dict[str, Any] = without_nan(dict(self))
        return plain


def without_nan(value: Any) -> Any:
    """A copy in plain JSON values: arrays as lists, NaN and infinities as None."""
    if isinstance(value, Mapping):
        return {str(key): without_nan(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return without_nan(value.tolist())
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    if isinstance(value, np.generic):
        return without_nan(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@dataclass(frozen=True)
class Counts:
    """What every score of a hard decision is made of.

    Attributes:
        confusion: (4, 4) int64, rows = truth, columns = prediction, in the order of `CLASSES`.
    """

    confusion: NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.confusion.sum())

    @property
    def support(self) -> NDArray[np.int64]:
        """(4,) rows that truly belong to each class."""
        return np.asarray(self.confusion.sum(axis=1))

    @property
    def tp(self) -> NDArray[np.int64]:
        """(4,) true positives, each class against the rest."""
        return np.diagonal(self.confusion)

    @property
    def fn(self) -> NDArray[np.int64]:
        """(4,) false negatives."""
        return np.asarray(self.support - self.tp)

    @property
    def fp(self) -> NDArray[np.int64]:
        """(4,) false positives."""
        return np.asarray(self.confusion.sum(axis=0) - self.tp)

    @property
    def tn(self) -> NDArray[np.int64]:
        """(4,) true negatives."""
        return np.asarray(self.n - self.tp - self.fn - self.fp)


def count(y_true: ArrayLike, y_pred: ArrayLike) -> Counts:
    """Count truth against prediction.

    Args:
        y_true, y_pred: (n,) class indices 0 to 3.
    """
    k = len(CLASSES)
    flat = np.asarray(y_true, np.int64) * k + np.asarray(y_pred, np.int64)
    return Counts(np.bincount(flat, minlength=k * k).reshape(k, k).astype(np.int64))


def accuracy(counts: Counts) -> float:
    """Share of rows predicted right; NaN without rows."""
    return _ratio(counts.tp.sum(), counts.n)


def sensitivity(counts: Counts) -> NDArray[np.float64]:
    """(4,) share of each class's rows that were found (recall); NaN where it has none."""
    return _ratios(counts.tp, counts.support)


def specificity(counts: Counts) -> NDArray[np.float64]:
    """(4,) share of the other classes' rows that were not taken for this class."""
    return _ratios(counts.tn, counts.tn + counts.fp)


def precision(counts: Counts) -> NDArray[np.float64]:
    """(4,) share of the rows taken for a class that belong to it; NaN where none was."""
    return _ratios(counts.tp, counts.tp + counts.fp)


def f1(counts: Counts) -> NDArray[np.float64]:
    """(4,) harmonic mean of precision and sensitivity; NaN where a class neither is nor is said."""
    return _ratios(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn)


def balanced_accuracy(counts: Counts) -> float:
    """Mean sensitivity over the classes that occur."""
    return _mean(sensitivity(counts))


def macro_f1(counts: Counts) -> float:
    """Mean F1 over the classes that occur in truth or prediction."""
    return _mean(f1(counts))


def mcc(counts: Counts) -> float:
    """Matthews correlation for several classes, -1 to 1 (Gorodkin 2004); NaN where undefined.

    Undefined means that truth or prediction holds one class only; scikit-learn gives 0 there.
    """
    n = float(counts.n)
    truth = counts.support.astype(np.float64)
    said = counts.confusion.sum(axis=0).astype(np.float64)
    covariance = n * float(counts.tp.sum()) - float(truth @ said)
    spread = math.sqrt((n * n - float(said @ said)) * (n * n - float(truth @ truth)))
    return covariance / spread if spread > 0 else math.nan


def roc_auc(y_true: ArrayLike, y_prob: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4,) area under the ROC curve of each class against the rest; NaN where a class is absent
    or alone.

    Args:
        y_true: (n,) class indices.
        y_prob: (n, 4) scores; only their order within a column matters.
    """
    from sklearn.metrics import roc_auc_score

    return _each_class(y_true, y_prob, roc_auc_score)


def average_precision(y_true: ArrayLike, y_prob: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4,) average precision of each class against the rest (step-wise, not interpolated);
    NaN where a class is absent or alone."""
    from sklearn.metrics import average_precision_score

    return _each_class(y_true, y_prob, average_precision_score)


def log_loss(y_true: ArrayLike, y_prob: NDArray[np.float64]) -> float:
    """Mean negative log probability of the truth, nats.

    Rows are divided by their sum first (rounded tables miss one a little); a probability of zero
    counts as the smallest float64 step, 2.2e-16, as in scikit-learn.
    """
    if not len(y_prob):
        return math.nan
    truth = np.asarray(y_true, np.int64)
    chosen = y_prob[np.arange(len(truth)), truth] / y_prob.sum(axis=1)
    return float(-np.log(np.clip(chosen, np.finfo(np.float64).eps, 1.0)).mean())


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy in bins of (nearly) equal numbers of rows.

    Attributes:
        confidence: (b,) mean confidence in each bin, rising.
        accuracy: (b,) share right in each bin.
        count: (b,) rows in each bin; empty bins are left out.
        ece: expected calibration error: mean |accuracy - confidence|, weighted by count.
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    count: NDArray[np.int64]
    ece: float


def reliability(
    confidence: NDArray[np.float64], correct: ArrayLike, *, bins: int = CALIBRATION_BINS
) -> Reliability:
    """Bin rows by confidence into bins of equal mass (Nguyen & O'Connor 2015).

    Rows of equal confidence share a bin, so the result does not depend on the order of rows.

    Args:
        confidence: (n,) probability of the predicted class, 0 to 1.
        correct: (n,) whether the prediction was right.
    """
    n = len(confidence)
    right = np.asarray(correct, np.float64)
    index = equal_mass_bins(confidence, bins)
    size = np.bincount(index, minlength=bins)
    used = size > 0
    mean = np.bincount(index, weights=confidence, minlength=bins)[used] / size[used]
    rate = np.bincount(index, weights=right, minlength=bins)[used] / size[used]
    ece = float(np.sum(size[used] * np.abs(rate - mean)) / n) if n else math.nan
    return Reliability(mean, rate, size[used].astype(np.int64), ece)


def equal_mass_bins(values: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """(n,) bin of each value, 0 to bins - 1, of (nearly) equal numbers; equal values share one."""
    from scipy.stats import rankdata

    rank = rankdata(values, method="average") if len(values) else np.zeros(0)
    return np.minimum((bins * (rank - 0.5) / max(len(values), 1)).astype(np.int64), bins - 1)


def measure(y_true: ArrayLike, y_prob: ArrayLike) -> Metrics:
    """Every score of one set of rows; the class predicted is the largest probability.

    Args:
        y_true: (n,) class indices 0 to 3 in the order of `CLASSES`.
        y_prob: (n, 4) probabilities, each row summing to one.

    Returns:
        `Metrics`; macro values are means over the classes for which they are defined.

    Raises:
        ValueError: shapes that do not fit.
    """
    truth = np.asarray(y_true, np.int64)
    prob = np.asarray(y_prob, np.float64)
    if prob.shape != (len(truth), len(CLASSES)):
        raise ValueError(f"y_prob must have the shape ({len(truth)}, 4), not {prob.shape}")
    predicted = prob.argmax(axis=1)
    counts = count(truth, predicted)
    auc, ap = roc_auc(truth, prob), average_precision(truth, prob)
    scores = (sensitivity(counts), specificity(counts), precision(counts), f1(counts), auc, ap)
    per_class: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(CLASSES):
        per_class[name] = {key: float(s[i]) for key, s in zip(PER_CLASS[:-1], scores, strict=True)}
        per_class[name]["support"] = int(counts.support[i])
    confidence = prob.max(axis=1) if len(prob) else np.zeros(0)
    return Metrics(
        n=counts.n,
        accuracy=accuracy(counts),
        balanced_accuracy=balanced_accuracy(counts),
        macro_f1=macro_f1(counts),
        mcc=mcc(counts),
        macro_auc=_mean(auc),
        macro_ap=_mean(ap),
        log_loss=log_loss(truth, prob),
        ece=reliability(confidence, predicted == truth).ece,
        per_class=per_class,
        confusion=counts.confusion.tolist(),
    )


def _each_class(y_true: ArrayLike, y_prob: NDArray[np.float64], score: Any) -> NDArray[np.float64]:
    truth = np.asarray(y_true, np.int64)
    values = np.full(len(CLASSES), np.nan)
    for i in range(len(CLASSES)):
        positive = truth == i
        if positive.any() and not positive.all():
            # Sums of rounded steps may end a last bit above one.
            values[i] = min(max(float(score(positive, y_prob[:, i])), 0.0), 1.0)
    return values


def _ratio(part: Any, whole: Any) -> float:
    return float(part) / float(whole) if whole else math.nan


def _ratios(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(
        np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0), np.float64
    )


def _mean(values: NDArray[np.float64]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else math.nan
