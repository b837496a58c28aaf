"""Strokes that all drawn bodies share: canvas, skin, bone, and what the scanner adds in the end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from braintumor.catalog.foreign.brush import Brush, Grid

Picture = NDArray[Any]
Random = np.random.Generator


def scan(random: Random, *, wide: bool = False) -> Brush:
    height = int(random.integers(128, 224))
    ratio = random.uniform(0.65, 0.85) if wide else random.uniform(0.85, 1.15)
    return Brush(np.zeros((round(height * ratio), height), np.float32), random)


def done(brush: Brush) -> Picture:
    random = brush.random
    return brush.finish(
        noise=random.uniform(0.005, 0.05),
        blur=random.uniform(0.3, 1.3),
        shade=random.uniform(0.0, 0.3),
    )


def skin(brush: Brush, x: float, y: float, across: float, down: float) -> None:
    """Skin and the fat under it: bright in most sequences, dark where fat is suppressed."""
    level = brush.random.uniform(0.65, 1.0) if brush.random.random() < 0.75 else 0.15
    brush.paint(brush.blob(x, y, across, down, wobble=0.05), level, 0.06)


def bone(brush: Brush, x: float, y: float, size: float, random: Random) -> None:
    """A bone across: a dark shell around marrow."""
    whole = brush.blob(x, y, size, size * random.uniform(0.8, 1.25), turn=random.uniform(0, 3))
    brush.paint(whole, 0.05, 0.0)
    brush.paint(shrunk(whole), random.uniform(0.4, 1.0), 0.06)


def shrunk(mask: Grid, pixels: int = 5) -> Grid:
    """The mask without its outermost pixels."""
    picture = Image.fromarray((mask * 255).astype(np.uint8))
    size = 2 * (pixels // 2) + 1
    return np.asarray(picture.filter(ImageFilter.MinFilter(size)), np.float32) / np.float32(255)


def turned(picture: Picture, random: Random) -> Picture:
    """Turned by quarters, as limbs lie in the scanner one way or the other."""
    return np.ascontiguousarray(np.rot90(picture, int(random.integers(0, 4))))
