"""Intervals of shares and means when patients, not slices, are the units.

Groups get random weights (`resampling.drawn_sums`), and the share is computed anew. Unlike drawing
with replacement this can carry a little doubt about what was never seen: with doubt in each cell,
no false alarm among sixty slices is not taken for "false alarms cannot happen", which matters
wherever a small share is multiplied by a large class. With one slice a group and doubts of one half
the draws are those of Jeffreys' Beta posterior.

Knows arrays only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braintumor.evaluation import resampling

Floats = NDArray[np.float64]
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; all NaN where the rows do not define it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class GroupDraws:
    """The same redrawn groups for everything that is estimated of some rows.

    Attributes:
        group: (n,) from `resampling.group_numbers`.
        draws, seed: as for `resampling.weights`.
    """

    group: NDArray[np.int64]
    draws: int = resampling.DRAWS
    seed: int = 0

    def mean(self, values: Floats, *, lowest: float = 0.0, comparisons: int = 1) -> Estimate:
        """The mean over rows.

        Args:
            values: (n,) between `lowest` and 1: shares, or with -1 differences of shares.
            lowest: the least that a value could be.
            comparisons: how many such intervals shall hold together (Bonferroni).
        """
        sums = self._sums(np.column_stack([values, np.ones(len(values))]))
        self._doubt(sums, lowest, 1.0)
        return estimate(float(values.mean()), sums[:, 0] / sums[:, 1], tail=_tail(comparisons))

    def mean_under(
        self,
        values: Floats,
        truth: NDArray[np.int64],
        share: Floats,
        *,
        lowest: float = 0.0,
        comparisons: int = 1,
    ) -> Estimate:
        """The mean over rows, their classes weighted by a mix; NaN where the mix is not defined or
        a class of it is absent, and without ends where one has rows of a single group: nothing is
        known of how its groups differ.

        Args:
            values, lowest, comparisons: as for `mean`.
            truth: (n,) class indices.
            share: (4,) the mix, of sum one.
        """
        if not np.isfinite(share).all():
            return Estimate(np.nan, np.nan, np.nan)
        used = np.flatnonzero(share > 0)
        of_class = (truth[:, None] == used).astype(np.float64)
        rows, k = np.column_stack([of_class * values[:, None], of_class]), len(used)

        def weighted(sums: Floats) -> Floats:
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.asarray((sums[:, :k] / sums[:, k:]) @ share[used], np.float64)

        sums = self._sums(rows)
        # The doubts of the classes add up; scaled by the mix, they stay those of one class.
        self._doubt(sums, lowest, float((share**2).sum()))
        value = float(weighted(rows.sum(axis=0, keepdims=True))[0])
        if any(len(np.unique(self.group[truth == label])) == 1 for label in used):
            return Estimate(value, np.nan, np.nan)
        return estimate(value, weighted(sums), tail=_tail(comparisons))

    def steadiness(
        self, first: Floats, second: Floats, truth: NDArray[np.int64], shares: Floats
    ) -> Estimate:
        """How much further the mean of the first moves from mix to mix than that of the second.

        A mean moves by the largest less the smallest that it has under any of the mixes. Both are
        redrawn with the same groups; no doubt is added, which would move either by itself.

        Args:
            first, second: (n,) values between 0 and 1.
            truth: (n,) class indices.
            shares: (m, 4) the mixes, each of sum one; NaN where a class of one is absent.
        """
        used = np.flatnonzero((shares > 0).any(axis=0))
        of_class = (truth[:, None] == used).astype(np.float64)
        values = [of_class * each[:, None] for each in (first, second)]
        rows, k = np.column_stack([*values, of_class]), len(used)

        def apart(sums: Floats) -> Floats:
            with np.errstate(invalid="ignore", divide="ignore"):
                rates = (sums[:, i * k : (i + 1) * k] / sums[:, 2 * k :] for i in (0, 1))
                one, two = (np.ptp(rate @ shares[:, used].T, axis=1) for rate in rates)
            return np.asarray(one - two, np.float64)

        return estimate(float(apart(rows.sum(axis=0)[None])[0]), apart(self._sums(rows)))

    def ratio(self, over: Floats, under: Floats) -> Estimate:
        """The sum of (n,) values over that of others; NaN where those are none."""
        whole = float(under.sum())
        if not whole:
            return Estimate(np.nan, np.nan, np.nan)
        sums = self._sums(np.column_stack([over, under]))
        return estimate(float(over.sum()) / whole, sums[:, 0] / sums[:, 1])

    def _doubt(self, sums: Floats, lowest: float, scale: float) -> None:
        """Add about a group's worth of rows of either extreme: of two models that never differed
        in 24 images nobody knows that they never do."""
        k = sums.shape[1] // 2
        added = resampling.drawn_doubt(sums.shape, self.group, doubt=scale / 2, seed=self.seed)
        high, low = added[:, :k], added[:, k:]
        sums[:, :k] += high + lowest * low
        sums[:, k:] += high + low

    def _sums(self, rows: Floats) -> Floats:
        return resampling.drawn_sums(rows, self.group, draws=self.draws, seed=self.seed)


def _tail(comparisons: int) -> float:
    """What each end of an interval leaves out where so many hold together (Bonferroni)."""
    return (1 - LEVEL) / 2 / comparisons


def share(
    hit: NDArray[np.bool_],
    group: NDArray[np.int64],
    *,
    draws: int = resampling.DRAWS,
    seed: int = 0,
) -> Estimate:
    """The share of rows that are hits, with Jeffreys' doubt.

    Args:
        hit: (n,) whether a row counts.
        group: (n,) from `resampling.group_numbers`, of these rows or of more.
        draws, seed: as for `resampling.weights`.
    """
    if not len(hit):
        return Estimate(np.nan, np.nan, np.nan)
    group = np.unique(group, return_inverse=True)[1]
    if int(group.max()) + 1 == len(hit):
        return _jeffreys(int(hit.sum()), len(hit))
    return GroupDraws(group, draws, seed).mean(hit.astype(np.float64))


def _jeffreys(hits: int, n: int) -> Estimate:
    """What the draws come to where every row is a group: the quantiles of Beta(1/2 + hits, ...)."""
    from scipy.stats import beta

    tail = (1 - LEVEL) / 2
    low, high = beta.ppf([tail, 1 - tail], hits + 0.5, n - hits + 0.5)
    return estimate(hits / n, np.array([low, high]), tail=0.0)


def estimate(value: float, drawn: Floats, *, tail: float = (1 - LEVEL) / 2) -> Estimate:
    """The draws without a tail at each end, stretched to hold the value itself.

    It needs stretching at the ends only: of no errors in n the posterior knows better than 0.
    """
    known = drawn[np.isfinite(drawn)]
    if not known.size or not np.isfinite(value):
        return Estimate(value, np.nan, np.nan)
    low, high = np.quantile(known, [tail, 1 - tail])
    return Estimate(value, float(min(low, value)), float(max(high, value)))
