"""Ray does the same as local processes do, and goes on where a worker or a computer dies."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from deadly import Doubling
from two_computers import added, two_computers

from braintumor.errors import BraintumorError
from braintumor.parallel import ray_tasks
from braintumor.parallel.ordered import WorkerDiedError, ordered
from braintumor.parallel.pools import open_pool

Result = tuple[int, int]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with two_computers() as made:
        yield made


def rescue(item: int, alone: Callable[[int], Result]) -> Result:
    with pytest.raises(WorkerDiedError):
        alone(item)
    return -1, 0


def doubled(cluster: Any, make: Doubling, count: int) -> Iterator[Result]:
    with open_pool(make, engine="ray", address=cluster.address) as pool:
        yield from ordered(pool, range(count), rescue)


def test_the_work_is_done_elsewhere_in_order(cluster: Any) -> None:
    results = list(doubled(cluster, Doubling(), 30))

    assert [number for number, _ in results] == list(range(0, 60, 2))
    assert os.getpid() not in {process for _, process in results}


def test_ray_reports_to_nobody(cluster: Any) -> None:
    with open_pool(Doubling(), engine="ray", address=cluster.address):
        from ray._common.usage import usage_lib

        assert not usage_lib.usage_stats_enabled()


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(
    cluster: Any, tmp_path: Path
) -> None:
    results = list(doubled(cluster, Doubling(deadly=(7,), once=tmp_path / "died"), 20))

    assert (tmp_path / "died").exists()
    assert [number for number, _ in results] == list(range(0, 40, 2))


def test_what_kills_every_worker_is_left_to_the_rescue(cluster: Any) -> None:
    results = list(doubled(cluster, Doubling(deadly=(3,)), 8))

    assert [number for number, _ in results] == [0, 2, 4, -1, 8, 10, 12, 14]


def test_a_computer_that_goes_loses_and_doubles_nothing(cluster: Any) -> None:
    gone = added(cluster, num_cpus=2)
    results = []
    for result in doubled(cluster, Doubling(), 40):
        results.append(result)
        if len(results) == 10:
            cluster.remove_node(gone, allow_graceful=False)

    assert [number for number, _ in results] == list(range(0, 80, 2))


def test_an_error_of_the_function_is_the_callers(cluster: Any) -> None:
    with (
        open_pool(Doubling(), engine="ray", address=cluster.address) as pool,
        pytest.raises(ValueError, match="-1 is negative"),
    ):
        list(ordered(pool, [1, -1], rescue))


def test_images_scored_by_a_cluster_whose_worker_is_killed_give_the_same_table(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    psutil = pytest.importorskip("psutil", reason="SKIPPED FOR WANT OF psutil")
    from PIL import Image
    from tiny_bundle import make_tiny_bundle, striped

    from braintumor.scoring import score as module
    from braintumor.scoring.score import Plan, score

    make_tiny_bundle(tmp_path / "bundle")
    (tmp_path / "scans").mkdir()
    for k in range(40):
        Image.fromarray(striped(("upright", "level")[k % 2])).save(tmp_path / f"scans/{k:02}.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_CHUNK_ELSEWHERE", 4)
    killed: list[int] = []

    def kill(_: object) -> None:
        for process in [] if killed else psutil.process_iter(["cmdline"]):
            if (process.info["cmdline"] or [""])[0].startswith(("ray::call", "ray::IDLE")):
                process.send_signal(signal.SIGKILL)
                killed.append(process.pid)
                return

    plan = {"arguments": ["scans"], "model": Path("bundle")}
    score(Plan(**plan, out=Path("here.csv")))
    ray = Plan(**plan, out=Path("ray.csv"), engine="ray", address=cluster.address)
    score(ray, show=kill)

    assert killed
    assert Path("ray.csv").read_bytes() == Path("here.csv").read_bytes()


@pytest.fixture
def own_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps a cluster of this computer on the loopback is not left to clusters of others."""
    monkeypatch.setenv(ray_tasks._OF_SEVERAL, "1")
    monkeypatch.delenv(ray_tasks._OF_SEVERAL)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nobody.invalid:6379"])
def test_where_no_cluster_answers_it_is_one_sentence(address: str) -> None:
    pytest.importorskip("ray", reason="SKIPPED FOR WANT OF THE EXTRA [ray]")
    with (
        pytest.raises(BraintumorError, match="no Ray cluster answers at"),
        open_pool(Doubling(), engine="ray", address=address),
    ):
        pass


@pytest.mark.usefixtures("own_start")
def test_where_ray_does_not_start_it_is_tried_again_and_then_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ray = pytest.importorskip("ray", reason="SKIPPED FOR WANT OF THE EXTRA [ray]")
    tried: list[object] = []

    def init(**settings: object) -> None:
        tried.append(settings["address"])
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with (
        pytest.raises(BraintumorError, match="does not start on this computer"),
        open_pool(Doubling(), engine="ray"),
    ):
        pass
    assert tried == ["local"] * 3


@pytest.mark.usefixtures("own_start")
def test_where_ray_would_listen_to_other_computers_it_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where it was imported before, and took this computer for one of several."""
    ray = pytest.importorskip("ray", reason="SKIPPED FOR WANT OF THE EXTRA [ray]")
    ended: list[bool] = []
    monkeypatch.setattr(ray, "init", lambda **_: None)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: ended.append(True))
    monkeypatch.setattr(ray.util, "get_node_ip_address", lambda: "192.0.2.7")
    with (
        pytest.raises(BraintumorError, match="Ray would listen to other computers"),
        open_pool(Doubling(), engine="ray"),
    ):
        pass
    assert ended == [True]


@pytest.mark.usefixtures("own_start")
def test_without_the_extra_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(BraintumorError, match=r"pip install '\.\[ray\]'"),
        open_pool(Doubling(), engine="ray"),
    ):
        pass
