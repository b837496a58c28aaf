"""Batches: each image once an epoch, in step with its label, the same whenever drawn again."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras")

from braintumor.networks.augmentation import Augmentation
from braintumor.training.batches import (
    FeatureBatches,
    ImageBatches,
    batch_rows,
    image_names,
    smooth,
)
from braintumor.training.recipe import default_recipe

STILL = Augmentation(
    flip=0, rotation=0, zoom=0, stretch=0, shift=0, contrast=0, brightness=0, gamma=0
)
PLAIN = default_recipe("cnn", batch_size=8, label_smoothing=0.0, mixup=0.0, augmentation=STILL)
COUNT = 21


@pytest.fixture
def pixels() -> np.ndarray:
    """Every picture is filled with its own row number."""
    return np.repeat(np.arange(COUNT, dtype=np.uint8), 16 * 16).reshape(COUNT, 16, 16)


LABELS = np.arange(COUNT) % 4
NAMES = np.arange(COUNT)


def test_every_image_comes_once_an_epoch_with_its_own_label(pixels: np.ndarray) -> None:
    batches = ImageBatches(pixels, LABELS, NAMES, PLAIN, epoch=2)
    seen = [batches[step] for step in range(len(batches))]
    rows = np.concatenate([x[:, 0, 0, 0] for x, _ in seen]).astype(int)
    labels = np.concatenate([y.argmax(axis=1) for _, y in seen])
    assert sorted(rows) == list(range(COUNT))
    np.testing.assert_array_equal(labels, LABELS[rows])
    assert list(rows) != sorted(rows), "the order must be shuffled"


def test_an_epoch_is_the_same_whenever_it_is_drawn_again(pixels: np.ndarray) -> None:
    recipe = default_recipe("cnn", batch_size=8)
    first, again = (ImageBatches(pixels, LABELS, NAMES, recipe, epoch=3) for _ in range(2))
    for step in (2, 0, 1):
        for a, b in zip(first[step], again[step], strict=True):
            np.testing.assert_array_equal(a, b)
    later = ImageBatches(pixels, LABELS, NAMES, recipe, epoch=4)
    assert not np.array_equal(first[0][0], later[0][0])


def test_mixing_blends_images_and_labels_by_the_same_share(pixels: np.ndarray) -> None:
    recipe = PLAIN.changed(mixup=1.0)
    images, targets = ImageBatches(pixels, LABELS, NAMES, recipe, epoch=0)[0]
    np.testing.assert_allclose(targets.sum(axis=1), 1.0, atol=1e-6)
    assert ((targets > 0.01).sum(axis=1) == 2).any()
    assert (images[:, 0, 0, 0] % 1 > 0).any()


def test_smoothing_spreads_its_share_over_all_classes() -> None:
    np.testing.assert_allclose(smooth(np.array([2]), 0.2), [[0.05, 0.05, 0.85, 0.05]], atol=1e-7)


def test_a_last_batch_of_one_takes_a_second_row() -> None:
    order = np.array([5, 3, 1, 4, 2])
    assert batch_rows(order, 2, 2).tolist() == [2, 5]
    assert batch_rows(order, 0, 2).tolist() == [5, 3]


def test_features_walk_through_all_variants_before_any_comes_again() -> None:
    variants = [np.full((COUNT, 2), number, np.float16) for number in range(3)]
    seen = np.zeros((COUNT, 3), int)
    for epoch in range(3):
        batches = FeatureBatches(variants, LABELS, PLAIN, epoch)
        order = batches.order
        values = np.concatenate([batches[s][0][:, 0] for s in range(len(batches))]).astype(int)
        seen[order, epoch] = values
    assert (np.sort(seen, axis=1) == [0, 1, 2]).all()
    assert len({tuple(row) for row in seen}) > 1, "each image has a walk of its own"


def test_names_come_from_content_not_from_place() -> None:
    first, second = image_names(["aa", "bb"]), image_names(["bb", "aa"])
    np.testing.assert_array_equal(first, second[::-1])
