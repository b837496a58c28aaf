"""Thumbnails -> short descriptors that are the same for all eight orientations of a picture.

A descriptor holds the 63 lowest frequencies of the picture (an orthonormal discrete cosine
transform). Mirroring and turning a picture only change the signs of its coefficients and swap them
in pairs, so sums, differences and absolute values that no such change affects can be taken. None
of these steps brings two pictures further apart than they were: where two thumbnails correlate
above 0.99 in any orientation, `bound` says how near their descriptors must be. One search in the
place of eight therefore misses nothing.

What it does not know: how neighbours are searched, which of them are copies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

# Frequencies kept in each direction.
SIDE = 8
# How a picture becomes its other orientations: mirrored left-right, then turned counter-clockwise
# so often.
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
_BLOCK = 4096


@dataclass(frozen=True)
class Descriptors:
    """What thumbnails are searched by.

    Attributes:
        coefficients: (n, 8, 8) float32, lowest frequencies of thumbnails of mean 0 and length 1.
        length: (n,) float32, length of the coefficients: 0 to 1, how much of the picture they
            hold; 0 for a blank one.
        unoriented: (n, 63) float32 of length 1, the same for all orientations.
    """

    coefficients: NDArray[np.float32]
    length: NDArray[np.float32]
    unoriented: NDArray[np.float32]

    def of(self, rows: NDArray[np.int64]) -> Descriptors:
        """Those of some rows."""
        return Descriptors(self.coefficients[rows], self.length[rows], self.unoriented[rows])


def describe(pixels: NDArray[np.uint8]) -> Descriptors:
    """Describe (n, side, side) thumbnails."""
    parts = [_lowest(pixels[start : start + _BLOCK]) for start in range(0, len(pixels), _BLOCK)]
    coefficients = np.concatenate(parts) if parts else np.zeros((0, SIDE, SIDE), np.float32)
    length = np.sqrt((coefficients**2).sum(axis=(1, 2)))
    unoriented = _unoriented(coefficients) / np.maximum(length, 1e-6)[:, None]
    return Descriptors(coefficients, length, np.ascontiguousarray(unoriented, np.float32))


def standardised(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, side * side) float32 rows of mean 0 and length 1, so that a product is a correlation."""
    size = pictures.shape[-2] * pictures.shape[-1]
    flat = np.ascontiguousarray(pictures).reshape(len(pictures), size).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(length, 1e-6), np.float32)


def oriented(pictures: NDArray[np.uint8], orientation: str) -> NDArray[np.uint8]:
    """(..., side, side) pictures, each brought to an orientation; a view."""
    mirrored, turns = _TURNS[orientation]
    return np.rot90(pictures[..., ::-1] if mirrored else pictures, turns, axes=(-2, -1))


def inverse(orientation: str) -> str:
    """The orientation that leads back: a turn has its opposite, all else is its own."""
    return {"turned_90": "turned_270", "turned_270": "turned_90"}.get(orientation, orientation)


def oriented_coefficients(
    coefficients: NDArray[np.float32], orientation: str
) -> NDArray[np.float32]:
    """The coefficients of `oriented` pictures, from those of the pictures."""
    mirrored, turns = _TURNS[orientation]
    signs = np.float32(-1) ** np.arange(coefficients.shape[-1], dtype=np.float32)
    if mirrored:
        coefficients = coefficients * signs
    for _ in range(turns):
        coefficients = np.swapaxes(coefficients, -1, -2) * signs[:, None]
    return coefficients


def bound(correlation: float) -> float:
    """Largest squared distance of the coefficients of two thumbnails that correlate so much."""
    return 2 * (1 - correlation)


def _lowest(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    side = pixels.shape[-1]
    pictures = standardised(pixels).reshape(-1, side, side)
    return np.asarray(dctn(pictures, axes=(1, 2), norm="ortho")[:, :SIDE, :SIDE], np.float32)


def _unoriented(coefficients: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 8, 8) coefficients -> (n, 63) numbers that are the same for all eight orientations.

    With a the coefficient of u vertical and v horizontal half waves, and b that of v and u: a
    left-right mirror changes the sign of a where v is odd, an up-down mirror where u is odd, a
    transposition swaps a and b.
    """
    columns = []
    for u in range(SIDE):
        for v in range(u, SIDE):
            a, b = coefficients[:, u, v], coefficients[:, v, u]
            if u == v:
                columns += [] if u == 0 else [np.abs(a) if u % 2 else a]
                continue
            if u % 2 != v % 2:  # the mirrors change the signs one by one
                a, b = np.abs(a), np.abs(b)
            total, difference = (a + b) / np.sqrt(2), np.abs(a - b) / np.sqrt(2)
            # Both odd: either mirror changes both signs at once.
            columns += [np.abs(total) if u % 2 and v % 2 else total, difference]
    return np.stack(columns, axis=1).astype(np.float32)
