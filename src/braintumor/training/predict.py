"""Predictions of a trained run, each a row that bears its own path and label.

Images are read in the catalogue's order, batch by batch; the logits of a batch are written beside
the paths and labels of the very same rows. There is no second pass that could fall out of step.
Knows no figures and no metrics.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.bundle.decision import softmax
from braintumor.catalog.cache import prepared
from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.evaluation.predictions import Predictions
from braintumor.files import sha256_of
from braintumor.networks import serving_model
from braintumor.progress import track
from braintumor.training.pictures import Seen, slice_pictures
from braintumor.training.recipe import Recipe
from braintumor.training.run import RunFolder

_BATCH = 32
_SPLITS = ("valid", "test")


def predict_run(run: Path, data: Path, *, out: Path | None = None) -> Path:
    """Predict a data set's valid and test with a run's model and write predictions.csv.

    Args:
        run: a run folder with recipe.toml and model.keras.
        data: folder with the images. What the run knows keeps the split and the group that it had
            when the run was trained, so that nothing trained on is judged; of what it has never
            met, the folders say the split.
        out: folder for the table and its pictures; the run's own are replaced where None.

    Returns:
        Path of predictions.csv.

    Raises:
        BraintumorError: no model, or a model file that cannot be read.
    """
    folder = RunFolder(Path(run))
    model = trained_model(run)
    recipe = Recipe.read(folder.recipe)
    catalog = as_trained(Catalog.from_folder(data), folder)
    predict_catalog(model, catalog, recipe, folder, out=out)
    return RunFolder(out or folder.root).predictions


def as_trained(catalog: Catalog, run: RunFolder) -> Catalog:
    """Images with the split and group under which a run knows them, by content.

    Args:
        catalog: the images, read anew.
        run: its catalog.csv tells, and its further.csv where it has one, all of which was
            trained on; without the first nothing is changed.
    """
    if not run.catalog.is_file():
        return catalog
    by_place: dict[tuple[str, str], tuple[str, str]] = {}
    by_content: dict[str, tuple[str, str]] = {}
    if run.further.is_file():
        further = _cells(Catalog.read(run.further, root=catalog.root))
        by_content = {content: (split, group) for _, content, split, group in further}
    for path, content, split, group in _cells(Catalog.read(run.catalog, root=catalog.root)):
        by_place[path, content] = split, group
        # Of an image that lies in two splits, the copy that was trained on decides.
        if split == "train" or content not in by_content:
            by_content[content] = split, group
    told = [
        by_place.get((path, content)) or by_content.get(content) or (split, group)
        for path, content, split, group in _cells(catalog)
    ]
    splits, groups = zip(*told, strict=True)
    return replace(catalog, table=catalog.table.assign(split=splits, group=groups))


def _cells(catalog: Catalog) -> Iterator[tuple[str, str, str, str]]:
    """Path, hash, split and group of every image."""
    columns = (catalog.table[name].fillna("") for name in ("path", "sha256", "split", "group"))
    return zip(*columns, strict=True)


def finished_model(run: Path) -> Path:
    """The file of a run's network.

    Raises:
        BraintumorError: there is none.
    """
    path, folds = RunFolder(Path(run)).model, RunFolder(Path(run)).folds
    if not path.is_file() and folds:
        raise BraintumorError(
            f"{run} is a run over folds, each of which has a network of its own: name one of "
            f"{', '.join(fold.name for fold in folds)} in it"
        )
    if not path.is_file():
        raise BraintumorError(
            f"{run} holds no model.keras: train first, or finish the run with --resume"
        )
    return path


def trained_model(run: Path) -> Any:
    """A run's network, a keras.Model.

    Raises:
        BraintumorError: no model, or a model file that cannot be read.
    """
    import keras

    path = finished_model(run)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, OSError, TypeError, KeyError) as error:
        raise BraintumorError(
            f"{path} cannot be read as a Keras model: train again, or copy the run again"
        ) from error


def predict_catalog(
    model: Any,
    catalog: Catalog,
    recipe: Recipe,
    run: RunFolder,
    *,
    out: Path | None = None,
    splits: tuple[str, ...] = _SPLITS,
) -> Predictions:
    """Predict a catalogue's images once and write predictions.csv, thumbs/ and maps/.

    Args:
        model: keras.Model as made by `networks.build`, computing in float32.
        catalog: the images.
        recipe: the preparation and network name.
        run: its model.keras must be there, because the table names its hash.
        out: where the artefacts go; into the run where None.
        splits: which parts to predict; parts without images are left out.
    """
    served = serving_model(model)
    parts = [catalog.subset(split) for split in splits]
    parts = [part for part in parts if len(part)]
    if not parts:
        raise BraintumorError(f"{catalog.root} has no images to predict in {', '.join(splits)}")
    tables: list[Seen] = []
    for part in parts:
        pixels = prepared(part, recipe.preparation)
        logits, maps = _forward(served, pixels)
        tables.append(Seen(part.table, part.labels, pixels, softmax(logits), maps))
    columns = ("path", "sha256", "group", "split")
    joined = {name: [str(v) for t in tables for v in t.table[name].fillna("")] for name in columns}
    predictions = Predictions.from_arrays(
        joined["path"],
        np.concatenate([t.labels for t in tables]),
        np.concatenate([t.probabilities for t in tables]),
        split=joined["split"],
        group=joined["group"],
        sha256=joined["sha256"],
        model=recipe.network,
        model_sha256=sha256_of(run.model),
    )
    place = RunFolder(out or run.root)
    slice_pictures(tables, place.root)
    predictions.write(place.predictions)
    return predictions


def _forward(
    served: Any, pixels: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits (n, 4) and class activation maps (n, h, w, 4), row for row."""
    logits, maps = [], []
    starts = range(0, len(pixels), _BATCH)
    for start in track(starts, total=len(starts), what="Predicting"):
        batch = pixels[start : start + _BATCH].astype(np.float32)[..., None]
        output = served.predict_on_batch(batch)
        logits.append(np.asarray(output["logits"], np.float32))
        maps.append(np.asarray(output["maps"], np.float32))
    return np.concatenate(logits), np.concatenate(maps)
