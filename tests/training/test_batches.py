"""Batches: each image once an epoch, in step with its label, the same whenever drawn again."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras")

from braintumor.networks.augmentation import Augmentation
from braintumor.training.batches import (
    FeatureBatches,
    ImageBatches,
    batch_places,
    epoch_rows,
    image_names,
    smooth,
)
from braintumor.training.examples import Examples
from braintumor.training.recipe import default_recipe
from braintumor.training.trunk import TrunkOutput

STILL = Augmentation(
    flip=0, rotation=0, zoom=0, stretch=0, shift=0, contrast=0, brightness=0, gamma=0
)
PLAIN = default_recipe(
    "cnn",
    batch_size=8,
    label_smoothing=0.0,
    augmentation=STILL,
    balance=0.0,
    implant=0.0,
    heal=0.0,
)
COUNT, PLACES = 21, (4, 4)
LABELS = np.arange(COUNT) % 4


@pytest.fixture
def examples() -> Examples:
    """Every picture is filled with its own row number; its lesion is its upper half."""
    pixels = np.repeat(np.arange(COUNT, dtype=np.uint8), 16 * 16).reshape(COUNT, 16, 16)
    masks = np.zeros_like(pixels)
    masks[LABELS != 2, :8] = 255
    return Examples(
        pixels=pixels, labels=LABELS, names=np.arange(COUNT), masks=masks, known=LABELS != 1
    )


def test_every_image_comes_once_an_epoch_with_its_own_label_and_mask(examples: Examples) -> None:
    batches = ImageBatches(examples, PLAIN, 2, PLACES)
    seen = [batches[step] for step in range(len(batches))]
    rows = np.concatenate([x[:, 0, 0, 0] for x, _ in seen]).astype(int)
    wanted = np.concatenate([y for _, y in seen])
    assert sorted(rows) == list(range(COUNT))
    np.testing.assert_array_equal(wanted[:, 3, 0, :4].argmax(axis=1), LABELS[rows])
    np.testing.assert_array_equal(wanted[:, 0, 2, 4], LABELS[rows] != 2)
    assert not wanted[:, 2:, :, 4].any(), "the lower half is no lesion"
    np.testing.assert_array_equal(wanted[:, 1, 1, 5], LABELS[rows] != 1)
    assert list(rows) != sorted(rows), "the order must be shuffled"


def test_an_epoch_is_the_same_whenever_it_is_drawn_again(examples: Examples) -> None:
    recipe = default_recipe("cnn", batch_size=8)
    first, again = (ImageBatches(examples, recipe, 3, PLACES) for _ in range(2))
    for step in (2, 0, 1):
        for a, b in zip(first[step], again[step], strict=True):
            np.testing.assert_array_equal(a, b)
    later = ImageBatches(examples, recipe, 4, PLACES)
    assert not np.array_equal(first[0][0], later[0][0])


def test_mixing_blends_images_and_targets_by_the_same_share(examples: Examples) -> None:
    recipe = PLAIN.changed(mixup=1.0)
    images, wanted = ImageBatches(examples, recipe, 0, PLACES)[0]
    shares = wanted[:, 0, 0, :4]
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-6)
    assert ((shares > 0.01).sum(axis=1) == 2).any()
    assert (images[:, 0, 0, 0] % 1 > 0).any()


def test_smoothing_spreads_its_share_over_all_classes() -> None:
    np.testing.assert_allclose(smooth(np.array([2]), 0.2), [[0.05, 0.05, 0.85, 0.05]], atol=1e-7)


def test_a_last_batch_of_one_takes_a_second_row() -> None:
    assert batch_places(5, 2, 2).tolist() == [4, 0]
    assert batch_places(5, 0, 2).tolist() == [0, 1]


def test_balanced_classes_come_equally_often_and_so_do_the_images_of_a_class() -> None:
    labels = np.repeat([0, 1, 2, 3], [40, 20, 5, 15])
    recipe = PLAIN.changed(balance=1.0)
    rows, visits = map(
        np.concatenate, zip(*(epoch_rows(labels, recipe, e) for e in range(10)), strict=True)
    )
    assert np.bincount(labels[rows]).tolist() == [200] * 4
    times = np.bincount(rows, minlength=80)
    for label in range(4):
        assert np.ptp(times[labels == label]) <= 1
    for row in range(80):
        assert sorted(visits[rows == row]) == list(range(times[row])), "no draw comes twice"


def test_images_come_in_proportion_to_their_shares_within_their_class() -> None:
    labels = np.repeat([0, 1], [60, 20])
    shares = np.ones(80)
    shares[:10] = 4.0
    recipe = PLAIN.changed(balance=1.0)
    drawn = [epoch_rows(labels, recipe, epoch, shares) for epoch in range(50)]
    rows, visits = map(np.concatenate, zip(*drawn, strict=True))
    times = np.bincount(rows, minlength=80) / 50

    assert np.bincount(labels[rows]) / 50 == pytest.approx([40, 40]), "classes are as before"
    # Of 40 steps of the first class 10 x 4 of 90 parts go to the ten.
    assert times[:10] == pytest.approx(40 * 4 / 90, abs=0.25)
    assert times[10:60] == pytest.approx(40 / 90, abs=0.25)
    assert times[60:] == pytest.approx(2.0)
    for one_rows, _ in drawn:
        counts = np.bincount(one_rows, minlength=80)
        assert set(counts[:10]) <= {1, 2}, "never more than a step from what is due"
    for row in range(80):
        assert sorted(visits[rows == row]) == list(range(round(times[row] * 50))), (
            "none is left out"
        )
    assert not np.array_equal(drawn[0][0], drawn[1][0])


def test_shares_that_are_alike_leave_no_image_out_where_each_is_due_once() -> None:
    labels = np.repeat([0, 1], 20)
    rows, visits = epoch_rows(labels, PLAIN.changed(balance=1.0), 3, np.full(40, 0.5))
    assert sorted(rows) == list(range(40))
    assert len(set(visits)) == 1


def test_half_a_balance_goes_half_the_way() -> None:
    labels = np.repeat([0, 2], [90, 10])
    rows, _ = epoch_rows(labels, PLAIN.changed(balance=0.5), 0)
    assert np.bincount(labels[rows]).tolist() == [70, 0, 30]


def test_balanced_features_take_another_variant_at_every_visit() -> None:
    labels = np.repeat([0, 1], [12, 4])
    variants = [
        TrunkOutput(
            features=np.full((16, 1, 1, 2), number, np.float16),
            labels=labels,
            masks=np.zeros((16, *PLACES), np.uint8),
            known=np.zeros(16, bool),
        )
        for number in range(2)
    ]
    batches = FeatureBatches(variants, labels, PLAIN.changed(balance=1.0), 0)
    assert sorted(batches.variant[batches.order == 13]) == [0, 1], "a rare image comes twice"


def test_features_walk_through_all_variants_before_any_comes_again() -> None:
    variants = [
        TrunkOutput(
            features=np.full((COUNT, 1, 1, 2), number, np.float16),
            labels=(LABELS + number) % 4,  # a lesion put in or out changes the class of a variant
            masks=np.full((COUNT, *PLACES), 255 * (number == 1), np.uint8),
            known=np.full(COUNT, number == 1),
        )
        for number in range(3)
    ]
    seen = np.zeros((COUNT, 3), int)
    for epoch in range(3):
        batches = FeatureBatches(variants, LABELS, PLAIN, epoch)
        steps = [batches[step] for step in range(3)]
        features, wanted = map(np.concatenate, zip(*steps, strict=True))
        number = features[:, 0, 0, 0].astype(int)
        labels = wanted[:, 0, 0, :4].argmax(axis=1)
        np.testing.assert_array_equal(labels, (LABELS[batches.order] + number) % 4)
        np.testing.assert_array_equal(wanted[:, 1, 1, 4], number == 1)
        np.testing.assert_array_equal(wanted[:, 1, 1, 5], number == 1)
        seen[batches.order, epoch] = number
    assert (np.sort(seen, axis=1) == [0, 1, 2]).all()
    assert len({tuple(row) for row in seen}) > 1, "each image has a walk of its own"


def test_names_come_from_content_not_from_place() -> None:
    first, second = image_names(["aa", "bb"]), image_names(["bb", "aa"])
    np.testing.assert_array_equal(first, second[::-1])
