"""Grey slice -> network input: the only preparation there is, in training and in serving alike.

The head's bounding box is found, cut out and brought to one square canvas; intensities are
windowed by percentiles of the head itself. Squeezed sources (the aspect of many public sets is
lost) and faithful ones end up alike, because both axes of the head's box are stretched to the
canvas: size, border, aspect and brightness of the source say as little as possible.

This module does not know classes, labels, files or models.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from braintumor.images.components import holes_filled, largest_component, opened
from braintumor.images.levels import box_means, float_picture, percentiles

# The head is looked for on a copy of this many pixels a side: enough to place its box within
# one per cent, small enough that the search costs less than a millisecond.
_SEARCH_SIDE = 128


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Every parameter of the preparation; it travels with the model inside its card.

    Attributes:
        size: side of the square canvas, pixels.
        margin: rim kept around the head's box, as a share of the box's side.
        low, high: percentiles (0 to 100) of the head's intensities that become 0 and 255.
        head_level: share of the Otsu threshold above background at which tissue begins.
        version: of this algorithm; raised whenever the same parameters give other pixels.
    """

    size: int = 224
    margin: float = 0.02
    low: float = 1.0
    high: float = 99.5
    head_level: float = 0.5
    version: int = 1

    def __post_init__(self) -> None:
        if not 16 <= self.size <= 1024:
            raise ValueError(f"size must be between 16 and 1024 pixels, not {self.size}")
        if not 0 <= self.low < self.high <= 100:
            raise ValueError(f"percentiles must satisfy 0 <= low < high <= 100: {self}")
        if self.version != 1:
            raise ValueError(f"preparation version {self.version} is unknown to this braintumor")

    def to_dict(self) -> dict[str, Any]:
        """The parameters as plain JSON values."""
        return asdict(self)

    def key(self) -> str:
        """Short hash of all parameters, for cache names."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Box:
    """Half-open pixel box in the source slice: rows top to bottom, columns left to right."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Prepared:
    """A prepared slice and where it came from.

    Attributes:
        pixels: (size, size) uint8, 0 to 255.
        box: the part of the source that fills the canvas.
        source_shape: (height, width) of the source slice.
    """

    pixels: NDArray[np.uint8]
    box: Box
    source_shape: tuple[int, int]


def prepare(slice_: NDArray[Any], preparation: Preparation | None = None) -> Prepared:
    """Bring one grey slice of any size and value range to the network's canvas.

    Args:
        slice_: (height, width) of any real type; larger means brighter.
        preparation: parameters; the defaults where None.

    Returns:
        The prepared slice with the source box that it shows. A slice of one value gives zeros.

    Raises:
        ValueError: not two-dimensional, empty, or without a finite value.
    """
    return prepare_each(slice_, [preparation or Preparation()])[0]


def prepare_each(slice_: NDArray[Any], preparations: Sequence[Preparation]) -> tuple[Prepared, ...]:
    """One slice for several networks: the head is looked for once where they look alike.

    Args:
        slice_: as `prepare` takes it.
        preparations: the parameters of each.

    Returns:
        What `prepare` gives with each of them, in order.

    Raises:
        ValueError: as `prepare`.
    """
    grey = _eight_bits_or_float(slice_)
    found: dict[tuple[float, ...], tuple[Box, tuple[float, float]]] = {}
    prepared = []
    for one in preparations:
        look = (one.head_level, one.margin, one.low, one.high)
        if look not in found:
            mask, scale = head_mask(grey, one.head_level)
            box = _box(mask, scale, grey.shape, one.margin)
            found[look] = box, _window(grey, mask, one)
        box, (low, high) = found[look]
        pixels = _windowed(_resize(grey, box, one.size), low, high)
        prepared.append(Prepared(pixels=pixels, box=box, source_shape=grey.shape[:2]))
    return tuple(prepared)


def head_mask(
    grey: NDArray[Any], head_level: float = 0.5
) -> tuple[NDArray[np.bool_], tuple[float, float]]:
    """Find the head on a small copy of the slice.

    Otsu's threshold (Otsu 1979) is taken on the distance from the background level, so that a
    bright background works like a dark one; thin lines (frames, rulers, text) are opened away;
    the largest component is kept and its holes are filled.

    Args:
        grey: (height, width) uint8 or finite float32.
        head_level: share of the threshold at which tissue begins, 0 to 1.

    Returns:
        (mask, scale): boolean mask of the small copy, and source pixels per mask pixel in rows
        and columns. All True where no head stands out.
    """
    height, width = grey.shape
    rows, columns = min(_SEARCH_SIDE, height), min(_SEARCH_SIDE, width)
    small = box_means(grey, rows, columns)
    scale = (height / rows, width / columns)
    distance = np.abs(small - background(small))
    top = float(percentiles(distance, [99.5])[0])
    if top <= 0:
        return np.ones(small.shape, bool), scale
    distance = np.minimum(distance / top, 1.0)
    tissue = distance > head_level * _otsu(distance)
    largest = largest_component(opened(tissue))
    if largest is None:
        return np.ones(small.shape, bool), scale
    head = holes_filled(largest)
    # Less than a twentieth of the picture is a speck, not a head: better the whole slice.
    if head.mean() < 0.05:
        return np.ones(small.shape, bool), scale
    return head, scale


