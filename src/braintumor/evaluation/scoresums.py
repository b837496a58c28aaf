"""What every score is made of, summed by group; and every score, from any weighting of the groups.

Scores of hard decisions need the confusion matrix; ROC AUC and average precision need how many
rows of the class and of the others lie in each score bin; log loss and calibration need sums.
Each row adds to a few such sums, so a table is a sparse matrix, sums by groups. With at most
`BINS` different scores the bins lose nothing; with more, no bin holds over 1 / 8192 of the class
or of the others, which bounds the error of an AUC by 0.00007.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation.metrics import CALIBRATION_BINS, PER_CLASS, equal_mass_bins

Floats = NDArray[np.float64]
BINS = 16_384
OVERALL: tuple[str, ...] = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "mcc",
    "macro_auc",
    "macro_ap",
    "log_loss",
    "ece",
)
BY_CLASS: tuple[str, ...] = tuple(name for name in PER_CLASS if name != "support")
# Rows of what `ScoreSums.scores` returns: overall scores, then "CLASS.SCORE".
NAMES: tuple[str, ...] = (
    *OVERALL,
    *(f"{label}.{score}" for label in CLASSES for score in BY_CLASS),
)
_K = len(CLASSES)
_LOSS = _K * _K
GAPS = slice(_LOSS + 1, _LOSS + 1 + CALIBRATION_BINS)


@dataclass(frozen=True, eq=False)
class ScoreSums:
    """Sums by group.

    Attributes:
        matrix: (C, G) scipy.sparse CSR, float32. Rows: 16 cells of the confusion matrix, log loss,
            15 sums of (right - confidence) by calibration bin, and for each class its score bins
            from the highest score down, first of the other classes' rows, then of its own.
        bins: score bins of each class.
    """

    matrix: Any
    bins: tuple[int, ...]

    @classmethod
    def of(
        cls,
        y_true: ArrayLike,
        y_prob: NDArray[np.float64],
        codes: NDArray[np.int64],
        *,
        scores: NDArray[np.float64] | None = None,
    ) -> ScoreSums:
        """Sum a table.

        Args:
            y_true: (n,) class indices.
            y_prob: (n, 4) probabilities.
            codes: (n,) number of each row's group, as `resampling.group_codes` gives them.
            scores: (n, 4) what AUC and average precision are of, in place of `y_prob`.
        """
        from scipy.sparse import coo_matrix

        truth = np.asarray(y_true, np.int64)
        said = y_prob.argmax(axis=1)
        sure, rows = y_prob.max(axis=1), np.arange(len(truth))
        chosen = np.clip(y_prob[rows, truth] / y_prob.sum(axis=1), np.finfo(float).eps, 1.0)
        places = [truth * _K + said, np.full(len(truth), _LOSS)]
        values = [np.ones(len(truth)), -np.log(chosen)]
        places.append(GAPS.start + equal_mass_bins(sure, CALIBRATION_BINS))
        values.append((said == truth) - sure)
        start, bins = GAPS.stop, []
        scores = y_prob if scores is None else scores
        for label in range(_K):
            own = truth == label
            codes_of_bins, count = score_bins(scores[:, label], own)
            places.append(start + own * count + codes_of_bins)
            values.append(np.ones(len(truth)))
            bins.append(count)
            start += 2 * count
        shape = (start, int(codes.max()) + 1 if len(codes) else 0)
        entries = np.concatenate(values).astype(np.float32)
        where = (np.concatenate(places), np.tile(codes, len(places)))
        return cls(coo_matrix((entries, where), shape=shape).tocsr(), tuple(bins))

    @classmethod
    def of_two(
        cls,
        y_true: ArrayLike,
        first: NDArray[np.float64],
        second: NDArray[np.float64],
        codes: NDArray[np.int64],
    ) -> tuple[ScoreSums, ScoreSums]:
        """Sum the predictions of two models on the same rows so that they can be exchanged.

        Both get the same bins, and for AUC and average precision each model's scores are taken by
        rank, because two models may spread theirs differently (Bandos et al. 2005).
        """
        from scipy.stats import rankdata

        groups = int(codes.max()) + 1
        ranks = np.vstack([rankdata(prob, axis=0) for prob in (first, second)])
        both = cls.of(
            np.tile(np.asarray(y_true, np.int64), 2),
            np.vstack([first, second]),
            np.concatenate([codes, codes + groups]),
            scores=ranks,
        )
        columns = both.matrix.tocsc()
        halves = (columns[:, :groups], columns[:, groups:])
        one, two = (cls(half.tocsr(), both.bins) for half in halves)
        return one, two

    def estimate(self) -> Floats:
        """(M,) the scores of all rows."""
        return self.scores(np.asarray(self.matrix.sum(axis=1), np.float32))[:, 0]

    def scores(self, sums: NDArray[np.float32]) -> Floats:
        """Every score in the order of `NAMES`, NaN where the sums cannot define it.

        Args:
            sums: (C, b) weighted sums of b draws.

        Returns:
            (M, b).
        """
        found = np.empty((len(NAMES), sums.shape[1]))
        confusion = sums[:_LOSS].astype(np.float64).reshape(_K, _K, -1)
        by_class = found[len(OVERALL) :].reshape(_K, len(BY_CLASS), -1)
        start = GAPS.stop
        for label, count in enumerate(self.bins):
            by_class[label, :4] = _decisions(confusion, label)
            others, own = sums[start : start + count], sums[start + count : start + 2 * count]
            by_class[label, 4:] = _areas(own, others)
            start += 2 * count
        n = confusion.sum(axis=(0, 1))
        right = confusion[range(_K), range(_K)].sum(axis=0)
        gaps = np.abs(sums[GAPS].astype(np.float64)).sum(axis=0)
        found[: len(OVERALL)] = (
            _ratio(right, n),
            _mean(by_class[:, BY_CLASS.index("sensitivity")]),
            _mean(by_class[:, BY_CLASS.index("f1")]),
            _mcc(confusion),
            _mean(by_class[:, BY_CLASS.index("auc")]),
            _mean(by_class[:, BY_CLASS.index("average_precision")]),
            _ratio(sums[_LOSS], n),
            _ratio(gaps, n),
        )
        return found


def score_bins(
    scores: NDArray[np.float64], own: NDArray[np.bool_], most: int = BINS
) -> tuple[NDArray[np.int64], int]:
    """(n,) bin of each score, 0 the highest, and how many bins there are.

    Every score has a bin of its own while that makes at most `most` bins; otherwise edges lie at
    every (2 / most)-th of the class's scores and of the others', so that no bin holds more of
    either, ties apart.
    """
    values = np.unique(scores)
    if len(values) > most:
        edges = []
        for part in (np.sort(scores[own]), np.sort(scores[~own])):
            step = max(-(-2 * len(part) // most), 1)
            edges.append(part[::step])
        values = np.unique(np.concatenate(edges))
        index = np.searchsorted(values, scores, side="right")
        return len(values) - index, len(values) + 1
    return len(values) - 1 - np.searchsorted(values, scores), len(values)


def _decisions(confusion: Floats, label: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Sensitivity, specificity, precision and F1 of a class in every draw."""
    n = confusion.sum(axis=(0, 1))
    found = confusion[label, label]
    truly, said = confusion[label].sum(axis=0), confusion[:, label].sum(axis=0)
    return (
        _ratio(found, truly),
        _ratio(n - truly - said + found, n - truly),
        _ratio(found, said),
        _ratio(2 * found, truly + said),
    )


