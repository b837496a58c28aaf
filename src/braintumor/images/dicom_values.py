"""Stored DICOM values -> grey values of the modality, larger meaning brighter.

Knows one frame at a time: its stored pixels, and the header elements that say what they mean
(PS3.3 C.7.5.1.1.2, C.11.1 and C.11.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import apply_color_lut, apply_modality_lut

from braintumor.images.dicom_header import HeaderError
from braintumor.images.levels import extremes

# ITU-R BT.601, as Pillow's "L".
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_CHANNELS = ("Red", "Green", "Blue", "Alpha")


def grey_values(
    stored: NDArray[Any], dataset: Any, rescaling: Any, window: Any
) -> tuple[NDArray[Any], tuple[float, float] | None]:
    """Apply the modality's values, darken padding, turn MONOCHROME1, make colour grey.

    Args:
        stored: (rows, columns), or (rows, columns, 3) RGB.
        dataset: the file's header.
        rescaling: holder of slope and intercept: the header, or the frame's item.
        window: holder of window centre and width: likewise.

    Returns:
        (pixels, window): (rows, columns) uint8, uint16 or float32; and the values to be shown
        black and white, where the file gives them and they make sense.

    Raises:
        HeaderError: colours of a segmented palette.
        Exception: whatever pydicom raises for a damaged table.
    """
    photometric = str(dataset.PhotometricInterpretation)
    if photometric == "PALETTE COLOR":
        stored = _coloured(stored, dataset)
    if stored.ndim == 3:
        luma = np.asarray(stored[..., :3].astype(np.float32) @ _LUMA)
        return (np.round(luma).astype(np.uint8) if stored.dtype == np.uint8 else luma), None
    values = _modality_values(stored, rescaling)
    white_is_least = photometric == "MONOCHROME1"
    # Told by the values as they are stored, replaced by one of the image that fits any rescaling.
    padding = _padding(stored, dataset)
    if padding.any():
        values = _filled(values, padding, white_is_least)
    shown = _window(window, values)
    if not white_is_least:
        return values, shown
    turned, mirror = _turned(values, dataset)
    return turned, None if shown is None else (mirror - shown[1], mirror - shown[0])


def _coloured(stored: NDArray[Any], dataset: Any) -> NDArray[Any]:
    """Numbers of colours -> (rows, columns, 3) RGB."""
    # Six bytes of a segmented table (PS3.3 C.7.9.2) stand for 65,535 colours, any number of times,
    # and pydicom lays out all of them. No scanner of MRI writes one.
    if any(f"Segmented{one}PaletteColorLookupTableData" in dataset for one in _CHANNELS):
        raise HeaderError("its colours are in a segmented palette: export it in grey")
    return np.asarray(apply_color_lut(stored, dataset))


def _modality_values(stored: NDArray[Any], holder: Any) -> NDArray[Any]:
    """Stored values -> those of the modality; unsigned ones stay as they are where nothing
    changes them."""
    if holder.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(stored, holder), dtype=np.float32)
    slope = _number(holder.get("RescaleSlope"), 1.0) or 1.0
    intercept = _number(holder.get("RescaleIntercept"), 0.0)
    if (slope, intercept) != (1.0, 0.0):
        return np.asarray(stored.astype(np.float32) * slope + intercept, dtype=np.float32)
    return stored if stored.dtype in (np.uint8, np.uint16) else stored.astype(np.float32)


def _padding(stored: NDArray[Any], dataset: Any) -> NDArray[np.bool_]:
    """Which pixels only fill up the rectangle, and are no part of the image."""
    kind = {"f4": "Float", "f8": "DoubleFloat"}.get(stored.dtype.str[1:], "")
    value = _padding_value(dataset, f"{kind}PixelPaddingValue", stored.dtype.kind)
    if value is None:
        return np.zeros(stored.shape, np.bool_)
    limit = _padding_value(dataset, f"{kind}PixelPaddingRangeLimit", stored.dtype.kind)
    low, high = sorted((value, value if limit is None else limit))
    return np.asarray((stored >= low) & (stored <= high))


def _padding_value(dataset: Any, name: str, kind: str) -> float | None:
    """A stored value that an element names; None where it is missing or no single number."""
    try:
        value = dataset.get(name)
    except MemoryError:
        raise
    except Exception:  # damaged, which can make pydicom raise anything; the image is there
        return None
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    # Writers confuse signed and unsigned, so the same 16 bits are taken for what the pixels are.
    if kind == "i" and 2**15 <= value < 2**16:
        return value - 2**16
    return value + 2**16 if kind == "u" and -(2**15) <= value < 0 else value


def _filled(values: NDArray[Any], padding: NDArray[np.bool_], white_is_least: bool) -> NDArray[Any]:
    """With the image's darkest value in place of padding; one value where all is padding."""
    image = values[~padding]
    least, most = extremes(image if image.size else values)
    return np.where(padding, values.dtype.type(most if white_is_least else least), values)


def _turned(values: NDArray[Any], dataset: Any) -> tuple[NDArray[Any], float]:
    """MONOCHROME1 (the smallest value is white) with larger meaning brighter: mirror - value."""
    if values.dtype == np.float32:
        least, most = extremes(values)
        mirror = least + most
        return np.asarray(mirror - values), float(mirror)
    top = max(2 ** int(dataset.BitsStored) - 1, int(values.max()))
    return np.asarray(top - values.astype(np.int64)).astype(values.dtype), float(top)


def _window(holder: Any, values: NDArray[Any]) -> tuple[float, float] | None:
    """The first window of the file as (black, white), if it shows anything of these values."""
    centre = _number(_first(holder.get("WindowCenter")), math.nan)
    width = _number(_first(holder.get("WindowWidth")), math.nan)
    low, high = centre - width / 2, centre + width / 2
    if str(holder.get("VOILUTFunction") or "LINEAR").upper() == "LINEAR":
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return None
    least, most = extremes(values)
    return (low, high) if low < most and high > least else None


def _first(value: Any) -> Any:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return (value[0] if value else None) if is_list else value


def _number(value: Any, default: float) -> float:
    """A number of the file; the default where it is missing, no number or not finite."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return default
    return number if math.isfinite(number) else default
