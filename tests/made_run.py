"""A run folder made without training, for every test that judges one.

Everything that `training` writes is there except the model: predictions, catalogue, recipe,
history, and small pictures of the errors.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from braintumor.classes import CLASSES
from braintumor.evaluation.predictions import Predictions

COUNTS = {"valid": 60, "test": 80}


def sha256_of_slice(split: str, number: int) -> str:
    """The hash of a made slice: the same in every run, as the same image would have."""
    return hashlib.sha256(f"{split} {number}".encode()).hexdigest()


def made_table(
    *, seed: int = 0, skill: float = 3.0, name: str = "cnn", **columns: Any
) -> Predictions:
    """Predictions of a model on `COUNTS` slices; the labels are the same for every seed.

    Groups run through "pat0" to "pat19" in each split. `columns` replaces columns.
    """
    frames = []
    rng = np.random.default_rng(seed)
    for split, n in COUNTS.items():
        truth = np.arange(n) * 7 % 4
        logits = rng.normal(size=(n, 4))
        logits[np.arange(n), truth] += skill
        prob = np.exp(logits)
        prob /= prob.sum(axis=1, keepdims=True)
        table = Predictions.from_arrays(
            [f"{split}/{CLASSES[k]}/slice{i}.jpg" for i, k in enumerate(truth)],
            truth,
            prob,
            split=split,
            sha256=[sha256_of_slice(split, i) for i in range(n)],
            group=[f"pat{i % 20}" for i in range(n)],
            model=name,
            model_sha256="0" * 64,
        )
        frames.append(table.frame)
    frame = pd.concat(frames, ignore_index=True).assign(**columns)
    return Predictions.from_frame(frame)


def with_folds(table: Predictions) -> Predictions:
    """Every slice out of fold, as a run over folds writes it: all `test`, groups in one fold."""
    number = table.frame["group"].str.removeprefix("pat").astype(int)
    return Predictions.from_frame(
        table.frame.assign(fold=[str(k) for k in number % 4], split="test")
    )


def made_run(
    folder: Path,
    *,
    seed: int = 0,
    skill: float = 3.0,
    name: str = "cnn",
    phantom: bool = False,
    train_groups: tuple[str, ...] = ("pat0", "pat1", "pat2"),
) -> Path:
    """Make the run and return its folder.

    Args:
        folder: where; made if need be.
        seed, skill, name: as for `made_table`.
        phantom: what catalogue and recipe say.
        train_groups: the group of each training slice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = made_table(seed=seed, skill=skill, name=name)
    table.write(folder / "predictions.csv")
    said = "true" if phantom else "false"
    train = [
        {"path": f"train/glioma/t{i}.jpg", "label": "glioma", "split": "train", "group": group}
        for i, group in enumerate(train_groups)
    ]
    judged = table.frame[["path", "label", "split", "group"]]
    catalog = pd.concat([pd.DataFrame(train), judged]).assign(phantom=said)
    catalog.to_csv(folder / "catalog.csv", index=False)
    recipe = f'[recipe]\nnetwork = "{name}"\nepochs = 3\n[recipe.preparation]\nsize = 128\n'
    (folder / "recipe.toml").write_text(f"{recipe}[record]\nphantom = {said}\n")
    made_history().to_csv(folder / "history.csv", index=False)
    for row in np.flatnonzero(table.y_pred != table.y_true):
        sha256 = table.frame["sha256"].iloc[row]
        for kind, shade in (("thumbs", 50), ("maps", 200)):
            picture(folder / kind / f"{sha256[:16]}.png", np.full((4, 4), shade + row % 50, "u1"))
    for kind, shade in (("before", 20), ("after", 30)):
        picture(folder / "augmentation" / f"{kind}.png", np.full((4, 6), shade, "u1"))
    return folder


def made_history(phases: tuple[str, ...] = ("head", "head", "tail", "tail", "tail")) -> Any:
    """A history of some epochs; the lowest validation loss of the last phase is its second."""
    n = len(phases)
    return pd.DataFrame(
        {
            "phase": phases,
            "epoch": np.arange(1, n + 1),
            "loss": np.linspace(1, 0.2, n),
            "accuracy": np.linspace(0.5, 0.9, n),
            "val_loss": [0.1, 0.9, 0.6, 0.4, 0.5][:n],
            "val_accuracy": [0.4, 0.5, 0.6, 0.8, 0.7][:n],
            "learning_rate": 1e-3,
            "seconds": 1.0,
        }
    )


def picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
