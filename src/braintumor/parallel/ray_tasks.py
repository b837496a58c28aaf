"""A pool of Ray tasks, on a cluster or on processes of this computer.

Plain tasks, because Ray itself repeats those of a worker or of a computer that died. The software
and whatever the items name must be there on every computer of the cluster.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from braintumor.errors import BraintumorError, require
from braintumor.parallel import worker
from braintumor.parallel.ordered import WorkerDiedError
from braintumor.parallel.worker import Make
from braintumor.privacy import silence_telemetry

T = TypeVar("T")
R = TypeVar("R")
# How often Ray repeats a task whose worker or computer died.
_RETRIES = 3
_PATIENCE_S = 10.0
# Says, whatever its name, whether this computer may be one of several. Ray reads it when it is
# imported; where it may not, everything of Ray listens on the loopback alone.
_OF_SEVERAL = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"


class RayTasks(Generic[T, R]):
    """See `ordered.Pool`."""

    def __init__(self, make: Make[T, R], workers: int | None, address: str | None) -> None:
        """Connect.

        Args:
            make: makes the function.
            workers: how many items are worked on at once; as many as there are processors where
                None.
            address: of a cluster (`ray://HOST:10001`, `HOST:6379`, `auto`); a cluster of this
                computer alone, on the loopback, is started where None.

        Raises:
            BraintumorError: Ray is not installed, there is no cluster, or one that is to be started
                here would listen to other computers.
        """
        silence_telemetry()
        if address is None:
            os.environ.setdefault(_OF_SEVERAL, "0")
        self._ray: Any = require("ray", extra="ray", what="--engine ray")
        self._mine = not self._ray.is_initialized()
        if self._mine:
            _connect(self._ray, workers, address)
        have = int(self._ray.cluster_resources().get("CPU", 1))
        self.ahead = 2 * min(workers or have, have)
        how = {"num_cpus": 1, "max_retries": _RETRIES, "scheduling_strategy": "SPREAD"}
        self._call = self._ray.remote(**how)(worker.call)
        self._make = self._ray.put(make)

    def submit(self, item: T) -> Callable[[], R]:
        """See `ordered.Pool`."""
        under_way = self._call.remote(self._make, item)
        return lambda: self._result(under_way)

    def alone(self, item: T) -> R:
        """See `ordered.Pool`; every task has a process to itself anyway."""
        return self._result(self._call.options(max_retries=1).remote(self._make, item))

    def close(self) -> None:
        """See `ordered.Pool`."""
        if self._mine:
            self._ray.shutdown()

    def _result(self, under_way: Any) -> R:
        errors = self._ray.exceptions
        died = (errors.WorkerCrashedError, errors.OutOfMemoryError, errors.NodeDiedError)
        try:
            result: R = self._ray.get(under_way)
        except died as error:
            raise WorkerDiedError from error
        except errors.RayTaskError as error:
            if isinstance(error.cause, BraintumorError):
                raise error.cause from None
            raise
        return result


def _connect(ray: Any, workers: int | None, address: str | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "error"}
    if address is None:
        _start(ray, workers, quiet)
        return
    try:
        _knock(address)
        ray.init(address=address, **quiet)
    except Exception as error:  # Ray raises whatever it likes here, even Exception itself
        raise BraintumorError(
            f"no Ray cluster answers at {address}: start one with  ray start --head  or check the "
            "address"
        ) from error


def _start(ray: Any, workers: int | None, quiet: dict[str, Any]) -> None:
    """Start a cluster of this computer; Ray gives up after half a minute, which may be too soon."""
    for last in (False, False, True):
        try:
            ray.init(
                address="local", num_cpus=workers, include_dashboard=False,
                _node_ip_address="127.0.0.1", **quiet,
            )  # fmt: skip
            break
        except Exception as error:
            ray.shutdown()
            if last:
                raise BraintumorError(
                    "Ray does not start on this computer: it may be too busy, or short of memory "
                    "or disk; leave out --engine ray"
                ) from error
    if not ipaddress.ip_address(ray.util.get_node_ip_address()).is_loopback:
        ray.shutdown()
        raise BraintumorError(
            "Ray would listen to other computers, because it was imported before: set "
            f"{_OF_SEVERAL}=0 before that, or start Ray yourself and it is used"
        )


def _knock(address: str) -> None:
    """Find out in seconds whether anybody is at HOST:PORT; Ray itself would try for minutes."""
    found = re.fullmatch(r"(?:ray://)?\[?([^/\[\]]+?)\]?:(\d+)", address)
    if found is not None:
        socket.create_connection((found[1], int(found[2])), timeout=_PATIENCE_S).close()
