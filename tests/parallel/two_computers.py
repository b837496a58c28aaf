"""A Ray cluster of two computers, both of them this one."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@contextlib.contextmanager
def two_computers() -> Iterator[Any]:
    """A cluster of two computers with a processor each, both of them this one."""
    pytest.importorskip("ray", reason="SKIPPED FOR WANT OF THE EXTRA [ray]")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        path = [str(Path(__file__).parent), *filter(None, sys.path)]
        patch.setenv("PYTHONPATH", os.pathsep.join(path))
        made = Cluster()
        for _ in range(2):
            added(made, num_cpus=1)
        yield made
        made.shutdown()


def added(cluster: Any, **resources: int) -> Any:
    """A further computer; Ray waits half a minute for one, and a busy machine may need longer."""
    for _ in range(3):
        with contextlib.suppress(Exception):
            return cluster.add_node(**resources)
    return cluster.add_node(**resources)
