"""Copies: images that show the same picture, whatever was done to it since.

Exact copies have the same decoded pixels. Near copies correlate above 0.99 (Pearson) as grey
thumbnails of 64 x 64 in one of the eight orientations: resized, re-compressed, mirrored, turned.
Different slices of one patient reach 0.987 there.

What it does not know: names, classes, splits, patients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from braintumor.catalog.thumbnails import Thumbnails

NEAR = 0.99
Kind = Literal["exact", "near", "altered"]
# How one picture becomes the other: mirrored left-right, then turned counter-clockwise so often.
_TURNS: dict[str, tuple[bool, int]] = {
    "upright": (False, 0),
    "mirrored": (True, 0),
    "turned_90": (False, 1),
    "turned_180": (False, 2),
    "turned_270": (False, 3),
    "mirrored_turned_90": (True, 1),
    "mirrored_turned_180": (True, 2),
    "mirrored_turned_270": (True, 3),
}
ORIENTATIONS: tuple[str, ...] = tuple(_TURNS)
# Of a class of exact copies, so many are paired each with each; of more, all with the first.
_ALL_PAIRS_UP_TO = 32
_BLOCK = 1024


class Copy(NamedTuple):
    """Two rows that show the same picture.

    Attributes:
        first, second: rows, first < second.
        correlation: Pearson's, of the 64 x 64 thumbnails in that orientation, -1 to 1.
        orientation: how to turn the first to get the second: the first of `ORIENTATIONS` that
            makes them alike.
        kind: "exact" (the same pixels, in whatever container), "near" (correlation above
            `NEAR`) or "altered" (grey levels changed or slightly cropped).
    """

    first: int
    second: int
    correlation: float
    orientation: str
    kind: Kind


def oriented(pictures: NDArray[Any], orientation: str) -> NDArray[Any]:
    """(..., side, side) pictures, each brought to an orientation; a view where possible."""
    mirrored, turns = _TURNS[orientation]
    return np.rot90(pictures[..., ::-1] if mirrored else pictures, turns, axes=(-2, -1))


def find_copies(thumbnails: Thumbnails) -> tuple[Copy, ...]:
    """All pairs of copies, in order of their rows; blank pictures are nobody's copies.

    Args:
        thumbnails: of all images.
    """
    pixels = thumbnails.pixels
    rows = np.flatnonzero(pixels.reshape(len(pixels), -1).std(axis=1) > 0)
    flat = _standardised(pixels[rows])
    best: dict[tuple[int, int], Copy] = {}
    for orientation in ORIENTATIONS:
        other = _standardised(oriented(pixels[rows], orientation))
        for start in range(0, len(rows), _BLOCK):
            block = flat[start : start + _BLOCK] @ other.T
            for j, i in zip(*np.nonzero(block > NEAR), strict=True):
                first, second = int(rows[i]), int(rows[start + j])
                value = float(block[j, i])
                if first < second and (first, second) not in best:
                    same = np.array_equal(thumbnails.hashes[first], thumbnails.hashes[second])
                    kind: Kind = "exact" if same else "near"
                    best[first, second] = Copy(first, second, value, orientation, kind)
    return tuple(best[key] for key in sorted(best))


def rows_with_copy(
    copies: Sequence[Copy],
    of: NDArray[np.bool_],
    among: NDArray[np.bool_],
    *,
    where: Callable[[Copy], bool] = lambda copy: True,
) -> NDArray[np.bool_]:
    """Which rows of one kind have a copy among the rows of another kind.

    Args:
        copies: the pairs.
        of, among: (n,) masks of rows.
        where: which pairs count.

    Returns:
        (n,) mask, a part of `of`.
    """
    found = np.zeros(len(of), bool)
    for copy in copies:
        if where(copy):
            for row, other in ((copy.first, copy.second), (copy.second, copy.first)):
                found[row] |= bool(of[row] and among[other])
    return found


def _standardised(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, side * side) float32 rows of mean 0 and length 1, so that a product is a correlation."""
    flat = np.ascontiguousarray(pictures).reshape(len(pictures), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(length, 1e-6), np.float32)
