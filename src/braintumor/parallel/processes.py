"""A pool of local processes, started anew when one of them dies."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Generic, TypeVar

from braintumor.parallel import worker
from braintumor.parallel.ordered import WorkerDiedError
from braintumor.parallel.worker import Make

T = TypeVar("T")
R = TypeVar("R")


class Processes(Generic[T, R]):
    """See `ordered.Pool`. The processes share nothing with this one but the items."""

    def __init__(self, make: Make[T, R], workers: int) -> None:
        """Take what makes the function, and how many processes; they start with the first item."""
        self._make = make
        self._workers = workers
        self._main: ProcessPoolExecutor | None = None
        self._solo: ProcessPoolExecutor | None = None
        # One for each to work on, and one for each to go on with.
        self.ahead = 2 * workers

    def submit(self, item: T) -> Callable[[], R]:
        """See `ordered.Pool`."""
        future: Future[R] | None = None
        for _ in range(2):  # a pool that broke since is made anew
            self._main = self._main or _executor(self._workers)
            try:
                future = self._main.submit(worker.call, self._make, item)
                break
            except BrokenProcessPool:
                self._main = None

        def result() -> R:
            try:
                if future is not None:
                    return future.result()
            except BrokenProcessPool:
                pass  # every item under way is lost with one process; which was to blame?
            return self.alone(item)

        return result

    def alone(self, item: T) -> R:
        """See `ordered.Pool`."""
        self._solo = self._solo or _executor(1)
        try:
            return self._solo.submit(worker.call, self._make, item).result()
        except BrokenProcessPool:
            self._solo = None
            raise WorkerDiedError from None

    def close(self) -> None:
        """See `ordered.Pool`; waits for the items that are being worked on."""
        for executor in (self._main, self._solo):
            if executor is not None:
                executor.shutdown(cancel_futures=True)


def _executor(workers: int) -> ProcessPoolExecutor:
    # Spawned, for a fork would copy the threads of libraries that cannot be copied.
    context = get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=worker.begin)
