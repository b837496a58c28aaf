"""From a class activation map to a heat map over the slice, and its colours.

Knows arrays and boxes only: no files, no classes, no graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from braintumor.images.prepare import Box, finite_float

# Ten even steps of "plasma" (Smith and van der Walt, matplotlib, CC0): even to the eye, bright
# where it is hot, and apart for the colour-blind.
_STEPS = "0d0887 46039f 7201a8 9c179e bd3786 d8576b ed7953 fb9f3a fdca26 f0f921"  # cold to hot


def spread(activation: NDArray[Any], box: Box, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Put a class activation map back over the slice that it was computed from.

    What speaks against the class (negative) counts as nothing; the strongest place is 1. Outside
    the box, which the network never saw, the map is 0.

    Args:
        activation: (h, w) class activation map of the prepared canvas.
        box: the part of the slice that filled the canvas.
        shape: (height, width) of the slice.

    Returns:
        (height, width) float32, 0 to 1; all 0 where nothing speaks for the class.
    """
    heat = np.zeros(shape, np.float32)
    positive = np.maximum(np.asarray(activation, np.float32), 0.0)
    peak = float(positive.max(initial=0.0))
    if not peak > 0.0:
        return heat
    rows, columns = box.bottom - box.top, box.right - box.left
    picture = Image.fromarray(positive / np.float32(peak))
    stretched = np.asarray(picture.resize((columns, rows), Image.Resampling.BILINEAR))
    highest = float(stretched.max())
    if highest > 0.0:  # a box smaller than the map averages its peak away
        heat[box.top : box.bottom, box.left : box.right] = np.clip(stretched / highest, 0.0, 1.0)
    return heat


def grey_levels(
    pixels: NDArray[Any], window: tuple[float, float] | None = None
) -> NDArray[np.uint8]:
    """A slice of any type as grey levels to look at.

    Args:
        pixels: (height, width); without a window, uint8 stays as it is, and anything else is
            stretched between its 0.5 and 99.5 percentiles.
        window: values that become black and white.

    Returns:
        (height, width) uint8.
    """
    if pixels.dtype == np.uint8 and window is None:
        return pixels
    if not np.isfinite(pixels).any():
        return np.zeros(pixels.shape, np.uint8)
    values = finite_float(pixels).astype(np.float64)
    low, high = np.percentile(values, [0.5, 99.5]) if window is None else window
    if not high > low:
        return np.zeros(pixels.shape, np.uint8)
    levels = np.round(np.clip((values - low) / (high - low), 0.0, 1.0) * 255.0)
    return np.asarray(levels, dtype=np.uint8)


def overlay(
    grey: NDArray[np.uint8], heat: NDArray[Any], strength: float = 0.6
) -> NDArray[np.uint8]:
    """Colour a slice by its heat map; where the heat is 0 the slice shows unchanged.

    Args:
        grey: (height, width) uint8.
        heat: (height, width), 0 to 1.
        strength: share of the colour where the heat is 1, 0 to 1.

    Returns:
        (height, width, 3) uint8, red, green and blue.

    Raises:
        ValueError: the shapes differ, or strength lies outside 0 to 1.
    """
    if grey.shape != heat.shape:
        raise ValueError(f"slice {grey.shape} and heat map {heat.shape} differ in shape")
    if not 0.0 <= strength <= 1.0:
        raise ValueError(f"strength must lie between 0 and 1, not {strength}")
    hot = np.clip(heat, 0.0, 1.0).astype(np.float32)
    colour = colours()[np.round(hot * 255.0).astype(np.uint8)].astype(np.float32)
    share = (hot * np.float32(strength))[..., np.newaxis]
    mixed = grey[..., np.newaxis] * (1.0 - share) + colour * share
    return np.asarray(np.round(mixed), dtype=np.uint8)


def colours() -> NDArray[np.uint8]:
    """The colour of every heat from 0 to 1 in 256 steps, (256, 3) uint8, for legends too."""
    steps = np.array([list(bytes.fromhex(step)) for step in _STEPS.split()], np.float64)
    places = np.linspace(0.0, 1.0, len(steps))
    heat = np.linspace(0.0, 1.0, 256)
    channels = [np.interp(heat, places, steps[:, channel]) for channel in range(3)]
    return np.round(np.stack(channels, axis=1)).astype(np.uint8)
