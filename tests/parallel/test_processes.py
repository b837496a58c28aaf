"""Local processes: the work is shared, and one that is killed loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from deadly import Doubling

from braintumor.parallel.ordered import WorkerDiedError, ordered
from braintumor.parallel.pools import open_pool

Result = tuple[int, int]


def doubled(make: Doubling, items: Iterable[int]) -> Iterator[Result]:
    def rescue(item: int, alone: Callable[[int], Result]) -> Result:
        with pytest.raises(WorkerDiedError):
            alone(item)
        return -1, 0

    with open_pool(make, workers=2) as pool:
        yield from ordered(pool, items, rescue)


def test_the_work_is_done_elsewhere_in_order() -> None:
    results = list(doubled(Doubling(), range(40)))

    assert [number for number, _ in results] == list(range(0, 80, 2))
    assert os.getpid() not in {process for _, process in results}


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(tmp_path: Path) -> None:
    make = Doubling(deadly=(7,), once=tmp_path / "died")
    results = list(doubled(make, range(20)))

    assert (tmp_path / "died").exists()
    assert [number for number, _ in results] == list(range(0, 40, 2))


def test_what_kills_every_worker_is_left_to_the_rescue_and_nothing_else_is() -> None:
    results = list(doubled(Doubling(deadly=(3,)), range(10)))

    assert [number for number, _ in results] == [0, 2, 4, -1, 8, 10, 12, 14, 16, 18]


def test_an_error_of_the_function_is_the_callers() -> None:
    with pytest.raises(ValueError, match="-1 is negative"):
        list(doubled(Doubling(), [1, -1]))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_end_when_their_parent_is_killed() -> None:
    code = (
        "import os, signal\n"
        "from deadly import Doubling\n"
        "from braintumor.parallel.pools import open_pool\n"
        "if __name__ == '__main__':\n"
        "    with open_pool(Doubling(), workers=2) as pool:\n"
        "        print(pool.submit(1)()[1], flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    worker = Path("/proc") / done.stdout.strip()

    assert done.returncode < 0
    for _ in range(200):
        if not worker.exists():
            break
        time.sleep(0.1)
    assert not worker.exists()
