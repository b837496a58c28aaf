"""Directions in the body, and how a slice is laid on a screen.

Radiological display: what is at the left of the screen is the patient's right; axial slices have
the front of the head up, coronal and sagittal ones its top, sagittal ones the face at the left.
Coordinates are DICOM's (PS3.3 C.7.6.2.1.1): x grows to the patient's left, y to the back, z to
the top of the head; millimetres. Pixels that are no squares are made squares, or a head would be
as flat as its slices are thick. Knows no file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = Literal["axial", "coronal", "sagittal"]
PLANES: tuple[Plane, ...] = ("axial", "coronal", "sagittal")
# The axis (0: x, 1: y, 2: z) that each plane's slices are stacked along.
NORMALS: dict[Plane, int] = {"sagittal": 0, "coronal": 1, "axial": 2}
# Pixels count as squares where their sides differ by no more than this share, and their sizes are
# not believed where one side is so many times the other.
_NEARLY, _ABSURD = 0.05, 40.0
# What is resampled gets no longer than this, unless it was before.
_LONGEST = 1024
# Of a plane's normal: axis and sign of what grows to the right of the screen, and downwards.
_SCREEN: dict[int, tuple[tuple[int, int], tuple[int, int]]] = {
    0: ((1, 1), (2, -1)),
    1: ((0, 1), (2, -1)),
    2: ((0, 1), (1, 1)),
}


@dataclass(frozen=True)
class Lie:
    """How a slice lies in the body: unit vectors along which its columns and rows are counted.

    Attributes:
        right: where the next column is.
        down: where the next row is.
    """

    right: NDArray[np.float64]
    down: NDArray[np.float64]

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector at right angles to the slice."""
        return np.cross(self.right, self.down)


def lie_of(cosines: Sequence[float]) -> Lie | None:
    """From DICOM's Image Orientation (Patient), six numbers; None where they make no sense."""
    try:
        values = np.array([float(value) for value in cosines])
    except (TypeError, ValueError):
        return None
    if values.shape != (6,) or not np.isfinite(values).all():
        return None
    right, down = values[:3], values[3:]
    lengths = np.linalg.norm(right), np.linalg.norm(down)
    # 0.1: nobody measures angles that badly, but some software rounds to two digits.
    if not all(0.9 < length < 1.1 for length in lengths) or abs(float(right @ down)) > 0.1:
        return None
    return Lie(right / lengths[0], down / lengths[1])


def along(position: Sequence[float], lie: Lie) -> float | None:
    """Distance of a slice along its normal, mm, growing to the patient's left, back or top.

    Args:
        position: of its first pixel, three numbers in mm.
        lie: of the slice.

    Returns:
        None where the position makes no sense.
    """
    try:
        point = np.array([float(value) for value in position])
    except (TypeError, ValueError):
        return None
    if point.shape != (3,) or not np.isfinite(point).all():
        return None
    normal = lie.normal
    if normal[np.argmax(np.abs(normal))] < 0:
        normal = -normal
    return float(point @ normal)


def laid_upright(pixels: NDArray[Any], lie: Lie) -> NDArray[Any]:
    """The slice as it is displayed: turned by right angles and mirrored, never resampled.

    Args:
        pixels: (height, width).
        lie: of the slice; an oblique one counts as its nearest plane.
    """
    normal = int(np.argmax(np.abs(lie.normal)))
    (right_axis, right_sign), (down_axis, down_sign) = _SCREEN[normal]
    right, down = lie.right, lie.down
    if abs(right[right_axis]) < abs(down[right_axis]):
        pixels, right, down = pixels.T, down, right
    if right[right_axis] * right_sign < 0:
        pixels = pixels[:, ::-1]
    if down[down_axis] * down_sign < 0:
        pixels = pixels[::-1]
    return pixels


def with_square_pixels(pixels: NDArray[Any], down: float, across: float) -> NDArray[Any]:
    """The slice as it is in the body: resampled along one side where its pixels are no squares.

    Between pixels values are linear. The finer side keeps its pixels, unless the other would grow
    beyond 1024 and the slice's longest side, or the whole beyond 1024 x 1024 and the pixels that
    the slice has; then both sides are made shorter.

    Args:
        pixels: (height, width) uint8, uint16 or float32; a slice with values that are not finite
            gets the nearest pixel's, or they would spread.
        down, across: from a pixel's middle to the next one's below it, and beside it, in any unit.

    Returns:
        The same type. The slice itself where pixels are squares, but for a twentieth, or where
        their sizes make no sense.
    """
    sizes = np.array([down, across], np.float64)
    if not (np.isfinite(sizes).all() and (sizes > 0).all()):
        return pixels
    ratio = float(sizes.max() / sizes.min())
    if ratio <= 1 + _NEARLY or ratio > _ABSURD:
        return pixels
    sides = np.array(pixels.shape) * sizes / sizes.min()
    # Neither longer nor of more pixels: the limits have been asked about the slice as it is.
    longest, most = max(_LONGEST, *pixels.shape), max(_LONGEST**2, pixels.size)
    sides *= min(1.0, longest / sides.max(), math.sqrt(most / sides.prod()))
    height, width = (max(1, round(float(side))) for side in sides)
    kind, whole = pixels.dtype, np.asarray(pixels, np.float32)
    how = Image.Resampling.BILINEAR if np.isfinite(whole).all() else Image.Resampling.NEAREST
    found = np.asarray(Image.fromarray(whole).resize((width, height), how))
    return found if kind.kind == "f" else np.rint(found).astype(kind)
