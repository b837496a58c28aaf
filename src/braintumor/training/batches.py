"""Batches for Keras, whatever its backend: NumPy in, augmentation drawn from (seed, epoch, image).

Knows arrays and labels, not files or folders.
"""

from __future__ import annotations

import zlib
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from braintumor.networks.augmentation import apply, draw
from braintumor.training.recipe import Recipe

_ORDER, _MIX, _VARIANT = 1, 2, 3  # keeps the random streams of one epoch apart


class ImageBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """One epoch of augmented training images, each once, in an order drawn from the seed.

    Args:
        pixels: (n, side, side) uint8, memory-mapped or not.
        labels: (n,) integers, 0 to 3.
        names: (n,) integers that name the images for the draws of augmentation.
        recipe: batch size, augmentation, smoothing, mixing and seed.
        epoch: which pass this is, from 0.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        labels: NDArray[np.int64],
        names: NDArray[np.int64],
        recipe: Recipe,
        epoch: int,
    ) -> None:
        super().__init__(workers=1)
        self.pixels, self.names, self.recipe, self.epoch = pixels, names, recipe, epoch
        self.targets = smooth(labels, recipe.label_smoothing)
        self.order = epoch_order(len(labels), recipe.seed, epoch)

    def __len__(self) -> int:
        return -(-len(self.order) // self.recipe.batch_size)

    def __getitem__(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        chosen = batch_rows(self.order, step, self.recipe.batch_size)
        images = np.stack([self._augmented(row) for row in chosen]).astype(np.float32)[..., None]
        return mix(images, self.targets[chosen], self.recipe, self.epoch, step)

    def _augmented(self, row: int) -> NDArray[np.uint8]:
        change = draw(
            self.recipe.augmentation,
            seed=self.recipe.seed,
            epoch=self.epoch,
            image=int(self.names[row]),
        )
        return apply(self.pixels[row], change)


class FeatureBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """One epoch of cached features; for each image one of its augmented variants is drawn.

    Args:
        variants: one array (n, ...) for each augmented variant.
        labels, names, recipe, epoch: as for `ImageBatches`.
        batch_size: the recipe's where None.
    """

    def __init__(
        self,
        variants: list[NDArray[Any]],
        labels: NDArray[np.int64],
        recipe: Recipe,
        epoch: int,
    ) -> None:
        super().__init__(workers=1)
        self.variants, self.recipe, self.epoch = variants, recipe, epoch
        self.targets = smooth(labels, recipe.label_smoothing)
        self.order = epoch_order(len(labels), recipe.seed, epoch)
        # Every image walks through its variants in an order of its own, none twice in a round.
        count = len(variants)
        lap, place = divmod(epoch, count)
        random = np.random.default_rng([recipe.seed, lap, _VARIANT])
        walks = random.permuted(np.tile(np.arange(count), (len(labels), 1)), axis=1)
        self.variant = walks[:, place]

    def __len__(self) -> int:
        return -(-len(self.order) // self.recipe.batch_size)

    def __getitem__(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        chosen = batch_rows(self.order, step, self.recipe.batch_size)
        features = np.stack([self.variants[self.variant[row]][row] for row in chosen])
        return mix(features.astype(np.float32), self.targets[chosen], self.recipe, self.epoch, step)


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


def mix(
    inputs: NDArray[np.float32],
    targets: NDArray[np.float32],
    recipe: Recipe,
    epoch: int,
    step: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """MixUp: every row blended with another of its batch, labels likewise."""
    if recipe.mixup == 0:
        return inputs, targets
    random = np.random.default_rng([recipe.seed, epoch, step, _MIX])
    share = random.beta(recipe.mixup, recipe.mixup, len(inputs)).astype(np.float32)
    other = random.permutation(len(inputs))
    wide = share.reshape(-1, *[1] * (inputs.ndim - 1))
    mixed = wide * inputs + (1 - wide) * inputs[other]
    return mixed, share[:, None] * targets + (1 - share[:, None]) * targets[other]


def image_names(sha256: list[str]) -> NDArray[np.int64]:
    """Integers from content hashes: what names an image in the draws of augmentation."""
    return np.array([zlib.crc32(text.encode()) for text in sha256], dtype=np.int64)
