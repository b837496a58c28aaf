"""`train`: a catalogue and a recipe become a run folder.

Knows the order of things; how each is done stands in the modules it calls.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from braintumor.catalog.cache import prepared
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.lesions import Lesions
from braintumor.errors import BraintumorError
from braintumor.files import atomic_path, sha256_of
from braintumor.networks import build, resnet50
from braintumor.networks.imagenet import find_weights
from braintumor.networks.where import places, places_of
from braintumor.training.batches import FeatureBatches, ImageBatches, image_names
from braintumor.training.begun import begun, facts_of, is_finished
from braintumor.training.examples import Examples, joined
from braintumor.training.learnt import further
from braintumor.training.loop import Phase, fit_phase
from braintumor.training.objective import logits_of
from braintumor.training.pictures import augmentation_pictures
from braintumor.training.predict import predict_catalog, trained_model
from braintumor.training.recipe import Recipe
from braintumor.training.report import Reporter
from braintumor.training.run import RunFolder, Spent, State
from braintumor.training.sources import Sources, patient_shares, strangers
from braintumor.training.trunk import TrunkCache


@dataclass(frozen=True)
class TrainingData:
    """Prepared images of one catalogue, as the loops need them.

    Attributes:
        train: the training images.
        valid: (n, size, size) uint8.
        valid_labels: (n,) integers, 0 to 3.
    """

    train: Examples
    valid: NDArray[np.uint8]
    valid_labels: NDArray[np.int64]


def train(
    catalog: Catalog,
    recipe: Recipe,
    out: Path,
    *,
    sources: Sources | None = None,
    start: Path | None = None,
    resume: bool = False,
    weights: Path | None = None,
    trunk: Path | None = None,
    quiet: bool = False,
) -> RunFolder:
    """Train a network and write its run folder.

    Trained on the split `train`, chosen on `valid`; `test` is predicted once, at the end. Where
    nothing is held back, there is nothing to predict.

    Args:
        catalog: images with labels and splits.
        recipe: every setting.
        out: the run's folder; must be new or empty unless resuming.
        sources: further images and masks of lesions, if any.
        start: finished run of the same network whose weights are begun with, and which has learnt
            from nothing that is held back here; else those of ImageNet (resnet50) or random ones
            (cnn).
        resume: go on with an interrupted run in `out`; a finished one is left as it is.
        weights: resnet50 only: file of ImageNet weights; looked for where None.
        trunk: resnet50 only: folder for what the frozen layers make of the images, which stays
            and which other runs may share; one of this run alone, removed at its end, where None.
        quiet: print nothing.

    Returns:
        The run folder with recipe.toml, catalog.csv, history.csv, model.keras, predictions.csv,
        thumbs/, maps/ and augmentation/, and further.csv where more was learnt from than the
        catalogue holds; without predictions.csv, thumbs/ and maps/ where the
        catalogue holds nothing back.

    Raises:
        BraintumorError: `out` is in use, what a resumed run was begun with differs, the catalogue
            has no training or validation images, or as `learnt.require_start`.
        InUseError: another process trains in `out`.
    """
    run, recipe, sources = RunFolder(Path(out)), recipe.resolved(), sources or Sources()
    _require_images(catalog, recipe)
    facts = facts_of(catalog, recipe, sources, start)
    weights = _weights(recipe, start, weights, done=resume and is_finished(run))
    if weights is not None:
        facts["imagenet_weights_sha256"] = sha256_of(weights)
    beside = further(sources.extra, start)
    with begun(run, recipe, catalog, facts, resume=resume, further=beside) as unfinished:
        if not unfinished:
            return run
        spent = Spent(run)
        set_up(recipe)
        reporter = Reporter(run.root / "tensorboard", quiet=quiet)
        data = training_data(catalog, recipe, sources)
        augmentation_pictures(data.train, recipe, run.root / "augmentation")
        model = _network(recipe, weights, start)
        if recipe.network == "cnn":
            state = _fit_cnn(model, data, recipe, run, reporter, spent)
        else:
            folder = trunk or run.checkpoint / "trunk"
            state = _fit_resnet50(model, data, recipe, run, reporter, spent, folder)
        served = in_float32(model, recipe)
        with atomic_path(run.model) as temporary:
            served.save(temporary)
        if len(catalog.subset("valid")) + len(catalog.subset("test")):
            predict_catalog(served, catalog, recipe, run)
        facts |= {"best_epoch": state.best_epoch, "best_val_loss": state.best_loss}
        _finish(run, recipe, facts, spent)
    return run


def _weights(recipe: Recipe, start: Path | None, given: Path | None, *, done: bool) -> Path | None:
    """The ImageNet weights that are begun with, found before anything is written; None where none
    are needed: a finished run is left as it is, wherever its weights have gone."""
    if start is not None or recipe.network != "resnet50" or (done and given is None):
        return None
    return find_weights(given)


def set_up(recipe: Recipe) -> None:
    """Fix the seeds and, where the recipe asks for it, the order of every sum."""
    keras.utils.set_random_seed(recipe.seed)
    if recipe.deterministic and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def _require_images(catalog: Catalog, recipe: Recipe) -> None:
    """Refuse what cannot be trained on, before anything is written.

    Raises:
        BraintumorError: a split without images.
    """
    if not len(catalog.subset("train")):
        raise BraintumorError(f"{catalog.root} has no images to train on")
    if not len(catalog.subset("valid")) and recipe.keep == "best":
        raise BraintumorError(
            f"{catalog.root} has no images to choose the best epoch by: put some in a folder "
            "valid, or train with --split all, which keeps the last epoch"
        )


def training_data(catalog: Catalog, recipe: Recipe, sources: Sources | None = None) -> TrainingData:
    """Prepare (or take from the cache) the images of the splits `train` and `valid`."""
    sources = sources or Sources()
    train_part, valid = catalog.subset("train"), catalog.subset("valid")
    parts = (train_part, *sources.extra)
    images = joined([_examples(part, recipe, sources.lesions) for part in parts])
    groups = [group for part in parts for group in part.table["group"]]
    strange = strangers(train_part, sources.extra)
    shares = patient_shares(groups, images.labels, strange, recipe.patient_balance)
    return TrainingData(
        train=replace(images, shares=shares),
        valid=_prepared(valid, recipe),
        valid_labels=valid.labels,
    )


def _prepared(part: Catalog, recipe: Recipe) -> NDArray[np.uint8]:
    size = recipe.preparation.size
    return prepared(part, recipe.preparation) if len(part) else np.zeros((0, size, size), np.uint8)


def _examples(part: Catalog, recipe: Recipe, lesions: Lesions | None) -> Examples:
    pixels = prepared(part, recipe.preparation)
    if lesions is None:
        masks, known = np.zeros_like(pixels), np.zeros(len(part), bool)
    else:
        masks, known = lesions.prepared(part, recipe.preparation)
    names = image_names(list(part.table["sha256"]))
    return Examples(pixels=pixels, labels=part.labels, names=names, masks=masks, known=known)


def in_float32(model: Any, recipe: Recipe) -> Any:
    """The same network computing in float32: what is kept, exported and judged."""
    twin = build(recipe.network, size=recipe.preparation.size, dropout=recipe.dropout)
    twin.set_weights(model.get_weights())
    return twin


def _network(recipe: Recipe, weights: Path | None, start: Path | None) -> Any:
    """The network before its first step."""
    size, dropout = recipe.preparation.size, recipe.dropout
    model = build(
        recipe.network, size=size, precision=recipe.precision, dropout=dropout, weights=weights
    )
    if start is not None:
        before = trained_model(start)
        if [w.shape for w in before.weights] != [w.shape for w in model.weights]:
            raise BraintumorError(f"{start} holds another network than this {recipe.network}")
        model.set_weights(before.get_weights())
    return model


def _fit_cnn(
    model: Any,
    data: TrainingData,
    recipe: Recipe,
    run: RunFolder,
    reporter: Reporter,
    spent: Spent,
) -> State:
    valid = data.valid[..., None].astype(np.float32)
    phase = Phase(
        name="cnn",
        model=places(model),
        batches=lambda epoch: ImageBatches(data.train, recipe, epoch, places_of(model)),
        validate=lambda m: logits_of(m.predict(valid, batch_size=64, verbose=0)),
        valid_labels=data.valid_labels,
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        warmup_epochs=recipe.warmup_epochs,
    )
    return fit_phase(phase, recipe, run, reporter, spent)


def _fit_resnet50(
    model: Any,
    data: TrainingData,
    recipe: Recipe,
    run: RunFolder,
    reporter: Reporter,
    spent: Spent,
    folder: Path,
) -> State:
    """Two phases: the new top alone, then the last stages with it at a low rate."""
    trunk, tail = resnet50.cut(model, recipe.tune_from)
    cache = TrunkCache(folder, trunk, places_of(model))
    valid = cache.plain(data.valid).whole() if len(data.valid) else None
    variants = []
    for number in range(recipe.variants):
        reporter.say(f"frozen trunk: variant {number + 1} of {recipe.variants}")
        variants.append(cache.variant(number, data.train, recipe))

    def phase(name: str, epochs: int, rate: float, warmup: int, *, before: int) -> Phase:
        return Phase(
            name=name,
            model=tail,
            # Counted on from the phase before, or both would begin with the same pictures.
            batches=lambda epoch: FeatureBatches(
                variants, data.train.labels, recipe, before + epoch, data.train.shares
            ),
            validate=lambda m: logits_of(m.predict(valid, batch_size=64, verbose=0)),
            valid_labels=data.valid_labels,
            epochs=epochs,
            learning_rate=rate,
            warmup_epochs=warmup,
        )

    if recipe.head_epochs:
        resnet50.hold_backbone(tail, True)
        head = phase("head", recipe.head_epochs, recipe.head_learning_rate, 0, before=0)
        fit_phase(head, recipe, run, reporter, spent)
    resnet50.hold_backbone(tail, False)
    rate, warmup = recipe.learning_rate, recipe.warmup_epochs
    last = phase("tail", recipe.epochs, rate, warmup, before=recipe.head_epochs)
    return fit_phase(last, recipe, run, reporter, spent)


def _finish(run: RunFolder, recipe: Recipe, facts: dict[str, Any], spent: Spent) -> None:
    """Write down how it went; written last, it says that the run is finished."""
    seconds, processor = (round(one, 1) for one in spent.so_far())
    recipe.write(run.recipe, record={**facts, "cpu_seconds": processor, "seconds": seconds})
