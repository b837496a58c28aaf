"""Functions for workers: what is pickled must lie in a module that a child can import."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Doubling:
    """Makes a function that doubles numbers, and kills its own process at some.

    Attributes:
        once: a file that is made before the first of these deaths; where it lies already, the
            process lives on. None: it dies every time.
        deadly: the numbers.
    """

    deadly: tuple[int, ...] = ()
    once: Path | None = None

    def __call__(self) -> Callable[[int], tuple[int, int]]:
        def double(item: int) -> tuple[int, int]:
            if item in self.deadly and not (self.once and self.once.exists()):
                if self.once:
                    self.once.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if item < 0:
                raise ValueError(f"{item} is negative")
            return 2 * item, os.getpid()

        return double
