"""Stored DICOM values -> grey values of the modality, larger meaning brighter.

Knows one frame at a time: its stored pixels, and the header elements that say what they mean
(PS3.3 C.11.1 and C.11.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import apply_color_lut, apply_modality_lut

# ITU-R BT.601, as Pillow's "L".
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def grey_values(
    stored: NDArray[Any], dataset: Any, rescaling: Any, window: Any
) -> tuple[NDArray[Any], tuple[float, float] | None]:
    """Apply the modality's values, turn MONOCHROME1, make colour grey.

    Args:
        stored: (rows, columns), or (rows, columns, 3) RGB.
        dataset: the file's header.
        rescaling: holder of slope and intercept: the header, or the frame's item.
        window: holder of window centre and width: likewise.

    Returns:
        (pixels, window): (rows, columns) uint8, uint16 or float32; and the values to be shown
        black and white, where the file gives them and they make sense.
    """
    photometric = str(dataset.PhotometricInterpretation)
    if photometric == "PALETTE COLOR":
        stored = np.asarray(apply_color_lut(stored, dataset))
    if stored.ndim == 3:
        luma = np.asarray(stored[..., :3].astype(np.float32) @ _LUMA)
        return (np.round(luma).astype(np.uint8) if stored.dtype == np.uint8 else luma), None
    values = _modality_values(stored, rescaling)
    shown = _window(window, values)
    if photometric != "MONOCHROME1":
        return values, shown
    turned, mirror = _turned(values, dataset)
    return turned, None if shown is None else (mirror - shown[1], mirror - shown[0])


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


def _turned(values: NDArray[Any], dataset: Any) -> tuple[NDArray[Any], float]:
    """MONOCHROME1 (the smallest value is white) with larger meaning brighter: mirror - value."""
    if values.dtype == np.float32:
        mirror = values.min() + values.max()
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
    least, most = float(np.nanmin(values)), float(np.nanmax(values))
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
