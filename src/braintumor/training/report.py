"""What a person sees while a network trains, and the TensorBoard log of the same numbers.

On a terminal: a bar with epoch, batch, loss, accuracy and time left. Anywhere: a line an epoch.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class _Bar(keras.callbacks.Callback):  # type: ignore[misc]
    """Moves the bar by one at every batch."""

    def __init__(self, progress: Progress | None, task: Any, epochs: int) -> None:
        super().__init__()
        self.progress, self.task, self.epochs = progress, task, epochs
        self.current = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.current = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.progress is None or logs is None:
            return
        text = (
            f"epoch {self.current}/{self.epochs}  batch {batch + 1}"
            f"  loss {float(logs['loss']):.3f}  accuracy {float(logs['accuracy']):.3f}"
        )
        self.progress.update(self.task, advance=1, description=text)


class Reporter:
    """Prints to standard error and writes the TensorBoard log.

    Args:
        log_dir: folder of the TensorBoard log; none is written where None or where the package
            is missing.
        quiet: print nothing.
    """

    def __init__(self, log_dir: Path | None = None, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._writer = None if log_dir is None else _summary_writer(log_dir)

    @contextmanager
    def phase(self, name: str, epochs: int, steps: int, *, done: int) -> Iterator[_Bar]:
        """A bar for one phase of `epochs` x `steps`, of which `done` epochs are behind us."""
        if done and done < epochs:
            self.say(f"{name}: going on after epoch {done}")
        if self.quiet or not sys.stderr.isatty():
            yield _Bar(None, None, epochs)
            return
        columns = (
            TextColumn(f"{name}  {{task.description}}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("starting", total=epochs * steps, completed=done * steps)
            yield _Bar(progress, task, epochs)

    def epoch(self, row: dict[str, Any], epochs: int, *, best: bool) -> None:
        """Report a completed epoch."""
        self.say(
            f"{row['phase']} epoch {row['epoch']:3d}/{epochs}"
            f"  loss {row['loss']:.4f}  accuracy {row['accuracy']:.4f}"
            f"  validation loss {row['val_loss']:.4f}  accuracy {row['val_accuracy']:.4f}"
            f"  {row['seconds']:.0f} s{'  best' if best else ''}"
        )
        if self._writer is not None:
            for key in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"):
                self._writer.add_scalar(f"{row['phase']}/{key}", row[key], row["epoch"])
            self._writer.flush()

    def say(self, text: str) -> None:
        """A line on standard error, unless quiet."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)


def _summary_writer(log_dir: Path) -> Any:
    try:
        from tensorboard.summary import Writer
    except ImportError:
        return None
    log_dir.mkdir(parents=True, exist_ok=True)
    return Writer(str(log_dir))
