"""A picture of any mode as Pillow gives it -> grey levels, the right way up.

Knows pictures in memory; opens no file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from braintumor.images.levels import extremes

# Tags of TIFF. Of signed samples the second has the value 2.
_PHOTOMETRIC, _SAMPLE_FORMAT, _SIGNED = 262, 339, (2,)


def to_grey(picture: Image.Image) -> tuple[NDArray[Any], bool]:
    """The pixels of a loaded picture of any mode as grey, larger meaning brighter.

    Colours become luma (ITU-R BT.601, as Pillow's "L"); what is transparent lies on black.

    Returns:
        (pixels, coloured): (height, width) uint8, uint16 or float32; whether it had colours.
    """
    mode = picture.mode
    if mode.startswith("I;16"):
        return _sixteen_bit(picture), False
    if mode == "I":
        values = np.asarray(picture)
        if values.min() >= 0 and values.max() <= 65535:
            return values.astype(np.uint16), False
        return values.astype(np.float32), False
    if mode == "F":
        return _floats(picture), False
    if mode == "L" and _tag(picture, _SAMPLE_FORMAT) == _SIGNED:
        # Pillow takes their bytes for unsigned ones.
        return np.asarray(picture).view(np.int8).astype(np.float32), False
    if mode == "LAB":
        return np.asarray(picture.getchannel(0)), True
    if "transparency" in picture.info or mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        picture = _on_black(picture)
    elif mode not in ("1", "L", "RGB", "YCbCr"):
        picture = picture.convert("RGB")
    return np.asarray(picture.convert("L")), _coloured(picture)


def _sixteen_bit(picture: Image.Image) -> NDArray[np.uint16]:
    pixels = np.asarray(picture).astype(np.uint16)
    return np.uint16(65535) - pixels if _white_is_zero(picture) else pixels


def _floats(picture: Image.Image) -> NDArray[np.float32]:
    values = np.asarray(picture, dtype=np.float32)
    if not _white_is_zero(picture):
        return values
    # Fractions have no white of their own: the least and the largest value change places.
    least, most = extremes(values)
    return np.asarray(least + most - values, np.float32)


def _white_is_zero(picture: Image.Image) -> bool:
    """Whether a TIFF's smallest value is white, which Pillow heeds at 8 bits alone."""
    return bool(_tag(picture, _PHOTOMETRIC) == 0)


def _tag(picture: Image.Image, tag: int) -> Any:
    """A tag of the present page; None where the picture is no TIFF or lacks it."""
    return getattr(picture, "tag_v2", {}).get(tag)


def _on_black(picture: Image.Image) -> Image.Image:
    # Some programs leave the fourth byte of a BMP's pixels zero, and mean nothing by it.
    bitmap = picture.format == "BMP" and picture.mode == "RGBA"
    if bitmap and picture.getchannel("A").getextrema() == (0, 0):
        return picture.convert("RGB")
    if picture.mode == "La":
        picture = picture.convert("LA")
    picture = picture.convert("RGBA")
    black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, picture).convert("RGB")


def _coloured(picture: Image.Image) -> bool:
    """Whether a hundredth of the pixels differ from grey by more than JPEG's rounding."""
    if picture.mode not in ("RGB", "YCbCr"):
        return False
    # Nearest neighbours: mixing would make grey of fine colours.
    thumb = picture.resize(
        (min(picture.width, 128), min(picture.height, 128)), Image.Resampling.NEAREST
    ).convert("RGB")
    values = np.asarray(thumb).astype(np.int16)
    spread = values.max(axis=2) - values.min(axis=2)
    return bool(np.mean(spread > 24) > 0.01)


def orientation(picture: Image.Image) -> int:
    """EXIF orientation 1 to 8, still to be applied; 1 where there is none or it is damaged."""
    try:
        # After load(): a PNG may carry it behind its pixels, and TIFF has applied it by then.
        value = picture.getexif().get(ExifTags.Base.Orientation, 1)
        return int(value) if 1 <= int(value) <= 8 else 1
    except Exception:
        return 1


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo an EXIF orientation (EXIF 2.32, tag 274)."""
    if orientation >= 5:
        pixels = pixels.T
    # What is left after the transposition: a flip of rows, of columns or of both.
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