def _areas(own: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """ROC AUC and average precision from (bins, b) counts, the highest scores first."""
    true, false = (
        np.cumsum(own, axis=0, dtype=np.float64),
        np.cumsum(others, axis=0, dtype=np.float64),
    )
    positives, negatives = true[-1], false[-1]
    # Of two rows in one bin each is as likely the higher.
    beaten = np.einsum("ij,ij->j", own, negatives - false + 0.5 * others)
    reached = true + false
    precision = np.divide(true, reached, out=np.zeros_like(true), where=reached > 0)
    area = _ratio(beaten, positives * negatives)
    average = _ratio(np.einsum("ij,ij->j", own, precision), positives)
    return area, np.where(negatives > 0, average, np.nan)


def _mcc(confusion: Floats) -> Floats:
    """Matthews correlation for several classes (Gorodkin 2004) in every draw."""
    n = confusion.sum(axis=(0, 1))
    truly, said = confusion.sum(axis=1), confusion.sum(axis=0)
    right = confusion[range(_K), range(_K)].sum(axis=0)
    covariance = n * right - (truly * said).sum(axis=0)
    spread = (n * n - (said * said).sum(axis=0)) * (n * n - (truly * truly).sum(axis=0))
    return _ratio(covariance, np.sqrt(np.maximum(spread, 0.0)))


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    out = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=out, where=np.asarray(whole) > 0)
    return out


def _mean(values: Floats) -> Floats:
    """Mean over the classes for which a score is defined; NaN where it is for none."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0))
