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
    runs = _Runs(mask)
    if not len(runs.rows):
        return None
    names = runs.joined(reach=1)
    sizes = np.bincount(names, runs.stops - runs.starts)
    return runs.painted(names == int(np.argmax(sizes)))


def holes_filled(mask: Mask) -> Mask:
    """The mask with every hole closed: what is not joined, by sides, to the picture's rim."""
    runs = _Runs(~mask)
    if not len(runs.rows):
        return np.ones_like(mask)
    names = runs.joined(reach=0)
    height, width = mask.shape
    rim = (runs.rows == 0) | (runs.rows == height - 1) | (runs.starts == 0) | (runs.stops == width)
    outside = np.zeros(len(names), bool)
    outside[names[rim]] = True
    return ~runs.painted(outside[names])


def _both_neighbours(mask: Mask, axis: int, join: np.ufunc) -> Mask:
    """Each pixel joined with its two neighbours along an axis."""
    before, after = np.zeros_like(mask), np.zeros_like(mask)
    towards, away = [slice(None)] * 2, [slice(None)] * 2
    towards[axis], away[axis] = slice(1, None), slice(None, -1)
    before[tuple(towards)], after[tuple(away)] = mask[tuple(away)], mask[tuple(towards)]
    return np.asarray(join(join(before, mask), after))


class _Runs:
    """The pixels of a mask as runs along its rows, in reading order.

    Attributes:
        rows, starts, stops: of each run; half-open.
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        self.rows, self.starts = np.nonzero(edges == 1)
        self.stops = np.nonzero(edges == -1)[1]

    def joined(self, *, reach: int) -> NDArray[np.intp]:
        """For each run the first one of its component.

        Runs of neighbouring rows that share a column, or nearly, by `reach` pixels, are joined;
        each set is named after its first run (union-find).
        """
        parent = list(range(len(self.rows)))
        for above, below in self._touching(reach):
            while parent[above] != above:
                parent[above] = above = parent[parent[above]]
            while parent[below] != below:
                parent[below] = below = parent[parent[below]]
            if above < below:
                parent[below] = above
            else:
                parent[above] = below
        for run, first in enumerate(parent):  # a parent comes before its run: it is done already
            parent[run] = parent[first]
        return np.array(parent, np.intp)

    def painted(self, chosen: Mask) -> Mask:
        """A mask of the chosen runs."""
        found = np.zeros(self._mask.shape, bool)
        found[self._mask] = np.repeat(chosen, self.stops - self.starts)
        return found

    def _touching(self, reach: int) -> Iterator[tuple[int, int]]:
        """Pairs of runs in neighbouring rows, the upper one first."""
        # One number tells row and column; rows lie so far apart that `reach` never crosses over.
        width = self._mask.shape[1] + 3
        starts, stops = self.rows * width + self.starts, self.rows * width + self.stops
        first = np.searchsorted(stops, starts - width - reach, side="right")
        last = np.searchsorted(starts, stops - width + reach, side="left")
        counts = np.maximum(last - first, 0)
        below = np.repeat(np.arange(len(counts)), counts)
        above = np.arange(len(below)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
        return zip(above.tolist(), below.tolist(), strict=True)
