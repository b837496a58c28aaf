"""The frozen trunk is run once for every image that it is shown; its output is kept on disk.

Only what is trained is run again: an epoch of fine-tuning costs the tail, not the whole network.
An output is found by what was shown, pixel for pixel, and by the trunk's weights: so the folds of
a cross-validation, which share most of their images, share most of the work, and a killed run
goes on with the first set missing. Each file is written whole or not at all; of two processes that
want one set, the second waits and reads.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from braintumor.catalog.cache import write_array
from braintumor.errors import BraintumorError
from braintumor.files import atomic_path, lock
from braintumor.progress import track
from braintumor.training.examples import Drawn, Examples, augmented, coarse
from braintumor.training.recipe import Recipe

_BATCH = 32
# What `atomic_path` calls a set of outputs, or its keys, until it is whole.
_PART = re.compile(r"\.([0-9a-f]{16}-[0-9a-f]{16})\.(?:features|keys)\..*\.part\.npy")


class Features:
    """Outputs of the trunk, row by row, each wherever it lies; nothing is held in memory.

    Args:
        files: (n, h, w, d) float16 each, memory-mapped.
        places: (rows, 2): of each row the file and the place in it.
    """

    def __init__(self, files: Sequence[NDArray[np.float16]], places: NDArray[np.int64]) -> None:
        self.files, self.places = list(files), places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, row: int) -> NDArray[np.float16]:
        file, place = self.places[row]
        return np.asarray(self.files[file][place])

    def whole(self) -> NDArray[np.float32]:
        """All rows as one array in memory, widened."""
        return np.stack([self[row] for row in range(len(self))]).astype(np.float32)


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

    features: Features | NDArray[np.float16]
    labels: NDArray[np.int64]
    masks: NDArray[np.uint8]
    known: NDArray[np.bool_]


class TrunkCache:
    """Runs the trunk on what it has not been shown yet.

    Args:
        folder: where the outputs are kept; other runs of the same trunk may share it.
        trunk: first model of `networks.resnet50.cut`.
        places: height and width of the network's features.
    """

    def __init__(self, folder: Path, trunk: Any, places: tuple[int, int]) -> None:
        self.folder, self.places = folder, places
        self.identity = _identity(trunk)
        # Cast inside the network: NumPy does it number by number.
        self.halved = keras.Model(trunk.inputs, keras.ops.cast(trunk.output, "float16"))
        self.files: list[NDArray[np.float16]] = []
        self.found: dict[str, tuple[int, int]] = {}
        _sweep(folder)
        for keys in sorted(folder.glob(f"{self.identity}-*.keys.npy")):
            self._take(keys)

    def plain(self, pixels: NDArray[np.uint8]) -> Features:
        """The features of images (n, size, size) as they are."""
        keys = [_key(one) for one in pixels]
        return self._features(keys, lambda row: np.asarray(pixels[row]), "validation images")

    def variant(self, number: int, examples: Examples, recipe: Recipe) -> TrunkOutput:
        """The output for the images as epoch `number` draws them."""

        def drawn(row: int) -> Drawn:
            return augmented(examples, row, recipe, number)

        count = len(examples)
        keys, labels, known = [""] * count, np.zeros(count, np.int64), np.zeros(count, bool)
        masks = np.zeros((count, *self.places), np.uint8)
        # Drawn here, and where missing once more: a set of images need not fit into memory.
        for row in range(count):
            one = drawn(row)
            keys[row], labels[row], known[row] = _key(one.pixels), one.label, one.known
            masks[row] = coarse(one.mask, self.places)
        features = self._features(keys, lambda row: drawn(row).pixels, f"variant {number + 1}")
        return TrunkOutput(features, labels, masks, known)

    def _features(
        self, keys: list[str], shown: Callable[[int], NDArray[np.uint8]], what: str
    ) -> Features:
        missing = {key: row for row, key in enumerate(keys) if key not in self.found}
        if missing:
            self._run(missing, shown, what)
        places = np.array([self.found[key] for key in keys], np.int64).reshape(-1, 2)
        return Features(self.files, places)

    def _run(
        self, missing: dict[str, int], shown: Callable[[int], NDArray[np.uint8]], what: str
    ) -> None:
        """Show the trunk what it has not seen and keep what it makes of it."""
        keys, rows = list(missing), list(missing.values())
        name = f"{self.identity}-{hashlib.sha256(''.join(keys).encode()).hexdigest()[:16]}"
        features, named = (self.folder / f"{name}.{kind}.npy" for kind in ("features", "keys"))
        shape = (len(rows), *self.halved.output.shape[1:])
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with lock(self.folder / name):
                if not named.exists():  # else another process has made it meanwhile
                    outputs = (one.tobytes() for one in self._outputs(rows, shown, what))
                    write_array(features, outputs, shape, np.dtype(np.float16))
                    # Written last: features without keys are as if they were not there.
                    with atomic_path(named) as part, part.open("wb") as file:
                        np.save(file, np.array(keys))
        except OSError as error:
            need = math.prod(shape) * np.dtype(np.float16).itemsize / 2**20
            raise BraintumorError(
                f"The outputs of the frozen trunk cannot be written to {self.folder} "
                f"({(error.strerror or 'error').lower()}); {need:.0f} MiB are needed: make room, "
                "or name another folder with --trunk-cache"
            ) from None
        self._take(named)

    def _outputs(
        self, rows: Sequence[int], shown: Callable[[int], NDArray[np.uint8]], what: str
    ) -> Iterator[NDArray[np.float16]]:
        """What the trunk makes of the rows, batch by batch."""
        starts = range(0, len(rows), _BATCH)
        for start in track(starts, total=len(starts), what=f"Frozen trunk, {what}"):
            images = np.stack([shown(row) for row in rows[start : start + _BATCH]])
            answer = self.halved.predict_on_batch(images.astype(np.float32)[..., None])
            yield np.asarray(answer, np.float16)

    def _take(self, named: Path) -> None:
        """Know the outputs that lie beside a file of keys."""
        features = named.with_name(named.name.replace(".keys.npy", ".features.npy"))
        self.files.append(np.load(features, mmap_mode="r"))
        for place, key in enumerate(np.load(named)):
            self.found[str(key)] = (len(self.files) - 1, place)


def _sweep(folder: Path) -> None:
    """Remove what killed processes left half written; a set that is being written is locked."""
    for part in folder.glob(".*.part.npy"):
        found = _PART.fullmatch(part.name)
        if found is None:
            continue
        try:
            with FileLock(folder / f"{found[1]}.lock", timeout=0):
                part.unlink(missing_ok=True)
        except (Timeout, OSError, NotImplementedError):
            continue  # somebody writes it, or this drive has no locks to tell by


def _key(pixels: NDArray[np.uint8]) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()[:32]


def _identity(trunk: Any) -> str:
    """Names a trunk by its shape, its precision and its weights."""
    hashed = hashlib.sha256(f"{trunk.output.shape} {trunk.output.dtype}".encode())
    for weight in trunk.weights:
        hashed.update(np.asarray(keras.ops.convert_to_numpy(weight)).tobytes())
    return hashed.hexdigest()[:16]
