"""Percentiles and box means: NumPy's and Pillow's answers, whatever the short cut."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from braintumor.images.levels import box_means, extremes, float_picture, percentiles

SHARES = [0, 0.5, 1, 2, 37.3, 50, 98, 99.5, 100]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("count", [1, 2, 3, 40, 5001])
def test_percentiles_are_numpys(dtype: type, count: int) -> None:
    random = np.random.default_rng(count)
    for top in (2, 9, 256):
        values = random.integers(0, top, count).astype(dtype)
        np.testing.assert_array_equal(
            percentiles(values, SHARES), np.percentile(values.astype(np.float32), SHARES)
        )


def test_percentiles_of_fractions_are_numpys() -> None:
    values = np.random.default_rng(0).normal(size=(37, 41)).astype(np.float32)
    np.testing.assert_array_equal(percentiles(values, SHARES), np.percentile(values, SHARES))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(640, 640), (256, 384), (128, 128), (100, 256), (2176, 2176)])
def test_box_means_are_pillows(dtype: type, shape: tuple[int, int]) -> None:
    """Whole boxes, boxes of one pixel, sides that are no multiple, boxes too large for sums."""
    grey = np.random.default_rng(1).integers(0, 256, shape).astype(dtype)
    picture = Image.fromarray(grey.astype(np.float32))
    expected = np.asarray(picture.resize((128, 64), Image.Resampling.BOX))

    found = box_means(grey, 64, 128)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-5)


def test_white_boxes_do_not_run_over() -> None:
    assert (box_means(np.full((256, 256), 255, np.uint8), 16, 16) == 255).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_a_picture_of_floats_holds_the_very_levels(dtype: type) -> None:
    grey = np.random.default_rng(2).integers(0, 256, (30, 50)).astype(dtype)
    for part in (grey, grey[3:20, 5:41]):
        picture = float_picture(part)
        assert picture.mode == "F"
        np.testing.assert_array_equal(np.asarray(picture), part)


def test_extremes_are_of_what_is_finite() -> None:
    assert extremes(np.array([[3, 7], [5, 4]], np.uint8)) == (3, 7)
    assert extremes(np.array([np.nan, -2.5, np.inf, 4, -np.inf], np.float32)) == (-2.5, 4)
    assert np.isnan(extremes(np.array([np.nan, np.inf]))).all()
