"""Epochs until the validation loss stops falling, with a checkpoint after every one.

One phase of a training: a compiled Keras model, batches for any epoch, and a way to validate.
Knows nothing of networks, images or folders other than the checkpoint's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from braintumor.errors import BraintumorError
from braintumor.training.objective import accuracy, objective
from braintumor.training.recipe import Recipe
from braintumor.training.report import Reporter
from braintumor.training.run import RunFolder, Spent, State, load_state, save_state, write_history

_FLOOR = 1e-3  # share of the highest learning rate at which the cosine ends
_NO_DECAY = ("bias", "gamma", "beta")  # shrinking these would not make the function simpler


@dataclass(frozen=True, kw_only=True)
class Phase:
    """What one phase of training needs.

    Attributes:
        name: appears in history.csv.
        model: keras.Model from inputs to places (see `networks.where`); its trainable weights
            are fitted.
        batches: epoch (from 0) -> keras.utils.PyDataset.
        validate: model -> logits (n, 4) of the validation images.
        valid_labels: (n,) integers, 0 to 3; none where nothing is held back.
        epochs, learning_rate, warmup_epochs: of this phase.
    """

    name: str
    model: Any
    batches: Callable[[int], Any]
    validate: Callable[[Any], NDArray[np.float32]]
    valid_labels: NDArray[np.int64]
    epochs: int
    learning_rate: float
    warmup_epochs: int


def fit_phase(
    phase: Phase, recipe: Recipe, run: RunFolder, reporter: Reporter, spent: Spent | None = None
) -> State:
    """Train one phase, going on from its checkpoint where there is one.

    The model leaves with the weights of its best epoch by validation loss, or of its last where
    the recipe says so. Killed at any point and called again, it ends where an unbroken run ends:
    weights and optimiser come from the checkpoint, and everything drawn at random depends on
    (seed, epoch) and the images alone.

    Returns:
        The final state; its history holds the earlier phases' rows too.

    Raises:
        BraintumorError: the training diverged, or the weights of its best epoch are gone.
    """
    spent = spent or Spent(run)
    steps = len(phase.batches(0))
    compile_model(phase, recipe, steps)
    latest, best = run.latest, run.checkpoint / f"best-{phase.name}.npz"
    state, over = _resume(phase, latest, best)
    _require_best(state, best)
    with reporter.phase(phase.name, phase.epochs, steps, done=state.epoch) as bar:
        while not over and _goes_on(state, phase, recipe):
            row = _epoch(phase, recipe, state.epoch, bar)
            if not math.isfinite(row["loss"]):
                raise BraintumorError(
                    f"in epoch {row['epoch']} the loss is no longer a number: begin anew with a "
                    "lower --learning-rate"
                )
            state.epoch += 1
            state.history.append(row)
            state.seconds, state.cpu_seconds = spent.so_far()
            if recipe.keep == "last" or row["val_loss"] < state.best_loss:
                state.best_loss, state.best_epoch = row["val_loss"], state.epoch
                save_state(best, state, phase.model.get_weights(), [])
            optimizer = [np.asarray(v) for v in phase.model.optimizer.variables]
            save_state(latest, state, phase.model.get_weights(), optimizer)
            write_history(run.history, state.history)
            reporter.epoch(row, phase.epochs, best=state.best_epoch == state.epoch)
    _require_best(state, best)
    if best.exists():
        phase.model.set_weights(load_state(best)[1])
    return state


def _require_best(state: State, best: Path) -> None:
    """Refuse to take the last epoch for the best one, where a best one is known of.

    Raises:
        BraintumorError: its weights are gone.
    """
    if state.best_epoch and not best.exists():
        raise BraintumorError(
            f"the checkpoint {best} of epoch {state.best_epoch} is gone: delete the run's folder "
            "and train anew"
        )


def compile_model(phase: Phase, recipe: Recipe, steps: int) -> None:
    """Give the model its optimiser, its schedule and its loss."""
    warmup = min(phase.warmup_epochs, phase.epochs - 1) * steps
    schedule = keras.optimizers.schedules.CosineDecay(
        phase.learning_rate if warmup == 0 else phase.learning_rate / 20,
        decay_steps=max(1, phase.epochs * steps - warmup),
        alpha=_FLOOR,
        warmup_target=phase.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=list(_NO_DECAY))
    optimizer.build(phase.model.trainable_variables)
    phase.model.compile(
        optimizer=optimizer,
        loss=objective(recipe.mask_weight, recipe.outside_weight),
        metrics=[accuracy],
        jit_compile=keras.backend.backend() == "jax",
    )


def _goes_on(state: State, phase: Phase, recipe: Recipe) -> bool:
    return state.epoch < phase.epochs and state.epoch - state.best_epoch < recipe.patience


def _resume(phase: Phase, latest: Path, best: Path) -> tuple[State, bool]:
    """(state, over): where this phase stands, and whether a later one is already under way."""
    if not latest.exists():
        return State(phase=phase.name), False
    state, weights, optimizer = load_state(latest)
    if state.phase != phase.name:
        # A best epoch that no later state knows of was written just before the run was killed.
        if best.exists() and any(row["phase"] == phase.name for row in state.history):
            return load_state(best)[0], True
        return State(phase=phase.name, history=state.history), False
    phase.model.set_weights(weights)
    for variable, value in zip(phase.model.optimizer.variables, optimizer, strict=True):
        variable.assign(value)
    if best.exists():
        # Killed between the two files: the epoch is done once more, and need not come out as good.
        known = load_state(best)[0]
        state.best_epoch, state.best_loss = known.best_epoch, known.best_loss
    return state, False


def _epoch(phase: Phase, recipe: Recipe, epoch: int, bar: Any) -> dict[str, Any]:
    """One pass over the training images and one over the validation images."""
    started = time.monotonic()
    reseed_dropout(phase.model, recipe.seed, epoch)
    logs = phase.model.fit(
        phase.batches(epoch),
        epochs=epoch + 1,
        initial_epoch=epoch,
        shuffle=False,  # the batches have their own order; Keras's would differ after a resume
        verbose=0,
        callbacks=[bar],
    ).history
    val_loss, val_accuracy = math.nan, math.nan
    if len(phase.valid_labels):
        val_loss, val_accuracy = score(phase.validate(phase.model), phase.valid_labels)
    rate = phase.model.optimizer.learning_rate
    return {
        "phase": phase.name,
        "epoch": epoch + 1,
        "loss": float(logs["loss"][-1]),
        "accuracy": float(logs["accuracy"][-1]),
        "val_loss": val_loss,
        "val_accuracy": val_accuracy,
        "learning_rate": float(keras.ops.convert_to_numpy(rate)),
        "seconds": round(time.monotonic() - started, 2),
    }


def reseed_dropout(model: Any, seed: int, epoch: int) -> None:
    """Let dropout depend on (seed, epoch) alone, so that a resumed epoch drops the same."""
    for number, layer in enumerate(model.layers):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            state = np.random.SeedSequence([seed, epoch, number]).generate_state(2)
            generator.state.assign(state.astype(np.uint32))


def score(logits: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Cross-entropy (nats, mean) and accuracy of logits (n, 4) against labels (n,)."""
    wide = np.asarray(logits, dtype=np.float64)
    wide = wide - wide.max(axis=1, keepdims=True)
    log_probability = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
    rows = np.arange(len(labels))
    right = float((wide.argmax(axis=1) == labels).mean())
    return float(-log_probability[rows, labels].mean()), right