def _eight_bits_or_float(slice_: NDArray[Any]) -> NDArray[Any]:
    """A slice of 8 bits as it is, which is quicker; any other as `finite_float` gives it."""
    array = np.asarray(slice_)
    if array.dtype == np.uint8 and array.ndim == 2 and array.size:
        return array
    return finite_float(array)


def finite_float(slice_: NDArray[Any]) -> NDArray[np.float32]:
    """A grey slice as float32, what is not finite replaced by the smallest finite value.

    Raises:
        ValueError: not two-dimensional, empty, or without a finite value.
    """
    array = np.asarray(slice_)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"a grey slice has two dimensions, height and width; got {array.shape}")
    grey = array.astype(np.float32)
    finite = np.isfinite(grey)
    if not finite.all():
        if not finite.any():
            raise ValueError("the slice holds no finite value")
        grey = np.where(finite, grey, grey[finite].min()).astype(np.float32)
    return grey


def background(small: NDArray[np.float32]) -> float:
    """Background level: the darker of border median and dark percentile, unless the border is
    nearly uniform and bright (an inverted slice)."""
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    middle = float(np.median(border))
    dark, bright = percentiles(small, [2, 98])
    uniform = np.mean(np.abs(border - middle) < 0.05 * (bright - dark + 1e-6)) > 0.8
    return middle if uniform else float(min(middle, dark))


def _otsu(values: NDArray[np.float32]) -> float:
    """Otsu's threshold of values in 0 to 1, on 128 bins."""
    # Edges are whole 128ths, which floats hold exactly; the last bin holds 1 too.
    counts = np.bincount(np.minimum(values * 128, 127).astype(np.intp).ravel(), minlength=128)
    centres = (np.arange(128) + 0.5) / 128
    below = np.cumsum(counts)
    above = below[-1] - below
    sum_below = np.cumsum(counts * centres)
    mean_below = sum_below / np.maximum(below, 1)
    mean_above = (sum_below[-1] - sum_below) / np.maximum(above, 1)
    return float(centres[np.argmax(below * above * (mean_below - mean_above) ** 2)])


def find_box(grey: NDArray[Any], preparation: Preparation | None = None) -> Box:
    """The box that `prepare` would cut out of a slice (height, width), uint8 or finite float32."""
    preparation = preparation or Preparation()
    mask, scale = head_mask(grey, preparation.head_level)
    return _box(mask, scale, grey.shape, preparation.margin)


def _box(
    mask: NDArray[np.bool_],
    scale: tuple[float, float],
    shape: tuple[int, ...],
    margin: float,
) -> Box:
    """The mask's bounding box in source pixels, widened by the margin and kept inside."""
    edges = []
    for axis in (0, 1):
        used = np.flatnonzero(mask.any(axis=1 - axis))
        start, stop = used[0] * scale[axis], (used[-1] + 1) * scale[axis]
        rim = margin * (stop - start)
        edges.append((max(0, round(start - rim)), min(shape[axis], round(stop + rim))))
    (top, bottom), (left, right) = edges
    return Box(top=top, left=left, bottom=max(bottom, top + 1), right=max(right, left + 1))


def _window(
    grey: NDArray[Any], mask: NDArray[np.bool_], preparation: Preparation
) -> tuple[float, float]:
    """Intensities that become black and white, from the head's own percentiles."""
    # Every second pixel of large slices: the percentiles move by less than one grey level.
    step = 2 if grey.size > 256 * 256 else 1
    rows, columns = (
        np.arange(0, side, step) * small // side
        for side, small in zip(grey.shape, mask.shape, strict=True)
    )
    head = grey[::step, ::step][mask[rows][:, columns]]
    low, high = percentiles(head, [preparation.low, preparation.high])
    return float(low), float(high)


def _windowed(canvas: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    # A head of one value has no spread; over infinity it becomes black.
    spread = high - low if high > low else float("inf")
    scaled = np.clip((canvas - low) / spread, 0.0, 1.0) * 255.0
    return np.asarray(np.round(scaled), np.uint8)


def _resize(grey: NDArray[Any], box: Box, size: int) -> NDArray[np.float32]:
    """The box, stretched to the canvas; antialiased where it shrinks."""
    # No more of the slice is made a float picture than the filter reaches: memory costs time.
    down, across = (
        math.ceil(max(1.0, side / size)) + 1
        for side in (box.bottom - box.top, box.right - box.left)
    )
    top, left = max(0, box.top - down), max(0, box.left - across)
    part = grey[top : box.bottom + down, left : box.right + across]
    bounds = (box.left - left, box.top - top, box.right - left, box.bottom - top)
    picture = float_picture(part)
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR, box=bounds))
