"""Any file -> all the slices it holds, one after the other.

A picture, a DICOM file or a page of a TIFF is a slice; a multi-frame DICOM object, a NIfTI volume
and a TIFF of several pages are many, called `name#number` with numbers from 1; a ZIP archive is
the files inside it. What cannot be read comes as an `ImageError` in its place, so that one bad
frame or file does not end the others.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from braintumor.files import sha256_bytes
from braintumor.images.choice import Choice
from braintumor.images.decode import (
    ImageError,
    Limits,
    Slice,
    check_bytes,
    decode,
    max_bytes_of,
    read_bytes,
)
from braintumor.images.sniff import HEAD, kind_of


def read_slices(
    source: Path | str | bytes,
    *,
    name: str | None = None,
    limits: Limits | None = None,
    choice: Choice | None = None,
) -> Iterator[Slice | ImageError]:
    """Read all slices of a file, lazily: no more than one frame is decoded ahead.

    Args:
        source: a path, or the file's bytes.
        name: what to call it; the path as given where None.
        limits: how large it may be; the defaults where None.
        choice: plane of volumes, and which of their slices; all axial ones where None.

    Yields:
        A slice, or in its place the error that names it: a `RefusedError` for what can be read
        and is no MRI of a head. Never nothing, unless no slice was chosen.
    """
    limits, choice = limits or Limits(), choice or Choice()
    if name is None:
        name = "The image" if isinstance(source, bytes) else os.fspath(source)
    try:
        # An archive is read entry by entry.
        if not isinstance(source, bytes) and kind_of(head_of(source)) == "zip":
            yield from _archived(Path(source), name, limits, choice)
            return
        data = source
        if not isinstance(data, bytes):
            data = read_bytes(Path(data), name=name, limits=limits)
        check_bytes(len(data), name, max_bytes_of(data, limits))
        yield from _slices(data, name, limits, choice)
    except ImageError as error:
        yield error
    except MemoryError:
        yield ImageError(name, "it is too large for this machine's memory")


def _slices(data: bytes, name: str, limits: Limits, choice: Choice) -> Iterator[Slice | ImageError]:
    # Each of these libraries takes a tenth of a second or more to import.
    kind = kind_of(data[:HEAD])
    if kind == "dicom":
        from braintumor.images import dicom

        yield from dicom.slices(data, name=name, limits=limits, choice=choice)
    elif kind in ("nifti", "gzip"):
        from braintumor.images import nifti

        sha256 = sha256_bytes(data)
        if kind == "gzip":
            data = nifti.unpacked(data, name=name, limits=limits)
        yield from nifti.slices(data, name=name, sha256=sha256, limits=limits, choice=choice)
    elif kind == "tiff":
        from braintumor.images import tiff

        yield from tiff.pages(data, name=name, limits=limits, choice=choice)
    elif kind == "zip":
        yield from _archived(data, name, limits, choice)
    else:
        yield decode(data, name=name, limits=limits)


def _archived(
    source: Path | bytes, name: str, limits: Limits, choice: Choice
) -> Iterator[Slice | ImageError]:
    from braintumor.images import archive

    empty = True
    for entry in archive.entries(source, name=name, limits=limits):
        empty = False
        if isinstance(entry, ImageError):
            yield entry
        else:
            label, data = entry
            yield from read_slices(data, name=label, limits=limits, choice=choice)
    if empty:
        raise ImageError(name, "the ZIP archive holds no image")


def head_of(source: Path | str | bytes | bytearray | memoryview) -> bytes:
    """A file's first bytes; none where it cannot be read, for reading it says what is wrong."""
    if not isinstance(source, Path | str):
        return bytes(source[:HEAD])
    path = Path(source)
    try:
        # Opening a pipe or a device could wait for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(HEAD)
    except (OSError, ValueError):
        return b""
