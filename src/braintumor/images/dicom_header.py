"""Reads a DICOM file's elements, and refuses a header that would take absurd memory.

A few megabytes of empty elements, or of numbers in one element, become hundreds of megabytes of
Python objects. So elements are counted while pydicom parses, and a value is measured when it is
about to be converted; what nobody asks for stays bytes and may be long. Knows no element's meaning.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement
from pydicom.filereader import read_partial, read_sequence
from pydicom.hooks import hooks, raw_element_value

# Elements of the file itself; those in the items of sequences are not counted here.
_MOST_ELEMENTS = 20_000
# All elements of a file, those in sequences too, each of which takes some 230 bytes of memory and
# 12 microseconds. Slices have a few hundred. Enhanced objects may have as many for each frame, but
# then they also have bytes: so many an element, its share of the pixels included.
_ALLOWED, _BYTES_EACH, _MOST_ALLOWED = 20_000, 40, 1_500_000
# An item, which becomes a data set of its own, costs as much memory as a few elements.
_ITEM_COUNTS = 4
_ITEM = frozenset({b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00"})
# Values of these become a Python object each; others are held by the second limit.
_LISTS = frozenset(["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UI"])
_LONGEST_LIST, _LONGEST = 64 * 2**10, 2**20
# Overlays and pixels (PS3.3 C.9 and C.7.6.3) stay bytes, however many frames they have.
_OVERLAYS, _PIXELS = range(0x6000, 0x6100), 0x7FE0
# Group 0 is of messages, never of a file (PS3.7 6.3.1): zeros behind the last element, with which
# some archives pad their files, read as this.
_PADDING = 0
# Which pydicom converts while it parses.
_CHARACTER_SET = 0x00080005
# Looked up once: it is called for every element.
_read = io.BytesIO.read
_TOO_MANY = "its DICOM header has more elements than are accepted: export it again"
_TOO_LONG = "an element of its DICOM header is absurdly long: export it again"


class HeaderError(Exception):
    """A header that is not read; the text is the reason, and quotes nothing of the file."""


def read_header(data: bytes) -> Any:
    """The data set of a file, its pixels not decoded; values are converted when asked for.

    Raises:
        HeaderError: deflated, too many elements; also later, by a value that is too long when it
            is asked for.
        Exception: whatever pydicom raises for a damaged file.
    """
    count = 0

    def counted(tag: int, vr: str | None, length: int) -> bool:
        nonlocal count
        if tag == _PADDING:
            return True
        count += 1
        if count > _MOST_ELEMENTS:
            raise HeaderError(_TOO_MANY)
        if tag == _CHARACTER_SET and length > _LONGEST_LIST:
            raise HeaderError(_TOO_LONG)
        return False

    # force: a file without a preamble; `looks_like_dicom` has had its look.
    allowance = _Allowance(len(data))
    with _told(), _Counted(data, allowance) as file:
        dataset = read_partial(file, counted, force=data[128:132] != b"DICM")
    _hand_on(allowance, [dataset])
    return dataset


class _Allowance:
    """How many elements may still be read of a file, its sequences together.

    Sequences are parsed when they are asked for, so their data sets carry the allowance with them.
    """

    def __init__(self, size: int) -> None:
        self.left = min(_ALLOWED + size // _BYTES_EACH, _MOST_ALLOWED)


def _hand_on(allowance: _Allowance, datasets: Iterable[Any]) -> None:
    """Let the sequences that wait in these data sets, however deep, count on the allowance."""
    waiting = list(datasets)
    while waiting:
        dataset = waiting.pop()
        dataset._allowance = allowance
        for element in dataset.values():  # which converts nothing
            if isinstance(element, DataElement) and element.VR == "SQ":
                waiting += element.value


class _Counted(io.BytesIO):
    """Bytes of which so many elements can be read, and that are never read to the end at once."""

    def __init__(self, data: bytes, allowance: _Allowance) -> None:
        super().__init__(data)
        self._allowance, self._left = allowance, allowance.left

    def __exit__(self, *error: Any) -> None:
        self._allowance.left = self._left
        super().__exit__(*error)

    def read(self, size: int | None = -1, /) -> bytes:
        if size == 8:  # tag and length, of an element or an item
            found = _read(self, 8)
            self._left -= _ITEM_COUNTS if found[:4] in _ITEM else 1
            if self._left < 0:
                raise HeaderError(_TOO_MANY)
            return found
        if size is None or size < 0:  # pydicom does so only to inflate, which knows no limit
            raise HeaderError("it is a deflated DICOM file: export it uncompressed")
        return _read(self, size)


@contextmanager
def _told() -> Iterator[None]:
    """Where pydicom makes an error of its own of a HeaderError, the HeaderError instead."""
    try:
        yield
    except OSError as error:
        if isinstance(error.__context__, HeaderError):
            raise error.__context__ from None
        raise


def _measured(
    raw: Any, data: dict[str, Any], *, encoding: Any = None, ds: Any = None, **more: Any
) -> None:
    """pydicom's conversion of a value, for values of a sensible size."""
    vr, size = data["VR"], len(raw.value or b"")
    if vr == "SQ" and size:
        implicit, little = raw.is_implicit_VR, raw.is_little_endian
        encodings = encoding or [default_encoding]
        allowance = getattr(ds, "_allowance", None) or _Allowance(size)
        with _told(), _Counted(raw.value, allowance) as value:
            data["value"] = read_sequence(value, implicit, little, size, encodings)
        _hand_on(allowance, data["value"])
        return
    bulk = raw.tag.group in _OVERLAYS or raw.tag.group >= _PIXELS
    if not bulk and size > (_LONGEST_LIST if vr in _LISTS else _LONGEST):
        raise HeaderError(_TOO_LONG)
    raw_element_value(raw, data, encoding=encoding, ds=ds, **more)


hooks.register_callback("raw_element_value", _measured)
