"""What archive and display make of the grey values: contrast, gamma, window, JPEG, inversion.

Every function takes a slice (height, width) float32 with 0 for its darkest and 1 for its brightest
signal (single pixels may lie above), and gives one of the same shape.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def direction_luck(random: np.random.Generator) -> dict[str, float | int]:
    """One way or the other."""
    return {"sign": int(random.choice([-1, 1]))}


def contrast(slice_: NDArray[np.float32], *, factor: float) -> NDArray[np.float32]:
    """Less contrast: all values nearer to their mean.

    A preparation that windows by percentiles undoes nearly all of it; it is tested all the same.

    Args:
        factor: by which the distance from the mean shrinks.

    References:
        Hendrycks and Dietterich (2019), Benchmarking neural network robustness to common
        corruptions and perturbations, ICLR.
    """
    mean = slice_.mean()
    return np.asarray(mean + np.float32(factor) * (slice_ - mean), np.float32)


def gamma(slice_: NDArray[np.float32], *, exponent: float, sign: int) -> NDArray[np.float32]:
    """A bent grey curve.

    Args:
        exponent: above 1.
        sign: 1 for darker middle tones; -1 for brighter ones, with the exponent's inverse.

    References:
        Perez-Garcia et al. (2021), TorchIO, Comput Methods Programs Biomed 208:106236.
    """
    bent: NDArray[np.float32] = np.maximum(slice_, 0) ** np.float32(exponent**sign)
    return bent


def window(slice_: NDArray[np.float32], *, clipped: float, sign: int) -> NDArray[np.float32]:
    """A display window set too low or too high: one end of the range is lost in white or black.

    Args:
        clipped: share of the range that is lost.
        sign: 1 where bright tissue becomes white, -1 where dark tissue becomes black.

    References:
        DICOM PS3.3 C.11.2.1.2, window center and window width.
    """
    low, high = (0.0, 1 - clipped) if sign > 0 else (clipped, 1.0)
    stretched = (slice_ - np.float32(low)) / np.float32(high - low)
    return np.asarray(np.clip(stretched, 0, 1), np.float32)


def jpeg(slice_: NDArray[np.float32], *, quality: float) -> NDArray[np.float32]:
    """Stored as a JPEG file of 8 bits, with blocks and rings, and read again.

    Args:
        quality: of Pillow's encoder, 1 to 95.

    References:
        Hendrycks and Dietterich (2019), as above.
    """
    top = max(float(slice_.max()), 1e-6)
    picture = Image.fromarray(np.rint(np.clip(slice_ / top, 0, 1) * 255).astype(np.uint8))
    stored = io.BytesIO()
    picture.save(stored, "JPEG", quality=round(quality))
    with Image.open(stored) as read:
        return np.asarray(read, np.float32) * np.float32(top / 255)


def inverted(slice_: NDArray[np.float32]) -> NDArray[np.float32]:
    """White for black, as DICOM's MONOCHROME1 shown by a viewer that does not know it.

    References:
        DICOM PS3.3 C.7.6.3.1.2, photometric interpretation.
    """
    return np.asarray(slice_.max() + slice_.min() - slice_, np.float32)
