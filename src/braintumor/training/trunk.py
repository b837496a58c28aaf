"""The frozen trunk is run once per image and augmented variant; its output is kept on disk.

Only what is trained is run again: an epoch of fine-tuning costs the tail, not the whole network.
The cache lives in the run's checkpoint folder, and each variant is written whole or not at all,
so that a killed run goes on with the first one missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from braintumor.files import atomic_path
from braintumor.progress import track
from braintumor.training.examples import Drawn, Examples, augmented, coarse
from braintumor.training.recipe import Recipe

_BATCH = 32


@dataclass(frozen=True)
class TrunkOutput:
    """What the frozen layers make of a set of images, and what is to be learnt from them.

    Attributes:
        features: (n, h, w, d) float16, output of the cut layer. Half precision loses less than
            the bfloat16 in which it is computed.
        labels: (n,) integers, 0 to 3, of the images as drawn.
        masks: (n, places, places) uint8, 0 to 255.
        known: (n,) whether the mask is to be believed.
    """

    features: NDArray[np.float16]
    labels: NDArray[np.int64]
    masks: NDArray[np.uint8]
    known: NDArray[np.bool_]


class TrunkCache:
    """Runs the trunk where its output is not yet there.

    Args:
        folder: where the outputs are kept.
        trunk: first model of `networks.resnet50.cut`.
        places: height and width of the network's features.
    """

    def __init__(self, folder: Path, trunk: Any, places: tuple[int, int]) -> None:
        self.folder, self.places = folder, places
        # Cast inside the network: NumPy does it number by number.
        self.halved = keras.Model(trunk.inputs, keras.ops.cast(trunk.output, "float16"))

    def plain(self, name: str, pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
        """The features of images as they are; `name` tells this set from others."""
        blank = np.zeros((1, 1), np.uint8)
        return self._output(
            name, len(pixels), lambda row: Drawn(pixels[row], blank, 0, False)
        ).features

    def variant(self, number: int, examples: Examples, recipe: Recipe) -> TrunkOutput:
        """The output for the images as epoch `number` draws them."""
        return self._output(
            f"variant-{number:03d}",
            len(examples),
            lambda row: augmented(examples, row, recipe, number),
        )

    def _output(self, name: str, count: int, drawn: Callable[[int], Drawn]) -> TrunkOutput:
        features, rest = self.folder / f"{name}.features.npy", self.folder / f"{name}.npz"
        if not (features.exists() and rest.exists()):
            self._run(name, count, drawn, features, rest)
        with np.load(rest) as arrays:
            return TrunkOutput(
                np.load(features, mmap_mode="r"),
                arrays["labels"],
                arrays["masks"],
                arrays["known"],
            )

    def _run(
        self, name: str, count: int, drawn: Callable[[int], Drawn], features: Path, rest: Path
    ) -> None:
        shape = tuple(self.halved.output.shape[1:])
        labels, known = np.zeros(count, np.int64), np.zeros(count, bool)
        masks = np.zeros((count, *self.places), np.uint8)
        with atomic_path(features) as part, atomic_path(rest) as part_rest:
            kept = open_memmap(part, "w+", np.float16, (count, *shape))
            starts = range(0, count, _BATCH)
            for start in track(starts, total=len(starts), what=f"Frozen trunk, {name}"):
                rows = range(start, min(start + _BATCH, count))
                batch = [drawn(row) for row in rows]
                images = np.stack([one.pixels for one in batch]).astype(np.float32)[..., None]
                kept[rows.start : rows.stop] = self.halved.predict_on_batch(images)
                for row, one in zip(rows, batch, strict=True):
                    labels[row], known[row] = one.label, one.known
                    masks[row] = coarse(one.mask, self.places)
            kept.flush()
            with part_rest.open("wb") as file:
                np.savez_compressed(file, labels=labels, masks=masks, known=known)
