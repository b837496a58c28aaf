"""How finely the scanner looks: blur, few pixels, thick slices.

Every function takes a slice (height, width) float32 with 0 for its darkest and 1 for its brightest
signal, and gives one of the same shape.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage


def blur(slice_: NDArray[np.float32], *, sigma: float) -> NDArray[np.float32]:
    """A Gaussian point spread.

    Args:
        sigma: standard deviation, pixels of a picture whose longer side has 256.

    References:
        Hendrycks and Dietterich (2019), Benchmarking neural network robustness to common
        corruptions and perturbations, ICLR (there as defocus).
    """
    pixels = sigma * max(slice_.shape) / 256
    blurred = ndimage.gaussian_filter(slice_, pixels, mode="nearest", truncate=3.0)
    return np.asarray(blurred, np.float32)


def low_resolution(slice_: NDArray[np.float32], *, matrix: float) -> NDArray[np.float32]:
    """Sampled with few pixels, each the mean of its area, and enlarged again by interpolation.

    Args:
        matrix: pixels over the longer side.

    References:
        Billot et al. (2023), SynthSeg: segmentation of brain MRI scans of any contrast and
        resolution, Medical Image Analysis 86:102789 (section on resolution).
    """
    height, width = slice_.shape
    return _resampled(
        slice_, height * matrix / max(height, width), width * matrix / max(height, width)
    )


def thick_slices_luck(random: np.random.Generator) -> dict[str, float | int]:
    """The axis that runs through the stack."""
    return {"axis": int(random.integers(2))}


def thick_slices(slice_: NDArray[np.float32], *, count: float, axis: int) -> NDArray[np.float32]:
    """A slice cut out of a stack of thick ones, at a right angle to them: coarse along one axis.

    Args:
        count: thick slices across the field of view.
        axis: 0 where they lie one below the other, 1 where side by side.

    References:
        Billot et al. (2023), as above. Perez-Garcia et al. (2021), TorchIO, Comput Methods
        Programs Biomed 208:106236 (there as anisotropy).
    """
    height, width = slice_.shape
    return _resampled(slice_, *((count, width) if axis == 0 else (height, count)))


def _resampled(slice_: NDArray[np.float32], rows: float, columns: float) -> NDArray[np.float32]:
    """Shrunk to so many rows and columns, where it has more, and enlarged again."""
    height, width = slice_.shape
    small = (min(width, max(1, round(columns))), min(height, max(1, round(rows))))
    shrunk = Image.fromarray(slice_).resize(small, Image.Resampling.BOX)
    return np.asarray(shrunk.resize((width, height), Image.Resampling.BILINEAR), np.float32)
