"""Where things are on the screen: the patient's right at the left, the front or the top up."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from braintumor.images.geometry import Lie, along, laid_upright, lie_of, with_square_pixels

AXES = np.eye(3)
# A head in which every voxel tells where it is: (x: left, y: back, z: top), 2 x 3 x 4 of them.
HEAD = np.arange(24).reshape(2, 3, 4)
SHOWN = {  # plane's normal -> what a radiologist expects, rows downwards, columns to the right
    0: HEAD[0, :, ::-1].T,  # sagittal: top up, face left
    1: HEAD[:, 0, ::-1].T,  # coronal: top up, the patient's right at the left
    2: HEAD[:, :, 0].T,  # axial: face up, the patient's right at the left
}


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_however_a_slice_was_stored_it_is_shown_alike(normal: int) -> None:
    inside = [axis for axis in range(3) if axis != normal]
    for right, down in permutations(inside):
        for right_sign, down_sign in product((1, -1), repeat=2):
            lie = Lie(AXES[right] * right_sign, AXES[down] * down_sign)
            first = min(right, down)
            stored = HEAD.take(0, axis=normal)  # rows: the lower axis
            stored = stored if down == first else stored.T
            stored = stored[::down_sign, ::right_sign]
            np.testing.assert_array_equal(laid_upright(stored, lie), SHOWN[normal])


def test_an_oblique_slice_counts_as_its_nearest_plane() -> None:
    tilt = np.radians(20)
    lie = lie_of([1, 0, 0, 0, np.cos(tilt), -np.sin(tilt)])
    assert lie is not None
    pixels = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(laid_upright(pixels, lie), pixels)


@pytest.mark.parametrize(
    "cosines",
    [
        [],
        [1, 0, 0],
        [0] * 6,
        [1, 0, 0, 1, 0, 0],
        [5, 0, 0, 0, 5, 0],
        [0.85, 0, 0, 0, 1, 0],
        [1, 0, 0, 0, 1.15, 0],
        [1, 0, 0, 0.2, 0.98, 0],
        ["a"] * 6,
        [np.nan] * 6,
        [None],
    ],
)
def test_an_orientation_without_sense_is_none(cosines: list[float]) -> None:
    assert lie_of(cosines) is None


def test_an_orientation_that_was_rounded_is_made_of_unit_vectors() -> None:
    lie = lie_of([0.95, 0, 0, 0.05, 1.05, 0])
    assert lie is not None
    assert np.linalg.norm([lie.right, lie.down], axis=1) == pytest.approx([1, 1])
    assert along([0, 0, 30], lie) == pytest.approx(30, abs=0.1)


def test_a_slice_turned_in_its_plane_counts_as_turned_by_the_nearest_right_angle() -> None:
    pixels = np.arange(6).reshape(2, 3)
    for degrees, shown in ((40, pixels), (50, pixels.T[:, ::-1])):
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        lie = lie_of([cos, sin, 0, -sin, cos, 0])
        assert lie is not None
        np.testing.assert_array_equal(laid_upright(pixels, lie), shown)


def test_slices_are_placed_along_their_normal_towards_the_top_back_and_left() -> None:
    for cosines, axis in (
        ([1, 0, 0, 0, 1, 0], 2), ([1, 0, 0, 0, -1, 0], 2), ([1, 0, 0, 0, 0, -1], 1),
        ([0, 1, 0, 0, 0, -1], 0), ([0, -1, 0, 0, 0, -1], 0),
    ):  # fmt: skip
        lie = lie_of(cosines)
        assert lie is not None
        assert along([10, 20, 30], lie) == pytest.approx([10, 20, 30][axis])


@pytest.mark.parametrize("position", [[], [1, 2], ["x", 1, 2], [np.inf, 0, 0], [None] * 3])
def test_a_position_without_sense_is_none(position: list[float]) -> None:
    lie = lie_of([1, 0, 0, 0, 1, 0])
    assert lie is not None
    assert along(position, lie) is None


RAMP = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10


@pytest.mark.parametrize(
    ("down", "across", "shape"), [(3, 1, (12, 6)), (1, 2.5, (4, 15)), (1.2, 0.8, (6, 6))]
)
def test_a_pixel_that_is_no_square_becomes_one_along_its_longer_side(
    down: float, across: float, shape: tuple[int, int]
) -> None:
    found = with_square_pixels(RAMP, down, across)
    assert (found.shape, found.dtype) == (shape, np.uint8)
    # The ramp stays one: nothing is shifted, and between pixels values are linear.
    rows = (np.arange(shape[0]) + 0.5) * 4 / shape[0] - 0.5
    columns = (np.arange(shape[1]) + 0.5) * 6 / shape[1] - 0.5
    ramp = 60 * np.clip(rows, 0, 3)[:, None] + 10 * np.clip(columns, 0, 5)
    assert np.abs(found.astype(float) - ramp).max() < 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_values_keep_their_type_and_range(dtype: type) -> None:
    pixels = np.array([[0, 1], [60_000 if dtype == np.uint16 else 255, 3]], dtype)
    found = with_square_pixels(pixels, 7, 1)
    assert found.dtype == dtype
    assert (found.min(), found.max()) == (pixels.min(), pixels.max())


@pytest.mark.parametrize(
    ("down", "across"),
    [(1, 1), (0.96, 1), (0, 1), (-1, 1), (np.nan, 1), (np.inf, 1), (1e9, 1), (1, 41)],
)
def test_squares_and_sizes_that_make_no_sense_change_nothing(down: float, across: float) -> None:
    assert with_square_pixels(RAMP, down, across) is RAMP


def test_what_is_a_square_but_for_a_twentieth_is_one_and_no_more() -> None:
    pixels = np.zeros((100, 100), np.uint8)
    assert with_square_pixels(pixels, 1.05, 1).shape == (100, 100)
    assert with_square_pixels(pixels, 1.06, 1).shape == (106, 100)


def test_whole_numbers_are_rounded_and_not_cut_off() -> None:
    pixels = np.array([[0], [1]])
    exact = with_square_pixels(pixels.astype(np.float32), 5, 1).ravel()
    assert exact == pytest.approx([0, 0, 0, 0.2, 0.4, 0.6, 0.8, 1, 1, 1])
    whole = with_square_pixels(pixels.astype(np.uint8), 5, 1).ravel()
    assert whole.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]


def test_a_slice_grows_no_longer_than_1024_pixels_and_gets_its_shape() -> None:
    assert with_square_pixels(np.zeros((512, 100), np.uint8), 4, 1).shape == (1024, 50)
    assert with_square_pixels(np.zeros((1000, 1), np.uint8), 39, 1).shape == (1024, 1)
    assert with_square_pixels(np.zeros((3000, 20), np.uint8), 1, 10).shape == (3000, 200)


@pytest.mark.parametrize("shape", [(4000, 100), (100, 4000), (9000, 900)])
def test_no_more_pixels_come_of_it_than_the_limits_were_asked_about(shape: tuple[int, int]) -> None:
    """A file of 600 bytes became sixteen million pixels, and one at the limits a thousand."""
    sizes = (1, 40) if shape[0] > shape[1] else (40, 1)
    found = with_square_pixels(np.zeros(shape, np.uint8), *sizes)
    assert found.size <= 1.01 * max(1024**2, shape[0] * shape[1])
    across = found.shape[1] / found.shape[0]
    assert across == pytest.approx(shape[1] * sizes[1] / (shape[0] * sizes[0]), rel=0.02)


def test_what_is_not_finite_does_not_spread() -> None:
    pixels = np.array([[1, np.nan], [2, 3]], np.float32)
    found = with_square_pixels(pixels, 4, 1)
    assert np.isnan(found).sum() == 4
    assert set(found[np.isfinite(found)]) == {1, 2, 3}
