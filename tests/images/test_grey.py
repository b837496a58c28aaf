"""Grey levels of pictures that Pillow reads otherwise than they are meant; made by hand."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from made_files import tiff

from braintumor.images.decode import read_slice

GREY = np.add.outer(np.arange(20) * 3, np.arange(30) * 5).astype(np.uint8)


class TestTiff:
    def test_sixteen_bits_of_either_byte_order(self) -> None:
        deep = GREY.astype(np.uint16) * 200 + 3
        for order in "<>":
            np.testing.assert_array_equal(read_slice(tiff(deep, order=order)).pixels, deep)

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_white_is_zero_is_turned(self, dtype: type) -> None:
        top = np.iinfo(dtype).max
        values = (GREY.astype(np.uint32) * top // 255).astype(dtype)
        np.testing.assert_array_equal(read_slice(tiff(top - values, white=False)).pixels, values)

    def test_so_are_fractions_between_their_least_and_largest(self) -> None:
        values = GREY.astype(np.float32) / 8 - 3
        mirror = values.min() + values.max()
        found = read_slice(tiff(mirror - values, white=False)).pixels
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, values)
        np.testing.assert_array_equal(read_slice(tiff(values)).pixels, values)

    def test_what_is_not_finite_does_not_move_the_others(self) -> None:
        values = GREY.astype(np.float32)
        values[0, 0], values[0, 1] = np.nan, np.inf
        found = read_slice(tiff(values, white=False)).pixels
        rest = np.isfinite(values)
        mirror = values[rest].min() + values[rest].max()
        np.testing.assert_array_equal(found[rest], mirror - values[rest])
        assert not np.isfinite(found[~rest]).any()

    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
    def test_negative_samples_stay_in_order(self, dtype: type, order: str) -> None:
        values = (GREY // 2).astype(dtype) - dtype(90)
        found = read_slice(tiff(values, order=order)).pixels
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, values)


class TestBitmap:
    def test_a_fourth_byte_that_is_zero_everywhere_hides_nothing(self) -> None:
        np.testing.assert_array_equal(read_slice(bitmap(np.zeros_like(GREY))).pixels, GREY)

    def test_one_that_is_not_is_believed(self) -> None:
        alpha = np.zeros_like(GREY)
        alpha[3:9, 4:11] = 255
        expected = np.where(alpha == 255, GREY, 0)
        np.testing.assert_array_equal(read_slice(bitmap(alpha)).pixels, expected)


def bitmap(alpha: np.ndarray) -> bytes:
    """GREY as a BMP of 32 bits with a V5 header, whose mask calls the fourth byte alpha."""
    height, width = GREY.shape
    rows = np.stack([GREY, GREY, GREY, alpha], axis=-1)[::-1].tobytes()
    header = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 32, 3, len(rows), 2835, 2835, 0, 0)
    header += struct.pack("<IIII4s", 0xFF0000, 0xFF00, 0xFF, 0xFF000000, b"BGRs")
    header = header.ljust(124, b"\0")
    start = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + header + rows
