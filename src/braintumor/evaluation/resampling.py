"""Groups drawn anew, or swapped between two models, as matrix products: no loop over rows.

A table enters as sums by group; a draw is a weight for every group; all that a score needs of a
block of draws is one product. There are two kinds of draws. Whole numbers, as often as a group is
drawn with replacement (`bootstrap`), give every score its variance; they keep tables sparse.
Exponential weights (`weights`, `drawn_sums`; the Bayesian bootstrap, Rubin 1981) give shares whose
interval can carry a little doubt about what was never seen (`drawn_doubt`). Knows no score and no
interval. The draws depend on seed and number of groups alone, whatever the number of processors, so
that two models of the same rows meet the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from braintumor.processor import cores

if TYPE_CHECKING:
    from braintumor.evaluation.predictions import Predictions

Floats = NDArray[np.float64]
# (sums, draws of the block) -> (scores, draws of the block)
Statistic = Callable[[NDArray[np.float32]], Floats]
DRAWS = 2000
# A block's weights fill the processor's cache, not the memory.
_BLOCK_WEIGHTS, _SMALLEST_BLOCK, _LARGEST_BLOCK = 4_000_000, 16, 128
_MOST_THREADS = 4
# Exponential weights held at a time, so that a million rows do not need gigabytes; and the most
# groups that they are drawn for, more being bundled.
_AT_ONCE, _MOST_GROUPS = 8_000_000, 4_000


def group_codes(groups: ArrayLike | None, n: int) -> NDArray[np.int64]:
    """(n,) number of each row's group, 0 to G - 1; a row of unknown group ("") is its own group.

    Args:
        groups: n names; None where none is known.
        n: number of rows.
    """
    if groups is None:
        return np.arange(n)
    import pandas as pd

    names = np.array(groups, dtype=object)
    names[names == ""] = None
    codes, known = pd.factorize(names)
    blank = codes < 0
    codes[blank] = len(known) + np.arange(int(blank.sum()))
    return np.asarray(codes, np.int64)


def group_numbers(predictions: Predictions) -> NDArray[np.int64]:
    """(n,) number of each row's group, 0 to G - 1; a row of unknown group is one of its own."""
    return group_codes(predictions.frame["group"].to_numpy(object), len(predictions))


def bootstrap(sums: Any, statistic: Statistic, *, draws: int = DRAWS, seed: int = 0) -> Floats:
    """Scores of groups drawn with replacement (Field & Welsh 2007: the cluster bootstrap).

    Args:
        sums: (C, G) scipy.sparse CSR matrix, float32: what each group adds to each sum.
        statistic: scores from the sums of some draws.
        draws, seed: how many draws, and of which stream.

    Returns:
        (M, draws).
    """
    groups = sums.shape[1]

    def one(rng: np.random.Generator, size: int) -> Floats:
        return statistic(sums @ _multinomial(rng, groups, size))

    return _in_blocks(one, groups, draws, seed)


def permute(
    first: Any, second: Any, statistic: Statistic, *, draws: int = DRAWS, seed: int = 0
) -> Floats:
    """Differences of scores, first - second, with the two models swapped in groups at random.

    Under "the models are alike" each group's pair of predictions may as well be exchanged (Pesarin
    & Salmaso 2010); groups are swapped whole, so that what slices of a patient share stays.

    Args:
        first, second: (C, G) sums by group of the two models, the same sums in both.
        statistic, draws, seed: as for `bootstrap`.
    """
    groups = first.shape[1]
    apart = (first - second).tocsr()
    one_way = np.asarray(second.sum(axis=1), np.float32)
    both = np.asarray((first + second).sum(axis=1), np.float32)

    def one(rng: np.random.Generator, size: int) -> Floats:
        swapped = rng.integers(0, 2, (groups, size), dtype=np.int8).astype(np.float32)
        mixed = one_way + apart @ swapped
        return statistic(mixed) - statistic(both - mixed)

    return _in_blocks(one, groups, draws, seed)


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


def _in_few(group: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Groups dealt at random into at most `_MOST_GROUPS` bundles, which cost less and keep the
    spread of any ratio of sums (random groups; Wolter 2007, Introduction to variance
    estimation)."""
    count = int(group.max()) + 1 if len(group) else 0
    if count <= _MOST_GROUPS:
        return group
    dealt = np.random.default_rng([seed, 2]).permutation(count) % _MOST_GROUPS
    return np.asarray(dealt[group], np.int64)


def _multinomial(rng: np.random.Generator, groups: int, size: int) -> NDArray[np.float32]:
    """(groups, size) how often each group is drawn, `groups` draws a column."""
    counts = np.empty((size, groups), np.float32)
    for row in counts:
        row[:] = np.bincount(rng.integers(0, groups, groups), minlength=groups)
    return np.ascontiguousarray(counts.T)


def _in_blocks(
    one: Callable[[np.random.Generator, int], Floats], groups: int, draws: int, seed: int
) -> Floats:
    """Blocks of draws, each with its own stream, on a few threads."""
    size = int(np.clip(_BLOCK_WEIGHTS // max(groups, 1), _SMALLEST_BLOCK, _LARGEST_BLOCK))
    sizes = [min(size, draws - start) for start in range(0, draws, size)]
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(len(sizes))]
    if groups * draws < 1_000_000:
        return np.concatenate([one(*each) for each in zip(streams, sizes, strict=True)], axis=1)
    with ThreadPoolExecutor(min(cores(), _MOST_THREADS)) as pool:
        return np.concatenate(list(pool.map(one, streams, sizes)), axis=1)
