"""The numbers of a picture are of one size, finite, and say what they are meant to say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from braintumor.bundle.checks import (
    COUNT,
    EDGES,
    PLAIN,
    SHAPE,
    THUMB,
    image_checks,
    is_blank,
    is_drawn,
)
from braintumor.bundle.heatmap import grey_levels
from braintumor.images.prepare import Box, Preparation, Prepared, prepare


def checked(pixels: NDArray[np.generic], size: int = 96) -> NDArray[np.float32]:
    return image_checks(pixels, prepare(pixels, Preparation(size=size)))


def disc(height: int = 200, width: int = 200) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return ((np.hypot(rows, columns) < 0.8) * 180).astype(np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(20, 90), (333, 200), (640, 640)])
def test_any_picture_gives_finite_numbers_of_about_one(shape: tuple[int, int], dtype: type) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, shape).astype(dtype)
    numbers = checked(pixels)

    assert numbers.shape == (COUNT,)
    assert numbers.dtype == np.float32
    assert np.abs(numbers).max() < 10


def test_brightness_and_size_of_the_source_do_not_count() -> None:
    small, large = disc(), disc(600, 600).astype(np.float32) * 7 + 100

    np.testing.assert_allclose(checked(small)[PLAIN], checked(large)[PLAIN], atol=0.1)


def test_nothing_that_is_not_a_number_gets_through() -> None:
    pixels = disc().astype(np.float32)
    pixels[0, 0], pixels[5, 5] = np.nan, np.inf

    assert np.isfinite(checked(pixels)).all()


def test_a_ground_of_no_numbers_is_as_dark_as_the_network_sees_it() -> None:
    """Volumes with a mean of zero and NaN outside the brain: as 0, the ground would be grey."""
    scan = (disc().astype(np.float32) - 90) / 60
    ground = disc() == 0
    scan[~ground] += np.random.default_rng(0).normal(0, 0.3, int((~ground).sum()))
    filled = np.where(ground, scan[~ground].min(), scan)
    missing = np.where(ground, np.nan, scan).astype(np.float32)
    np.testing.assert_allclose(checked(missing), checked(filled.astype(np.float32)), atol=1e-5)
    shown = grey_levels(missing)
    assert not shown[ground].any()


def test_edges_say_which_way_they_run() -> None:
    upright = np.tile((np.arange(96) // 8 % 2 * 200).astype(np.uint8), (96, 1))
    strongest = []
    for pixels in (upright, upright.T.copy()):
        whole = Prepared(pixels, Box(0, 0, 96, 96), (96, 96))
        edges = image_checks(pixels, whole)[EDGES].reshape(-1, 8)
        strongest.append(edges.sum(axis=0).argmax())

    assert strongest == [0, 4]


def test_wide_and_tall_are_told_apart_and_so_is_what_lies_beside() -> None:
    wide = np.zeros((200, 200), np.uint8)
    wide[60:140, 10:190] = disc(80, 180)
    beside = wide.copy()
    beside[150:190, 5:30] = 180
    numbers = checked(wide)[SHAPE]

    assert numbers[0] < -0.5
    assert checked(wide.T.copy())[SHAPE][0] == pytest.approx(-numbers[0])
    assert numbers[1] == 0
    assert checked(beside)[SHAPE][1] > 0.1


def test_the_thumb_is_the_canvas() -> None:
    pixels = disc()
    canvas = prepare(pixels, Preparation(size=96)).pixels

    assert checked(pixels)[THUMB].mean() == pytest.approx(canvas.mean() / 255, abs=0.01)


def test_a_picture_of_one_value_is_blank_but_for_a_few_pixels() -> None:
    flat = np.full((100, 100), 7.0)
    flat[0, :3], flat[50, 50] = np.nan, 90

    assert is_blank(flat)
    assert is_blank(np.full((3, 3), np.nan))
    assert not is_blank(disc())


def test_flat_areas_are_a_drawing_and_grain_is_none() -> None:
    """The ellipses of a mathematical head, before and after a scanner's noise; and a mask of it."""
    y, x = np.mgrid[-1:1:200j, -1:1:200j]
    head = sum(
        level * (np.hypot((x - left) / wide, (y - top) / tall) < 1)
        for level, left, top, wide, tall in [(120, 0, 0, 0.7, 0.9), (60, 0.2, 0.1, 0.2, 0.3)]
    )
    grain = np.random.default_rng(3).normal(0, 2, head.shape)
    noisy = np.clip(head + grain, 0, 255).astype(np.uint8)

    assert is_drawn(head.astype(np.uint8))
    assert is_drawn(head / 180)
    assert is_drawn((head > 0).astype(np.uint8) * 255)
    assert not is_drawn(noisy)
    assert not is_drawn(noisy.repeat(8, axis=0).repeat(8, axis=1))
    assert not is_drawn(np.where(noisy > 128, noisy.max(), noisy))


def test_what_is_no_number_makes_no_drawing() -> None:
    holes = disc().astype(np.float32) + np.random.default_rng(3).random(disc().shape)
    holes[::2, ::3] = np.nan

    assert not is_drawn(holes)
    assert not is_drawn(np.full((40, 40), np.nan))
    assert not is_drawn(np.ones((1, 40)))
