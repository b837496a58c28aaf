"""A heat map lies where the network looked, and colours nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from braintumor.bundle.heatmap import colours, grey_levels, overlay, spread
from braintumor.images.prepare import Box

BOX = Box(top=20, left=40, bottom=80, right=160)
SHAPE = (100, 200)


def test_the_hottest_place_of_the_map_is_the_hottest_of_the_slice() -> None:
    for row, column in [(0, 0), (2, 5), (5, 5), (3, 1)]:
        activation = np.zeros((6, 6))
        activation[row, column] = 3.0
        heat = spread(activation, BOX, SHAPE)

        found = np.argwhere(heat == heat.max()).mean(axis=0)
        # The middle of the cell: cells are 10 pixels high and 20 wide. At the rim the hottest
        # place is a plateau, and its middle lies up to a quarter of a cell further out.
        middle = np.array([20 + 10 * (row + 0.5), 40 + 20 * (column + 0.5)]) - 0.5
        assert np.all(np.abs(found - middle) <= [3, 6])


def test_heat_has_the_shape_of_the_slice_and_runs_from_0_to_1() -> None:
    heat = spread(np.random.default_rng(0).normal(size=(7, 7)) * 50, BOX, SHAPE)

    assert heat.shape == SHAPE
    assert heat.dtype == np.float32
    assert heat.min() == 0.0
    assert heat.max() == 1.0


def test_outside_the_box_there_is_no_heat() -> None:
    heat = spread(np.ones((7, 7)), BOX, SHAPE)

    assert (heat[20:80, 40:160] == 1).all()
    heat[20:80, 40:160] = 0
    assert not heat.any()


def test_what_speaks_against_the_class_is_not_shown() -> None:
    activation = np.array([[1.0, -9.0], [-9.0, -9.0]])
    expected = spread(np.maximum(activation, 0), BOX, SHAPE)

    np.testing.assert_array_equal(spread(activation, BOX, SHAPE), expected)
    assert not spread(-np.ones((7, 7)), BOX, SHAPE).any()


def test_between_places_the_heat_changes_evenly() -> None:
    ramp = np.tile(np.arange(1.0, 7.0), (6, 1))
    heat = spread(ramp, BOX, SHAPE)[50, 50:150]

    np.testing.assert_allclose(np.diff(heat), np.diff(heat)[0], atol=1e-6)


def test_a_box_smaller_than_the_map_still_gets_heat() -> None:
    activation = np.zeros((16, 16))
    activation[3, 3] = 1.0

    assert spread(activation, Box(top=1, left=1, bottom=3, right=3), (8, 8)).max() == 1.0


def test_a_map_that_is_no_number_shows_nothing() -> None:
    assert not spread(np.full((4, 4), np.nan), BOX, SHAPE).any()


def test_without_heat_or_strength_the_slice_shows_unchanged() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    plain = np.repeat(grey[..., None], 3, axis=2)

    np.testing.assert_array_equal(overlay(grey, np.zeros((16, 16))), plain)
    np.testing.assert_array_equal(overlay(grey, np.ones((16, 16)), 0.0), plain)


def test_at_full_strength_the_hottest_place_has_the_hottest_colour() -> None:
    picture = overlay(np.zeros((2, 2), np.uint8), np.array([[1.0, 0.0], [0.0, 0.5]]), 1.0)

    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture[0, 0], colours()[255])
    np.testing.assert_array_equal(picture[0, 1], 0)


def test_half_the_strength_is_half_the_colour() -> None:
    grey = np.full((1, 1), 100, np.uint8)
    expected = (100 + colours()[255].astype(float)) / 2

    np.testing.assert_allclose(overlay(grey, np.ones((1, 1)), 0.5)[0, 0], expected, atol=0.51)


def test_hotter_colours_are_brighter() -> None:
    """So that the map can be read in a grey print and by the colour-blind."""
    luma = np.asarray(Image.fromarray(colours()[None]).convert("L")).astype(int)[0]

    assert (np.diff(luma) >= -1).all()
    assert luma[-1] - luma[0] > 150


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_an_impossible_strength_is_refused(strength: float) -> None:
    with pytest.raises(ValueError, match="strength"):
        overlay(np.zeros((2, 2), np.uint8), np.zeros((2, 2)), strength)


def test_a_map_of_another_slice_is_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        overlay(np.zeros((2, 2), np.uint8), np.zeros((2, 3)))


def test_a_window_says_what_is_black_and_what_is_white() -> None:
    grey = np.array([[10, 20], [30, 40]], np.uint8)
    assert grey_levels(grey, (20, 30)).tolist() == [[0, 0], [255, 255]]
    assert grey_levels(grey.astype(np.float32), (0, 40)).tolist() == [[64, 128], [191, 255]]


def test_bytes_are_shown_as_they_are_and_deeper_pixels_stretched() -> None:
    grey = np.array([[0, 7], [100, 9]], np.uint8)
    assert grey_levels(grey) is grey

    deep = np.linspace(1000, 3000, 10_000, dtype=np.uint16).reshape(100, 100)
    shown = grey_levels(deep)
    assert (shown.min(), shown.max()) == (0, 255)
    assert (np.diff(shown.ravel().astype(int)) >= 0).all()
    assert not grey_levels(np.full((3, 3), np.inf)).any()
