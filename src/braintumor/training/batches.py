"""Batches for Keras, whatever its backend: NumPy in, augmentation drawn from (seed, visit, image).

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

_ORDER, _MIX, _VARIANT, _LAP = 1, 2, 3, 4  # keeps the random streams of one epoch apart
Batch = tuple[NDArray[Any], NDArray[np.float32]]


class ImageBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """One epoch of augmented training images in an order drawn from the seed.

    As many as there are; each once, or as often as the recipe's balance of classes has it.

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
        self.order, self.visits = epoch_rows(examples.labels, recipe, epoch, examples.shares)

    def __len__(self) -> int:
        return -(-len(self.order) // self.recipe.batch_size)

    def __getitem__(self, step: int) -> Batch:
        chosen = batch_places(len(self.order), step, self.recipe.batch_size)
        drawn = [
            augmented(self.examples, int(row), self.recipe, int(visit))
            for row, visit in zip(self.order[chosen], self.visits[chosen], strict=True)
        ]
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
        labels: (n,) integers, 0 to 3, of the images before a lesion was put in or taken out.
        recipe, epoch: as for `ImageBatches`.
        shares: as in `Examples`.
    """

    def __init__(
        self,
        variants: list[Any],
        labels: NDArray[np.int64],
        recipe: Recipe,
        epoch: int,
        shares: NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__(workers=1)
        self.variants, self.recipe, self.epoch = variants, recipe, epoch
        self.order, visits = epoch_rows(labels, recipe, epoch, shares)
        # Every image walks through its variants in an order of its own, none twice in a round.
        count = len(variants)
        self.variant = np.empty(len(self.order), np.int64)
        for lap in np.unique(visits // count):
            random = np.random.default_rng([recipe.seed, int(lap), _VARIANT])
            walks = random.permuted(np.tile(np.arange(count), (len(labels), 1)), axis=1)
            now = visits // count == lap
            self.variant[now] = walks[self.order[now], visits[now] % count]

    def __len__(self) -> int:
        return -(-len(self.order) // self.recipe.batch_size)

    def __getitem__(self, step: int) -> Batch:
        chosen = batch_places(len(self.order), step, self.recipe.batch_size)
        drawn = [(self.variants[self.variant[place]], self.order[place]) for place in chosen]
        features = np.stack([variant.features[row] for variant, row in drawn])
        wanted = targets(
            smooth(np.array([v.labels[row] for v, row in drawn]), self.recipe.label_smoothing),
            shares(np.stack([v.masks[row] for v, row in drawn])),
            np.array([v.known[row] for v, row in drawn]),
        )
        # Left in half precision: Keras's backend widens it much faster than NumPy does.
        return mix(features, wanted, self.recipe, self.epoch, step)


def epoch_rows(
    labels: NDArray[np.int64],
    recipe: Recipe,
    epoch: int,
    shares: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which rows one epoch trains on, in its order, and how often each was trained on before.

    A class walks through its images in laps, every lap in an order of its own, and takes as
    many steps an epoch as its share has it: an image of a rare class comes twice in some epochs,
    one of a frequent class is left out of some, and all of a class come equally often, or, where
    there are shares, in proportion to them.

    Args:
        labels: (n,) integers, 0 to 3.
        recipe: seed and balance.
        epoch: from 0.
        shares: as in `Examples`.

    Returns:
        (rows, visits), both of n or, by rounding, a few more or less; without balance each row
        once, visits all equal to `epoch`.
    """
    rows, visits = [], []
    present = np.unique(labels)
    for label in present:
        own = np.flatnonzero(labels == label)
        even = len(labels) / len(present)
        steps = max(1, round((1 - recipe.balance) * len(own) + recipe.balance * even))
        if shares is not None:
            come, times = _nth_drawing(own, shares[own], steps, (recipe.seed, int(label)), epoch)
            rows.append(come)
            visits.append(times)
            continue
        lap, place = np.divmod(np.arange(epoch * steps, (epoch + 1) * steps), len(own))
        for number in np.unique(lap):
            random = np.random.default_rng([recipe.seed, int(number), int(label), _LAP])
            rows.append(own[random.permutation(len(own))][place[lap == number]])
        visits.append(lap)
    shuffled = np.random.default_rng([recipe.seed, epoch, _ORDER]).permutation(
        sum(len(part) for part in rows)
    )
    return np.concatenate(rows)[shuffled], np.concatenate(visits)[shuffled]


def _nth_drawing(
    rows: NDArray[np.int64],
    shares: NDArray[np.float64],
    steps: int,
    stream: tuple[int, int],
    epoch: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What an epoch draws of one class, and how often each row came before, in all epochs.

    The earlier epochs are drawn again, which takes milliseconds: so an epoch is a function of its
    number and its stream (seed and class) alone.
    """
    been = np.zeros(len(rows), np.int64)
    places = np.arange(len(rows))
    for now in range(epoch + 1):
        random = np.random.default_rng([stream[0], now, stream[1], _LAP])
        come, times = _in_proportion(places, shares, steps, random)
        if now < epoch:
            np.add.at(been, come, 1)
    return rows[come], been[come] + times


def _in_proportion(
    rows: NDArray[np.int64],
    shares: NDArray[np.float64],
    steps: int,
    random: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows drawn in proportion to their shares (systematic sampling), and the how many-th time each
    comes, from 0: a row that is due 1.3 times comes once or twice, never less or more."""
    order = random.permutation(len(rows))
    due = shares[order] / shares.sum() * steps
    edges = random.random() + np.concatenate([[0.0], np.cumsum(due)])
    counts = np.diff(np.floor(edges).astype(np.int64))
    times = [np.full(int((counts > k).sum()), k) for k in range(int(counts.max()))]
    come = [rows[order[counts > k]] for k in range(int(counts.max()))]
    return np.concatenate(come), np.concatenate(times)


def batch_places(count: int, step: int, size: int) -> NDArray[np.int64]:
    """Places in the order of one step. A last batch of one would break batch normalisation: it
    takes a second from the start."""
    places = np.arange(step * size, min((step + 1) * size, count))
    return places if len(places) > 1 else np.concatenate([places, [0]])


def smooth(labels: NDArray[np.int64], smoothing: float) -> NDArray[np.float32]:
    """Labels (n,) as one-hot rows (n, 4), a share of each spread evenly over the classes."""
    hot = np.eye(4, dtype=np.float32)[labels]
    return (hot * (1 - smoothing) + smoothing / 4).astype(np.float32)


def shares(masks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Masks of 0 to 255 as shares of 0 to 1."""
    return masks.astype(np.float32) / np.float32(255)


def mix(
    inputs: NDArray[Any],
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
