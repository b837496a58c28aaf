"""A TIFF's directories of tags, looked over before anything reads them.

Pillow makes a Python object of every value of a tag, and walks every tag of every page, so a file
of a megabyte can take thirty, and one of a few pages minutes. Knows how directories are laid out
(TIFF 6.0, BigTIFF), and of tags only a page's size and whether it is a thumbnail.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from braintumor.images.sniff import TIFF_MAGIC

# A page of the tallest picture that is accepted has half as many strips; others have a few.
_MOST_VALUES = 2**16
# Honest pages have a few dozen.
_MOST_TAGS = 512
# BYTE, ASCII and UNDEFINED stay bytes, however many they are: profiles, notes, thumbnails.
_BYTES = (1, 2, 7)
_WIDTH, _HEIGHT = 256, 257
_NEW_SUBFILE_TYPE = 254  # its lowest bit: a reduced copy of another page
TILE_WIDTH, TILE_LENGTH = 322, 323
_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}

# Some bytes of a file, fewer at its end: from where, and how many.
Reader = Callable[[int, int], bytes]
Directory = NDArray[Any]


def is_tiff(head: bytes) -> bool:
    """Whether Pillow takes a file that begins like this for a TIFF."""
    return head[:4] in TIFF_MAGIC


def refusal(data: bytes, *, most_pages: int) -> str | None:
    """Why a TIFF is not to be opened; None where it may be.

    Args:
        data: of the whole file.
        most_pages: how many of its pages will be opened at most.

    Returns:
        A clause without a full stop.
    """
    for order, big in _layouts(data):
        for directory in _directories(
            lambda at, count: data[at : at + count], order, big, most_pages
        ):
            if len(directory) > _MOST_TAGS:
                return f"it is a TIFF of more than {_MOST_TAGS} tags a page: save it anew"
            lists = ~np.isin(directory["kind"], _BYTES)
            if (directory["count"][lists] > _MOST_VALUES).any():
                return f"a tag of the TIFF has more than {_MOST_VALUES} values: save it anew"
    return None


def is_thumbnail(page: Image.Image) -> bool:
    """Whether the present page of an opened picture is a reduced copy of another one."""
    return bool(int(getattr(page, "tag_v2", {}).get(_NEW_SUBFILE_TYPE, 0)) & 1)


def to_full_page(picture: Image.Image, *, most: int) -> None:
    """Turn to a TIFF's first page that is no thumbnail; to the first where all are, of `most`."""
    with suppress(EOFError):
        while is_thumbnail(picture) and picture.tell() + 1 < most:
            picture.seek(picture.tell() + 1)
    if is_thumbnail(picture):
        picture.seek(0)


def largest_page(read: Reader, *, most_pages: int) -> int:
    """Pixels of the largest page, as the directories tell them; 0 where they tell nothing."""
    largest = 0
    for order, big in _layouts(read(0, 4)):
        for directory in _directories(read, order, big, most_pages):
            if len(directory) > _MOST_TAGS:
                break  # it is refused
            height, width = (_number(directory, tag, order) for tag in (_HEIGHT, _WIDTH))
            largest = max(largest, height * width)
    return largest


def _layouts(data: bytes) -> Iterator[tuple[str, bool]]:
    """Byte orders, and whether offsets have 64 bits, in which the file may be read."""
    order = "<" if data[:2] == b"II" else ">"
    # Of big-endian files Pillow takes those of 64 bits for others.
    if data[2] != 43:
        yield order, False
    if 43 in data[2:4]:
        yield order, True


def _directories(read: Reader, order: str, big: bool, most: int) -> Iterator[Directory]:
    """The pages' directories in their order, none twice, until the file breaks off.

    Yields:
        (tags,) records of tag, kind, count and value; of more tags than are accepted one more.
    """
    length, offset = ("Q", "Q") if big else ("H", "I")
    number = "u8" if big else "u4"
    record = np.dtype(
        [("tag", f"{order}u2"), ("kind", f"{order}u2"), ("count", f"{order}{number}"),
         ("value", f"V{8 if big else 4}")]
    )  # fmt: skip

    def number_at(at: int, kind: str) -> int:
        return int(struct.unpack(order + kind, read(at, struct.calcsize(kind)))[0])

    seen: set[int] = set()
    try:
        at = number_at(8 if big else 4, offset)
        while at and at not in seen and len(seen) <= most:
            seen.add(at)
            count = number_at(at, length)
            first = at + struct.calcsize(length)
            tags = read(first, min(count, _MOST_TAGS + 1) * record.itemsize)
            yield np.frombuffer(tags, record, count=len(tags) // record.itemsize)
            at = number_at(first + count * record.itemsize, offset)
    except (struct.error, OverflowError):  # it breaks off, of which Pillow makes an error
        return


def _number(directory: Directory, tag: int, order: str) -> int:
    """The value of a tag that has one; 0 where there is none."""
    found = directory[directory["tag"] == tag]
    if not len(found) or int(found["kind"][0]) not in _NUMBERS:
        return 0
    kind = order + _NUMBERS[int(found["kind"][0])]
    value = found["value"][0].tobytes()
    if struct.calcsize(kind) > len(value):
        return 0
    return int(struct.unpack_from(kind, value)[0])
