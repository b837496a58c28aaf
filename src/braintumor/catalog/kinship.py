"""File names that say where an image comes from: kin have one source.

Tools for augmentation and download write the source's name into the new one:
`Tr-gl_0016_jpg.rf.99746694ea97fe0b.jpg` (Roboflow), `scan - Copy.jpg`. Two such files in one
class come from one picture, whatever was done to it since.

What it does not know: pixels. Numbers make no kin: `scan_1.jpg` and `scan_2.jpg`, and in public
brain sets `image(1).jpg` and `image(2).jpg` too, are different slices.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

_ROBOFLOW = re.compile(r"^(?P<stem>.+?)(?:[_.](?:jpe?g|png|bmp|tiff?|webp))?\.rf\.[0-9A-Za-z]{8,}$")
_COPY = re.compile(r"^(?P<stem>.*?[^\s_-])[\s_-]+\(?copy\)?(?:[\s_]*\(?\d+\)?)?$", re.IGNORECASE)


class Kin(NamedTuple):
    """Rows whose names share a source.

    Attributes:
        stem: the source's name.
        rows: two or more, rising.
    """

    stem: str
    rows: tuple[int, ...]


def stem_of(path: str) -> str:
    """The name of an image's source: the file name without suffixes that tools append.

    >>> stem_of("test/glioma/Tr-gl_0016_jpg.rf.99746694ea97fe0b73108832b462d48e.jpg")
    'Tr-gl_0016'
    >>> stem_of("scan - Copy (2).png")
    'scan'
    """
    stem = PurePosixPath(path).stem
    for pattern in (_ROBOFLOW, _COPY):
        if match := pattern.match(stem):
            stem = match["stem"]
    return stem


def kin(paths: Sequence[str], labels: Sequence[str]) -> tuple[Kin, ...]:
    """The rows that share a source by their names, in order of their first row.

    A stem counts within a class only, and only where a tool has left its mark on one of the
    names: files that are merely called the same in two folders (`1.jpg`) are no kin.

    Args:
        paths: of each row.
        labels: class of each row.
    """
    rows: dict[tuple[str, str], list[int]] = {}
    marked: set[tuple[str, str]] = set()
    for row, (path, label) in enumerate(zip(paths, labels, strict=True)):
        key = (stem_of(path), label)
        rows.setdefault(key, []).append(row)
        if key[0] != PurePosixPath(path).stem:
            marked.add(key)
    return tuple(
        Kin(key[0], tuple(of)) for key, of in rows.items() if len(of) > 1 and key in marked
    )
