"""What a file takes while it is read is told by its header: packed bytes say little."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from made_files import made_files
from PIL import Image

from braintumor.images.decode import Limits
from braintumor.images.weight import weight_of_bytes, weight_of_file

HEIGHT, WIDTH = 900, 1100
# Name of the format, and what to save it with.
PICTURES = {
    "PNG": ("PNG", {}),
    "GIF": ("GIF", {}),
    "JPEG": ("JPEG", {"quality": 30}),
    "progressive JPEG": ("JPEG", {"progressive": True, "quality": 30}),
    "WebP": ("WEBP", {}),
    "WebP without loss": ("WEBP", {"lossless": True}),
    "WebP with more in it": ("WEBP", {"exif": b"Exif\0\0II*\0"}),
    "TIFF": ("TIFF", {"compression": "tiff_lzw"}),
}
BMP = b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, WIDTH, -HEIGHT, 1, 8, 1)


def picture(format_: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB" if format_ == "WEBP" else "L", (WIDTH, HEIGHT)).save(out, format_, **options)
    return out.getvalue()


def weights(data: bytes, folder: Path) -> set[int]:
    """What the bytes weigh, and as a file of any name."""
    (path := folder / "a.png").write_bytes(data)
    return {weight_of_bytes(data), weight_of_bytes(memoryview(data)), weight_of_file(path)}


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_weighs_a_byte_a_pixel(kind: str, tmp_path: Path) -> None:
    format_, options = PICTURES[kind]
    data = picture(format_, **options)
    assert len(data) < HEIGHT * WIDTH / 20
    assert weights(data, tmp_path) == {HEIGHT * WIDTH}


def test_a_bmp_that_begins_at_its_top(tmp_path: Path) -> None:
    assert weights(BMP, tmp_path) == {HEIGHT * WIDTH}


def test_what_is_larger_on_the_disk_weighs_that(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    assert weights(out.getvalue(), tmp_path) == {len(out.getvalue())}


def test_no_picture_weighs_more_than_is_accepted(tmp_path: Path) -> None:
    data = bytearray(picture("PNG"))
    data[16:24] = b"\xff" * 8
    assert weights(bytes(data), tmp_path) == {Limits().max_pixels}


@pytest.mark.parametrize("kind", ["nifti-gz", "zip"])
def test_what_is_packed_weighs_as_much_as_it_may_unpack_to(kind: str, tmp_path: Path) -> None:
    assert weights(made_files()[kind], tmp_path) == {Limits().max_volume_bytes}


def test_of_a_tiff_the_largest_page_counts(tmp_path: Path) -> None:
    out = io.BytesIO()
    small, large = Image.new("L", (9, 9)), Image.new("L", (WIDTH, HEIGHT))
    options = {"save_all": True, "append_images": [large, small], "compression": "tiff_lzw"}
    small.save(out, "TIFF", **options)
    assert weights(out.getvalue(), tmp_path) == {HEIGHT * WIDTH}


@pytest.mark.parametrize("kind", ["dicom", "nifti"])
def test_what_is_stored_as_it_is_weighs_its_bytes(kind: str, tmp_path: Path) -> None:
    data = made_files()[kind]
    assert weights(data, tmp_path) == {len(data)}


def test_what_cannot_be_read_weighs_nothing_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("none.png", "pipe.png", ".", "a\0b.png"):
        assert weight_of_file(tmp_path / name) == 0


@pytest.mark.parametrize("kind", [*PICTURES, "BMP"])
def test_a_header_that_breaks_off_or_is_damaged_is_survived(kind: str, tmp_path: Path) -> None:
    data = BMP if kind == "BMP" else picture(PICTURES[kind][0], **PICTURES[kind][1])
    for length in range(64):
        assert length <= weight_of_bytes(data[:length]) <= HEIGHT * WIDTH
        damaged = data[:length] + b"\xff" * 40 + data[length + 40 :]
        assert weight_of_bytes(damaged) <= max(len(damaged), Limits().max_volume_bytes)
    assert weights(b"", tmp_path) == {0}
