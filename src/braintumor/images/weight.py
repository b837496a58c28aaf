"""What a file takes in memory while it is read, told by its header alone.

Weighing costs a look at the first bytes, and is no promise: limits are kept where files are read.
It only keeps many large ones from being read at once.
"""

from __future__ import annotations

import stat
import struct
from pathlib import Path

from braintumor.images.decode import Limits
from braintumor.images.sniff import HEAD, kind_of
from braintumor.images.tiff_tags import Reader, is_tiff, largest_page

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
# Markers of a JPEG's frame, which say its size: all of C0 to CF but three others.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def weight_of_file(path: Path) -> int:
    """Bytes that a file takes while it is read; 0 for one that cannot be, which says why later."""
    try:
        status = path.stat()
        # Opening a pipe or a device could wait for ever.
        if not stat.S_ISREG(status.st_mode):
            return 0
        with path.open("rb") as file:

            def read(at: int, count: int) -> bytes:
                file.seek(at)
                return file.read(count)

            return max(status.st_size, _unpacked(read))
    except (OSError, ValueError):
        return 0


def weight_of_bytes(data: bytes | bytearray | memoryview) -> int:
    """Bytes that a file in memory takes while it is read, itself among them."""
    return max(memoryview(data).nbytes, _unpacked(lambda at, count: bytes(data[at : at + count])))


def _unpacked(read: Reader) -> int:
    """What a file unpacks to: of a picture or a page a byte a pixel; 0 where it is as it is, or
    where only decoding tells."""
    head = read(0, HEAD)
    kind, limits = kind_of(head), Limits()
    if kind in ("gzip", "zip"):  # a thousandth of it, and what it says of its size may be wrong
        return limits.max_volume_bytes
    if is_tiff(head):
        return min(largest_page(read, most_pages=limits.max_frames), limits.max_pixels)
    return min(_pixels(head), limits.max_pixels) if kind == "picture" else 0


def _pixels(head: bytes) -> int:
    """Height x width of a PNG, GIF, BMP, WebP or JPEG; 0 where its first bytes do not say."""
    try:
        if head.startswith(_PNG):
            return _area(*struct.unpack_from(">II", head, 16))
        if head.startswith(b"GIF8"):
            return _area(*struct.unpack_from("<HH", head, 6))
        if head.startswith(b"BM"):
            return _area(*struct.unpack_from("<ii", head, 18))
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp(head)
        return _jpeg(head) if head.startswith(_JPEG) else 0
    except (struct.error, IndexError):
        return 0


def _area(width: int, height: int) -> int:
    return abs(width) * abs(height)  # a BMP that begins at its top has a negative height


def _webp(head: bytes) -> int:
    chunk = head[12:16]
    if chunk == b"VP8X":
        sides = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
    elif chunk == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        sides = ((bits >> at & 0x3FFF) + 1 for at in (0, 14))
    else:
        sides = (side & 0x3FFF for side in struct.unpack_from("<HH", head, 26))
    return _area(*sides)


def _jpeg(head: bytes) -> int:
    """Of a JPEG with long blocks before its frame, nothing: it cannot be packed that densely."""
    at = len(_JPEG)
    while True:
        marker, length = struct.unpack_from(">xBH", head, at)
        if marker in _FRAMES:
            return _area(*struct.unpack_from(">HH", head, at + 5))
        at += 2 + length
