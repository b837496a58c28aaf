"""A NIfTI volume -> grey slices of one plane, laid as a radiologist sees them.

Slices are numbered towards the top of the head (axial), the back (coronal) or the patient's left
(sagittal), whatever order the file has. Oblique volumes are cut along their own axes, each taken
for the nearest of the body's; where voxels are thicker than wide, pixels are made squares.

References: https://nifti.nimh.nih.gov/nifti-1 (the header's fields and their meaning).
"""

from __future__ import annotations

import io
import logging
import re
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from braintumor.images.choice import Choice
from braintumor.images.decode import (
    ImageError,
    Limits,
    Place,
    RefusedError,
    Slice,
    check_bytes,
    check_frames,
    check_size,
    series_key,
)
from braintumor.images.geometry import NORMALS, Lie, laid_upright, with_square_pixels
from braintumor.images.sniff import looks_like_nifti

# nibabel quotes the header in its log lines and warnings.
logging.getLogger("nibabel").setLevel(logging.CRITICAL + 1)
logging.getLogger("nibabel.global").setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", module=r"nibabel\.")

_DAMAGED = "the NIfTI file is damaged or incomplete: copy or download it again"
_UNKNOWN_LIE = "the volume does not say how it lies in the body, so its slices may be turned"
# Header field intent_code: statistics, and names of structures.
_STATISTICS, _LABELS = range(2, 25), 1002
# For zlib: a gzip file.
_GZIP = 31
# What comes before a gzip file's first block: up to 64 KiB of extra fields, and names.
_LONGEST_HEADER = 128 * 2**10
# So many bytes of a gzip file are unpacked at once.
_WINDOW = 16 * 2**10
# Each part of a gzip file takes time, however little it holds; honest ones hold kilobytes.
_FEW_PARTS, _SMALL_PART = 1000, 256
_ZEROS = re.compile(rb"\0+")


def slices(
    data: bytes, *, name: str, sha256: str, limits: Limits, choice: Choice
) -> Iterator[Slice | ImageError]:
    """The wanted slices of a volume, one by one.

    Args:
        data: of the file, unpacked.
        name: of the file; slices are called `name#number`.
        sha256: of the file's bytes as they were.
        limits: how large it may be.
        choice: plane and numbers.

    Raises:
        ImageError: at the first step: not a single volume of plain numbers, too large, damaged.
    """
    volume = _volume(data, name, limits)
    axis, forward = volume.axis_along(NORMALS[choice.plane])
    count = volume.voxels.shape[axis]
    check_frames(count, name=name, limits=limits)
    rows, columns = (side for at, side in enumerate(volume.voxels.shape) if at != axis)
    check_size(rows, columns, name=name, limits=limits)
    # With the name, for a copy of a volume is a series of its own.
    series = series_key(name, sha256, choice.plane)
    lie = volume.lie_without(axis)
    for number in choice.numbers(count):
        index = number - 1 if forward else count - number
        pixels = volume.values(axis, index)
        label = f"{name}#{number}" if count > 1 else name
        place = Place(
            series=series, number=number if count > 1 else 0, along=volume.along(axis, index)
        )
        if not np.isfinite(pixels).any():
            yield ImageError(label, "it holds no finite value", place)
            continue
        shown = np.ascontiguousarray(laid_upright(volume.squared(pixels, axis), lie))
        yield Slice(
            pixels=shown,
            format="NIFTI",
            mode=volume.voxels.dtype.name,
            size=(shown.shape[0], shown.shape[1]),
            sha256=sha256,
            name=label,
            notes=volume.notes,
            place=place,
        )


