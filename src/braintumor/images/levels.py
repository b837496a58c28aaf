"""Percentiles and box means of a slice: NumPy's and Pillow's answers, at a fraction of their cost.

A slice of 8 bits has 256 levels, so that counting them says all about its percentiles; and where a
side shrinks by a whole number, a mean over boxes is a sum of a few rows. Knows arrays only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def extremes(values: NDArray[Any]) -> tuple[Any, Any]:
    """The smallest and the largest value that are finite; not a number where there are none."""
    finite = values if values.dtype.kind in "iu" else values[np.isfinite(values)]
    return (finite.min(), finite.max()) if finite.size else (np.nan, np.nan)


def percentiles(values: NDArray[Any], shares: Sequence[float]) -> NDArray[np.float64]:
    """Percentiles, linear between neighbours, as `np.percentile` gives them.

    Args:
        values: of any shape, not empty.
        shares: 0 to 100.
    """
    place = np.asarray(shares, np.float64) / 100 * (values.size - 1)
    low, share = np.floor(place).astype(np.intp), place % 1
    high = np.minimum(low + 1, values.size - 1)
    if values.dtype == np.uint8:
        upto = np.cumsum(np.bincount(values.ravel(), minlength=256))
        first, second = (np.searchsorted(upto, one, side="right") for one in (low, high))
    else:
        some = np.partition(values.ravel(), np.concatenate([low, high]))
        first, second = some[low], some[high]
    # From the nearer neighbour, as NumPy does it, so that no digit differs.
    step = second - first
    return np.where(share < 0.5, first + step * share, second - step * (1 - share))


def box_means(grey: NDArray[Any], rows: int, columns: int) -> NDArray[np.float32]:
    """A slice made smaller, each pixel the mean of the box that it stands for.

    Args:
        grey: (height, width) uint8 or finite float32.
        rows, columns: of the result; a side that is no multiple is resampled by Pillow's box.

    Returns:
        (rows, columns) float32.
    """
    height, width = grey.shape
    down, across = height // rows, width // columns
    even = (height, width) == (rows * down, columns * across)
    # Sums of so many bytes stay below 2^16.
    if grey.dtype != np.uint8 or not even or not down * across <= 256:
        return np.asarray(float_picture(grey).resize((columns, rows), Image.Resampling.BOX))
    tall = sum((grey[k::down] for k in range(1, down)), grey[::down].astype(np.uint16))
    sums = sum((tall[:, k::across] for k in range(1, across)), tall[:, ::across])
    return np.asarray(sums, np.float32) / np.float32(down * across)


def float_picture(grey: NDArray[Any]) -> Image.Image:
    """A slice (height, width) of any real type as a picture of floats, to resample.

    Pillow makes floats of bytes in memory that it keeps; NumPy would in fresh memory each time,
    which could take twice as long as the resampling itself.
    """
    if grey.dtype == np.uint8:
        return Image.fromarray(grey).convert("F")
    return Image.fromarray(np.asarray(grey, np.float32))
