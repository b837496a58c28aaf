"""Who trains, who chooses, who judges: seeded, stratified splits.

`stratified` splits single images, `grouped` whole groups. Files with the same bytes always fall on
one side. The split depends on the images, their groups and the seed only, not on names of files,
order or folder.

What it does not know: files, patients, copies; how the groups were found (`catalog.groups`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

VALID_SHARE = 0.15
TEST_SHARE = 0.15
# Draws of which the best balanced is taken, and groups beyond which fewer draws are enough.
_DRAWS = 20
_MANY = 50_000


def stratified(
    labels: Sequence[int], units: Sequence[str], *, shares: Mapping[str, float], seed: int
) -> list[str]:
    """Give each row a split, so that every class has the same shares.

    Args:
        labels: class index of each row, 0 to 3.
        units: rows with the same unit stay together (a file's hash); a unit's class is that of
            its first row.
        shares: split -> share of each class's units, 0 to 1; the rest is `train`. A class with
            three units or more has at least one in each split.
        seed: of the draw.

    Returns:
        A split name for each row.
    """
    label_of: dict[str, int] = {}
    for label, unit in zip(labels, units, strict=True):
        label_of.setdefault(unit, label)
    split_of: dict[str, str] = {}
    for label in sorted(set(label_of.values())):
        members = sorted(unit for unit, of in label_of.items() if of == label)
        # One stream a class: what happens to one class leaves the others alone.
        order = np.random.default_rng([seed, label]).permutation(len(members))
        start = 0
        for split, share in shares.items():
            count = _count(len(members), share, splits=len(shares) + 1)
            for index in order[start : start + count]:
                split_of[members[index]] = split
            start += count
    return [split_of.get(unit, "train") for unit in units]


def _count(units: int, share: float, *, splits: int) -> int:
    wanted = round(share * units)
    return max(wanted, 1) if units >= splits else min(wanted, max(units - 1, 0))


def grouped(
    labels: Sequence[int], groups: Sequence[str], *, shares: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Give each row a side, so that no group is on two and every class is shared alike.

    Groups are placed one after another, in an order drawn by the seed, each where its images are
    missed most; of several draws the one that comes nearest to the shares is taken. A class with
    as many groups as there are sides or more has images on every side, unless groups of several
    classes make that impossible.

    Args:
        labels: class index of each row, 0 or more.
        groups: of each row, none empty.
        shares: of each class's images for each side, adding up to 1.
        seed: of the draws.

    Returns:
        (n,) side of each row, 0 to len(shares) - 1; the order of the rows makes no difference.
    """
    names, group_of = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    counts = np.zeros((len(names), max(labels, default=0) + 1))
    np.add.at(counts, (group_of, np.asarray(labels, dtype=np.int64)), 1)
    counts = counts[:, counts.sum(axis=0) > 0]
    wanted = np.asarray(shares, dtype=float)
    best, least = np.zeros(len(names), np.int64), np.inf
    for draw in range(min(_DRAWS, 1 + _MANY // max(len(names), 1))):
        order = np.random.default_rng([seed, draw]).permutation(len(names))
        sides, cost = _place(counts, order, wanted)
        if cost < least - 1e-12:
            best, least = sides, cost
    return best[group_of]


def _place(
    counts: NDArray[np.float64], order: NDArray[np.int64], wanted: NDArray[np.float64]
) -> tuple[NDArray[np.int64], float]:
    """The side of each group, and how far the class shares are from those wanted.

    The cost is chi-squared: over sides and classes, (share - wanted)^2 / wanted.
    """
    parts = counts / counts.sum(axis=0)
    have = np.zeros((len(wanted), counts.shape[1]))
    left = (counts > 0).sum(axis=0)
    sides = np.zeros(len(counts), np.int64)
    for group in order:
        part = parts[group]
        inside = part > 0
        cost = (part * (part + 2 * (have - wanted[:, None]))).sum(axis=1) / wanted
        # A class that would otherwise miss a side goes there, while there are groups of it.
        empty = (have == 0) & inside
        urgent = empty & (empty.sum(axis=0) >= left)
        if urgent.any():
            cost = np.where(urgent.any(axis=1), cost, np.inf)
        side = int(np.argmin(cost))
        sides[group] = side
        have[side] += part
        left -= inside
    return sides, float((((have - wanted[:, None]) ** 2).sum(axis=1) / wanted).sum())


def missing_labels(
    labels: Sequence[str], sides: NDArray[np.int64], count: int
) -> list[tuple[str, ...]]:
    """The classes, of those that there are, that each side has no row of.

    Args:
        labels: class of each row.
        sides: (n,) side of each row, 0 to count - 1.
        count: of the sides.

    Returns:
        `count` tuples, in the order of the sides; the names in the order of the alphabet.
    """
    present = set(zip(sides.tolist(), labels, strict=True))
    names = sorted(set(labels))
    return [tuple(name for name in names if (side, name) not in present) for side in range(count)]


def told_miss(table: pd.DataFrame, shares: Mapping[str, float], seed: int) -> str:
    """One sentence on how near a grouped split comes to the shares wanted."""
    counts = pd.crosstab(table["label"], table["split"]).reindex(columns=list(shares), fill_value=0)
    misses = counts.div(counts.sum(axis=1), axis=0) - pd.Series(shares)
    label, split = misses.abs().stack().idxmax()
    wanted = ", ".join(f"{share:.0%} {name}" for name, share in shares.items())
    return (
        f"Split by group with seed {seed}: {table['group'].nunique()} groups, each on one side; "
        f"the class shares miss {wanted} by at most {abs(misses.loc[label, split]):.1%} "
        f"({label} in {split})."
    )
