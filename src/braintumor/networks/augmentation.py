"""Augmentation: what is drawn, apart from how it is applied, so that any picture can be replayed.

The place of things changes (flip, rotation, zoom, stretch, shift), the grey levels (contrast,
brightness, gamma), what scanners differ in (coil shading, noise, sharpness: `scanner`), and the
head's rim, which archives take away (`rim`).
Every draw depends on (seed, epoch, image) alone: not on the order of batches, the number of
threads or the Keras backend, and so a resumed training sees what an unbroken one would have.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from braintumor.networks.rim import Rim, draw_rim
from braintumor.networks.scanner import Scan, draw_scan, scanned

# The most that each limit of `Augmentation` may be. Zoom, stretch, contrast and gamma have no end
# of their own: elevenfold is far past what leaves a picture, and no number overflows yet.
LIMITS = {
    "flip": 1.0,
    "rotation": 360.0,
    "zoom": 10.0,
    "stretch": 10.0,
    "shift": 1.0,
    "contrast": 10.0,
    "brightness": 1.0,
    "gamma": 10.0,
    "scanner": 1.0,
    "rim": 1.0,
    "sharpen": 1.0,
    "turn": 1.0,
}
# Narrowest and widest unsharp mask (standard deviation as a share of the side), and the strongest.
_UNSHARP, _STRENGTH = (0.006, 0.12), 1.5


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far each property may be moved; 0 switches it off.

    Attributes:
        flip: probability of a left-right mirror, 0 to 1.
        rotation: largest angle, degrees either way.
        zoom: largest change of size, as a share either way (drawn evenly in its logarithm).
        stretch: largest change of aspect, as a share either way.
        shift: largest shift along each axis, as a share of the side.
        contrast: largest change of contrast about mid grey, as a share either way.
        brightness: largest change of brightness, as a share of the full range.
        gamma: largest change of the exponent, as a share either way.
        scanner: how often another scanner's shading, noise and blur are put on, each drawn for
            itself, 0 to 1.
        rim: how often skull and scalp are taken away, or dimmed, 0 to 1.
        sharpen: how often edges or local contrast are raised, as archives and viewers do, 0 to 1.
        turn: how often the head lies on its side or upside down, as where a volume's axes are saved
            as rows and columns, 0 to 1.
    """

    flip: float = 0.5
    rotation: float = 15.0
    zoom: float = 0.12
    stretch: float = 0.06
    shift: float = 0.05
    contrast: float = 0.25
    brightness: float = 0.08
    gamma: float = 0.3
    scanner: float = 0.0
    rim: float = 0.0
    sharpen: float = 0.0
    turn: float = 0.0

    def __post_init__(self) -> None:
        for name, most in LIMITS.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                unit = " degrees" if name == "rotation" else ""
                raise ValueError(f"{name} must be between 0 and {most:g}{unit}, not {value}")

    def to_dict(self) -> dict[str, float]:
        """The settings as plain values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One image's luck: the exact change that is applied.

    Attributes:
        flip: mirrored left to right.
        rotation: degrees, counter-clockwise.
        zoom_x, zoom_y: magnification along each axis, 1 for none.
        shift_x, shift_y: share of the side, right and down positive.
        contrast: factor about mid grey, 1 for none.
        brightness: added, as a share of the full range, 0 for none.
        gamma: exponent on intensities in 0 to 1, 1 for none.
        scan: what another scanner would have done, if anything.
        rim: what becomes of skull and scalp, if anything.
        sharpening: width of the unsharp mask as a share of the side, and its strength; strength 0
            for none.
    """

    flip: bool = False
    rotation: float = 0.0
    zoom_x: float = 1.0
    zoom_y: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    contrast: float = 1.0
    brightness: float = 0.0
    gamma: float = 1.0
    scan: Scan = field(default_factory=Scan)
    rim: Rim = field(default_factory=Rim)
    sharpening: tuple[float, float] = (0.0, 0.0)


