"""The frozen trunk is run once per image and augmented variant; its output is kept on disk.

Only what is trained is run again: an epoch of fine-tuning costs the tail, not the whole network.
The cache lives in the run's checkpoint folder, and each variant is written whole or not at all,
so that a killed run goes on with the first one missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from braintumor.files import atomic_path
from braintumor.networks.augmentation import apply, draw
from braintumor.progress import track
from braintumor.training.recipe import Recipe

_BATCH = 32


@dataclass(frozen=True)
class TrunkOutput:
    """What the frozen layers make of a set of images.

    Attributes:
        features: (n, h, w, d) float16, output of the cut layer. Half precision loses less than
            the bfloat16 in which it is computed.
        pooled: (n, 2048) float32, pooled output of the whole network as it came from ImageNet.
    """

    features: NDArray[np.float16]
    pooled: NDArray[np.float32]


class TrunkCache:
    """Runs the trunk where its output is not yet there.

    Args:
        folder: where the outputs are kept.
        trunk: first model of `networks.resnet50.cut`.
    """

    def __init__(self, folder: Path, trunk: Any) -> None:
        self.folder, self.trunk = folder, trunk

    def plain(self, name: str, pixels: NDArray[np.uint8]) -> TrunkOutput:
        """The output for images as they are; `name` tells this set from others."""
        return self._output(name, pixels, lambda row: pixels[row])

    def variant(
        self, number: int, pixels: NDArray[np.uint8], names: NDArray[np.int64], recipe: Recipe
    ) -> TrunkOutput:
        """The output for the images under their augmentation of epoch `number`."""

        def augmented(row: int) -> NDArray[np.uint8]:
            change = draw(
                recipe.augmentation, seed=recipe.seed, epoch=number, image=int(names[row])
            )
            return apply(pixels[row], change)

        return self._output(f"variant-{number:03d}", pixels, augmented)

    def _output(self, name: str, pixels: NDArray[np.uint8], picture: Any) -> TrunkOutput:
        features, pooled = self.folder / f"{name}.features.npy", self.folder / f"{name}.pooled.npy"
        if not (features.exists() and pooled.exists()):
            self._run(name, len(pixels), picture, features, pooled)
        return TrunkOutput(np.load(features, mmap_mode="r"), np.load(pooled, mmap_mode="r"))

    def _run(self, name: str, count: int, picture: Any, features: Path, pooled: Path) -> None:
        shape = tuple(self.trunk.output["features"].shape[1:])
        width = self.trunk.output["pooled"].shape[-1]
        with atomic_path(features) as part, atomic_path(pooled) as part_pooled:
            kept = open_memmap(part, "w+", np.float16, (count, *shape))
            kept_pooled = open_memmap(part_pooled, "w+", np.float32, (count, width))
            starts = range(0, count, _BATCH)
            for start in track(starts, total=len(starts), what=f"Frozen trunk, {name}"):
                rows = range(start, min(start + _BATCH, count))
                images = np.stack([picture(row) for row in rows]).astype(np.float32)[..., None]
                output = self.trunk.predict_on_batch(images)
                kept[rows.start : rows.stop] = np.asarray(output["features"], np.float32)
                kept_pooled[rows.start : rows.stop] = output["pooled"]
            kept.flush()
            kept_pooled.flush()
