"""Do two pictures show the same, though grey levels were changed and edges cut off?

One is laid over the other (shift and stretch along both axes, by least squares: Lucas and Kanade
1981), then small windows are correlated one by one. A window forgets brightness and contrast, so
that brightening, another grey-level window, sharpening and blurring matter little, while anatomy
that differs, such as the next slice of the same head, matters everywhere.

What it does not know: where the pictures come from, which of them are worth comparing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter

# On the labelled set (1,828 slices whose source slice is known), different slices reach 0.945,
# slices of different patients 0.871; copies that no correlation finds begin at 0.94.
ALTERED = 0.955
# Below this at a quarter of the resolution there is no need to look closer (copies begin at 0.90).
_WORTH_A_LOOK = 0.88
_FARTHEST = 0.25
_WINDOW = 9
_COARSE_WINDOW = 5
# Added to the product of two windows' variances: below it they hold noise only.
_NOISE = 4.0

Pictures = NDArray[np.float32]


@dataclass(frozen=True)
class Fit:
    """How one picture lies over another, for each of n pairs.

    Attributes:
        likeness: (n,) mean correlation of the windows, weighted by contrast, -1 to 1; low values
            are rough.
        change: (n, 4) stretch in y and x (0 is none), shift in y and x (half the picture is 1).
    """

    likeness: NDArray[np.float32]
    change: NDArray[np.float32]


def compare(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Fit:
    """Lay each second picture over its first one and compare them.

    Args:
        first, second: (n, side, side) uint8; side divides by four.
    """
    a, b = _root(first), _root(second)
    small_a, small_b = _halved(_halved(a)), _halved(_halved(b))
    change = _aligned(small_a, small_b, np.zeros((len(a), 4), np.float32), steps=4)
    likeness = _window_correlation(small_a, *_moved(small_b, change), window=_COARSE_WINDOW)
    near = np.flatnonzero(likeness > _WORTH_A_LOOK)
    if len(near):
        a, b = a[near], b[near]
        change[near] = _aligned(_halved(a), _halved(b), change[near], steps=5)
        moved, valid = _moved(_smooth(b), change[near])
        likeness[near] = _window_correlation(_smooth(a), moved, valid, window=_WINDOW)
    return Fit(likeness=likeness, change=change)


def _root(pixels: NDArray[np.uint8]) -> Pictures:
    """Square root, 0 to 255 again: dark tissue counts as much as bright rims."""
    return np.sqrt(pixels.astype(np.float32) * 255)


def _halved(pictures: Pictures) -> Pictures:
    rows = pictures[:, ::2] + pictures[:, 1::2]
    return np.asarray((rows[:, :, ::2] + rows[:, :, 1::2]) / 4, np.float32)


def _smooth(pictures: Pictures) -> Pictures:
    return np.asarray(gaussian_filter(pictures, (0, 1, 1)))


def _aligned(first: Pictures, second: Pictures, change: Pictures, *, steps: int) -> Pictures:
    """Gauss-Newton steps on stretch and shift, with gain and offset free in each."""
    side = first.shape[1]
    along = _centred(side)
    y, x = along[:, None], along[None, :]
    slope_y = np.gradient(second, axis=1) * (side / 2)
    slope_x = np.gradient(second, axis=2) * (side / 2)
    for _ in range(steps):
        rows, columns, valid = _grids(change, side)
        moved = rows @ second @ columns
        down, across = rows @ slope_y @ columns, rows @ slope_x @ columns
        ones = np.ones_like(moved)
        parts = np.stack([down * y, across * x, down, across, moved, ones], axis=-1)
        matrix = (parts * valid[..., None]).reshape(len(first), side * side, 6)
        normal = matrix.transpose(0, 2, 1) @ matrix
        # A picture without slopes has no best place: a little weight keeps it where it is.
        weight = np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.float32(1e-7) + 1e-6
        right = matrix.transpose(0, 2, 1) @ (first * valid).reshape(len(first), -1, 1)
        solved = np.linalg.solve(normal + weight * np.eye(6, dtype=np.float32), right)[..., 0]
        gain = np.maximum(solved[:, 4:5], 0.2)
        step = np.clip(solved[:, :4] / gain, -0.05, 0.05)
        change = np.clip(change + step, -_FARTHEST, _FARTHEST).astype(np.float32)
    return change


def _moved(pictures: Pictures, change: Pictures) -> tuple[Pictures, NDArray[np.bool_]]:
    """The pictures after a change, and which pixels lie within the picture."""
    rows, columns, valid = _grids(change, pictures.shape[1])
    return np.asarray(rows @ pictures @ columns, np.float32), valid


def _grids(change: Pictures, side: int) -> tuple[Pictures, Pictures, NDArray[np.bool_]]:
    """Two matrices a pair: rows @ picture @ columns is the picture changed, linearly between
    pixels; and which pixels lie within the picture."""
    rows, valid_rows = _interpolation(change[:, 0], change[:, 2], side)
    columns, valid_columns = _interpolation(change[:, 1], change[:, 3], side)
    return rows, columns.transpose(0, 2, 1), valid_rows[:, :, None] & valid_columns[:, None, :]


def _interpolation(
    stretch: Pictures, shift: Pictures, side: int
) -> tuple[Pictures, NDArray[np.bool_]]:
    """(n, side, side) weights of source pixels in target pixels, and (n, side) which are within."""
    place = _centred(side) * (1 + stretch[:, None]) + shift[:, None]
    place = (place + 1) / 2 * side - 0.5
    valid = (place >= 0) & (place <= side - 1)
    place = np.clip(place, 0, side - 1)
    below = np.minimum(place.astype(np.int64), side - 2)
    weights = np.zeros((len(place), side, side), np.float32)
    pair, target = np.ogrid[: len(place), :side]
    weights[pair, target, below] = 1 - (place - below)
    weights[pair, target, below + 1] = place - below
    return weights, valid


def _centred(side: int) -> NDArray[np.float32]:
    """Middles of the pixels, -1 to 1."""
    return ((np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1).astype(np.float32)


def _window_correlation(
    first: Pictures, second: Pictures, valid: NDArray[np.bool_], *, window: int
) -> NDArray[np.float32]:
    """Mean over the windows, weighted by their contrast, of the correlation within each."""

    def mean(pictures: Pictures) -> Pictures:
        return np.asarray(uniform_filter(pictures, (0, window, window)))

    mean_a, mean_b = mean(first), mean(second)
    spread_a = np.maximum(mean(first * first) - mean_a**2, 0)
    spread_b = np.maximum(mean(second * second) - mean_b**2, 0)
    both = mean(first * second) - mean_a * mean_b
    correlation = both / np.sqrt(spread_a * spread_b + _NOISE)
    weight = np.sqrt(np.sqrt(spread_a * spread_b)) * valid
    total = np.maximum(weight.sum(axis=(1, 2)), 1e-6)
    return np.asarray((correlation * weight).sum(axis=(1, 2)) / total, np.float32)
