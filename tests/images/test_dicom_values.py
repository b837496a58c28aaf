"""What stored values mean: rescaling, padding, MONOCHROME1, colour, windows."""

from __future__ import annotations

import struct
import tracemalloc
from typing import Any

import numpy as np
import pytest
from made_dicom import VALUES, dataset, saved
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from braintumor.files import sha256_bytes
from braintumor.images.decode import ImageError, read_slice
from braintumor.images.dicom_values import grey_values


def read(ds: Dataset, **options: Any) -> Any:
    return read_slice(saved(ds), **options)


def floats(pixels: np.ndarray, **more: Any) -> Dataset:
    """A slice of float32 or float64 values."""
    ds = dataset(np.zeros(pixels.shape, np.uint16), **more)
    del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    ds.BitsAllocated = pixels.itemsize * 8
    setattr(ds, {4: "FloatPixelData", 8: "DoubleFloatPixelData"}[pixels.itemsize], pixels.tobytes())
    return ds


def palette() -> Dataset:
    """A slice of numbers of colours, the first of them white and the last black."""
    ds = dataset(VALUES.astype(np.uint8), photometric="PALETTE COLOR")
    greys = (np.arange(256, dtype=np.uint16)[::-1] * 257).astype("<u2").tobytes()
    for channel in ("Red", "Green", "Blue"):
        ds.add_new(f"{channel}PaletteColorLookupTableDescriptor", "US", [256, 0, 16])
        ds.add_new(f"{channel}PaletteColorLookupTableData", "OW", greys)
    return ds


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

    @pytest.mark.parametrize("slope", ["0", "nan", "inf"])
    def test_a_slope_that_would_leave_no_picture_counts_as_missing(self, slope: str) -> None:
        found = read(dataset(RescaleSlope=slope, RescaleIntercept="10")).pixels
        np.testing.assert_array_equal(found, VALUES + 10)

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

    @pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
    def test_monochrome1_is_turned_though_a_value_is_not_finite(self, lost: float) -> None:
        pixels = VALUES.astype(np.float32)
        pixels[2, 3] = lost
        turned = read(floats(pixels, photometric="MONOCHROME1")).pixels
        finite = np.isfinite(pixels)
        np.testing.assert_array_equal(turned[finite], (VALUES.max() - VALUES)[finite])
        assert not np.isfinite(turned[2, 3])

    def test_monochrome1_stays_in_order_where_values_exceed_their_bits(self) -> None:
        """As a decoder may give them; below zero they would be the brightest."""
        ds = dataset(photometric="MONOCHROME1", stored=8)
        turned, _ = grey_values(np.array([[0, 200, 300]], np.uint16), ds, ds, ds)
        np.testing.assert_array_equal(turned, [[300, 100, 0]])

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

    def test_a_palette_is_looked_up(self) -> None:
        np.testing.assert_allclose(read(palette()).pixels, (255 - VALUES) * 257.0, atol=0.01)

    def test_a_segmented_palette_is_refused_before_it_is_laid_out(self) -> None:
        """Ten times six bytes a channel, of which pydicom makes 655,350 entries."""
        ds = palette()
        table = struct.pack("<3H", 0, 1, 7) + struct.pack("<3H", 1, 65_535, 9) * 10
        for channel in ("Red", "Green", "Blue"):
            del ds[f"{channel}PaletteColorLookupTableData"]
            ds.add_new(f"Segmented{channel}PaletteColorLookupTableData", "OW", table)
        data = saved(ds)
        tracemalloc.start()
        try:
            with pytest.raises(ImageError, match="segmented palette: export it in grey"):
                read_slice(data)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 2**20

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
            ({"WindowCenter": "40", "WindowWidth": "1"}, None),
            ({"WindowCenter": "40", "WindowWidth": "nan"}, None),
            ({"WindowCenter": "5000", "WindowWidth": "20"}, None),
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


# A signed slice, where it is padded, and what becomes of it: -37 is its darkest other value.
SIGNED = (VALUES - 40).astype(np.int16)
CORNERS = np.zeros(SIGNED.shape, np.bool_)
CORNERS[[0, 0, -1, -1], [0, -1, 0, -1]] = True
PADDED = np.where(CORNERS, -2000, SIGNED).astype(np.int16)
DARKENED = np.where(CORNERS, -37, SIGNED)


