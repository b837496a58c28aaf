"""Risk against coverage: how many errors are left if the least sure slices go to a person.

Geifman & El-Yaniv 2017, Selective classification for deep neural networks. Slices are accepted
from the surest down; the risk is the share of errors among the accepted. The area under the curve
(AURC) is small where a model is seldom wrong and knows when; what a perfect order would reach and
what the order adds to it (E-AURC; Geifman, Uziel, El-Yaniv 2019) stand beside it.

Knows arrays only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from braintumor.evaluation import rates, resampling
from braintumor.evaluation.intervals import FEWEST_ERRORS
from braintumor.evaluation.rates import Estimate

Floats = NDArray[np.float64]
# Draws times rows that are held against time: a curve is sorted sums of every row.
_MOST_WORK = 40_000_000


@dataclass(frozen=True)
class RiskCoverage:
    """How the risk falls as fewer slices are accepted.

    Attributes:
        coverage: (m,) share accepted, rising to 1; slices of equal confidence go together.
        risk: (m,) share of errors among the accepted.
        threshold: (m,) confidence from which a slice is accepted.
        aurc: area under the curve, with its interval over patients; without one where fewer than
            `FEWEST_ERRORS` of them have an error, or a right answer.
        best: the area if every error were less sure than every right answer.
        n: slices.
    """

    coverage: Floats
    risk: Floats
    threshold: Floats
    aurc: Estimate
    best: float
    n: int

    @property
    def excess(self) -> float:
        """E-AURC: what the order of confidences costs over the best order."""
        return self.aurc.value - self.best


def risk_coverage(
    confidence: ArrayLike,
    correct: ArrayLike,
    group: NDArray[np.int64] | None = None,
    *,
    draws: int = resampling.DRAWS,
    seed: int = 0,
) -> RiskCoverage:
    """The curve and its area.

    Args:
        confidence: (n,) how sure; only the order matters.
        correct: (n,) whether the answer was right.
        group: (n,) number of each slice's patient; each its own by default.
        draws, seed: of the interval; fewer draws are taken of very many rows.
    """
    sure, wrong = np.asarray(confidence, np.float64), 1.0 - np.asarray(correct, np.float64)
    n = len(sure)
    if not n:
        nothing = np.zeros(0)
        undefined = Estimate(np.nan, np.nan, np.nan)
        return RiskCoverage(nothing, nothing, nothing, undefined, np.nan, 0)
    order = np.argsort(-sure, kind="stable")
    last = np.append(np.flatnonzero(np.diff(sure[order]) != 0), n - 1)
    weight = np.ones((1, n))
    area, curve = _area(wrong[order], weight, last)
    code = np.arange(n) if group is None else np.unique(group, return_inverse=True)[1]
    perfect = np.sort(wrong)
    estimate = Estimate(float(area[0]), np.nan, np.nan)
    # Redrawn, a handful of errors stays that handful, and none stays none: 0 to 0 of any patients.
    if min(len(np.unique(code[wrong == kind])) for kind in (0, 1)) >= FEWEST_ERRORS:
        affordable = max(50, min(draws, _MOST_WORK // n))
        blocks = resampling.weights(int(code.max()) + 1, draws=affordable, seed=seed, of_rows=n)
        drawn = [_area(wrong[order], block[:, code[order]], last)[0] for block in blocks]
        estimate = rates.estimate(estimate.value, np.concatenate(drawn))
    return RiskCoverage(
        coverage=(last + 1) / n,
        risk=curve[0],
        threshold=sure[order][last],
        aurc=estimate,
        best=float(_area(perfect, weight, np.arange(n))[0][0]),
        n=n,
    )


def _area(wrong: Floats, weight: Floats, last: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Areas, (b,), and risks where the accepted end, (b, m), of rows from the surest down.

    Args:
        wrong: (n,) 1 for an error.
        weight: (b, n) how often each row counts.
        last: (m,) the last row of each run of equal confidence.
    """
    count = np.cumsum(weight, axis=1)[:, last]
    risk = np.cumsum(weight * wrong, axis=1)[:, last] / count
    step = np.diff(count, axis=1, prepend=0.0)
    # Within a run of equal confidence the order is unknown: each of its rows has the run's risk.
    return (risk * step).sum(axis=1) / count[:, -1], risk
