"""The run folder: where each artefact of a training lies, and the checkpoint that survives a kill.

Knows names and bytes; not what is trained or why.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.errors import BraintumorError
from braintumor.files import atomic_path, write_text

HISTORY_COLUMNS = (
    "phase",
    "epoch",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "seconds",
)


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run's artefacts."""

    root: Path

    @property
    def recipe(self) -> Path:
        return self.root / "recipe.toml"

    @property
    def catalog(self) -> Path:
        return self.root / "catalog.csv"

    @property
    def further(self) -> Path:
        """What was learnt from beside the catalogue, see `learnt.further`; often there is none."""
        return self.root / "further.csv"

    @property
    def folds(self) -> list[Path]:
        """The folders of a cross-validation's folds that there are."""
        return sorted(path for path in self.root.glob("fold-*") if path.is_dir())

    @property
    def begun(self) -> Path | None:
        """The recipe that it was begun with: its own, or a fold's until all folds are done; None
        where nothing is begun."""
        files = [self.recipe, *(RunFolder(fold).recipe for fold in self.folds)]
        return next((file for file in files if file.is_file()), None)

    def fold(self, number: int) -> Path:
        """The folder of one fold, a run of its own."""
        return self.root / f"fold-{number}"

    @property
    def history(self) -> Path:
        return self.root / "history.csv"

    @property
    def model(self) -> Path:
        return self.root / "model.keras"

    @property
    def predictions(self) -> Path:
        return self.root / "predictions.csv"

    @property
    def metrics(self) -> Path:
        """What the run is worth, where it was judged."""
        return self.root / "metrics.json"

    @property
    def checkpoint(self) -> Path:
        """Exists only while a training is under way."""
        return self.root / "checkpoint"

    @property
    def latest(self) -> Path:
        """The last completed epoch of an unfinished training."""
        return self.checkpoint / "latest.npz"

    def clear_checkpoint(self) -> None:
        """Remove what only an unfinished training needs."""
        shutil.rmtree(self.checkpoint, ignore_errors=True)


@dataclass
class State:
    """How far a phase of training has come.

    Attributes:
        phase: its name.
        epoch: epochs completed.
        best_epoch, best_loss: the epoch whose weights are kept so far, and its validation loss: the
            lowest, or the last one where the recipe keeps that.
        history: one row a completed epoch, all phases, by `HISTORY_COLUMNS`.
        seconds, cpu_seconds: spent so far by all sessions, by the clock and of the processor.
    """

    phase: str = ""
    epoch: int = 0
    best_epoch: int = 0
    best_loss: float = float("inf")
    history: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0


class Spent:
    """What a training has taken, the sessions before a resume included."""

    def __init__(self, run: RunFolder) -> None:
        """Start counting, from what the run's checkpoint says was spent before."""
        before = load_state(run.latest)[0] if run.latest.exists() else State()
        self._clock = time.monotonic() - before.seconds
        self._processor = time.process_time() - before.cpu_seconds

    def so_far(self) -> tuple[float, float]:
        """Seconds by the clock, and of the processor."""
        return time.monotonic() - self._clock, time.process_time() - self._processor


def save_state(
    path: Path,
    state: State,
    weights: list[NDArray[Any]],
    optimizer: list[NDArray[Any]],
) -> None:
    """Write state, weights and optimiser as one file, whole or not at all (NumPy, no pickle)."""
    arrays: dict[str, Any] = {f"weight_{i}": w for i, w in enumerate(weights)}
    arrays |= {f"optimizer_{i}": w for i, w in enumerate(optimizer)}
    arrays["header"] = np.frombuffer(json.dumps(asdict(state)).encode(), dtype=np.uint8)
    with atomic_path(path, durable=True) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def load_state(path: Path) -> tuple[State, list[NDArray[Any]], list[NDArray[Any]]]:
    """Read what `save_state` wrote.

    Raises:
        BraintumorError: damaged or foreign.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            state = State(**json.loads(stored["header"].tobytes().decode()))
            weights = _numbered(stored, "weight")
            optimizer = _numbered(stored, "optimizer")
    except (
        *(OSError, EOFError, ValueError, KeyError, TypeError, RecursionError),
        zipfile.BadZipFile,
    ) as error:
        raise BraintumorError(
            f"the checkpoint {path} is damaged: delete the run's folder and train anew"
        ) from error
    return state, weights, optimizer


def _numbered(stored: Any, kind: str) -> list[NDArray[Any]]:
    count = sum(name.startswith(f"{kind}_") for name in stored.files)
    return [stored[f"{kind}_{i}"] for i in range(count)]


def write_history(path: Path, history: list[dict[str, Any]]) -> None:
    """Write history.csv: a row an epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HISTORY_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())
