"""A catalogue without images, a run that was not trained, and a stand-in for the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from braintumor.catalog.catalog import COLUMNS, Catalog
from braintumor.evaluation.predictions import Predictions

LABELS = ("glioma", "no_tumor")


def made_catalog(root: Path) -> Catalog:
    """60 rows of 30 groups."""
    rows = [
        {
            "path": f"train/{LABELS[n % 2]}/{n}.png",
            "sha256": f"{n:064x}",
            "label": LABELS[n % 2],
            "split": "train",
            "group": f"g{n // 4}{n % 2}",
            "width": 8,
            "height": 8,
            "mode": "L",
            "format": "PNG",
        }
        for n in range(60)
    ]
    table = pd.DataFrame(rows).assign(fold=pd.array([pd.NA] * 60, dtype="Int64"))
    return Catalog(root=root, table=table[list(COLUMNS)])


def stand_in(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """In the place of the training stands one that is sure of the label it is asked for.

    Returns:
        What it was asked: the folder's name, and whether to resume.
    """
    from braintumor.training import several
    from braintumor.training.run import RunFolder

    asked: list[tuple[str, bool]] = []

    def train(own: Catalog, recipe: Any, out: Path, **options: Any) -> RunFolder:
        asked.append((out.name, options["resume"]))
        run = RunFolder(out)
        part = own.subset("test")
        rows = np.full((len(part), 4), 0.1)
        rows[np.arange(len(part)), part.labels] = 0.7
        Predictions.from_arrays(list(part.table["path"]), part.labels, rows, split="test").write(
            run.predictions
        )
        record = {"seconds": 2.0, "catalog_sha256": own.digest(), "best_epoch": 3}
        recipe.resolved().write(run.recipe, record=record)
        return run

    monkeypatch.setattr(several, "train", train)
    return asked


def untrained_run(run: Path, record: dict[str, Any] | None = None, *, size: int = 32) -> Path:
    """A run folder as training leaves it, of a `cnn` that was not trained."""
    import keras

    from braintumor.images.prepare import Preparation
    from braintumor.networks import build
    from braintumor.training.recipe import default_recipe
    from braintumor.training.run import RunFolder

    keras.utils.set_random_seed(0)
    build("cnn", size=size).save(RunFolder(run).model)
    recipe = default_recipe("cnn", preparation=Preparation(size=size))
    recipe.write(RunFolder(run).recipe, record=record)
    return run
