"""The plain numbers behind every figure, from a predictions table.

Knows arrays and the table; draws nothing. What the rows cannot define (a class that is absent)
is a curve of no points with NaN as its area, so that a figure of it is simply bare.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation import metrics

if TYPE_CHECKING:
    from braintumor.evaluation.predictions import Predictions

Floats = NDArray[np.float64]
HISTOGRAM_BINS = 20


@dataclass(frozen=True)
class RocCurve:
    """One class against the rest.

    Attributes:
        fpr, tpr: (m,) false and true positive rate, both rising from 0 to 1.
        thresholds: (m,) positive where p >= threshold; the first is infinite.
        auc: area under the curve.
        support: rows of the class.
    """

    fpr: Floats
    tpr: Floats
    thresholds: Floats
    auc: float
    support: int


@dataclass(frozen=True)
class PrecisionRecallCurve:
    """One class against the rest; drawn in steps (`drawstyle="steps-post"`).

    Attributes:
        recall: (m + 1,) falling from 1 to 0.
        precision: (m + 1,) precision at that recall; the last point is (0, 1) by convention.
        thresholds: (m,) rising; point i is what p >= thresholds[i] gives.
        average_precision: area under the steps.
        prevalence: share of the class, the precision of a guesser.
    """

    recall: Floats
    precision: Floats
    thresholds: Floats
    average_precision: float
    prevalence: float


@dataclass(frozen=True)
class F1Curve:
    """F1 of one class against the rest, as its threshold moves.

    Attributes:
        thresholds: (m,) the scores that occur, rising; positive where p >= threshold.
        f1: (m,) F1 at each; it holds for every threshold down to the next lower score.
        best_threshold: middle of the interval in which F1 is largest (of several, the one
            nearest to 0.5); NaN where the class is absent.
        best_f1: F1 there.
    """

    thresholds: Floats
    f1: Floats
    best_threshold: float
    best_f1: float


@dataclass(frozen=True)
class Confusion:
    """Truth (rows) against prediction (columns), in the order of `CLASSES`.

    Attributes:
        counts: (4, 4) rows of the table.
        rates: (4, 4) the same, each row divided by its sum; NaN where a class is absent.
    """

    counts: NDArray[np.int64]
    rates: Floats


@dataclass(frozen=True)
class ConfidenceHistogram:
    """How sure the model is where it is right and where it is wrong.

    Attributes:
        edges: (b + 1,) from 0 to 1.
        right, wrong: (b,) rows whose largest probability lies in the bin.
    """

    edges: Floats
    right: NDArray[np.int64]
    wrong: NDArray[np.int64]


@dataclass(frozen=True)
class Curves:
    """All figures' data; the mappings go from class to curve in the order of `CLASSES`."""

    roc: Mapping[str, RocCurve]
    precision_recall: Mapping[str, PrecisionRecallCurve]
    f1: Mapping[str, F1Curve]
    confusion: Confusion
    confidence: ConfidenceHistogram
    reliability: metrics.Reliability
    n: int

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: arrays as lists, NaN and infinities as None."""
        plain: dict[str, Any] = metrics.without_nan(asdict(self))
        return plain


def curves(predictions: Predictions) -> Curves:
    """The data of every figure, over the scored rows of a table (which may be none)."""
    rows = predictions.scored()
    truth, prob, predicted = rows.y_true, rows.y_prob, rows.y_pred
    right = truth == predicted
    return Curves(
        roc={name: roc_curve(truth == i, prob[:, i]) for i, name in enumerate(CLASSES)},
        precision_recall={
            name: precision_recall_curve(truth == i, prob[:, i]) for i, name in enumerate(CLASSES)
        },
        f1={name: f1_curve(truth == i, prob[:, i]) for i, name in enumerate(CLASSES)},
        confusion=confusion(metrics.count(truth, predicted)),
        confidence=confidence_histogram(rows.confidence, right),
        reliability=metrics.reliability(rows.confidence, right),
        n=len(rows),
    )


def roc_curve(positive: NDArray[np.bool_], score: Floats) -> RocCurve:
    """ROC curve of one class.

    Args:
        positive: (n,) whether a row belongs to the class.
        score: (n,) the class's probability.
    """
    from sklearn import metrics as sk

    support = int(positive.sum())
    if not 0 < support < len(positive):
        return RocCurve(_none(), _none(), _none(), math.nan, support)
    fpr, tpr, thresholds = sk.roc_curve(positive, score)
    return RocCurve(fpr, tpr, thresholds, float(sk.auc(fpr, tpr)), support)


def precision_recall_curve(positive: NDArray[np.bool_], score: Floats) -> PrecisionRecallCurve:
    """Precision-recall curve of one class; arguments as for `roc_curve`."""
    from sklearn import metrics as sk

    prevalence = float(positive.mean()) if len(positive) else math.nan
    if not 0 < positive.sum() < len(positive):
        return PrecisionRecallCurve(_none(), _none(), _none(), math.nan, prevalence)
    precision, recall, thresholds = sk.precision_recall_curve(positive, score)
    area = float(-np.sum(np.diff(recall) * precision[:-1]))
    return PrecisionRecallCurve(recall, precision, thresholds, area, prevalence)


def f1_curve(positive: NDArray[np.bool_], score: Floats) -> F1Curve:
    """F1 against threshold of one class; arguments as for `roc_curve`."""
    curve = precision_recall_curve(positive, score)
    if not len(curve.thresholds):
        return F1Curve(_none(), _none(), math.nan, math.nan)
    precision, recall = curve.precision[:-1], curve.recall[:-1]
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    lower = np.concatenate([[min(0.0, curve.thresholds[0])], curve.thresholds[:-1]])
    middle = (lower + curve.thresholds) / 2
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    chosen = int(best[np.argmin(np.abs(middle[best] - 0.5))])
    return F1Curve(curve.thresholds, f1, float(middle[chosen]), float(f1[chosen]))


def confusion(counts: metrics.Counts) -> Confusion:
    """Counts and row-wise rates."""
    support = counts.support[:, None]
    rates = np.divide(
        counts.confusion, support, out=np.full(counts.confusion.shape, np.nan), where=support > 0
    )
    return Confusion(counts.confusion, rates)


def confidence_histogram(confidence: Floats, right: NDArray[np.bool_]) -> ConfidenceHistogram:
    """Histogram of the largest probability, right and wrong predictions apart."""
    edges = np.linspace(0.0, 1.0, HISTOGRAM_BINS + 1)
    inside = np.clip(confidence, 0.0, 1.0)
    return ConfidenceHistogram(
        edges,
        np.histogram(inside[right], edges)[0].astype(np.int64),
        np.histogram(inside[~right], edges)[0].astype(np.int64),
    )


def _none() -> Floats:
    return np.zeros(0, dtype=np.float64)
