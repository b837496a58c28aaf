"""Of a JPEG the luma is taken as it is stored, whatever colours lie beside it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from braintumor.images.decode import read_slice


def saved(picture: Image.Image, format_: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, format_, **options)
    return out.getvalue()


def noise() -> Image.Image:
    values = np.random.default_rng(5).integers(0, 256, (64, 80), dtype=np.uint8)
    return Image.fromarray(values)


def test_grey_as_colour_jpeg_is_not_coloured() -> None:
    slice_ = read_slice(saved(noise().convert("RGB"), "JPEG", quality=60))
    assert slice_.mode == "RGB"
    assert not slice_.coloured


def test_colours_of_a_jpeg_are_noticed_where_they_are_asked_for() -> None:
    data = saved(Image.new("RGB", (64, 64), (200, 40, 40)), "JPEG")
    assert read_slice(data, colours=True).coloured
    assert not read_slice(data).coloured
    assert not read_slice(saved(noise().convert("RGB"), "JPEG"), colours=True).coloured


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0", "keep RGB"])
def test_the_luma_of_a_jpeg_is_that_of_its_colours(subsampling: str) -> None:
    shades = np.linspace(0, 255, 64, dtype=np.uint8)
    picture = Image.merge(
        "RGB",
        [
            Image.fromarray(np.tile(one, (64, 1)))
            for one in (shades, shades[::-1] // 2, shades // 3)
        ],
    )
    options = {"keep_rgb": True} if subsampling == "keep RGB" else {"subsampling": subsampling}
    data = saved(picture, "JPEG", quality=98, **options)
    slice_ = read_slice(data)
    assert slice_.mode == "RGB"
    assert np.abs(slice_.pixels.astype(int) - np.asarray(picture.convert("L"))).max() <= 3


def test_the_first_plane_of_ycbcr_is_taken() -> None:
    smooth = Image.fromarray(np.linspace(0, 250, 64 * 64, dtype=np.uint8).reshape(64, 64))
    slice_ = read_slice(saved(smooth.convert("YCbCr"), "JPEG", quality=95))
    assert np.abs(slice_.pixels.astype(int) - np.asarray(smooth)).max() <= 8


def test_cmyk_jpeg_is_not_inverted() -> None:
    smooth = Image.fromarray(np.linspace(0, 250, 64 * 64, dtype=np.uint8).reshape(64, 64))
    data = saved(smooth.convert("RGB").convert("CMYK"), "JPEG", quality=95)
    slice_ = read_slice(data)
    assert slice_.mode == "CMYK"
    assert np.abs(slice_.pixels.astype(int) - np.asarray(smooth)).max() <= 8