def unpacked(data: bytes, *, name: str, limits: Limits) -> bytes:
    """The volume inside a gzip file; never more than the limits allow, and nothing else.

    Raises:
        ImageError: something else inside, damaged, or too large.
    """
    # Memory grows with what is really there; a bomb of zeros stops at the limit.
    out = bytearray()
    at = parts = 0
    try:
        head = zlib.decompressobj(wbits=_GZIP).decompress(data[:_LONGEST_HEADER], 1024)
        if not looks_like_nifti(head):
            raise ImageError(name, "it is a gzip file, and holds no NIfTI volume")
        while at < len(data):  # a gzip file may consist of several, with zeros between them
            at = _unpack_part(data, at, out, name, limits)
            if zeros := _ZEROS.match(data, at):
                at = zeros.end()
            parts += 1
            if parts > _FEW_PARTS and len(out) < parts * _SMALL_PART:
                raise ImageError(name, "it is a gzip file of countless tiny parts: pack it anew")
    except zlib.error:
        raise ImageError(name, "the file is damaged: copy or download it again") from None
    return bytes(out)


def _unpack_part(data: bytes, at: int, out: bytearray, name: str, limits: Limits) -> int:
    """Append what the gzip stream that begins at `at` holds, and tell where it ends."""
    stream = zlib.decompressobj(wbits=_GZIP)
    while not stream.eof:
        if at >= len(data):
            raise ImageError(name, "the file is truncated: copy or download it again")
        # A window at a time: of what lies behind its end, the stream makes a copy.
        window = data[at : at + _WINDOW]
        out += stream.decompress(window, limits.max_volume_bytes + 1 - len(out))
        if len(out) > limits.max_volume_bytes:
            check_bytes(len(out), name, limits.max_volume_bytes)
        at += len(window) - len(stream.unused_data)
    return at


@dataclass(frozen=True)
class _Volume:
    """Voxels as they are stored, and what they mean.

    Attributes:
        voxels: three axes, a view into the file's bytes.
        slope, intercept: of the values.
        affine: (4, 4) voxel indices -> mm towards the patient's right, front and top.
        spacing: (3,) from a voxel's middle to the next one's along every voxel axis, mm.
        axes: (3, 2) of every voxel axis: the nearest axis of the body, and 1 or -1.
    """

    voxels: NDArray[Any]
    slope: float
    intercept: float
    affine: NDArray[np.float64]
    spacing: NDArray[np.float64]
    axes: NDArray[np.int64]
    notes: tuple[str, ...]

    def axis_along(self, normal: int) -> tuple[int, bool]:
        """The voxel axis along x, y or z, and whether it runs to the left, back or top."""
        axis = int(np.flatnonzero(self.axes[:, 0] == normal)[0])
        return axis, bool(self._direction(axis)[normal] > 0)

    def lie_without(self, axis: int) -> Lie:
        """How slices across a voxel axis lie."""
        rows, columns = (at for at in range(3) if at != axis)
        return Lie(right=self._direction(columns), down=self._direction(rows))

    def _direction(self, axis: int) -> NDArray[np.float64]:
        """Unit vector in DICOM's coordinates, which grow to the left and to the back."""
        towards = np.zeros(3)
        towards[self.axes[axis, 0]] = self.axes[axis, 1]
        return np.asarray(towards * [-1, -1, 1])

    def values(self, axis: int, index: int) -> NDArray[Any]:
        """One slice across an axis."""
        # Not `take`, which first copies a volume that lies as these do.
        view = self.voxels[(slice(None),) * axis + (index,)]
        stored = view.astype(view.dtype.newbyteorder("="))
        if (self.slope, self.intercept) != (1.0, 0.0):
            return np.asarray(stored.astype(np.float32) * self.slope + self.intercept, np.float32)
        if stored.dtype in (np.uint8, np.uint16):
            return np.asarray(stored)
        return np.asarray(stored, np.float32)

    def squared(self, pixels: NDArray[Any], axis: int) -> NDArray[Any]:
        """A slice across an axis with square pixels."""
        down, across = (float(size) for at, size in enumerate(self.spacing) if at != axis)
        return with_square_pixels(pixels, down, across)

    def along(self, axis: int, index: int) -> float:
        """Where the middle of a slice is along its normal, mm, as `geometry.along`."""
        middle = [(side - 1) / 2 for side in self.voxels.shape]
        middle[axis] = index
        place = (self.affine @ [*middle, 1.0])[:3] * [-1, -1, 1]
        return float(place[self.axes[axis, 0]])


