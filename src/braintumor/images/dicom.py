"""One single-frame DICOM file -> one grey slice.

Modality values (rescale slope and intercept, or the modality table) are applied, MONOCHROME1 is
turned so that larger means brighter, and colour becomes luma. Window centre and width are left
alone: `prepare` windows by the head's own percentiles.

What it does not know: series, volumes, enhanced multi-frame objects (refused, for now), overlays
and annotations (left out). Nothing that a file says about its patient gets into an error, a
warning or a log: pydicom's own words are never repeated.
"""

from __future__ import annotations

import io
import logging
import warnings
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import apply_color_lut, apply_modality_lut

from braintumor.files import sha256_bytes
from braintumor.images.decode import ImageError, Limits, Slice, check_size

# pydicom quotes values of the file in its warnings and log lines; values can be names of people.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
warnings.filterwarnings("ignore", module=r"pydicom\.")
_LOGGER = logging.getLogger("pydicom")
_LOGGER.addHandler(logging.NullHandler())
_LOGGER.setLevel(logging.CRITICAL + 1)

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_DAMAGED = "the DICOM file is damaged or incomplete: export it again"


def decode(data: bytes, *, name: str, limits: Limits) -> Slice:
    """The bytes of a DICOM file as a grey slice: (rows, columns) uint8, uint16 or float32.

    Raises:
        ImageError: no picture inside, several frames, compressed in a way that cannot be read
            here, too large, damaged.
    """
    if _DEFLATED in data[:4096]:  # inflating knows no limit on size
        raise ImageError(name, "it is a deflated DICOM file: export it uncompressed")
    try:
        # force: a file without a preamble; `looks_like_dicom` has had its look.
        dataset = pydicom.dcmread(io.BytesIO(data), force=data[128:132] != b"DICM")
        _check(dataset, name, limits)
        photometric = str(dataset.PhotometricInterpretation)
        pixels = _grey(dataset, photometric, name)
    except (ImageError, MemoryError):
        raise
    except Exception:  # a damaged file can make pydicom raise anything; its text may name people
        raise ImageError(name, _DAMAGED) from None
    if pixels.dtype == np.float32 and not np.isfinite(pixels).any():
        raise ImageError(name, "it holds no finite value")
    return Slice(
        pixels=np.ascontiguousarray(pixels),
        format="DICOM",
        mode=photometric,
        size=(pixels.shape[0], pixels.shape[1]),
        sha256=sha256_bytes(data),
        coloured=int(dataset.SamplesPerPixel) > 1,
    )


def _check(dataset: Any, name: str, limits: Limits) -> None:
    """Everything that can be refused from the header."""
    if not any(key in dataset for key in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise ImageError(name, "this DICOM object holds no picture, or is incomplete")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        raise ImageError(name, f"it holds {frames} frames: export each slice as a file of its own")
    check_size(int(dataset.Rows), int(dataset.Columns), name=name, limits=limits)
    if "PhotometricInterpretation" not in dataset or "SamplesPerPixel" not in dataset:
        raise ImageError(name, _DAMAGED)
    _check_whole(dataset, name)


def _check_whole(dataset: Any, name: str) -> None:
    """Uncompressed pixels must all be there."""
    syntax = _transfer_syntax(dataset)
    if syntax.is_compressed or "PixelData" not in dataset:
        return
    samples = 2 if dataset.PhotometricInterpretation == "YBR_FULL_422" else dataset.SamplesPerPixel
    bits = int(dataset.Rows) * int(dataset.Columns) * int(samples) * int(dataset.BitsAllocated)
    if len(dataset.PixelData) < (bits + 7) // 8:
        raise ImageError(name, "the DICOM file is truncated: export it again")


def _transfer_syntax(dataset: Any) -> Any:
    """The transfer syntax; where a file without a preamble names none, the one it was read in."""
    meta = getattr(dataset, "file_meta", None)
    if meta is not None and "TransferSyntaxUID" in meta:
        return meta.TransferSyntaxUID
    implicit, little = dataset.original_encoding
    if implicit:
        syntax = pydicom.uid.ImplicitVRLittleEndian
    else:
        little_endian, big_endian = (
            pydicom.uid.ExplicitVRLittleEndian,
            pydicom.uid.ExplicitVRBigEndian,
        )
        syntax = little_endian if little else big_endian
    if meta is None:
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    return syntax


def _grey(dataset: Any, photometric: str, name: str) -> NDArray[Any]:
    """Decode, apply the modality's values, turn MONOCHROME1, and make colour grey."""
    stored = _stored(dataset, name)
    if photometric == "PALETTE COLOR":
        stored = np.asarray(apply_color_lut(stored, dataset))
    if stored.ndim == 3:
        luma = np.asarray(stored[..., :3].astype(np.float32) @ _LUMA)
        return np.round(luma).astype(np.uint8) if stored.dtype == np.uint8 else luma
    values = _modality_values(stored, dataset)
    return _turned(values, dataset) if photometric == "MONOCHROME1" else values


# ITU-R BT.601, as Pillow's "L".
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def _stored(dataset: Any, name: str) -> NDArray[Any]:
    """The pixels as stored, (rows, columns) or (rows, columns, 3) RGB."""
    try:
        pixels: NDArray[Any] = dataset.pixel_array
    except (NotImplementedError, RuntimeError, ImportError):
        syntax = _transfer_syntax(dataset)
        if syntax.is_compressed and not _can_decode(syntax):
            kind = syntax.name if syntax.is_transfer_syntax else "an unknown way"
            raise ImageError(
                name,
                f"it is compressed ({kind}), for which no decoder is installed: export it "
                "uncompressed, or run  pip install pylibjpeg pylibjpeg-libjpeg",
            ) from None
        raise
    expected = (int(dataset.Rows), int(dataset.Columns))
    if pixels.shape[:2] != expected or pixels.ndim not in (2, 3):
        raise ImageError(name, _DAMAGED)
    return pixels


def _can_decode(syntax: Any) -> bool:
    try:
        return bool(pydicom.pixels.get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def _modality_values(stored: NDArray[Any], dataset: Any) -> NDArray[Any]:
    """Stored values -> those of the modality (PS3.3 C.11.1); unsigned ones stay as they are
    where nothing changes them."""
    has_table = bool(dataset.get("ModalityLUTSequence"))
    slope = float(dataset.get("RescaleSlope") or 1.0)
    intercept = float(dataset.get("RescaleIntercept") or 0.0)
    if has_table or (slope, intercept) != (1.0, 0.0):
        if has_table:
            return np.asarray(apply_modality_lut(stored, dataset), dtype=np.float32)
        return np.asarray(stored.astype(np.float32) * slope + intercept, dtype=np.float32)
    return stored if stored.dtype in (np.uint8, np.uint16) else stored.astype(np.float32)


def _turned(values: NDArray[Any], dataset: Any) -> NDArray[Any]:
    """MONOCHROME1 (the smallest value is white) with larger meaning brighter."""
    if values.dtype == np.float32:
        return np.asarray(values.min() + values.max() - values)
    top = max(2 ** int(dataset.BitsStored) - 1, int(values.max()))
    return np.asarray(top - values.astype(np.int64)).astype(values.dtype)
