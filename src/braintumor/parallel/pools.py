"""Which pool does the work: chosen by the name of an engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, TypeVar

from braintumor.parallel.ordered import InProcess, Pool
from braintumor.parallel.worker import Make

T = TypeVar("T")
R = TypeVar("R")
Engine = Literal["local", "ray"]
ENGINES: Final[tuple[Engine, ...]] = ("local", "ray")


@contextmanager
def open_pool(
    make: Make[T, R],
    *,
    engine: Engine = "local",
    workers: int | None = None,
    address: str | None = None,
) -> Iterator[Pool[T, R]]:
    """Open a pool; its processes end with the block.

    Args:
        make: makes the function that is mapped, once in each process; it can be pickled.
        engine: `local`, or `ray`, which needs the extra [ray].
        workers: how many processes. With `local`, None or 1 is no process but this one; with
            `ray`, None is as many as the cluster has processors.
        address: of a Ray cluster; one of this computer alone is started where None.

    Raises:
        BraintumorError: Ray is not installed, or there is no cluster.
    """
    pool: Pool[T, R]
    if engine == "ray":
        from braintumor.parallel.ray_tasks import RayTasks

        pool = RayTasks(make, workers, address)
    elif workers is not None and workers > 1:
        from braintumor.parallel.processes import Processes

        pool = Processes(make, workers)
    else:
        pool = InProcess(make)
    try:
        yield pool
    finally:
        pool.close()
