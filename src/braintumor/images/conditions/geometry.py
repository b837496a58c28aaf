"""How the head lies in the picture, and how much of it is there.

Every function takes a slice (height, width) float32 with 0 for its darkest and 1 for its brightest
signal, and gives one of the same shape. What comes in from outside is background.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from braintumor.images.prepare import background, find_box

_KNOTS = 5  # of the elastic grid, along either axis


def moved(
    slice_: NDArray[np.float32], *, degrees: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.float32]:
    """Turned about its centre, then shifted; bilinear.

    Args:
        degrees: counter-clockwise.
        shift: right and down, as shares of width and height.
    """
    height, width = slice_.shape
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    # Pillow asks for the way back: where in the source a target pixel comes from.
    x, y = width / 2 + shift[0] * width, height / 2 + shift[1] * height
    to_source = (
        *(cos, -sin, width / 2 - cos * x + sin * y),
        *(sin, cos, height / 2 - sin * x - cos * y),
    )
    turned = Image.fromarray(slice_).transform(
        (width, height),
        Image.Transform.AFFINE,
        to_source,
        Image.Resampling.BILINEAR,
        fillcolor=_outside(slice_),
    )
    return np.asarray(turned, np.float32)


def rotation(slice_: NDArray[np.float32], *, degrees: float, sign: int) -> NDArray[np.float32]:
    """A head tilted in the coil.

    Args:
        degrees: the angle.
        sign: 1 for counter-clockwise, -1 for clockwise.

    References:
        Perez-Garcia et al. (2021), TorchIO, Comput Methods Programs Biomed 208:106236 (affine
        transforms; so for `translation`).
    """
    return moved(slice_, degrees=sign * degrees)


def translation_luck(random: np.random.Generator) -> dict[str, float | int]:
    """A direction."""
    return {"angle": float(random.uniform(0, 2 * math.pi))}


def translation(slice_: NDArray[np.float32], *, shift: float, angle: float) -> NDArray[np.float32]:
    """A head off the centre, perhaps partly out of the picture.

    Args:
        shift: as a share of the picture's sides.
        angle: direction, radians.
    """
    return moved(slice_, shift=(shift * math.cos(angle), shift * math.sin(angle)))


def elastic(slice_: NDArray[np.float32], *, displacement: float, seed: int) -> NDArray[np.float32]:
    """Smoothly warped, as by gradients that are not linear.

    Args:
        displacement: the largest, as a share of the picture's sides.
        seed: of the random grid that is interpolated to a field.

    References:
        Simard et al. (2003), Best practices for convolutional neural networks, ICDAR 958-963.
        Ronneberger et al. (2015), U-Net, MICCAI 234-241 (the coarse grid). Doran et al. (2005),
        A complete distortion correction for MR images, Phys Med Biol 50:1343-1361 (the cause).
    """
    height, width = slice_.shape
    knots = np.random.default_rng(seed).uniform(-1, 1, (2, _KNOTS, _KNOTS)).astype(np.float32)
    grid = np.empty((2, height, width), np.float32)
    for field, coarse, axis in zip(grid, knots, (height, width), strict=True):
        large = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        fine = np.asarray(large, np.float32)
        field[:] = fine * (displacement * axis / float(np.abs(fine).max()))
    grid[0] += np.arange(height, dtype=np.float32)[:, None]
    grid[1] += np.arange(width, dtype=np.float32)[None, :]
    warped = ndimage.map_coordinates(
        slice_, grid, order=1, mode="constant", cval=_outside(slice_), prefilter=False
    )
    return np.asarray(warped, np.float32)


def crop_luck(random: np.random.Generator) -> dict[str, float | int]:
    """How what is removed is shared out between top and bottom, left and right."""
    return {"top": float(random.uniform()), "left": float(random.uniform())}


def crop(
    slice_: NDArray[np.float32], *, removed: float, top: float, left: float
) -> NDArray[np.float32]:
    """A picture cut out of a screen: less than the head is left, and fills the picture.

    Args:
        removed: share of the head's height and width that is lost.
        top, left: how much of it at the top and at the left, 0 to 1.

    References:
        Szegedy et al. (2015), Going deeper with convolutions, CVPR (crops as variation).
    """
    box = find_box(slice_)
    height, width = box.bottom - box.top, box.right - box.left
    bounds = (
        box.left + removed * left * width,
        box.top + removed * top * height,
        box.right - removed * (1 - left) * width,
        box.bottom - removed * (1 - top) * height,
    )
    size = (slice_.shape[1], slice_.shape[0])
    part = Image.fromarray(slice_).resize(size, Image.Resampling.BILINEAR, box=bounds)
    return np.asarray(part, np.float32)


def cut_off_luck(random: np.random.Generator) -> dict[str, float | int]:
    """The side that is cut off: 0 top, 1 left, 2 bottom, 3 right."""
    return {"side": int(random.integers(4))}


def cut_off(slice_: NDArray[np.float32], *, removed: float, side: int) -> NDArray[np.float32]:
    """A field of view that ends inside the head: one side of it was not scanned.

    Args:
        removed: share of the head's height or width that is missing.
        side: 0 top, 1 left, 2 bottom, 3 right.

    References:
        Billot et al. (2023), Robust machine learning segmentation for large-scale analysis of
        heterogeneous clinical brain MRI datasets, PNAS 120:e2216399120 (partial fields of view).
    """
    box, outside = find_box(slice_), _outside(slice_)
    cut = slice_.copy()
    rows = round(removed * (box.bottom - box.top))
    columns = round(removed * (box.right - box.left))
    if side == 0:
        cut[: box.top + rows] = outside
    elif side == 1:
        cut[:, : box.left + columns] = outside
    elif side == 2:
        cut[box.bottom - rows :] = outside
    else:
        cut[:, box.right - columns :] = outside
    return cut


def mirrored(slice_: NDArray[np.float32]) -> NDArray[np.float32]:
    """Left for right, as where one program counts from the patient and the next from the viewer.

    References:
        DICOM PS3.3 C.7.6.2.1.1, image orientation (patient).
    """
    return np.ascontiguousarray(slice_[:, ::-1])


def _outside(slice_: NDArray[np.float32]) -> float:
    """The grey of the background."""
    step = max(1, max(slice_.shape) // 128)
    return background(slice_[::step, ::step])
