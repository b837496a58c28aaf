"""What runs in a worker: the function is made once in each process, and kept for the next item.

Importing this loads nothing, so that a process starts quickly.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from multiprocessing import parent_process
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")
# Makes the function that is mapped. It travels to every worker, so it can be pickled; two that
# are equal make the same function.
Make = Callable[[], Callable[[T], R]]

_kept: list[tuple[Any, Callable[[Any], Any]]] = []


def call(make: Make[T, R], item: T) -> R:
    """Call the function on an item, having made it first where this process has not."""
    if not _kept or _kept[0][0] != make:
        _kept[:] = [(make, make())]
    result: R = _kept[0][1](item)
    return result


def begin() -> None:
    """What a local worker does before anything else."""
    # Ctrl-C reaches all processes of a terminal; the first of them says what happens.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed says no good-bye; without this its workers would wait for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
