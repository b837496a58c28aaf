"""A DICOM file -> grey slices: one, or one a frame.

Modality values (rescale slope and intercept, or the modality table) are applied, padding becomes
as dark as the image is, MONOCHROME1 is turned so that larger means brighter, colour becomes luma,
pixels that are no squares are made squares, and slices that say how they lie are turned to
radiological display. Window centre and width are
passed on for the eyes; `prepare` windows by the head's own percentiles. Overlays and annotations
are left out.

Nothing that a file says about its patient gets into an error, a warning or a log: pydicom's own
words are never repeated.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder

from braintumor.files import sha256_bytes
from braintumor.images import tags
from braintumor.images.choice import Choice
from braintumor.images.codecs import CodecError, Frame, decode_frame
from braintumor.images.decode import (
    ImageError,
    Limits,
    Place,
    RefusedError,
    Slice,
    check_frames,
    check_size,
    check_unpacked,
    series_key,
)
from braintumor.images.dicom_header import HeaderError, read_header
from braintumor.images.dicom_values import grey_values
from braintumor.images.geometry import Lie, along, laid_upright, lie_of, with_square_pixels

# pydicom quotes values of the file in its warnings and log lines; values can be names of people.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
warnings.filterwarnings("ignore", module=r"pydicom\.")
_LOGGER = logging.getLogger("pydicom")
_LOGGER.addHandler(logging.NullHandler())
_LOGGER.setLevel(logging.CRITICAL + 1)

_DAMAGED = "the DICOM file is damaged or incomplete: export it again"
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def decode(data: bytes, *, name: str, limits: Limits) -> Slice:
    """The bytes of a single-frame DICOM file as a grey slice.

    Returns:
        (rows, columns) uint8, uint16 or float32.

    Raises:
        RefusedError: no MRI, or not of the head.
        ImageError: no picture inside, several frames, compressed in a way that cannot be read
            here, too large, damaged.
    """
    opened = _open(data, name, limits)
    if opened.count > 1:
        raise ImageError(name, f"it holds {opened.count} frames, and one slice is asked for here")
    found = next(_slices(opened, range(1, 2)))
    if isinstance(found, ImageError):
        raise found
    return found


def slices(
    data: bytes, *, name: str, limits: Limits, choice: Choice
) -> Iterator[Slice | ImageError]:
    """The frames of a DICOM file one by one, those that are damaged as errors.

    Raises:
        RefusedError, ImageError: as for `decode`, at the first step, for the file as a whole.
    """
    opened = _open(data, name, limits)
    numbers = choice.numbers(opened.count) if opened.count > 1 else range(1, 2)
    yield from _slices(opened, numbers)


@dataclass(frozen=True)
class _Opened:
    """A file whose header was read and found good."""

    dataset: Any
    name: str
    limits: Limits
    sha256: str
    count: int
    notes: tuple[str, ...]

    def group(self, number: int, name: str) -> Any:
        """The frame's item of a functional group (enhanced objects), else the header itself."""
        dataset = self.dataset
        frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
        shared = dataset.get("SharedFunctionalGroupsSequence") or []
        for holder in (*frames[number - 1 : number], *shared[:1]):
            if holder.get(name):
                return holder.get(name)[0]
        return dataset


def _open(data: bytes, name: str, limits: Limits) -> _Opened:
    dataset = None
    try:
        dataset = read_header(data)
        refusal = tags.refusal(dataset)
        if refusal is not None:
            raise RefusedError(name, refusal, sha256_bytes(data))
        count = _checked_count(dataset, name, limits)
        _fill(dataset)
        notes = tags.notes(dataset)
    except MemoryError:
        raise
    except Exception as error:
        found = _said_of(error, name)
        found.place = _place_unread(_Opened(dataset, name, limits, "", 1, ()), 1)
        raise found from None
    return _Opened(dataset, name, limits, sha256_bytes(data), count, notes)


def _said_of(error: Exception, name: str) -> ImageError:
    """What is said of whatever reading tripped over."""
    if isinstance(error, ImageError):
        return error
    # A damaged file can make pydicom raise anything, and its text may name people.
    known = isinstance(error, CodecError | HeaderError)
    return ImageError(name, str(error) if known else _DAMAGED)