class TestPadding:
    @pytest.mark.parametrize(
        "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
    )
    def test_it_takes_the_darkest_value_of_the_image(self, syntax: str) -> None:
        found = read(dataset(PADDED, syntax=syntax, PixelPaddingValue=-2000)).pixels
        np.testing.assert_array_equal(found, DARKENED)
        unsigned = np.where(CORNERS, 60_000, VALUES + 7).astype(np.uint16)
        found = read(dataset(unsigned, syntax=syntax, PixelPaddingValue=60_000)).pixels
        assert found.dtype == read(dataset(unsigned, syntax=syntax)).pixels.dtype
        np.testing.assert_array_equal(found, np.where(CORNERS, 10, VALUES + 7))

    @pytest.mark.parametrize("limits", [(-2000, -1000), (-1000, -2000)])
    def test_a_range_of_it_in_either_order(self, limits: tuple[int, int]) -> None:
        pixels = PADDED.copy()
        pixels[0, 0], pixels[0, -1] = -1000, -1500
        ds = dataset(pixels, PixelPaddingValue=limits[0], PixelPaddingRangeLimit=limits[1])
        np.testing.assert_array_equal(read(ds).pixels, DARKENED)

    def test_a_limit_alone_is_no_range(self) -> None:
        found = read(dataset(PADDED, PixelPaddingRangeLimit=-2000)).pixels
        np.testing.assert_array_equal(found, PADDED)

    def test_of_monochrome1_the_darkest_is_the_largest(self) -> None:
        """Of floats the mirror is made of the extremes, and padding would shift it."""
        pixels = np.where(CORNERS, 0, VALUES + 7).astype(np.uint8)
        ds = dataset(pixels, photometric="MONOCHROME1", PixelPaddingValue=0)
        most = (VALUES + 7)[~CORNERS].max()
        expected = 255 - np.where(CORNERS, most, VALUES + 7)
        np.testing.assert_array_equal(read(ds).pixels, expected)
        ds = dataset(PADDED, photometric="MONOCHROME1", PixelPaddingValue=-2000)
        image = SIGNED[~CORNERS]
        turned = read(ds).pixels
        np.testing.assert_array_equal(turned[~CORNERS], image.min() + image.max() - image)
        assert set(turned[CORNERS]) == {turned[~CORNERS].min()}

    @pytest.mark.parametrize("slope", [2, -2])
    def test_it_is_told_by_stored_values_whatever_they_are_rescaled_to(self, slope: int) -> None:
        ds = dataset(PADDED, RescaleSlope=slope, RescaleIntercept=5, PixelPaddingValue=-2000)
        rescaled = SIGNED * slope + 5
        expected = np.where(CORNERS, rescaled[~CORNERS].min(), rescaled)
        np.testing.assert_array_equal(read(ds).pixels, expected)

    @pytest.mark.parametrize(
        ("pixels", "vr", "value"),
        [(PADDED, "US", 63_536), (PADDED.view(np.uint16), "SS", -2000)],
    )
    def test_a_writer_that_confused_signed_and_unsigned(
        self, pixels: np.ndarray, vr: str, value: int
    ) -> None:
        ds = dataset(pixels)
        ds.add_new("PixelPaddingValue", vr, value)
        darkest = pixels[~CORNERS].min()
        np.testing.assert_array_equal(read(ds).pixels, np.where(CORNERS, darkest, pixels))

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_floats_have_elements_of_their_own(self, dtype: type) -> None:
        kind = {4: "Float", 8: "DoubleFloat"}[np.dtype(dtype).itemsize]
        pixels = np.where(CORNERS, -0.1, VALUES + 0.5).astype(dtype)
        pixels[0, 0], pixels[2, 3] = -1, np.nan
        names = (f"{kind}PixelPaddingValue", f"{kind}PixelPaddingRangeLimit")
        ds = floats(pixels, **dict(zip(names, (-1.0, 0.0), strict=True)))
        expected = np.where(CORNERS, 3.5, VALUES + 0.5)
        expected[2, 3] = np.nan
        np.testing.assert_array_equal(read(ds).pixels, expected)

    @pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
    def test_a_slice_of_nothing_else_is_of_one_value(self, photometric: str) -> None:
        pixels = np.full((5, 7), -2000, np.int16)
        pixels[2, 3] = -1500
        more = {"PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1000}
        found = read(dataset(pixels, photometric=photometric, **more)).pixels
        assert np.isfinite(found).all()
        assert found.min() == found.max()

    def test_a_window_must_show_more_than_padding(self) -> None:
        window = {"WindowCenter": "-2000", "WindowWidth": "100"}
        assert read(dataset(PADDED, **window)).window is not None
        assert read(dataset(PADDED, PixelPaddingValue=-2000, **window)).window is None

    def test_colour_has_none(self) -> None:
        colours = np.repeat(VALUES.astype(np.uint8)[..., np.newaxis], 3, axis=2)
        found = read(dataset(colours, photometric="RGB", PixelPaddingValue=0)).pixels
        np.testing.assert_array_equal(found, VALUES)

    @pytest.mark.parametrize("name", ["PixelPaddingValue", "PixelPaddingRangeLimit"])
    @pytest.mark.parametrize(
        ("vr", "value"), [("SS", [-2000, 5]), ("SS", None), ("LO", "Doe^Jane"), ("FD", np.nan)]
    )
    def test_what_is_no_single_number_counts_as_missing(
        self, name: str, vr: str, value: Any
    ) -> None:
        """Which of a limit leaves the value alone."""
        ds = dataset(PADDED, PixelPaddingValue=-2000)
        ds.add_new(name, vr, value)
        expected = PADDED if name == "PixelPaddingValue" else DARKENED
        np.testing.assert_array_equal(read(ds).pixels, expected)

    @pytest.mark.parametrize("size", [1, 3, 2**21])
    def test_damaged_elements_cost_no_slice(self, size: int) -> None:
        data = saved(dataset(PADDED, syntax=ImplicitVRLittleEndian, PixelPaddingValue=-2000))
        tag = b"\x28\x00\x20\x01"
        whole = tag + struct.pack("<Lh", 2, -2000)
        assert whole in data
        broken = data.replace(whole, tag + struct.pack("<L", size) + b"x" * size)
        np.testing.assert_array_equal(read_slice(broken).pixels, PADDED)
