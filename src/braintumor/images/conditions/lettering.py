"""Text burnt into the pixels, as screenshots and secondary captures carry it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont


def burnt_in_text(slice_: NDArray[np.float32], *, seed: int) -> NDArray[np.float32]:
    """White lines of text in all four corners: series, window, side and scale; no names.

    Args:
        slice_: (height, width) float32, 0 for its darkest and 1 for its brightest signal.
        seed: of the numbers in the text.

    Returns:
        (height, width) float32.

    References:
        DICOM PS3.3 C.8.6.1, secondary capture; attribute Burned In Annotation (0028,0301).
        Zech et al. (2018), Variable generalization performance of a deep learning model, PLoS
        Medicine 15:e1002683 (marks on the film as a shortcut).
    """
    random = np.random.default_rng(seed)
    series, image, level, width_ = (int(random.integers(1, top)) for top in (20, 200, 300, 900))
    height, width = slice_.shape
    size = max(8, round(0.045 * min(height, width)))
    edge = size // 2
    picture = Image.new("L", (width, height))
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=size)
    for text, x, y, anchor in (
        (f"Se {series}\nIm {image}", edge, edge, "la"),
        (f"W {width_}\nL {level}", edge, height - edge - 2.4 * size, "la"),
        ("R", width - edge, edge, "ra"),
        (f"TR {random.integers(300, 3000)}", width - edge, height - edge - 1.2 * size, "ra"),
    ):
        pen.multiline_text((x, y), text, fill=255, font=font, anchor=anchor)
    ink = np.asarray(picture, np.float32) / 255
    return np.asarray(slice_ * (1 - ink) + ink, np.float32)
