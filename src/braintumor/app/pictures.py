"""Pictures of a slice, ready to be shown: small enough for a phone, honest about what they show.

Knows arrays only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from braintumor.bundle.heatmap import overlay

# No screen shows more in half a page, and every change of the slider sends the picture anew.
MAX_SIDE = 720


def heat_over_slice(
    grey: NDArray[np.uint8], heat: NDArray[np.float32], strength: float
) -> NDArray[np.uint8]:
    """A slice coloured by its heat map.

    Args:
        grey: (height, width) grey levels.
        heat: (height, width), 0 to 1.
        strength: share of the colour where the heat is 1, 0 to 1; at 0 the slice alone shows.

    Returns:
        (height, width, 3) uint8, at most `MAX_SIDE` pixels a side.
    """
    return overlay(shrink(grey), shrink(heat), strength)


def shrink(picture: NDArray[Any], max_side: int = MAX_SIDE) -> NDArray[Any]:
    """A grey picture, uint8 or float32, brought down to at most `max_side`; never enlarged."""
    height, width = picture.shape
    scale = max_side / max(height, width)
    if scale >= 1.0:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