def _checked_count(dataset: Any, name: str, limits: Limits) -> int:
    """Number of frames; refuses all that the header is enough for."""
    if not any(key in dataset for key in _PIXELS):
        raise ImageError(name, "this DICOM object holds no picture, or is incomplete")
    count = max(1, int(dataset.get("NumberOfFrames") or 1))
    check_frames(count, name=name, limits=limits)
    check_size(int(dataset.Rows), int(dataset.Columns), name=name, limits=limits)
    if "PhotometricInterpretation" not in dataset or "SamplesPerPixel" not in dataset:
        raise ImageError(name, _DAMAGED)
    _check_whole(dataset, count, name, limits)
    return count


def _fill(dataset: Any) -> None:
    """What a file forgot to say of its pixels and only one thing is likely."""
    if "BitsStored" not in dataset:
        dataset.BitsStored = dataset.BitsAllocated
    if "HighBit" not in dataset:
        dataset.HighBit = int(dataset.BitsStored) - 1
    if "PixelRepresentation" not in dataset:
        dataset.PixelRepresentation = 0
    if int(dataset.SamplesPerPixel) > 1 and "PlanarConfiguration" not in dataset:
        dataset.PlanarConfiguration = 0


def _check_whole(dataset: Any, count: int, name: str, limits: Limits) -> None:
    """Uncompressed pixels must all be there, and compressed ones not be too many."""
    # Raises for a UID that names no transfer syntax, whichever pixels the file has.
    compressed = _transfer_syntax(dataset).is_compressed
    if "PixelData" not in dataset:
        return
    samples = 2 if dataset.PhotometricInterpretation == "YBR_FULL_422" else dataset.SamplesPerPixel
    bits = int(dataset.Rows) * int(dataset.Columns) * int(samples) * int(dataset.BitsAllocated)
    unpacked = (bits * count + 7) // 8
    if compressed:
        check_unpacked(unpacked, name=name, limits=limits)
        return
    if len(dataset.PixelData) < unpacked:
        raise ImageError(name, "the DICOM file is truncated: export it again")
    # Retired in DICOM; pydicom would read the lowest bits all the same, and so a scrambled picture.
    if int(dataset.get("HighBit", 0)) >= int(dataset.get("BitsStored", dataset.BitsAllocated)):
        raise ImageError(name, "its grey levels lie in the upper bits (HighBit): export it anew")


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


def _slices(opened: _Opened, numbers: range) -> Iterator[Slice | ImageError]:
    """The wanted frames, decoded one at a time."""
    frames = _compressed(opened) if _transfer_syntax(opened.dataset).is_compressed else None
    number = 0
    for wanted in numbers:
        try:
            if frames is None:
                stored = _uncompressed(opened, wanted)
            else:
                while number < wanted:
                    data = next(frames, None)
                    number += 1
                stored = _decompressed(opened, data)
            yield _slice(opened, wanted, stored)
        except MemoryError:
            raise
        except Exception as error:
            found = _said_of(error, _named(opened, wanted))
            found.place = _place_unread(opened, wanted)
            yield found


def _named(opened: _Opened, number: int) -> str:
    return f"{opened.name}#{number}" if opened.count > 1 else opened.name


def _uncompressed(opened: _Opened, number: int) -> NDArray[Any]:
    decoder = get_decoder(_transfer_syntax(opened.dataset))
    pixels, _ = decoder.as_array(opened.dataset, index=number - 1)
    return np.asarray(pixels)


