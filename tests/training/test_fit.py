"""A training that goes on from another one, and one that holds nothing back."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras")

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.lesions import Lesions
from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.evaluation.predictions import Predictions
from braintumor.images.prepare import Preparation
from braintumor.networks.imagenet import VARIABLE
from braintumor.training import fit
from braintumor.training.fit import train
from braintumor.training.loop import Phase
from braintumor.training.predict import as_trained, predict_run, trained_model
from braintumor.training.recipe import default_recipe, read_record
from braintumor.training.run import RunFolder
from braintumor.training.sources import Sources

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
    assert len(Catalog.read(run.further, root=catalog.root)) == 8, "what it was begun with learnt"
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


def test_what_a_kill_left_of_a_finished_runs_checkpoint_begins_nothing_anew(
    catalog: Catalog, before: RunFolder
) -> None:
    (before.checkpoint / "trunk").mkdir(parents=True)
    written = before.model.stat().st_mtime_ns
    train(catalog, RECIPE, before.root, resume=True, quiet=True)
    assert before.model.stat().st_mtime_ns == written
    assert not before.checkpoint.exists()


def test_a_run_stopped_before_its_recipe_was_written_can_be_resumed(
    catalog: Catalog, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    run.root.mkdir()
    catalog.write(run.catalog)
    (run.root / ".recipe.x1.part.toml").touch()
    with pytest.raises(BraintumorError, match="not empty"):
        train(catalog, RECIPE, run.root, quiet=True)
    assert train(catalog, RECIPE, run.root, resume=True, quiet=True).model.is_file()
    (run.root / "thesis.docx").touch()
    run.recipe.unlink()
    with pytest.raises(BraintumorError, match="not empty"):
        train(catalog, RECIPE, run.root, resume=True, quiet=True)


def test_a_run_is_not_gone_on_with_by_other_masks_unless_its_record_does_not_tell(
    catalog: Catalog, tmp_path: Path
) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    Image.new("L", (48, 48)).save(masks / "1.png")
    sources = Sources(lesions=Lesions(masks, ()))
    run = train(catalog, RECIPE, tmp_path / "run", sources=sources, quiet=True)
    Image.new("L", (48, 48), 255).save(masks / "1.png")
    with pytest.raises(BraintumorError, match="begun with other masks"):
        train(catalog, RECIPE, run.root, sources=sources, resume=True, quiet=True)
    told = [line for line in run.recipe.read_text().splitlines() if "masks_sha256" not in line]
    run.recipe.write_text("\n".join(told))
    train(catalog, RECIPE, run.root, sources=sources, resume=True, quiet=True)


class _KilledError(Exception):
    """Stands for a kill before the first epoch."""


class TestImageNetWeights:
    RECIPE = default_recipe("resnet50", preparation=Preparation(size=32))

    @pytest.fixture
    def killed(
        self, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> RunFolder:
        """A run that was begun with `a.h5`, and every further one is killed where it was."""
        for name in ("a", "b"):
            (tmp_path / f"{name}.h5").write_text(name)

        def kill(*_: object) -> None:
            raise _KilledError

        monkeypatch.setattr(fit, "training_data", kill)
        run = RunFolder(tmp_path / "run")
        with pytest.raises(_KilledError):
            train(catalog, self.RECIPE, run.root, weights=tmp_path / "a.h5", quiet=True)
        return run

    def test_other_ones_are_not_gone_on_with(
        self, catalog: Catalog, killed: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def resume(weights: Path | None) -> None:
            train(catalog, self.RECIPE, killed.root, weights=weights, resume=True, quiet=True)

        with pytest.raises(BraintumorError, match="other ImageNet weights"):
            resume(tmp_path / "b.h5")
        monkeypatch.setenv(VARIABLE, str(tmp_path / "b.h5"))
        with pytest.raises(BraintumorError, match="name their file with --weights"):
            resume(None)
        with pytest.raises(_KilledError):
            resume(tmp_path / "a.h5")

    def test_those_that_cannot_be_had_leave_no_folder_behind(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        with pytest.raises(BraintumorError, match="is not there"):
            train(catalog, self.RECIPE, tmp_path / "new", weights=tmp_path / "no.h5", quiet=True)
        assert not (tmp_path / "new").exists()

    def test_a_finished_run_needs_none(
        self, catalog: Catalog, killed: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = read_record(killed.recipe) | {"seconds": 1.0}
        self.RECIPE.resolved().write(killed.recipe, record=record)
        monkeypatch.setenv(VARIABLE, "nowhere.h5")
        train(catalog, self.RECIPE, killed.root, resume=True, quiet=True)


def test_nothing_trained_on_is_judged_when_a_run_is_predicted_anew(
    catalog: Catalog, tmp_path: Path
) -> None:
    """The folders say another split than the one that the run was trained by."""
    drawn = catalog.table.assign(
        split=["valid" if k % 4 == 0 else "train" for k in range(len(catalog))],
        group=[f"g{k}" for k in range(len(catalog))],
    )
    run = train(replace(catalog, table=drawn), RECIPE, tmp_path / "run", quiet=True)
    first = Predictions.read(run.predictions).frame
    predict_run(run.root, catalog.root)
    again = Predictions.read(run.predictions).frame
    columns = ["path", "split", "group"]
    assert again[columns].values.tolist() == first[columns].values.tolist()
    assert set(again["path"]) == set(drawn["path"][drawn["split"] == "valid"])


def test_a_copy_of_what_was_trained_on_is_not_judged_elsewhere(
    catalog: Catalog, before: RunFolder, tmp_path: Path
) -> None:
    trained = catalog.root / "train" / "glioma" / "0.png"
    elsewhere = tmp_path / "new"
    for split, name in (("train", "pituitary"), ("test", "glioma"), ("test", "pituitary")):
        (elsewhere / split / name).mkdir(parents=True, exist_ok=True)
        new = Image.open(trained).rotate(90 if split == "test" else 180)
        new.save(elsewhere / split / name / f"{name}.png")
    shutil.copy(trained, elsewhere / "test" / "glioma" / "copy.png")
    found = as_trained(Catalog.from_folder(elsewhere, least=1), before).table
    splits = dict(zip(found["path"], found["split"], strict=True))
    assert splits["test/glioma/copy.png"] == "train"
    assert splits["test/glioma/glioma.png"] == "test"


def test_the_best_epoch_cannot_be_chosen_where_nothing_is_held_back(
    catalog: Catalog, tmp_path: Path
) -> None:
    with pytest.raises(BraintumorError, match="--split all"):
        train(_nothing_held_back(catalog), RECIPE, tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists(), "it would refuse a new start and a resumed one"


def test_it_goes_on_only_from_a_finished_run_of_the_same_network(
    catalog: Catalog, before: RunFolder, tmp_path: Path
) -> None:
    with pytest.raises(BraintumorError, match="holds no model"):
        train(catalog, RECIPE, tmp_path / "a", start=tmp_path, quiet=True)
    (tmp_path / "folds/fold-0").mkdir(parents=True)
    with pytest.raises(BraintumorError, match=r"over folds.*name one of fold-0"):
        train(catalog, RECIPE, tmp_path / "a", start=tmp_path / "folds", quiet=True)
    other = default_recipe("resnet50", preparation=Preparation(size=32))
    with pytest.raises(BraintumorError, match="another network"):
        train(catalog, other, tmp_path / "b", start=before.root, quiet=True)
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()


def test_the_last_stages_do_not_begin_with_the_pictures_that_the_new_top_has_seen(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = default_recipe(
        "resnet50", head_epochs=2, epochs=3, variants=1, preparation=Preparation(size=32)
    )
    asked: list[int] = []

    def batches(*arguments: object) -> None:
        asked.append(arguments[3])

    def look(phase: Phase, *_: object) -> None:
        for epoch in range(phase.epochs):
            phase.batches(epoch)

    monkeypatch.setattr(fit, "find_weights", lambda given: None)
    monkeypatch.setattr(fit, "FeatureBatches", batches)
    monkeypatch.setattr(fit, "fit_phase", look)
    monkeypatch.setattr(fit, "TrunkCache", MagicMock())
    with pytest.raises(AttributeError):  # nothing was fitted, so there is no state to write down
        train(catalog, recipe, tmp_path / "run", quiet=True)
    assert asked == [0, 1, 2, 3, 4]
