"""A training that goes on from another one, and one that holds nothing back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras")

from braintumor.catalog.catalog import Catalog
from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.images.prepare import Preparation
from braintumor.training.fit import train
from braintumor.training.predict import trained_model
from braintumor.training.recipe import default_recipe, read_record
from braintumor.training.run import RunFolder

RECIPE = default_recipe(
    "cnn", epochs=1, batch_size=8, precision="float32", preparation=Preparation(size=32)
)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Discs of noise, two a class and split."""
    root = tmp_path_factory.mktemp("discs")
    random = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:48j, -1:1:48j]
    for split in ("train", "valid"):
        for name in CLASSES:
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(2):
                noise = random.integers(60, 250, (48, 48)) * (x**2 + y**2 < 0.7)
                Image.fromarray(noise.astype(np.uint8)).save(folder / f"{number}.png")
    return Catalog.from_folder(root)


@pytest.fixture(scope="module")
def before(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return train(catalog, RECIPE, tmp_path_factory.mktemp("runs") / "before", quiet=True)


def _nothing_held_back(catalog: Catalog) -> Catalog:
    return replace(catalog, table=catalog.table.assign(split="train"))


def test_a_training_that_holds_nothing_back_keeps_its_last_epoch_and_judges_nothing(
    catalog: Catalog, before: RunFolder, tmp_path: Path
) -> None:
    recipe = RECIPE.changed(keep="last", learning_rate=1e-12)
    everything = _nothing_held_back(catalog)
    run = train(everything, recipe, tmp_path / "run", start=before.root, quiet=True)
    assert run.model.is_file()
    assert not run.predictions.exists()
    assert read_record(run.recipe)["images"] == {"train": 16}
    # With next to no learning rate it ends where the other run ended, so it began there.
    for ours, theirs in zip(
        trained_model(run.root).trainable_weights,
        trained_model(before.root).trainable_weights,
        strict=True,
    ):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-6)
    written = run.model.stat().st_mtime_ns
    train(everything, recipe, run.root, start=before.root, resume=True, quiet=True)
    assert run.model.stat().st_mtime_ns == written, "a finished run is left as it is"


def test_the_best_epoch_cannot_be_chosen_where_nothing_is_held_back(
    catalog: Catalog, tmp_path: Path
) -> None:
    with pytest.raises(BraintumorError, match="--split all"):
        train(_nothing_held_back(catalog), RECIPE, tmp_path / "run", quiet=True)


def test_it_goes_on_only_from_a_finished_run_of_the_same_network(
    catalog: Catalog, before: RunFolder, tmp_path: Path
) -> None:
    with pytest.raises(BraintumorError, match="holds no model"):
        train(catalog, RECIPE, tmp_path / "a", start=tmp_path, quiet=True)
    other = default_recipe("resnet50", preparation=Preparation(size=32))
    with pytest.raises(BraintumorError, match="another network"):
        train(catalog, other, tmp_path / "b", start=before.root, quiet=True)