def _volume(data: bytes, name: str, limits: Limits) -> _Volume:
    try:
        kind = nibabel.Nifti2Image if data[4:8] in (b"n+2\0", b"ni2\0") else nibabel.Nifti1Image
        header = kind.header_class.from_fileobj(io.BytesIO(data), check=False)
        _refuse(header, name)
        shape = _shape(header, name)
        dtype = header.get_data_dtype()
        offset = int(header.get_data_offset())
        slope, intercept = header.get_slope_inter()
        affine, axes, notes = _orientation(header)
        spacing = _spacing(header, affine, known=not notes)
    except (ImageError, MemoryError):
        raise
    except Exception:  # a damaged header can make nibabel raise anything
        raise ImageError(name, _DAMAGED) from None
    if dtype.kind not in "iuf":
        raise ImageError(name, "its voxels are colours or complex numbers: save plain grey values")
    size = dtype.itemsize
    for side in shape:
        size *= side  # a plain int cannot overflow
    check_bytes(size, name, limits.max_volume_bytes)
    # Some programs mean the end of the header then, some four bytes more: nobody can tell.
    if offset < header.single_vox_offset:
        raise ImageError(
            name, "its header says that the voxels begin inside the header: save the volume anew"
        )
    if offset + size > len(data):
        raise ImageError(name, "the file is truncated: copy or download it again")
    voxels: NDArray[Any] = np.ndarray(shape, dtype, buffer=data, offset=offset, order="F")
    return _Volume(
        voxels=voxels,
        slope=1.0 if slope is None else float(slope),
        intercept=0.0 if intercept is None else float(intercept),
        affine=affine,
        spacing=spacing,
        axes=axes,
        notes=notes,
    )


def _refuse(header: Any, name: str) -> None:
    if bytes(header["magic"].tobytes()[:2]) == b"ni":
        raise ImageError(name, "its pixels lie in another file (.img): save it as a single .nii")
    intent = int(header["intent_code"])
    if intent in _STATISTICS or intent == _LABELS:
        what = "names of structures" if intent == _LABELS else "a statistic"
        raise RefusedError(name, f"it is a volume of {what}, not of a scan")


def _shape(header: Any, name: str) -> tuple[int, int, int]:
    """Three sides; a fourth axis is refused unless it is of length one."""
    sides = tuple(int(side) for side in header.get_data_shape())
    if any(side < 1 for side in sides) or len(sides) < 2:
        raise ImageError(name, "its header says that it has no voxels")
    if any(side > 1 for side in sides[3:]):
        told = " x ".join(map(str, sides))
        raise ImageError(
            name,
            f"it has {len(sides)} dimensions ({told}), a series of volumes: save one volume of it",
        )
    rows, columns, depth = (*sides, 1)[:3]
    return rows, columns, depth


def _orientation(header: Any) -> tuple[NDArray[np.float64], NDArray[np.int64], tuple[str, ...]]:
    """Affine, nearest axes, and a note where the file does not tell them."""
    affine = np.asarray(header.get_best_affine(), np.float64)
    known = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
    if np.isfinite(affine).all():
        nearest = nibabel.io_orientation(affine)
        if known and np.isfinite(nearest).all():
            return affine, nearest.astype(np.int64), ()
    axes = np.array([[0, -1], [1, 1], [2, 1]])  # as most scanners' volumes lie
    return np.diag([-1.0, 1.0, 1.0, 1.0]), axes, (_UNKNOWN_LIE,)


def _spacing(header: Any, affine: NDArray[np.float64], *, known: bool) -> NDArray[np.float64]:
    """(3,) how far voxels lie apart, mm: by the affine, or as the header says without one."""
    if known:
        return np.asarray(np.linalg.norm(affine[:3, :3], axis=0))
    return np.abs(np.asarray((*header.get_zooms(), 1.0, 1.0)[:3], np.float64))
