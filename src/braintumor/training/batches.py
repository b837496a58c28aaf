"""Batches for Keras, whatever its backend: NumPy in, augmentation drawn from (seed, epoch, image).

Knows arrays and labels, not files or folders.
"""

from __future__ import annotations

import zlib
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from braintumor.training.examples import Examples, augmented, coarse
from braintumor.training.objective import targets
from braintumor.training.recipe import Recipe

_ORDER, _MIX, _VARIANT = 1, 2, 3  # keeps the random streams of one epoch apart
Batch = tuple[NDArray[np.float32], NDArray[np.float32]]


class ImageBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """One epoch of augmented training images, each once, in an order drawn from the seed.

    Args:
        examples: the training images.
        recipe: batch size, augmentation, smoothing, mixing and seed.
        epoch: which pass this is, from 0.
        places: height and width of the network's features.
    """

    def __init__(
        self, examples: Examples, recipe: Recipe, epoch: int, places: tuple[int, int]
    ) -> None:
        super().__init__(workers=1)
        self.examples, self.recipe, self.epoch, self.places = examples, recipe, epoch, places
        self.order = epoch_order(len(examples), recipe.seed, epoch)

    def __len__(self) -> int:
        return -(-len(self.order) // self.recipe.batch_size)

    def __getitem__(self, step: int) -> Batch:
        chosen = batch_rows(self.order, step, self.recipe.batch_size)
        drawn = [augmented(self.examples, int(row), self.recipe, self.epoch) for row in chosen]
        images = np.stack([one.pixels for one in drawn]).astype(np.float32)[..., None]
        wanted = targets(
            smooth(np.array([one.label for one in drawn]), self.recipe.label_smoothing),
            shares(np.stack([coarse(one.mask, self.places) for one in drawn])),
            np.array([one.known for one in drawn]),
        )
        return mix(images, wanted, self.recipe, self.epoch, step)


class FeatureBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """One epoch of cached features; for each image one of its augmented variants is drawn.

    Args:
        variants: for each augmented variant what the trunk made of it: features (n, ...), labels
            (n,), masks (n, h, w) uint8 and known (n,).
        recipe, epoch: as for `ImageBatches`.
    """

    def __init__(self, variants: list[Any], recipe: Recipe, epoch: int) -> None:
        super().__init__(workers=1)
        self.variants, self.recipe, self.epoch = variants, recipe, epoch
        total = len(variants[0].labels)
        self.order = epoch_order(total, recipe.seed, epoch)
        # Every image walks through its variants in an order of its own, none twice in a round.
        count = len(variants)
        lap, place = divmod(epoch, count)
        random = np.random.default_rng([recipe.seed, lap, _VARIANT])
        walks = random.permuted(np.tile(np.arange(count), (total, 1)), axis=1)
        self.variant = walks[:, place]

    def __len__(self) -> int:
        return -(-len(self.order) // self.recipe.batch_size)

    def __getitem__(self, step: int) -> Batch:
        chosen = batch_rows(self.order, step, self.recipe.batch_size)
        drawn = [(self.variants[self.variant[row]], row) for row in chosen]
        features = np.stack([variant.features[row] for variant, row in drawn])
        wanted = targets(
            smooth(np.array([v.labels[row] for v, row in drawn]), self.recipe.label_smoothing),
            shares(np.stack([v.masks[row] for v, row in drawn])),
            np.array([v.known[row] for v, row in drawn]),
        )
        return mix(features.astype(np.float32), wanted, self.recipe, self.epoch, step)


def epoch_order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Each of `count` rows once, in the order of this epoch."""
    return np.random.default_rng([seed, epoch, _ORDER]).permutation(count)


def batch_rows(order: NDArray[np.int64], step: int, size: int) -> NDArray[np.int64]:
    """Rows of one step. A last batch of one would break batch normalisation: it takes a second
    row from the start of the order."""
    rows = order[step * size : (step + 1) * size]
    return rows if len(rows) > 1 else np.concatenate([rows, order[:1]])


def smooth(labels: NDArray[np.int64], smoothing: float) -> NDArray[np.float32]:
    """Labels (n,) as one-hot rows (n, 4), a share of each spread evenly over the classes."""
    hot = np.eye(4, dtype=np.float32)[labels]
    return (hot * (1 - smoothing) + smoothing / 4).astype(np.float32)


def shares(masks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Masks of 0 to 255 as shares of 0 to 1."""
    return masks.astype(np.float32) / np.float32(255)


def mix(
    inputs: NDArray[np.float32],
    wanted: NDArray[np.float32],
    recipe: Recipe,
    epoch: int,
    step: int,
) -> Batch:
    """MixUp: every row blended with another of its batch, targets likewise."""
    if recipe.mixup == 0:
        return inputs, wanted
    random = np.random.default_rng([recipe.seed, epoch, step, _MIX])
    share = random.beta(recipe.mixup, recipe.mixup, len(inputs)).astype(np.float32)
    share = share.reshape(-1, 1, 1, 1)
    other = random.permutation(len(inputs))
    return (
        share * inputs + (1 - share) * inputs[other],
        share * wanted + (1 - share) * wanted[other],
    )


def image_names(sha256: list[str]) -> NDArray[np.int64]:
    """Integers from content hashes: what names an image in the draws of augmentation."""
    return np.array([zlib.crc32(text.encode()) for text in sha256], dtype=np.int64)
