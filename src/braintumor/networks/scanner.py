"""What another scanner would have made of a slice: shading, noise, sharpness, its own window.

A part of the augmentation, drawn apart from how it is applied. The stress test's conditions are
not these: they stand in `images/conditions` and act on the slice before it is prepared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_SHADING = 0.35  # largest shading at the canvas's edge, as a share either way
_NOISE = 16.0  # largest standard deviation of the noise, grey levels
_BLUR = 1.3  # largest standard deviation of the blur, pixels of a canvas of 160
_COARSE = 0.45  # smallest resolution, as a share of the canvas's
_WINDOW = 0.18  # largest part cut from either end of the grey levels
_ERASED = 0.28  # largest side of the patch that is blotted out, as a share of the canvas's


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One image's luck.

    Attributes:
        shading: coefficients of x, y, xy, x^2, y^2 of the coil's log sensitivity (Sled, Zijdenbos
            & Evans 1998 model it as a smooth factor); all 0 for none.
        noise: standard deviation of the Gaussian noise in both channels of the complex signal,
            whose magnitude is Rician (Gudbjartsson & Patz 1995), grey levels.
        noise_seed: of that noise.
        blur: standard deviation, as a share of the canvas's side times 160.
        resolution: share of the pixels along each side that are kept, 1 for all.
        window: what is cut from the dark and from the bright end, shares of the full range.
        erased: top, left and side of a patch set to grey, shares of the side; side 0 for none
            (Zhong et al., Random Erasing Data Augmentation, AAAI 2020).
    """

    shading: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)
    noise: float = 0.0
    noise_seed: int = 0
    blur: float = 0.0
    resolution: float = 1.0
    window: tuple[float, float] = (0.0, 0.0)
    erased: tuple[float, float, float] = (0.0, 0.0, 0.0)


def draw_scan(random: np.random.Generator, rate: float) -> Scan:
    """Draw what a scanner does; each property comes with probability `rate`, 0 to 1."""
    on = random.random(6) < rate
    shading = random.uniform(-_SHADING, _SHADING, 5).tolist()
    noise, blur, coarse = random.random(3).tolist()
    dark, bright = random.uniform(-_WINDOW / 2, _WINDOW, 2).tolist()
    top, left, side = random.random(3).tolist()
    side *= _ERASED
    seed = int(random.integers(2**31))
    return Scan(
        shading=tuple(shading) if on[0] else (0.0,) * 5,
        noise=_NOISE * noise if on[1] else 0.0,
        noise_seed=seed if on[1] else 0,
        blur=_BLUR * blur if on[2] else 0.0,
        resolution=1 - (1 - _COARSE) * coarse if on[3] else 1.0,
        window=(dark, bright) if on[4] else (0.0, 0.0),
        erased=(top * (1 - side), left * (1 - side), side) if on[5] else (0.0, 0.0, 0.0),
    )


def scanned(pixels: NDArray[np.uint8], scan: Scan) -> NDArray[np.uint8]:
    """Apply a scan: (side, side) uint8 -> the same shape and type."""
    if scan == Scan():
        return pixels
    sharp = _less_sharp(pixels, scan)
    grey = sharp.astype(np.float32)
    if any(scan.shading):
        grey *= np.exp(_shading(grey.shape[0], scan.shading))
    if scan.noise:
        grey = _rician(grey, scan)
    dark, bright = scan.window
    if dark or bright:
        grey = (grey - dark * 255) / (1 - dark - bright)
    grey = np.clip(np.round(grey), 0, 255)
    _erase(grey, scan.erased)
    return grey.astype(np.uint8)


def _less_sharp(pixels: NDArray[np.uint8], scan: Scan) -> NDArray[np.uint8]:
    picture = Image.fromarray(pixels)
    side = picture.width
    if scan.resolution < 1:
        few = max(16, round(side * scan.resolution))
        bilinear = Image.Resampling.BILINEAR
        picture = picture.resize((few, few), Image.Resampling.BOX).resize((side, side), bilinear)
    if scan.blur:
        picture = picture.filter(ImageFilter.GaussianBlur(scan.blur * side / 160))
    return np.asarray(picture)


def _shading(side: int, coefficients: tuple[float, ...]) -> NDArray[np.float32]:
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    x, y = axis[None, :], axis[:, None]
    a, b, c, d, e = (np.float32(value) for value in coefficients)
    return np.asarray(a * x + b * y + c * (x * y) + d * (x * x) + e * (y * y))


def _rician(grey: NDArray[np.float32], scan: Scan) -> NDArray[np.float32]:
    random = np.random.default_rng(scan.noise_seed)
    real, imaginary = random.standard_normal((2, *grey.shape), np.float32) * np.float32(scan.noise)
    return np.asarray(np.sqrt((grey + real) ** 2 + imaginary**2))


def _erase(grey: NDArray[np.float32], erased: tuple[float, float, float]) -> None:
    top, left, side = (round(value * grey.shape[0]) for value in erased)
    if side:
        grey[top : top + side, left : left + side] = grey.mean()
