"""What stored values mean: rescaling, MONOCHROME1, colour, windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from made_dicom import VALUES, dataset, saved
from pydicom.dataset import Dataset

from braintumor.files import sha256_bytes
from braintumor.images.decode import read_slice


def read(ds: Dataset, **options: Any) -> Any:
    return read_slice(saved(ds), **options)


class TestPixels:
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_unsigned_values_stay_as_they_are(self, dtype: type) -> None:
        ds = dataset(VALUES.astype(dtype))
        slice_ = read(ds)
        assert slice_.pixels.dtype == dtype
        np.testing.assert_array_equal(slice_.pixels, VALUES)
        assert (slice_.format, slice_.mode, slice_.size) == ("DICOM", "MONOCHROME2", (5, 7))
        assert slice_.sha256 == sha256_bytes(saved(ds))

    @pytest.mark.parametrize("dtype", [np.int8, np.int16])
    def test_signed_values_stay_in_order(self, dtype: type) -> None:
        pixels = (VALUES - 40).astype(dtype)
        np.testing.assert_array_equal(read(dataset(pixels)).pixels, pixels)

    @pytest.mark.parametrize("stored", [9, 10, 12, 15])
    def test_bits_above_the_stored_ones_are_no_pixels(self, stored: int) -> None:
        """Old files keep overlays there."""
        dirty = VALUES.astype(np.uint16) | np.uint16(1 << stored)
        np.testing.assert_array_equal(read(dataset(dirty, stored=stored)).pixels, VALUES)

    def test_signed_twelve_bits(self) -> None:
        wanted = VALUES - 40
        pixels = (wanted & 0x0FFF).astype(np.int16)
        np.testing.assert_array_equal(read(dataset(pixels, stored=12)).pixels, wanted)

    def test_rescaling(self) -> None:
        slice_ = read(dataset(RescaleSlope="0.5", RescaleIntercept="-7"))
        assert slice_.pixels.dtype == np.float32
        np.testing.assert_allclose(slice_.pixels, VALUES * 0.5 - 7)

    def test_rescaling_by_one_changes_nothing(self) -> None:
        assert read(dataset(RescaleSlope="1", RescaleIntercept="0")).pixels.dtype == np.uint16

    def test_modality_table(self) -> None:
        table = Dataset()
        table.LUTDescriptor = [256, 0, 16]
        table.LUTData = (np.arange(256) * 11).astype(np.uint16).tobytes()
        table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "OW"
        table.ModalityLUTType = "US"
        slice_ = read(dataset(ModalityLUTSequence=[table]))
        np.testing.assert_array_equal(slice_.pixels, VALUES * 11)

    def test_monochrome1_is_turned(self) -> None:
        slice_ = read(dataset(VALUES.astype(np.uint8), photometric="MONOCHROME1"))
        np.testing.assert_array_equal(slice_.pixels, 255 - VALUES)
        assert slice_.mode == "MONOCHROME1"
        twelve = read(dataset(stored=12, photometric="MONOCHROME1"))
        np.testing.assert_array_equal(twelve.pixels, 4095 - VALUES)

    def test_monochrome1_is_turned_after_rescaling(self) -> None:
        ds = dataset(photometric="MONOCHROME1", RescaleSlope="2", RescaleIntercept="5")
        pixels = read(ds).pixels
        assert pixels.min() == 5
        assert pixels[0, 0] == pixels.max() == 2 * VALUES.max() + 5

    def test_colour_is_luma(self) -> None:
        colours = np.zeros((4, 6, 3), np.uint8)
        colours[..., 0], colours[:2, :, 1] = 255, 255
        slice_ = read(dataset(colours, photometric="RGB"))
        assert slice_.pixels.dtype == np.uint8
        assert slice_.pixels[0, 0] == 226
        assert slice_.pixels[3, 0] == 76
        assert slice_.coloured

    def test_colour_of_one_row(self) -> None:
        assert read(dataset(np.full((1, 6, 3), 9, np.uint8), photometric="RGB")).size == (1, 6)

    def test_the_window_of_the_file_is_left_to_the_preparation(self) -> None:
        np.testing.assert_array_equal(
            read(dataset(WindowCenter="5", WindowWidth="2")).pixels, VALUES
        )

    @pytest.mark.parametrize(
        ("more", "window"),
        [
            ({"WindowCenter": "40", "WindowWidth": "21"}, (29.5, 49.5)),
            ({"WindowCenter": ["40", "9"], "WindowWidth": ["21", "5"]}, (29.5, 49.5)),
            (
                {"WindowCenter": "40", "WindowWidth": "20", "VOILUTFunction": "LINEAR_EXACT"},
                (30, 50),
            ),
            ({"WindowCenter": "40", "WindowWidth": "0"}, None),
            ({"WindowCenter": "40"}, None),
            ({"WindowCenter": "-5000", "WindowWidth": "20"}, None),
            ({}, None),
        ],
    )
    def test_the_window_is_passed_on_if_it_shows_anything(
        self, more: dict[str, Any], window: tuple[float, float] | None
    ) -> None:
        assert read(dataset(**more)).window == window

    def test_the_window_is_of_rescaled_values_and_turned_with_them(self) -> None:
        ds = dataset(
            photometric="MONOCHROME1", stored=8, WindowCenter="40", WindowWidth="21",
            RescaleSlope="2", RescaleIntercept="5",
        )  # fmt: skip
        slice_ = read(ds)
        mirror = slice_.pixels.min() + slice_.pixels.max()
        assert slice_.window == (mirror - 49.5, mirror - 29.5)

    def test_numbers_that_are_none_are_survived(self) -> None:
        data = saved(dataset(RescaleSlope="1.5", RescaleIntercept="10"))
        broken = data.replace(b"1.5 ", b"Doe^")
        np.testing.assert_array_equal(read_slice(broken).pixels, VALUES + 10)
