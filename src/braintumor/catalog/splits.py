"""Who trains, who chooses, who judges: seeded, stratified splits.

Files with the same bytes always fall on one side. The split depends on the images and the seed
only, not on names, order or folder.

What it does not know: files, patients, near copies (those come with the audit).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

VALID_SHARE = 0.15
TEST_SHARE = 0.15


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
