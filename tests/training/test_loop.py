"""Epochs: killed anywhere and resumed, training ends where an unbroken run ends."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from braintumor.errors import BraintumorError  # noqa: E402
from braintumor.images.prepare import Preparation  # noqa: E402
from braintumor.networks.where import attend, places, places_of  # noqa: E402
from braintumor.training import loop  # noqa: E402
from braintumor.training.batches import ImageBatches  # noqa: E402
from braintumor.training.examples import Examples  # noqa: E402
from braintumor.training.fit import set_up  # noqa: E402
from braintumor.training.loop import Phase, fit_phase, score  # noqa: E402
from braintumor.training.objective import logits_of  # noqa: E402
from braintumor.training.recipe import Recipe, default_recipe  # noqa: E402
from braintumor.training.report import Reporter  # noqa: E402
from braintumor.training.run import RunFolder, Spent, State, load_state, save_state  # noqa: E402

SIDE, COUNT, EPOCHS = 32, 24, 4
RECIPE = default_recipe(
    "cnn", epochs=EPOCHS, batch_size=8, precision="float32", preparation=Preparation(size=SIDE)
)


class _KilledError(Exception):
    """Stands for the kill, after the checkpoint of an epoch."""


class _Killer(Reporter):
    def __init__(self, after: int | None) -> None:
        super().__init__(quiet=True)
        self.after = after

    def epoch(self, row: dict[str, Any], epochs: int, *, best: bool) -> None:
        if row["epoch"] == self.after:
            raise _KilledError


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, np.ndarray]:
    """Noise whose lower part is darker, by class: quickly learnt."""
    labels = np.arange(COUNT) % 4
    pixels = np.random.default_rng(0).integers(0, 255, (COUNT, SIDE, SIDE)).astype(np.uint8)
    for row, label in enumerate(labels):
        pixels[row, : 8 * (label + 1)] //= 4
    return pixels, labels


def _network(recipe: Recipe) -> Any:
    """A small network with what a resume must not lose: weights that are learnt, statistics that
    are not, dropout. The real ones are killed and resumed in test_train_real."""
    from keras import layers

    image = layers.Input((SIDE, SIDE, 1), name="image")
    x = layers.Rescaling(1 / 255)(image)
    for width in (8, 16):
        x = layers.Conv2D(width, 3, strides=2, padding="same")(x)
        x = layers.Activation("relu")(layers.BatchNormalization()(x))
    return keras.Model(image, attend(x, dropout=recipe.dropout), name="small")


def _phase(
    images: tuple[np.ndarray, np.ndarray], name: str = "cnn", recipe: Recipe = RECIPE
) -> Phase:
    pixels, labels = images
    set_up(recipe)
    model = _network(recipe)
    examples = Examples(
        pixels=pixels,
        labels=labels,
        names=np.arange(COUNT),
        masks=np.zeros_like(pixels),
        known=np.zeros(COUNT, bool),
    )
    valid = pixels[..., None].astype(np.float32)
    return Phase(
        name=name,
        model=places(model),
        batches=lambda epoch: ImageBatches(examples, recipe, epoch, places_of(model)),
        validate=lambda m: logits_of(m.predict(valid, verbose=0)),
        valid_labels=labels,
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        warmup_epochs=1,
    )


def test_a_killed_and_resumed_training_ends_where_an_unbroken_one_ends(
    images: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    whole, broken = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "broken")
    unbroken = _phase(images)
    expected = fit_phase(unbroken, RECIPE, whole, _Killer(None))
    with pytest.raises(_KilledError):
        fit_phase(_phase(images), RECIPE, broken, _Killer(2))
    resumed = _phase(images)
    got = fit_phase(resumed, RECIPE, broken, _Killer(None))
    assert [row["epoch"] for row in got.history] == list(range(1, EPOCHS + 1))
    for ours, theirs in zip(got.history, expected.history, strict=True):
        for key in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"):
            assert ours[key] == pytest.approx(theirs[key], abs=1e-6), key
    for ours, theirs in zip(resumed.model.get_weights(), unbroken.model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_phase_killed_between_its_best_epoch_and_its_checkpoint_is_not_taken_for_finished(
    images: tuple[np.ndarray, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, recipe = RunFolder(tmp_path), RECIPE.changed(epochs=2)
    fit_phase(_phase(images, "head", recipe), recipe, run, _Killer(None))

    def full_disk(path: Path, state: State, *arrays: Any) -> None:
        if path == run.latest:
            raise OSError(28, "No space left on device")
        save_state(path, state, *arrays)

    tail = _phase(images, "tail", recipe)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_state", full_disk)
        with pytest.raises(OSError, match="No space"):
            fit_phase(tail, recipe, run, _Killer(None))
    fit_phase(_phase(images, "head", recipe), recipe, run, _Killer(None))
    state = fit_phase(_phase(images, "tail", recipe), recipe, run, _Killer(None))
    assert [(row["phase"], row["epoch"]) for row in state.history] == [
        *(("head", 1), ("head", 2)),
        *(("tail", 1), ("tail", 2)),
    ]


def test_an_epoch_done_once_more_does_not_take_the_place_of_a_better_try(
    images: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    """Killed after the best weights and before the checkpoint, on a machine that never computes
    the same twice."""
    run = RunFolder(tmp_path)
    with pytest.raises(_KilledError):
        fit_phase(_phase(images), RECIPE, run, _Killer(2))
    best, better = run.checkpoint / "best-cnn.npz", _phase(images).model.get_weights()
    save_state(best, State(phase="cnn", epoch=3, best_epoch=3, best_loss=0.0), better, [])
    resumed = _phase(images)
    state = fit_phase(resumed, RECIPE, run, _Killer(None))
    assert (state.best_epoch, state.best_loss) == (3, 0.0)
    for ours, theirs in zip(resumed.model.get_weights(), better, strict=True):
        np.testing.assert_array_equal(ours, theirs)


class _Thief(_Killer):
    """Another process that ends first takes the best weights away after the last epoch."""

    def __init__(self, best: Path) -> None:
        super().__init__(None)
        self.best = best

    def epoch(self, row: dict[str, Any], epochs: int, *, best: bool) -> None:
        if row["epoch"] == epochs:
            self.best.unlink()


def test_the_last_epoch_is_never_taken_for_the_best_one_whose_weights_are_gone(
    images: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    run, recipe = RunFolder(tmp_path), RECIPE.changed(epochs=2)
    gone = r"best-cnn\.npz of epoch [12] is gone: delete"
    with pytest.raises(BraintumorError, match=gone):
        fit_phase(
            _phase(images, recipe=recipe), recipe, run, _Thief(run.checkpoint / "best-cnn.npz")
        )
    again = _phase(images, recipe=recipe)
    object.__setattr__(again, "batches", _never_after_counting(again.batches))
    with pytest.raises(BraintumorError, match=gone):
        fit_phase(again, recipe, run, _Killer(None))


def test_what_was_spent_before_a_resume_is_counted(
    images: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    run = RunFolder(tmp_path)
    with pytest.raises(_KilledError):
        fit_phase(_phase(images), RECIPE, run, _Killer(2), Spent(run))
    before = load_state(run.latest)[0]
    assert before.seconds > 0
    assert before.cpu_seconds > 0
    again = Spent(run).so_far()
    assert before.seconds <= again[0] < before.seconds + 5
    assert before.cpu_seconds <= again[1] < before.cpu_seconds + 5


def test_a_training_that_diverges_says_what_to_do(
    images: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    wild = RECIPE.changed(learning_rate=1e30)
    with pytest.raises(BraintumorError, match=r"no longer a number.*lower --learning-rate"):
        fit_phase(_phase(images, recipe=wild), wild, RunFolder(tmp_path), _Killer(None))


def test_the_last_epoch_is_kept_where_the_recipe_says_so(
    images: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    last = RECIPE.changed(keep="last", patience=1, epochs=2)
    phase = replace(_phase(images, recipe=last), valid_labels=np.zeros(0, int))
    state = fit_phase(phase, last, RunFolder(tmp_path / "run"), _Killer(None))
    assert state.epoch == state.best_epoch == 2, "no validation loss, so none that stops it"


def test_the_history_file_holds_a_row_an_epoch_and_the_rate_falls(
    images: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    fit_phase(_phase(images), RECIPE, run, _Killer(None))
    with run.history.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4]
    rates = [float(row["learning_rate"]) for row in rows]
    assert rates[0] == pytest.approx(RECIPE.learning_rate, rel=0.01), "warm-up ends after epoch 1"
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.02 * RECIPE.learning_rate


def test_the_model_leaves_with_the_weights_of_its_best_epoch(
    images: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    phase = _phase(images)
    state = fit_phase(phase, RECIPE, RunFolder(tmp_path), _Killer(None))
    losses = [row["val_loss"] for row in state.history]
    assert state.best_loss == min(losses)
    assert losses[state.best_epoch - 1] == min(losses)
    loss, _ = score(phase.validate(phase.model), phase.valid_labels)
    assert loss == pytest.approx(min(losses), abs=1e-6)


def test_training_stops_when_the_validation_loss_has_not_fallen_for_long(
    images: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    """With a rate of nearly nothing the loss never falls by much; reversed labels never improve."""
    recipe = RECIPE.changed(epochs=12, patience=2, learning_rate=1e-3)
    phase = _phase(images, recipe=recipe)
    losses = iter([1.0, 0.5, *[0.7] * 20])

    def worse(_: Any) -> np.ndarray:
        # Equal logits but for the true class, so that the loss is exactly what is wanted.
        p = np.exp(-next(losses))
        logits = np.log(np.full((COUNT, 4), (1 - p) / 3))
        logits[np.arange(COUNT), phase.valid_labels] = np.log(p)
        return logits

    object.__setattr__(phase, "validate", worse)
    state = fit_phase(phase, recipe, RunFolder(tmp_path), _Killer(None))
    assert (state.best_epoch, state.epoch) == (2, 4)


def test_a_second_phase_keeps_the_history_and_a_finished_first_phase_is_not_repeated(
    images: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    run, recipe = RunFolder(tmp_path), RECIPE.changed(epochs=2)
    head = fit_phase(_phase(images, "head", recipe), recipe, run, _Killer(None))
    with pytest.raises(_KilledError):
        fit_phase(_phase(images, "tail", recipe), recipe, run, _Killer(1))
    again = _phase(images, "head", recipe)
    object.__setattr__(again, "batches", _never_after_counting(again.batches))
    fit_phase(again, recipe, run, _Killer(None))
    tail = fit_phase(_phase(images, "tail", recipe), recipe, run, _Killer(None))
    assert [row["phase"] for row in tail.history] == ["head", "head", "tail", "tail"]
    assert tail.history[:2] == head.history


def _never_after_counting(batches: Any) -> Any:
    """Batches may be counted (epoch 0), but no epoch may be run."""

    class Counted:
        def __len__(self) -> int:
            return len(batches(0))

        def __getitem__(self, step: int) -> None:
            raise AssertionError("a finished phase was trained again")

    return lambda epoch: Counted()


def test_state_survives_the_way_to_the_file_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    state = State(phase="tail", epoch=3, best_epoch=2, best_loss=0.25, history=[{"epoch": 1}])
    weights = [np.arange(6.0, dtype=np.float32).reshape(2, 3), np.zeros(1)]
    save_state(tmp_path / "x.npz", state, weights, [np.ones(2)])
    got, got_weights, got_optimizer = load_state(tmp_path / "x.npz")
    assert got == state
    np.testing.assert_array_equal(got_weights[0], weights[0])
    np.testing.assert_array_equal(got_optimizer[0], np.ones(2))
    deep = np.frombuffer(b"[" * 100_000, np.uint8)
    np.savez(tmp_path / "deep.npz", header=deep)
    whole = (tmp_path / "x.npz").read_bytes()
    for damaged in (whole[:100], b"", (tmp_path / "deep.npz").read_bytes()):
        (tmp_path / "x.npz").write_bytes(damaged)
        with pytest.raises(BraintumorError, match=r"x\.npz is damaged"):
            load_state(tmp_path / "x.npz")


def test_state_is_on_the_disk_before_its_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut a name without its bytes may be all that is left of a night's training."""
    done: list[str] = []
    sync, rename = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append("sync"), sync(handle))[1])
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (done.append("rename"), rename(self, to))[1]
    )
    save_state(tmp_path / "x.npz", State(phase="tail"), [np.zeros(1)], [])
    assert done == ["sync", "rename"]


def test_score_is_cross_entropy_and_accuracy_even_for_huge_logits() -> None:
    loss, accuracy = score(np.array([[1000.0, 0, 0, 0], [0, 0, 0, 0]]), np.array([0, 3]))
    assert loss == pytest.approx(np.log(4) / 2)
    assert accuracy == 0.5
