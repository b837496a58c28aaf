"""Groups drawn anew, or swapped between two models, as matrix products: no loop over rows.

A table enters as sums by group, one column a group; a draw is a weight for every group; all that a
score needs of a block of draws is one sparse product. Knows no score and no table. The draws depend
on seed and number of groups alone, whatever the number of processors, so that two models of the
same rows meet the same draws.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
# (sums, draws of the block) -> (scores, draws of the block)
Statistic = Callable[[NDArray[np.float32]], Floats]
DRAWS = 2000
# A block's weights fill the processor's cache, not the memory.
_BLOCK_WEIGHTS, _SMALLEST_BLOCK, _LARGEST_BLOCK = 4_000_000, 16, 128
_MOST_THREADS = 4


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
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS)) as pool:
        return np.concatenate(list(pool.map(one, streams, sizes)), axis=1)
