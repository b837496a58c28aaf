"""A progress bar with rate and time left, on standard error.

Where nobody knows how many items there are, a line says how many are done, how fast and since
when. It shows only where a person can see it (a terminal) and only once the work has lasted a
second, so that scripts, logs and quick calls stay clean.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

T = TypeVar("T")
_PATIENCE_S = 1.0


def track(items: Iterable[T], *, total: int | None, what: str) -> Iterator[T]:
    """Yield the items, showing how far one is.

    Args:
        items: what to work through.
        total: how many there are; None where unknown.
        what: a word or two before the bar ("Reading images").
    """
    if not sys.stderr.isatty():
        yield from items
        return
    bar = _bar(counted=total is not None)
    task = bar.add_task(what, total=total)
    started = time.monotonic()
    shown = False
    try:
        for item in items:
            yield item
            bar.advance(task)
            if not shown and time.monotonic() - started > _PATIENCE_S:
                bar.start()
                shown = True
    finally:
        if shown:
            bar.stop()


@contextmanager
def track_count(
    total: Callable[[], int] | None, *, what: str, done: int = 0, drawn: bool = True
) -> Iterator[Callable[[int], None]]:
    """Give a function that is called with the number of items done so far.

    Args:
        total: counts all items; called in a thread beside the work, and only where a bar is
            drawn, since counting may take long. None where it would cost too much.
        what: a word or two before the bar ("Classifying").
        done: how many items were done before.
        drawn: whether anything may be drawn.
    """
    if not drawn or not sys.stderr.isatty():
        yield lambda done: None
        return
    bar = _bar(counted=total is not None)
    task = bar.add_task(what, total=None, completed=done)
    if total is not None:
        threading.Thread(target=lambda: bar.update(task, total=total()), daemon=True).start()
    with _shown_late(bar, task) as show:
        yield show


@contextmanager
def _shown_late(bar: Progress, task: TaskID) -> Iterator[Callable[[int], None]]:
    """Give a function that moves the bar to a count, and shows it once a second has passed."""
    started = time.monotonic()

    def show(done: int) -> None:
        bar.update(task, completed=done)
        if time.monotonic() - started > _PATIENCE_S:
            bar.start()  # does nothing where it runs already

    try:
        yield show
    finally:
        bar.stop()


def _bar(*, counted: bool) -> Progress:
    """The bar; where nobody counts all items, what can be said without their number."""
    # rich is imported only where a bar is drawn: it costs a script's start otherwise
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class RateColumn(ProgressColumn):
        """How many a second, lately."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            if not speed:
                return Text("")
            return Text(f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.1f}/s")

    so_far = (RateColumn(), TimeElapsedColumn())
    columns = (
        (BarColumn(), MofNCompleteColumn(), *so_far, TextColumn("left"), TimeRemainingColumn())
        if counted
        else (TextColumn("{task.completed:,.0f} done"), *so_far)
    )
    return Progress(TextColumn("{task.description}"), *columns, console=Console(stderr=True))


@contextmanager
def track_bytes(total: int | None, *, what: str) -> Iterator[Callable[[int], None]]:
    """Give a function that is called with the number of bytes done so far.

    Args:
        total: bytes; None where unknown.
        what: a word or two before the bar ("Fetching x.zip").
    """
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with _shown_late(bar, bar.add_task(what, total=total)) as show:
        yield show
