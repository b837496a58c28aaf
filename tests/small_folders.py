"""Small data sets for tests, drawn on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

CLASS_FOLDERS = ("glioma", "meningioma", "no_tumor", "pituitary")


def picture(path: Path, seed: int = 0, side: int = 80) -> Path:
    """A noisy square on black; another seed is another picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.zeros((side, side), np.uint8)
    rng = np.random.default_rng(seed)
    inner = slice(side // 5, side - side // 5)
    grey[inner, inner] = rng.integers(60, 250, grey[inner, inner].shape)
    Image.fromarray(grey).save(path)
    return path


def data_set(
    root: Path,
    *,
    splits: tuple[str, ...] = ("train", "valid", "test"),
    classes: tuple[str, ...] = CLASS_FOLDERS,
    count: int = 3,
    suffix: str = ".png",
) -> Path:
    """`count` different pictures in each class folder of each split ("" for none)."""
    seed = 0
    for split in splits:
        for name in classes:
            for number in range(count):
                seed += 1
                picture(root / split / name / f"img_{number}{suffix}", seed)
    return root
