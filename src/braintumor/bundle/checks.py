"""Cheap checks of a picture: numbers that tell a slice of a head from other pictures.

A head lies closed and rounded on a dark ground, is nearly even left and right, has a rim and fills
its own box; its edges run where those of heads run (histograms of oriented gradients, Dalal and
Triggs, CVPR 2005). What each number is worth is not decided here but in `gate.py`. Knows grey
levels only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.images.levels import box_means, percentiles
from braintumor.images.prepare import Prepared, finite_float

_SMALL = 64
# Share of the range above which something lies there.
_LIT = 0.15
_CANVAS = 32
_RINGS = 8
_THUMB = 12
_CELLS, _CELL, _TURNS = 6, 12, 8
# Raised whenever the same picture gives other numbers, or further ones; gates of all of these can
# be asked, for what is new has been put at the end.
VERSIONS = (1, 2)
VERSION = VERSIONS[-1]
# Of what is neither ground nor saturated in a drawing, so much is as its neighbours are. Of 2,443
# labelled slices none has more than 0.57, as coarse JPEG at its worst 0.70.
_FLAT = 0.95
# Ground is what lies below this share of the range; every so many rows are looked at.
_GROUND, _ROWS = 0.08, 7
# Where in the numbers of a picture each part of them stands.
PLAIN = slice(0, 15 + 2 * _RINGS)
EDGES = slice(PLAIN.stop, PLAIN.stop + _CELLS * _CELLS * _TURNS)
THUMB = slice(EDGES.stop, EDGES.stop + _THUMB * _THUMB)
SHAPE = slice(THUMB.stop, THUMB.stop + 2)
COUNT = SHAPE.stop


def image_checks(pixels: NDArray[Any], prepared: Prepared) -> NDArray[np.float32]:
    """The numbers of one picture.

    Args:
        pixels: (height, width) the grey slice as it was read.
        prepared: the same on a network's canvas.

    Returns:
        (COUNT,) float32, each of the order of 1: at `PLAIN` of border, histogram, grain, box,
        symmetry, corners and rings; at `EDGES` the directions of edges in 6 x 6 cells; at
        `THUMB` the canvas itself, 12 x 12; at `SHAPE`, since version 2, how tall the head's box
        is for its width, and how much lies beside it.
    """
    small = _stretched(_resized(pixels, _SMALL))
    canvas = _resized(prepared.pixels, _CELLS * _CELL) / np.float32(255)
    coarse = _resized(prepared.pixels, _CANVAS) / np.float32(255)
    thumb = _resized(prepared.pixels, _THUMB) / np.float32(255)
    parts = [_of_source(small), _of_box(prepared), _of_canvas(coarse), _edges(canvas)]
    return np.concatenate([*parts, thumb.ravel(), _shape(prepared, small)]).astype(np.float32)


def is_blank(pixels: NDArray[Any]) -> bool:
    """Whether a picture has one value, but for less than a hundredth of its pixels."""
    some = np.asarray(pixels)[::2, ::2]
    if some.dtype.kind == "f":
        some = some[np.isfinite(some)]
    if not some.size:
        return True
    low, high = percentiles(some, [0.5, 99.5])
    return not high > low


def is_drawn(pixels: NDArray[Any]) -> bool:
    """Whether a picture is made of flat areas: a scheme, a mask or a mathematical head.

    No scanner makes one, for what it measures has noise, which neither windows nor JPEG take away
    whole. Enlarged by repeating pixels a slice gets flat, too, and is taken for a drawing where it
    has some twenty to forty times its width or more.

    Args:
        pixels: (height, width) grey levels of any type; what is no finite number is passed over.
    """
    rows = np.arange(0, pixels.shape[0] - 1, _ROWS)
    here, below = pixels[rows], pixels[rows + 1, :-1]
    here, right = here[:, :-1], here[:, 1:]
    finite = here[np.isfinite(here)] if here.dtype.kind == "f" else here
    if not finite.size:
        return False
    low, high = float(finite.min()), float(finite.max())
    lit = here > low + _GROUND * (high - low)
    between = lit & (here < high)
    # Of two values it is a mask, however ragged: nothing between them is left to be looked at.
    if between.sum() <= lit.sum() / 100:
        return True
    return bool(((here == right) & (here == below))[between].mean() > _FLAT)


def _of_source(small: NDArray[np.float32]) -> list[float]:
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    # Edges are whole 32nds, which floats hold exactly: counted as np.histogram does, but quicker.
    bins = np.minimum(small * 32, 31).astype(np.intp).ravel()
    counts = np.bincount(bins, minlength=32) / small.size
    across, down = np.abs(np.diff(small, axis=1))[:-1], np.abs(np.diff(small, axis=0))[:, :-1]
    energy = float((across**2 + down**2).sum()) + 1e-6
    level = float(((across - down) ** 2).sum()) / energy
    middle = small[1:-1, 1:-1]
    around = (small[:-2, 1:-1] + small[2:, 1:-1] + small[1:-1, :-2] + small[1:-1, 2:]) / 4
    return [
        float(np.median(border)),
        float(border.std()),
        float((small < 0.08).mean()),
        float((small > 0.92).mean()),
        float(-(counts * np.log(counts + 1e-9)).sum()) / np.log(32),
        float((across + down).mean()) * 4,
        level,
        float(np.abs(middle - around).mean()) / (float((across + down).mean()) + 1e-3),
    ]


def _of_box(prepared: Prepared) -> list[float]:
    box, (height, width) = prepared.box, prepared.source_shape
    rows, columns = box.bottom - box.top, box.right - box.left
    return [
        rows * columns / (height * width),
        abs(float(np.log(rows / columns))),
        abs(float(np.log(height / width))),
    ]


def _shape(prepared: Prepared, small: NDArray[np.float32]) -> list[float]:
    """Bellies are wide where heads are not, and arms or a table lie beside them."""
    box, (height, width) = prepared.box, prepared.source_shape
    top, bottom = (round(edge / height * _SMALL) for edge in (box.top, box.bottom))
    left, right = (round(edge / width * _SMALL) for edge in (box.left, box.right))
    beside = small > _LIT
    beside[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = False
    tall = np.log((box.bottom - box.top) / (box.right - box.left))
    return [float(tall), float(beside.mean()) * 10]


def _of_canvas(canvas: NDArray[np.float32]) -> NDArray[np.float64]:
    corner = _CANVAS // 7
    corners = [
        canvas[:corner, :corner],
        canvas[:corner, -corner:],
        canvas[-corner:, :corner],
        canvas[-corner:, -corner:],
    ]
    dark = sorted(float(one.mean()) for one in corners)
    means = [canvas[ring].mean() for ring in _RING_MASKS]
    spreads = [canvas[ring].std() for ring in _RING_MASKS]
    even = [_correlation(canvas, canvas[:, ::-1]), _correlation(canvas, canvas[::-1])]
    return np.array([*even, dark[-1], dark[0], *means, *spreads])


def _edges(canvas: NDArray[np.float32]) -> NDArray[np.float64]:
    """Directions of edges in every cell, weighted by their strength, each cell made even."""
    down, across = np.gradient(canvas)
    strength = np.hypot(across, down)
    turn = np.arctan2(down, across) % np.pi / np.pi * _TURNS
    low = np.floor(turn).astype(np.intp) % _TURNS
    share = turn - np.floor(turn)
    place = np.arange(_CELLS * _CELL) // _CELL
    first = (place[:, None] * _CELLS + place[None]) * _TURNS
    bins = np.concatenate([(first + low).ravel(), (first + (low + 1) % _TURNS).ravel()])
    weights = np.concatenate([((1 - share) * strength).ravel(), (share * strength).ravel()])
    cells = np.bincount(bins, weights, _CELLS * _CELLS * _TURNS).reshape(-1, _TURNS)
    total = np.sqrt((cells**2).sum(axis=1, keepdims=True))
    return np.asarray(cells / (total + 0.25 * total.mean() + 1e-3)).ravel()


def _rings() -> list[NDArray[np.bool_]]:
    """Rings of an ellipse that touches the canvas, the last beyond it."""
    place = (np.arange(_CANVAS) + 0.5) / _CANVAS * 2 - 1
    radius = np.hypot(place[:, None], place[None])
    edges = np.linspace(0, 1.05, _RINGS)
    return [
        (radius >= low) & (radius < high)
        for low, high in zip(edges, [*edges[1:], np.inf], strict=True)
    ]


_RING_MASKS = _rings()


def _correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / (np.sqrt((one**2).sum() * (other**2).sum()) + 1e-6))


def _resized(pixels: NDArray[Any], side: int) -> NDArray[np.float32]:
    if pixels.dtype.kind == "f":
        pixels = finite_float(pixels)  # as the network is shown it
    return box_means(pixels, side, side)


def _stretched(values: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = percentiles(values, [1.0, 99.5])
    return np.asarray(np.clip((values - low) / max(float(high - low), 1e-6), 0.0, 1.0), np.float32)