def draw(augmentation: Augmentation, *, seed: int, epoch: int, image: int) -> Draw:
    """Draw one image's change.

    Args:
        augmentation: the limits.
        seed, epoch, image: what the draw depends on; image is any non-negative integer that
            names the image, its content hash for one.
    """
    random = np.random.default_rng([seed, epoch, image])
    a = augmentation

    def either_way(limit: float) -> float:
        return float(random.uniform(-limit, limit))

    def factor(limit: float) -> float:
        return math.exp(either_way(math.log1p(limit)))

    # Always the same number of draws in the same order: switching one property off leaves the
    # luck of the others as it was.
    flip = bool(random.random() < a.flip)
    rotation = either_way(a.rotation)
    zoom, stretch = factor(a.zoom), factor(a.stretch)
    drawn = Draw(
        flip=flip,
        rotation=rotation,
        zoom_x=zoom * stretch,
        zoom_y=zoom / stretch,
        shift_x=either_way(a.shift),
        shift_y=either_way(a.shift),
        contrast=factor(a.contrast),
        brightness=either_way(a.brightness),
        gamma=factor(a.gamma),
        scan=draw_scan(random, a.scanner),
        rim=draw_rim(random, a.rim),
        sharpening=_draw_sharpening(random, a.sharpen),
    )
    # Last, so that recipes from before there was such a thing draw what they always drew.
    turned, quarters = random.random() < a.turn, int(random.integers(1, 4))
    return replace(drawn, rotation=rotation + 90.0 * quarters) if turned else drawn


def apply(pixels: NDArray[np.uint8], drawn: Draw) -> NDArray[np.uint8]:
    """Apply a draw to a prepared slice; what comes in from outside the canvas is black.

    All but `rim`, which comes before and must be told where the head is: `rim.without_rim`.

    Args:
        pixels: (side, side) uint8.
        drawn: the change.

    Returns:
        (side, side) uint8.
    """
    picture = Image.fromarray(pixels).point(_levels(drawn))
    return _sharpened(scanned(_moved(picture, drawn), drawn.scan), *drawn.sharpening)


def apply_place(mask: NDArray[np.uint8], drawn: Draw) -> NDArray[np.uint8]:
    """Apply to a mask what a draw does to the place of things: (side, side) uint8, likewise."""
    return _moved(Image.fromarray(mask), drawn)


def _moved(picture: Image.Image, drawn: Draw) -> NDArray[np.uint8]:
    matrix = _matrix(drawn, (picture.height, picture.width))
    bilinear = Image.Resampling.BILINEAR
    return np.asarray(picture.transform(picture.size, Image.Transform.AFFINE, matrix, bilinear))


def _draw_sharpening(random: np.random.Generator, rate: float) -> tuple[float, float]:
    on, width, strength = random.random(3).tolist()
    if on >= rate:
        return 0.0, 0.0
    narrow, wide = _UNSHARP
    return float(narrow * (wide / narrow) ** width), _STRENGTH * strength


def _sharpened(pixels: NDArray[np.uint8], width: float, strength: float) -> NDArray[np.uint8]:
    """Unsharp masking: a narrow mask raises edges, a wide one local contrast, as the adaptive
    histogram equalization of many public sets does (Pizer et al., CVGIP 1987)."""
    if not strength:
        return pixels
    mask = ImageFilter.UnsharpMask(width * pixels.shape[0], round(100 * strength), 0)
    return np.asarray(Image.fromarray(pixels).filter(mask))


def _levels(drawn: Draw) -> list[int]:
    """New value of each of the 256 grey levels; black, the background, stays black."""
    level = (np.arange(256) / 255.0) ** drawn.gamma
    level = (level - 0.5) * drawn.contrast + 0.5 + drawn.brightness
    level[0] = 0.0
    values: list[int] = np.round(np.clip(level, 0.0, 1.0) * 255.0).astype(int).tolist()
    return values


def _matrix(drawn: Draw, shape: tuple[int, ...]) -> tuple[float, ...]:
    """Affine map from target to source pixels, about the centre, as Pillow wants it."""
    height, width = shape
    angle = math.radians(drawn.rotation)
    turn: NDArray[Any] = np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    scale = np.diag([(-1.0 if drawn.flip else 1.0) / drawn.zoom_x, 1.0 / drawn.zoom_y])
    linear = scale @ turn
    centre = np.array([width / 2, height / 2])
    moved = centre + np.array([drawn.shift_x * width, drawn.shift_y * height])
    offset = centre - linear @ moved
    return (*linear[0], offset[0], *linear[1], offset[1])
