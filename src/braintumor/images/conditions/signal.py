"""What falls upon the signal while it is received: noise, and the coil's uneven ear.

Every function takes a slice (height, width) float32 with 0 for its darkest and 1 for its brightest
signal, and gives one of the same shape.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Scanners sample about as many lines; larger pictures are enlargements, their noise with them.
MATRIX = 256


def noise_luck(random: np.random.Generator) -> dict[str, float | int]:
    """A seed for a whole field of random numbers."""
    return {"seed": int(random.integers(2**31))}


def rician_noise(slice_: NDArray[np.float32], *, sigma: float, seed: int) -> NDArray[np.float32]:
    """Noise of a magnitude image: Gaussian in either channel, then the modulus.

    Drawn on a matrix of at most 256 lines and enlarged with the picture, because white noise on
    an enlargement would vanish when it is made smaller again.

    Args:
        sigma: standard deviation in either channel, as a share of the signal; its inverse is the
            signal-to-noise ratio.
        seed: of the noise.

    References:
        Gudbjartsson and Patz (1995), The Rician distribution of noisy MRI data, Magn Reson Med
        34:910-914.
    """
    random = np.random.default_rng(seed)
    real = slice_ + np.float32(sigma) * _noise(random, slice_.shape)
    imaginary = np.float32(sigma) * _noise(random, slice_.shape)
    return np.asarray(np.hypot(real, imaginary), np.float32)


def bias_field(
    slice_: NDArray[np.float32], *, nonuniformity: float, seed: int
) -> NDArray[np.float32]:
    """A smooth factor over the slice, as a receive coil that hears one side better.

    A polynomial of third order with random coefficients, brought to the range 1 - n/2 to
    1 + n/2 over what is brighter than air. The archive's window follows: the 99.5th percentile
    stays where it was.

    Args:
        nonuniformity: n, the range of the factor.
        seed: of the coefficients.

    References:
        Van Leemput et al. (1999), Automated model-based bias field correction of MR images of
        the brain, IEEE TMI 18:885-896 (the polynomial). Collins et al. (1998), Design and
        construction of a realistic digital brain phantom, IEEE TMI 17:463-468 (the measure:
        20 and 40 per cent there).
    """
    random = np.random.default_rng(seed)
    height, width = slice_.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    field = np.zeros(slice_.shape, np.float32)
    for i in range(4):
        for j in range(4 - i):
            field += np.float32(random.normal()) * y**i * x**j
    # What it does to the air is of no interest, and the corners are where it runs away.
    tissue = field[slice_ > 0.1] if (slice_ > 0.1).any() else field
    low, high = float(tissue.min()), float(tissue.max())
    share = np.clip((field - low) / np.float32(max(high - low, 1e-6)), 0, 1)
    shaded = slice_ * (1 + np.float32(nonuniformity) * (share - np.float32(0.5)))
    brightest = float(np.percentile(shaded[::2, ::2], 99.5))
    return np.asarray(shaded / brightest if brightest > 0 else shaded, np.float32)


def _noise(random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """White noise of the scanner's matrix at the picture's size; standard deviation 1."""
    height, width = shape
    shrink = min(1.0, MATRIX / max(height, width))
    rows, columns = max(1, round(height * shrink)), max(1, round(width * shrink))
    field = random.standard_normal((rows, columns), dtype=np.float32)
    if shrink == 1:
        return field
    large = Image.fromarray(field).resize((width, height), Image.Resampling.BICUBIC)
    enlarged = np.asarray(large, np.float32)
    return enlarged / max(float(enlarged.std()), 1e-6)
