"""Where things are on the screen: the patient's right at the left, the front or the top up."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from braintumor.images.geometry import Lie, along, laid_upright, lie_of

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
        ["a"] * 6,
        [np.nan] * 6,
        [None],
    ],
)
def test_an_orientation_without_sense_is_none(cosines: list[float]) -> None:
    assert lie_of(cosines) is None


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
