"""Connected components of small masks, in plain NumPy.

The same answers as `scipy.ndimage` on which the preparation was first built (a test holds one
against the other), without its import, which alone takes half of the time in which a picture is
classified. Masks of a few hundred pixels a side; larger ones work, more slowly.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def opened(mask: Mask) -> Mask:
    """The mask without what is thinner than 3 pixels: eroded, then dilated, by a 3 x 3 square.

    What lies outside the picture counts as empty.
    """
    # What a 3 x 3 square clears, it does one axis at a time.
    for axis in (0, 1):
        mask = _both_neighbours(mask, axis, np.logical_and)
    for axis in (0, 1):
        mask = _both_neighbours(mask, axis, np.logical_or)
    return mask


def largest_component(mask: Mask) -> Mask | None:
    """The largest component, diagonal neighbours joined; the first in reading order of equals.

    Returns:
        A mask of the same shape, or None where the mask is empty.
    """
    labels = _labels(mask, diagonal=True)
    sizes = np.bincount(labels.ravel())[1:]
    return None if sizes.size == 0 else labels == 1 + int(np.argmax(sizes))


def holes_filled(mask: Mask) -> Mask:
    """The mask with every hole closed: what is not joined, by sides, to the picture's rim."""
    labels = _labels(~mask, diagonal=False)
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    outside = np.zeros(labels.max() + 1, bool)
    outside[rim] = True
    outside[0] = False
    return ~outside[labels]


def _both_neighbours(mask: Mask, axis: int, join: np.ufunc) -> Mask:
    """Each pixel joined with its two neighbours along an axis."""
    before, after = np.zeros_like(mask), np.zeros_like(mask)
    towards, away = [slice(None)] * 2, [slice(None)] * 2
    towards[axis], away[axis] = slice(1, None), slice(None, -1)
    before[tuple(towards)], after[tuple(away)] = mask[tuple(away)], mask[tuple(towards)]
    return np.asarray(join(join(before, mask), after))


def _labels(mask: Mask, *, diagonal: bool) -> NDArray[np.int64]:
    """Number the components from 1 in reading order of their first pixels; 0 is empty.

    Rows are cut into runs of pixels; runs that touch those of the row above are joined, each
    set being named after its first run (union-find).
    """
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    stops = np.nonzero(edges == -1)[1]
    parent = list(range(len(rows)))

    def first(run: int) -> int:
        while parent[run] != run:
            parent[run] = parent[parent[run]]
            run = parent[run]
        return run

    for above, below in _touching(rows, starts, stops, int(diagonal)):
        one, other = sorted((first(above), first(below)))
        parent[other] = one
    names = np.array([first(run) for run in range(len(rows))], np.int64)
    numbers = np.unique(names, return_inverse=True)[1] + 1
    labels = np.zeros(mask.shape, np.int64)
    labels[mask] = np.repeat(numbers, stops - starts)
    return labels


def _touching(
    rows: NDArray[np.intp], starts: NDArray[np.intp], stops: NDArray[np.intp], reach: int
) -> Iterator[tuple[int, int]]:
    """Pairs of runs in neighbouring rows that share a column, or nearly, by `reach` pixels."""
    row, start, stop = rows.tolist(), starts.tolist(), stops.tolist()
    above = 0
    for below in range(len(row)):
        # Runs are in reading order: whatever lies before `above` ends before this run begins.
        while above < below and (
            row[above] < row[below] - 1
            or (row[above] == row[below] - 1 and stop[above] + reach <= start[below])
        ):
            above += 1
        run = above
        while run < below and row[run] == row[below] - 1 and start[run] < stop[below] + reach:
            yield run, below
            run += 1
