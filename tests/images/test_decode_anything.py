"""Whatever bytes come in: a grey slice or one polite sentence, never a crash."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_files import tiff
from PIL import Image

from braintumor.images.decode import ImageError, read_slice

RNG = np.random.default_rng(5)
# 5 x 7 grey levels, none like its neighbour, and not symmetric in any way.
GREY = np.arange(35, dtype=np.uint8).reshape(5, 7) * 7


def saved(picture: Image.Image, format_: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, format_, **options)
    return out.getvalue()


def noise(height: int = 64, width: int = 80) -> Image.Image:
    return Image.fromarray(RNG.integers(0, 256, (height, width), dtype=np.uint8))


def modes() -> dict[str, tuple[Image.Image, str]]:
    """The same grey picture in every mode, with a format without loss that can hold it."""
    grey = Image.fromarray(GREY)
    palette = grey.convert("RGB").quantize(64)
    return {
        "L": (grey, "PNG"),
        "LA": (grey.convert("LA"), "PNG"),
        "RGB": (grey.convert("RGB"), "PNG"),
        "RGBA": (grey.convert("RGBA"), "PNG"),
        "P": (palette, "PNG"),
        "P in GIF": (palette, "GIF"),
        "L in GIF": (grey, "GIF"),
        "L in BMP": (grey, "BMP"),
        "RGB in BMP": (grey.convert("RGB"), "BMP"),
        "L in TIFF": (grey, "TIFF"),
        "CMYK": (grey.convert("RGB").convert("CMYK"), "TIFF"),
        "I;16": (Image.fromarray(GREY.astype(np.uint16)), "PNG"),
        "I;16 in TIFF": (Image.fromarray(GREY.astype(np.uint16)), "TIFF"),
        "I": (Image.fromarray(GREY.astype(np.int32)), "TIFF"),
        "F": (Image.fromarray(GREY.astype(np.float32)), "TIFF"),
    }


class TestAnything:
    @settings(max_examples=60)
    @given(st.binary(max_size=400))
    def test_any_bytes_give_a_slice_or_an_image_error(self, data: bytes) -> None:
        for start in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"II*\0", b"GIF89a", b"BM"):
            try:
                slice_ = read_slice(start + data)
            except ImageError:
                continue
            assert slice_.pixels.ndim == 2

    @settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.sampled_from(["PNG", "JPEG", "BMP", "TIFF", "GIF", "WEBP"]),
        st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=8),
    )
    def test_damaged_files_give_a_slice_or_an_image_error(
        self, format_: str, damage: list[tuple[float, int]]
    ) -> None:
        data = bytearray(saved(Image.fromarray(GREY), format_))
        for where, value in damage:
            data[int(where * len(data))] = value
        try:
            slice_ = read_slice(bytes(data))
        except ImageError:
            return
        assert slice_.pixels.shape == slice_.size

    @settings(max_examples=40)
    @given(
        st.integers(1, 40),
        st.integers(1, 40),
        st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I", "F", "CMYK"]),
        st.integers(0, 2**32 - 1),
    )
    def test_any_size_and_mode_is_one_grey_slice(
        self, height: int, width: int, mode: str, seed: int
    ) -> None:
        grey = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
        if mode == "I;16":
            picture = Image.fromarray(grey.astype(np.uint16))
        else:
            base = Image.fromarray(grey)
            picture = (base.convert("RGB") if mode in ("CMYK", "P") else base).convert(mode)
        format_ = "TIFF" if mode in ("I", "F", "CMYK") else "PNG"
        slice_ = read_slice(saved(picture, format_))
        assert slice_.pixels.shape == slice_.size == (height, width)
        assert slice_.pixels.flags.c_contiguous
        if mode not in ("1", "P"):
            np.testing.assert_array_equal(slice_.pixels.astype(np.float64), grey)


def test_a_tile_far_larger_than_its_picture_is_refused_before_it_is_unpacked() -> None:
    tags = {322: 32768, 323: 32768}
    data = tiff(np.zeros((8, 8), np.uint8), more=tags)
    with pytest.raises(ImageError, match="32768 x 32768 pixels"):
        read_slice(data)
