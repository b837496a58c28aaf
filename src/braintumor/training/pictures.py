"""Pictures that a report shows later, written into the run while the images are at hand.

The report knows tables and files only; what it shows of slices lies here as small PNGs, named by
the first 16 digits of the source file's SHA-256.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from braintumor.bundle.heatmap import overlay, spread
from braintumor.files import atomic_path
from braintumor.images.prepare import Box
from braintumor.training.examples import Examples, augmented
from braintumor.training.recipe import Recipe

_WORST = 40  # errors a split that get a picture
_GOOD = 8  # right answers a split that get one
_GRID = 12  # images of the batch shown before and after augmentation


@dataclass(frozen=True)
class Seen:
    """One split as the network saw and answered it; all in the same order.

    Attributes:
        table: the catalogue's rows (pandas.DataFrame).
        labels: (n,) integers, 0 to 3.
        pixels: (n, size, size) uint8.
        probabilities: (n, 4).
        maps: (n, h, w, 4) class activation maps.
    """

    table: Any
    labels: NDArray[np.int64]
    pixels: NDArray[np.uint8]
    probabilities: NDArray[np.float64]
    maps: NDArray[np.float32]


def slice_pictures(parts: list[Seen], root: Path) -> None:
    """Write thumbs/ and maps/ for the surest errors and a few right answers of each split."""
    for part in parts:
        names = list(part.table["sha256"])
        for row in _worth_seeing(part):
            grey = part.pixels[row]
            predicted = int(part.probabilities[row].argmax())
            whole = Box(top=0, left=0, bottom=grey.shape[0], right=grey.shape[1])
            heat = spread(part.maps[row, ..., predicted], whole, grey.shape)
            name = f"{names[row][:16]}.png"
            save_png(root / "thumbs" / name, np.asarray(grey))
            save_png(root / "maps" / name, overlay(np.asarray(grey), heat))


def augmentation_pictures(examples: Examples, recipe: Recipe, folder: Path) -> None:
    """Write before.png and after.png: a training batch as prepared, and as augmented."""
    chosen = np.random.default_rng(recipe.seed).permutation(len(examples))[:_GRID]
    after = [augmented(examples, int(row), recipe, 0).pixels for row in chosen]
    save_png(folder / "before.png", _grid([np.asarray(examples.pixels[row]) for row in chosen]))
    save_png(folder / "after.png", _grid(after))


def save_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write a grey (h, w) or colour (h, w, 3) uint8 picture atomically."""
    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG", optimize=True)


def _worth_seeing(part: Seen) -> list[int]:
    """Rows of the surest errors first, then of the surest right answers."""
    wrong = part.probabilities.argmax(axis=1) != part.labels
    order = np.argsort(-part.probabilities.max(axis=1), kind="stable")
    errors = [int(row) for row in order if wrong[row]][:_WORST]
    right = [int(row) for row in order if not wrong[row]][:_GOOD]
    return errors + right


def _grid(pictures: list[NDArray[np.uint8]], columns: int = 6) -> NDArray[np.uint8]:
    """Pictures of one size in rows of `columns`, halved in size; the last row may be short."""
    side = pictures[0].shape[0] // 2
    small = [np.asarray(Image.fromarray(p).resize((side, side))) for p in pictures]
    rows = -(-len(small) // columns)
    canvas = np.zeros((rows * side, min(columns, len(small)) * side), np.uint8)
    for number, picture in enumerate(small):
        row, column = divmod(number, columns)
        canvas[row * side : (row + 1) * side, column * side : (column + 1) * side] = picture
    return canvas