def _compressed(opened: _Opened) -> Iterator[bytes]:
    dataset = opened.dataset
    yield from generate_frames(
        dataset.PixelData,
        number_of_frames=opened.count,
        extended_offsets=(
            (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
            if "ExtendedOffsetTable" in dataset and "ExtendedOffsetTableLengths" in dataset
            else None
        ),
    )


def _decompressed(opened: _Opened, data: bytes | None) -> NDArray[Any]:
    if data is None:
        raise CodecError("its compressed pixels end too early: export it again")
    dataset = opened.dataset
    frame = Frame(
        syntax=str(_transfer_syntax(dataset)),
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        samples=int(dataset.SamplesPerPixel),
        photometric=str(dataset.PhotometricInterpretation),
        bits_allocated=int(dataset.BitsAllocated),
        bits_stored=int(dataset.get("BitsStored") or dataset.BitsAllocated),
        signed=bool(dataset.get("PixelRepresentation")),
        planar=int(dataset.get("PlanarConfiguration") or 0),
    )
    return decode_frame(data, frame, max_seconds=opened.limits.max_seconds)


def _slice(opened: _Opened, number: int, stored: NDArray[Any]) -> Slice:
    dataset = opened.dataset
    if stored.shape[:2] != (int(dataset.Rows), int(dataset.Columns)) or stored.ndim not in (2, 3):
        raise ImageError(_named(opened, number), _DAMAGED)
    pixels, window = grey_values(
        stored,
        dataset,
        rescaling=opened.group(number, "PixelValueTransformationSequence"),
        window=opened.group(number, "FrameVOILUTSequence"),
    )
    if pixels.dtype == np.float32 and not np.isfinite(pixels).any():
        raise ImageError(_named(opened, number), "it holds no finite value")
    lie = _lie(opened, number)
    pixels = with_square_pixels(pixels, *_pixel_sides(opened, number))
    if lie is not None:
        pixels = laid_upright(pixels, lie)
    return Slice(
        pixels=np.ascontiguousarray(pixels),
        format="DICOM",
        mode=str(dataset.PhotometricInterpretation),
        size=(pixels.shape[0], pixels.shape[1]),
        sha256=opened.sha256,
        coloured=int(dataset.SamplesPerPixel) > 1,
        name=_named(opened, number),
        notes=opened.notes,
        place=_place(opened, number, lie),
        window=window,
    )


def _pixel_sides(opened: _Opened, number: int) -> tuple[float, float]:
    """How far pixels lie apart downwards and across; (1, 1) where the file does not say it well."""
    spacing = opened.group(number, "PixelMeasuresSequence").get("PixelSpacing")
    try:
        # PS3.3 10.7.1.3 and C.7.6.3.1.7: both name the rows first, which lie one below the other.
        down, across = (float(side) for side in spacing or opened.dataset.PixelAspectRatio)
    except MemoryError:
        raise
    except Exception:  # as above: missing, or no two numbers
        return 1.0, 1.0
    return down, across


def _lie(opened: _Opened, number: int) -> Lie | None:
    orientation = opened.group(number, "PlaneOrientationSequence").get("ImageOrientationPatient")
    return lie_of(orientation or ())


def _place_unread(opened: _Opened, number: int) -> Place | None:
    """The place of a frame that cannot be read, or is refused; None where the header is no help."""
    try:
        dataset = opened.dataset
        frames = int(dataset.get("NumberOfFrames") or 1)
        # A file of several that was not opened is none of their slices, nor is what has no picture.
        if frames > opened.count or not any(key in dataset for key in _PIXELS):
            return None
        return _place(opened, number, _lie(opened, number))
    except MemoryError:
        raise
    except Exception:  # as above
        return None


def _place(opened: _Opened, number: int, lie: Lie | None) -> Place | None:
    """Series, number and position; None for a single slice of no series."""
    dataset = opened.dataset
    parts = _series(opened)
    if not parts:
        return None
    plane = "" if lie is None else str(np.argmax(np.abs(lie.normal)))
    point = opened.group(number, "PlanePositionSequence").get("ImagePositionPatient") or ()
    try:
        instance = int(dataset.get("InstanceNumber") or 0)
    except (TypeError, ValueError):
        instance = 0
    return Place(
        # A localiser's three planes are three stacks.
        series=series_key(*parts, plane),
        number=number if opened.count > 1 else 0,
        instance=instance,
        along=None if lie is None else along(point, lie),
    )


def _series(opened: _Opened) -> tuple[str, ...]:
    """What tells the frame's series from others; empty where it is of none."""
    if opened.count > 1:  # each such file is a stack of its own, a copy of it too
        return opened.name, opened.sha256
    series = str(opened.dataset.get("SeriesInstanceUID") or "")
    if not series:
        return ()
    # Some who take the names out of files give those of all patients the same UID.
    return series, _said(opened, "StudyInstanceUID"), _said(opened, "PatientID")


def _said(opened: _Opened, name: str) -> str:
    """An element's text; empty where it is missing or damaged, which costs no slice."""
    try:
        return str(opened.dataset.get(name) or "").strip()
    except MemoryError:
        raise
    except Exception:  # as above
        return ""
