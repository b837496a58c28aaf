"""Drawn examples: masks move with their slices, and lesions change places as they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from braintumor.images.depth import head_depth
from braintumor.networks.augmentation import Augmentation, apply, apply_place, draw
from braintumor.networks.rim import without_rim
from braintumor.training.examples import Examples, augmented, coarse, joined
from braintumor.training.recipe import default_recipe

GLIOMA, NO_TUMOR = 0, 2
SIDE = 64
STILL = Augmentation(
    flip=0, rotation=0, zoom=0, stretch=0, shift=0, contrast=0, brightness=0, gamma=0
)


@pytest.fixture
def examples() -> Examples:
    """A dark head with a bright lesion (0), and a brighter head without one (1)."""
    pixels = np.full((2, SIDE, SIDE), 60, np.uint8)
    pixels[1] = 90
    masks = np.zeros_like(pixels)
    masks[0, 20:32, 20:32] = 255
    pixels[0, 20:32, 20:32] = 160
    return Examples(
        pixels=pixels,
        labels=np.array([GLIOMA, NO_TUMOR]),
        names=np.array([11, 22]),
        masks=masks,
        known=np.array([True, True]),
    )


def test_nothing_drawn_leaves_slice_mask_and_label(examples: Examples) -> None:
    recipe = default_recipe("cnn", augmentation=STILL, implant=0.0, heal=0.0)
    for row in (0, 1):
        drawn = augmented(examples, row, recipe, 0)
        np.testing.assert_array_equal(drawn.pixels, examples.pixels[row])
        np.testing.assert_array_equal(drawn.mask, examples.masks[row])
        assert (drawn.label, drawn.known) == (examples.labels[row], True)


def test_the_mask_moves_with_the_slice(examples: Examples) -> None:
    moving = Augmentation(contrast=0, brightness=0, gamma=0)
    recipe = default_recipe("cnn", augmentation=moving, implant=0.0, heal=0.0)
    for epoch in range(5):
        drawn = augmented(examples, 0, recipe, epoch)
        both = (drawn.pixels > 130) == (drawn.mask > 178)
        assert both.mean() > 0.99
        assert (drawn.mask > 127).any()


def test_a_healed_slice_is_without_tumour_and_of_its_own_scanner(examples: Examples) -> None:
    recipe = default_recipe("cnn", augmentation=STILL, heal=1.0)
    drawn = augmented(examples, 0, recipe, 0)
    assert (drawn.label, drawn.known, drawn.mask.any()) == (NO_TUMOR, True, False)
    assert drawn.pixels.max() < 80, "the bright lesion is gone, what came is fitted to the rim"
    np.testing.assert_array_equal(drawn.pixels[:10], examples.pixels[0, :10])


def test_an_implanted_lesion_brings_its_class_and_its_mask(examples: Examples) -> None:
    recipe = default_recipe("cnn", augmentation=STILL, implant=1.0)
    drawn = augmented(examples, 1, recipe, 0)
    assert (drawn.label, drawn.known) == (GLIOMA, True)
    np.testing.assert_array_equal(drawn.mask, examples.masks[0])
    assert drawn.pixels[25, 25] > 130
    np.testing.assert_array_equal(drawn.pixels[50:], examples.pixels[1, 50:])


def test_what_is_drawn_depends_on_seed_epoch_and_image_alone_but_for_transplants(
    examples: Examples,
) -> None:
    recipe = default_recipe("cnn")
    swapped = Examples(
        pixels=examples.pixels[::-1],
        labels=examples.labels[::-1],
        names=examples.names[::-1],
        masks=examples.masks[::-1],
        known=examples.known,
    )
    still = recipe.changed(implant=0.0, heal=0.0)
    first, again = augmented(examples, 0, still, 4), augmented(swapped, 1, still, 4)
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert not np.array_equal(first.pixels, augmented(examples, 0, still, 5).pixels)
    given = recipe.changed(augmentation=STILL, implant=1.0, heal=0.0)
    brighter = replace(
        examples, pixels=np.asarray(examples.pixels + (examples.masks > 0) * 40, np.uint8)
    )
    one, other = augmented(examples, 1, given, 0), augmented(brighter, 1, given, 0)
    assert not np.array_equal(one.pixels, other.pixels), "the other image gives its lesion"


def test_a_coarse_mask_is_the_share_of_each_place_that_is_covered() -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[:2, :4] = 255
    np.testing.assert_array_equal(coarse(mask, (2, 2)), [[128, 0], [0, 0]])


def test_sets_are_joined_in_order(examples: Examples) -> None:
    both = joined([examples, examples])
    assert len(both) == 4
    np.testing.assert_array_equal(both.names, [11, 22, 11, 22])
    assert joined([examples]) is examples


def test_the_rim_goes_before_whatever_moves_the_slice_and_the_mask_goes_along() -> None:
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    radius, lesion = np.hypot(rows, columns), np.hypot(rows, columns - 8) < 5
    pixels = np.where(radius < 30, 220, 0) - np.where(radius < 25, 150, 0) + lesion * 90
    one = Examples(
        pixels=np.asarray(pixels, np.uint8)[None],
        labels=np.array([GLIOMA]),
        names=np.array([11]),
        masks=np.asarray(lesion * 255, np.uint8)[None],
        known=np.array([True]),
    )
    bare = Augmentation(contrast=0, brightness=0, gamma=0, rotation=0, rim=1.0)
    recipe = default_recipe("cnn", augmentation=bare, implant=0.0, heal=0.0)
    depth = head_depth(one.pixels[0])
    for epoch in range(6):
        drawn, change = augmented(one, 0, recipe, epoch), draw(bare, seed=1, epoch=epoch, image=11)
        pixels, mask = without_rim(one.pixels[0], one.masks[0], depth, change.rim)
        assert not np.array_equal(pixels, one.pixels[0])
        np.testing.assert_array_equal(drawn.pixels, apply(pixels, change))
        np.testing.assert_array_equal(drawn.mask, apply_place(mask, change))


def test_the_rim_stays_where_nobody_knows_what_would_go_with_it(examples: Examples) -> None:
    """A tumour without a mask may lie in it; a head without a tumour has nothing to lose."""
    recipe = default_recipe("cnn", augmentation=replace(STILL, rim=1.0), implant=0.0, heal=0.0)
    unknown = replace(examples, masks=np.zeros_like(examples.masks), known=np.array([False] * 2))
    for epoch in range(4):
        glioma, healthy = (augmented(unknown, row, recipe, epoch).pixels for row in (0, 1))
        np.testing.assert_array_equal(glioma, unknown.pixels[0])
        assert not np.array_equal(healthy, unknown.pixels[1])
