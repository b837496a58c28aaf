"""Intervals of shares and sums when patients, not slices, are the units.

The Bayesian bootstrap (Rubin 1981) over groups: every group gets a random weight from Exp(1), and
the share is computed anew. Unlike the plain bootstrap it can carry a little doubt about what was
never seen: with `doubt` in each cell, no false alarm among sixty slices is not taken for "false
alarms cannot happen", which matters wherever a small share is multiplied by a large class. With
one slice a group and doubts of one half the draws are those of Jeffreys' Beta posterior.

Knows arrays only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from braintumor.evaluation.resampling import group_codes

if TYPE_CHECKING:
    from braintumor.evaluation.predictions import Predictions

Floats = NDArray[np.float64]
DRAWS = 2000
LEVEL = 0.95
# Weights held at a time, so that a million rows do not need gigabytes.
_AT_ONCE = 8_000_000
# More groups than this are bundled.
_MOST_GROUPS = 4_000


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; all NaN where the rows do not define it."""

    value: float
    low: float
    high: float


def group_numbers(predictions: Predictions) -> NDArray[np.int64]:
    """(n,) number of each row's group, 0 to G - 1; a row of unknown group is one of its own."""
    return group_codes(predictions.frame["group"].to_numpy(object), len(predictions))


def weights(
    groups: int, *, draws: int = DRAWS, seed: int = 0, of_rows: int = 0
) -> Iterator[Floats]:
    """Blocks of weights, (b, groups), of `draws` rows in all; each weight is Exp(1).

    Args:
        groups: how many there are.
        draws: how many redrawings.
        seed: the same seed gives the same weights, so that differences are paired.
        of_rows: how many rows a user spreads each draw over, where that is more.
    """
    rng = np.random.default_rng(seed)
    step = max(1, min(draws, _AT_ONCE // max(groups, of_rows, 1)))
    for start in range(0, draws, step):
        yield rng.standard_exponential((min(step, draws - start), groups))


def drawn_sums(
    values: Floats, group: NDArray[np.int64], *, draws: int = DRAWS, seed: int = 0
) -> Floats:
    """(draws, m) sums of (n, m) values over rows, each group weighted at random.

    Args:
        values: (n, m) what each row adds.
        group: (n,) from `group_numbers`.
        draws, seed: as for `weights`.
    """
    group = _in_few(group, seed)
    count = int(group.max()) + 1 if len(group) else 0
    by_group = np.column_stack(
        [np.bincount(group, weights=column, minlength=count) for column in values.T]
    )
    return np.concatenate([block @ by_group for block in weights(count, draws=draws, seed=seed)])


def drawn_doubt(
    shape: tuple[int, ...], group: NDArray[np.int64], *, doubt: float, seed: int = 0
) -> Floats:
    """Random counts to be added to drawn sums: Gamma(doubt), in units of a mean group.

    Args:
        shape: of the sums; its first axis is the draws.
        group: (n,) from `group_numbers`.
        doubt: how many groups' worth each cell gets on average: 1/2 where a share has two cells
            (Jeffreys), 1/4 where it has four (Perks 1947).
        seed: as for `weights`.
    """
    size = len(group) / (int(group.max()) + 1) if len(group) else 1.0
    return np.random.default_rng([seed, 1]).gamma(doubt, size=shape) * size


def share(
    hit: NDArray[np.bool_], group: NDArray[np.int64], *, draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """The share of rows that are hits, with Jeffreys' doubt.

    Args:
        hit: (n,) whether a row counts.
        group: (n,) from `group_numbers`, of these rows or of more.
        draws, seed: as for `weights`.
    """
    if not len(hit):
        return Estimate(np.nan, np.nan, np.nan)
    group = np.unique(group, return_inverse=True)[1]
    if int(group.max()) + 1 == len(hit):
        return _jeffreys(int(hit.sum()), len(hit))
    cells = np.column_stack([hit, ~hit]).astype(np.float64)
    sums = drawn_sums(cells, group, draws=draws, seed=seed)
    sums += drawn_doubt(sums.shape, group, doubt=0.5, seed=seed)
    return estimate(float(hit.mean()), sums[:, 0] / sums.sum(axis=1))


def _jeffreys(hits: int, n: int) -> Estimate:
    """What the draws come to where every row is a group: the quantiles of Beta(1/2 + hits, ...)."""
    from scipy.stats import beta

    tail = (1 - LEVEL) / 2
    low, high = beta.ppf([tail, 1 - tail], hits + 0.5, n - hits + 0.5)
    return estimate(hits / n, np.array([low, high]), tail=0.0)


def _in_few(group: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Groups dealt at random into at most `_MOST_GROUPS` bundles, which cost less and keep the
    spread of any ratio of sums (random groups; Wolter 2007, Introduction to variance
    estimation)."""
    count = int(group.max()) + 1 if len(group) else 0
    if count <= _MOST_GROUPS:
        return group
    dealt = np.random.default_rng([seed, 2]).permutation(count) % _MOST_GROUPS
    return np.asarray(dealt[group], np.int64)


def estimate(value: float, drawn: Floats, *, tail: float = (1 - LEVEL) / 2) -> Estimate:
    """The draws without a tail at each end, stretched to hold the value itself.

    It needs stretching at the ends only: of no errors in n the posterior knows better than 0.
    """
    known = drawn[np.isfinite(drawn)]
    if not known.size or not np.isfinite(value):
        return Estimate(value, np.nan, np.nan)
    low, high = np.quantile(known, [tail, 1 - tail])
    return Estimate(value, float(min(low, value)), float(max(high, value)))
