"""`train`: a catalogue and a recipe become a run folder.

Knows the order of things; how each is done stands in the modules it calls.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from braintumor.catalog.cache import prepared
from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.files import atomic_path, sha256_of
from braintumor.networks import build, resnet50
from braintumor.training.batches import FeatureBatches, ImageBatches, image_names
from braintumor.training.loop import Phase, fit_phase
from braintumor.training.pictures import augmentation_pictures
from braintumor.training.predict import predict_catalog
from braintumor.training.recipe import Recipe, read_record
from braintumor.training.report import Reporter
from braintumor.training.run import RunFolder, State
from braintumor.training.trunk import TrunkCache


@dataclass(frozen=True)
class TrainingData:
    """Prepared images of one catalogue, as the loops need them.

    Attributes:
        train, valid: (n, size, size) uint8.
        train_labels, valid_labels: (n,) integers, 0 to 3.
        train_names: (n,) integers that name the images in the draws of augmentation.
    """

    train: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    train_names: NDArray[np.int64]
    valid: NDArray[np.uint8]
    valid_labels: NDArray[np.int64]


def train(
    catalog: Catalog,
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    weights: Path | None = None,
    quiet: bool = False,
) -> RunFolder:
    """Train a network and write its run folder.

    Trained on the split `train`, chosen on `valid`; `test` is predicted once, at the end.

    Args:
        catalog: images with labels and splits.
        recipe: every setting.
        out: the run's folder; must be new or empty unless resuming.
        resume: go on with an interrupted run in `out`; a finished one is left as it is.
        weights: resnet50 only: file of ImageNet weights; looked for where None.
        quiet: print nothing.

    Returns:
        The run folder with recipe.toml, catalog.csv, history.csv, model.keras, predictions.csv,
        thumbs/, maps/ and augmentation/.

    Raises:
        BraintumorError: `out` is in use, the recipe or catalogue of a resumed run differs, or
            the catalogue has no training or validation images.
    """
    run, recipe = RunFolder(Path(out)), recipe.resolved()
    if not _begin(run, recipe, catalog, resume=resume):
        return run
    started = time.monotonic()
    set_up(recipe)
    reporter = Reporter(run.root / "tensorboard", quiet=quiet)
    data = training_data(catalog, recipe)
    augmentation_pictures(data.train, data.train_names, recipe, run.root / "augmentation")
    if recipe.network == "cnn":
        model, state, record = _fit_cnn(data, recipe, run, reporter)
    else:
        model, state, record = _fit_resnet50(data, recipe, run, reporter, weights)
    served = in_float32(model, recipe)
    with atomic_path(run.model) as temporary:
        served.save(temporary)
    predict_catalog(served, catalog, recipe, run)
    record |= {"best_epoch": state.best_epoch, "best_val_loss": state.best_loss}
    _finish(run, recipe, catalog, record, time.monotonic() - started)
    return run


def set_up(recipe: Recipe) -> None:
    """Fix the seeds and, where the recipe asks for it, the order of every sum."""
    keras.utils.set_random_seed(recipe.seed)
    if recipe.deterministic and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def training_data(catalog: Catalog, recipe: Recipe) -> TrainingData:
    """Prepare (or take from the cache) the images of the splits `train` and `valid`.

    Raises:
        BraintumorError: a split without images.
    """
    parts = {}
    for split in ("train", "valid"):
        part = catalog.subset(split)
        if len(part) == 0:
            raise BraintumorError(f"{catalog.root} has no images to {split} on")
        parts[split] = (part, prepared(part, recipe.preparation))
    (train_part, train_pixels), (valid_part, valid_pixels) = parts["train"], parts["valid"]
    return TrainingData(
        train=train_pixels,
        train_labels=train_part.labels,
        train_names=image_names(list(train_part.table["sha256"])),
        valid=valid_pixels,
        valid_labels=valid_part.labels,
    )


def in_float32(model: Any, recipe: Recipe) -> Any:
    """The same network computing in float32: what is kept, exported and judged."""
    twin = build(recipe.network, size=recipe.preparation.size, dropout=recipe.dropout)
    twin.set_weights(model.get_weights())
    return twin


def _fit_cnn(
    data: TrainingData, recipe: Recipe, run: RunFolder, reporter: Reporter
) -> tuple[Any, State, dict[str, Any]]:
    model = build(
        "cnn",
        size=recipe.preparation.size,
        precision=recipe.precision,
        dropout=recipe.dropout,
    )
    valid = data.valid[..., None].astype(np.float32)
    phase = Phase(
        name="cnn",
        model=model,
        batches=lambda epoch: ImageBatches(
            data.train, data.train_labels, data.train_names, recipe, epoch
        ),
        validate=lambda m: m.predict(valid, batch_size=64, verbose=0),
        valid_labels=data.valid_labels,
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        warmup_epochs=recipe.warmup_epochs,
    )
    return model, fit_phase(phase, recipe, run, reporter), {}


def _fit_resnet50(
    data: TrainingData, recipe: Recipe, run: RunFolder, reporter: Reporter, weights: Path | None
) -> tuple[Any, State, dict[str, Any]]:
    """Two phases: the new head on pooled features, then the tail at a low rate."""
    from braintumor.networks.imagenet import find_weights

    found = find_weights(weights)
    model = build(
        "resnet50",
        size=recipe.preparation.size,
        precision=recipe.precision,
        dropout=recipe.dropout,
        weights=found,
    )
    trunk, tail = resnet50.cut(model, recipe.tune_from)
    cache = TrunkCache(run.checkpoint / "trunk", trunk)
    valid = cache.plain("valid", data.valid)
    variants = []
    for number in range(recipe.variants):
        reporter.say(f"frozen trunk: variant {number + 1} of {recipe.variants}")
        variants.append(cache.variant(number, data.train, data.train_names, recipe))

    def phase(name: str, part: Any, kind: str, epochs: int, rate: float, warmup: int) -> Phase:
        inputs = getattr(valid, kind)
        return Phase(
            name=name,
            model=part,
            batches=lambda epoch: FeatureBatches(
                [getattr(v, kind) for v in variants], data.train_labels, recipe, epoch
            ),
            validate=lambda m: m.predict(inputs, batch_size=64, verbose=0),
            valid_labels=data.valid_labels,
            epochs=epochs,
            learning_rate=rate,
            warmup_epochs=warmup,
        )

    top = phase(
        "head", resnet50.head(model), "pooled", recipe.head_epochs, recipe.head_learning_rate, 0
    )
    fit_phase(top, recipe, run, reporter)
    last = phase(
        "tail", tail, "features", recipe.epochs, recipe.learning_rate, recipe.warmup_epochs
    )
    state = fit_phase(last, recipe, run, reporter)
    return model, state, {"imagenet_weights_sha256": sha256_of(found)}


def _begin(run: RunFolder, recipe: Recipe, catalog: Catalog, *, resume: bool) -> bool:
    """Make the folder ready; False where a resumed run is already finished."""
    if resume and run.recipe.exists():
        before, record = Recipe.read(run.recipe), read_record(run.recipe)
        if before != recipe:
            raise BraintumorError(
                f"{run.root} was begun with another recipe: resume without changing settings"
            )
        if record.get("catalog_sha256") != catalog.digest():
            raise BraintumorError(
                f"{run.root} was begun with other images than {catalog.root} holds now: "
                "train into a new folder"
            )
        return not run.predictions.exists()
    if run.root.exists() and any(run.root.iterdir()):
        raise BraintumorError(
            f"{run.root} is not empty: choose another folder, or add --resume to go on with it"
        )
    run.root.mkdir(parents=True, exist_ok=True)
    catalog.write(run.catalog)
    recipe.write(run.recipe, record=_record(catalog))
    return True


def _record(catalog: Catalog) -> dict[str, Any]:
    counts = catalog.table.groupby("split").size()
    return {
        "catalog_sha256": catalog.digest(),
        "dataset": catalog.root.resolve().name,
        "phantom": catalog.phantom,
        "images": {str(split): int(count) for split, count in counts.items()},
        "backend": keras.backend.backend(),
        "cores": os.cpu_count() or 0,
    }


def _finish(
    run: RunFolder, recipe: Recipe, catalog: Catalog, record: dict[str, Any], seconds: float
) -> None:
    """Write down how it went and remove what only an unfinished run needs."""
    facts = {**_record(catalog), **record, "seconds": round(seconds, 1)}
    recipe.write(run.recipe, record=facts)
    run.clear_checkpoint()
