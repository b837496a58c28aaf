"""A head without its rim: skull and scalp taken away, as research archives do it, or dimmed.

Much of what is public of other scanners shows the brain alone, and fat suppression makes the scalp
dark on many that do not. A network that knows whole heads reads both as another picture, for the
rim also sets the window: without it the brain is brighter. A part of the augmentation, drawn apart
from how it is applied. The brain is not looked for: what lies deeper than so much is kept, by an
edge that waves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_ALONE = 0.6  # share of the pictures with a changed rim that lose it; in the others it is dimmed
_FILLED = 0.8  # share of brains alone that fill the canvas, as prepared ones do
# How deep the rim is, as a share of the depth of the head's middle.
_TAKEN, _DIMMED = (0.12, 0.34), (0.08, 0.2)
_LEFT = (0.1, 0.6)  # how bright a dimmed rim is, as a share
_WAVES, _HEIGHT = 7, 0.15  # of the edge: how many across the canvas, and how deep
_MOST_LOST = 0.4  # a lesion that would lose a larger share of itself keeps its rim
_LEAST = 0.25  # share of the side that must be left
# Percentiles that become black and white, as the preparation takes them.
_WINDOW = (1.0, 99.5)
_BILINEAR = Image.Resampling.BILINEAR


@dataclass(frozen=True, kw_only=True)
class Rim:
    """One image's luck.

    Attributes:
        depth: of the rim, as a share of the depth of the head's middle; 0 leaves it as it is.
        left: how bright it stays, as a share; 0 takes it away.
        filled: whether what is left is brought to the whole canvas.
        waves_seed: of the waves of its edge.
    """

    depth: float = 0.0
    left: float = 1.0
    filled: bool = False
    waves_seed: int = 0


def draw_rim(random: np.random.Generator, rate: float) -> Rim:
    """Draw what becomes of the rim: something with probability `rate`, 0 to 1."""
    on, alone, filled = random.random(3) < (rate, _ALONE, _FILLED)
    taken, dimmed, left = (float(random.uniform(*one)) for one in (_TAKEN, _DIMMED, _LEFT))
    seed = int(random.integers(2**31))
    if not on:
        return Rim()
    if alone:
        return Rim(depth=taken, left=0.0, filled=bool(filled), waves_seed=seed)
    return Rim(depth=dimmed, left=left, waves_seed=seed)


def without_rim(
    pixels: NDArray[np.uint8], mask: NDArray[np.uint8], depth: NDArray[np.float32], rim: Rim
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A prepared slice, and its lesion's mask, with the rim changed and the window set anew.

    Args:
        pixels, mask: (side, side) uint8.
        depth: (side, side) how deep in the head each pixel lies: 0 outside, 1 in its middle.
        rim: the change.

    Returns:
        The same shapes and types; those given where too little of the head would be left, or too
        little of the lesion.
    """
    inside = depth > rim.depth * (1 + _HEIGHT * _waves(pixels.shape[0], rim.waves_seed))
    box = _box(inside)
    lesion = mask > 127
    if box is None or (lesion & ~inside).sum() > _MOST_LOST * lesion.sum():
        return pixels, mask
    grey = np.asarray(pixels, np.float32) * np.where(inside, np.float32(1), np.float32(rim.left))
    low, high = np.percentile(grey[inside if rim.left == 0 else depth > 0], _WINDOW)
    grey = np.clip((grey - low) * (255 / max(high - low, 1.0)), 0, 255)
    if not rim.filled:
        return np.asarray(np.round(grey), np.uint8), mask
    size = (pixels.shape[1], pixels.shape[0])
    filled = Image.fromarray(grey.astype(np.float32)).resize(size, _BILINEAR, box=box)
    moved = Image.fromarray(mask).resize(size, _BILINEAR, box=box) if lesion.any() else mask
    return np.asarray(np.round(np.asarray(filled)), np.uint8), np.asarray(moved)


def _waves(side: int, seed: int) -> NDArray[np.float32]:
    """(side, side) smooth noise of about unit spread."""
    coarse = np.random.default_rng(seed).standard_normal((_WAVES, _WAVES), np.float32)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


def _box(inside: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of what is left; None where that is too little."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if min(len(rows), len(columns)) < _LEAST * inside.shape[0]:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
