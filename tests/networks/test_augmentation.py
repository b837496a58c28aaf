"""Augmentation: drawn from (seed, epoch, image) alone, replayable, and doing what it says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from braintumor.networks.augmentation import LIMITS, Augmentation, Draw, apply, draw

NOTHING = Augmentation(
    flip=0, rotation=0, zoom=0, stretch=0, shift=0, contrast=0, brightness=0, gamma=0
)


@pytest.fixture
def slice_() -> np.ndarray:
    """A lopsided picture: bright square in the upper left of a grey disc, on black."""
    rows, columns = np.mgrid[:64, :64]
    picture = np.where((rows - 32) ** 2 + (columns - 32) ** 2 < 26**2, 100, 0).astype(np.uint8)
    picture[16:24, 16:24] = 220
    return picture


@pytest.mark.parametrize("name", [one.name for one in dataclasses.fields(Augmentation)])
@pytest.mark.parametrize("value", [-5.0, 1000.0, float("nan")])
def test_a_limit_out_of_range_is_refused_by_its_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be between 0 and \d+( degrees)?, not"):
        Augmentation(**{name: value})


def test_limits_at_their_ends_can_be_drawn_and_applied(slice_: np.ndarray) -> None:
    for image in range(20):
        apply(slice_, draw(Augmentation(**LIMITS), seed=1, epoch=1, image=image))


def test_the_same_seed_epoch_and_image_draw_the_same_change() -> None:
    assert draw(Augmentation(), seed=3, epoch=5, image=7) == draw(
        Augmentation(), seed=3, epoch=5, image=7
    )


@pytest.mark.parametrize("other", [{"seed": 4}, {"epoch": 6}, {"image": 8}])
def test_another_seed_epoch_or_image_draws_another_change(other: dict[str, int]) -> None:
    base = {"seed": 3, "epoch": 5, "image": 7}
    assert draw(Augmentation(), **base) != draw(Augmentation(), **{**base, **other})


def test_switching_one_property_off_leaves_the_luck_of_the_others() -> None:
    whole = draw(Augmentation(), seed=1, epoch=1, image=1)
    still = draw(Augmentation(rotation=0), seed=1, epoch=1, image=1)
    assert still == dataclasses.replace(whole, rotation=0.0)


def test_draws_stay_within_their_limits_and_use_them() -> None:
    limits = Augmentation()
    draws = [draw(limits, seed=1, epoch=0, image=i) for i in range(400)]
    turns = np.array([d.rotation for d in draws])
    assert np.abs(turns).max() <= limits.rotation < 1.1 * np.abs(turns).max()
    shifts = np.array([[d.shift_x, d.shift_y] for d in draws])
    assert np.abs(shifts).max() <= limits.shift
    zooms = np.array([np.sqrt(d.zoom_x * d.zoom_y) for d in draws])
    assert zooms.max() <= 1 + limits.zoom + 1e-9
    assert zooms.min() >= 1 / (1 + limits.zoom) - 1e-9
    assert 0.4 < np.mean([d.flip for d in draws]) < 0.6


def test_nothing_drawn_changes_nothing(slice_: np.ndarray) -> None:
    change = draw(NOTHING, seed=1, epoch=1, image=1)
    assert change == Draw()
    np.testing.assert_array_equal(apply(slice_, change), slice_)


def test_a_flip_mirrors_left_and_right(slice_: np.ndarray) -> None:
    np.testing.assert_array_equal(apply(slice_, Draw(flip=True)), slice_[:, ::-1])


def test_a_shift_moves_right_and_down(slice_: np.ndarray) -> None:
    moved = apply(slice_, Draw(shift_x=4 / 64, shift_y=2 / 64))
    np.testing.assert_array_equal(moved[2:, 4:], slice_[:-2, :-4])
    assert not moved[:2].any()
    assert not moved[:, :4].any()


def test_a_quarter_turn_is_counter_clockwise(slice_: np.ndarray) -> None:
    turned = apply(slice_, Draw(rotation=90.0)).astype(int)
    np.testing.assert_allclose(turned, np.rot90(slice_), atol=1)


def test_zoom_makes_the_head_larger(slice_: np.ndarray) -> None:
    assert (apply(slice_, Draw(zoom_x=1.2, zoom_y=1.2)) > 0).sum() > 1.3 * (slice_ > 0).sum()
    assert (apply(slice_, Draw(zoom_x=1.2, zoom_y=1.0)) > 0).sum() < 1.3 * (slice_ > 0).sum()


def test_brightness_contrast_and_gamma_leave_the_background_black(slice_: np.ndarray) -> None:
    for change in (Draw(brightness=0.1), Draw(contrast=0.7), Draw(gamma=0.7)):
        changed = apply(slice_, change)
        assert not changed[slice_ == 0].any()
        assert (changed[slice_ == 100] != 100).all()
    assert apply(slice_, Draw(brightness=0.1))[32, 32] > 100
    assert apply(slice_, Draw(gamma=1.5))[32, 32] < 100


def test_sharpening_raises_edges_and_leaves_what_is_even(slice_: np.ndarray) -> None:
    found = apply(slice_, Draw(sharpening=(0.015, 1.0))).astype(int)
    inside, edge = (slice(30, 34), slice(30, 34)), (20, 23)
    assert (found[inside] == slice_[inside]).all()
    assert found[edge] > slice_[edge]
    assert found[20, 25] < slice_[20, 25], "beside the edge it is darker"


def test_so_many_are_sharpened_from_edges_to_the_contrast_of_a_tenth_of_the_head() -> None:
    drawn = [draw(Augmentation(sharpen=0.3), seed=1, epoch=0, image=i) for i in range(1500)]
    on = np.array([d.sharpening for d in drawn if d.sharpening[1]])
    assert len(on) / len(drawn) == pytest.approx(0.3, abs=0.04)
    assert 0.006 <= on[:, 0].min() < 0.008 < 0.09 < on[:, 0].max() <= 0.12
    assert 1.2 < on[:, 1].max() <= 1.5


def test_without_it_the_luck_of_the_rest_is_as_it_was() -> None:
    with_it = draw(Augmentation(sharpen=1.0, rim=1.0), seed=1, epoch=1, image=1)
    without = draw(Augmentation(rim=1.0), seed=1, epoch=1, image=1)
    assert with_it.sharpening != (0.0, 0.0)
    assert without == dataclasses.replace(with_it, sharpening=(0.0, 0.0))


def test_so_many_lie_on_their_side_or_upside_down_beside_their_small_rotation() -> None:
    limits = Augmentation(turn=0.3)
    drawn = [draw(limits, seed=1, epoch=0, image=i) for i in range(1500)]
    quarters = np.array([round(d.rotation / 90) % 4 for d in drawn])
    assert abs((quarters > 0).mean() - 0.3) < 0.03
    assert min(np.bincount(quarters, minlength=4)) > 100
    for one, number, as_before in zip(drawn, quarters, range(1500), strict=True):
        without = draw(Augmentation(), seed=1, epoch=0, image=as_before)
        assert one == dataclasses.replace(without, rotation=without.rotation + 90.0 * number)


def test_a_quarter_turn_moves_every_pixel_to_its_place(slice_: np.ndarray) -> None:
    for quarters in (1, 2, 3):
        turned = apply(slice_, Draw(rotation=90.0 * quarters)).astype(int)
        wanted = np.rot90(slice_, quarters).astype(int)
        assert np.abs(turned - wanted)[2:-2, 2:-2].max() <= 1
