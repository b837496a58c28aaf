"""The command with Ray: on a cluster that it starts itself, and on one that it asks as a client."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from tiny_bundle import make_tiny_bundle, striped
from two_computers import added

pytest.importorskip("ray", reason="SKIPPED FOR WANT OF THE EXTRA [ray]")
psutil = pytest.importorskip("psutil", reason="SKIPPED FOR WANT OF psutil")
pytestmark = pytest.mark.slow
PATIENCE_S = 300


@pytest.fixture
def sessions() -> Iterator[Path]:
    """The folder in which Ray keeps its sockets and logs, short enough for a socket's path; at the
    end no process may be left that knows it."""
    folder = Path(tempfile.mkdtemp(prefix="ray"))
    yield folder
    left = gone(folder, 60)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    shutil.rmtree(folder, ignore_errors=True)
    assert left == []


def gone(folder: Path, seconds: float) -> list[psutil.Process]:
    """Processes that name the folder and are still there after so long a time."""
    until = time.monotonic() + seconds
    while True:
        found = [
            one
            for one in psutil.process_iter(["cmdline", "status"])
            if any(str(folder) in word for word in one.info["cmdline"] or ())
            and one.info["status"] != psutil.STATUS_ZOMBIE
        ]
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.5)


@pytest.fixture
def environment(sessions: Path) -> dict[str, str]:
    path = os.pathsep.join(filter(None, sys.path))
    return {**os.environ, "PYTHONPATH": path, "RAY_TMPDIR": str(sessions)}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder with a bundle and six slices."""
    make_tiny_bundle(tmp_path / "bundle")
    (tmp_path / "scans").mkdir()
    for k in range(6):
        Image.fromarray(striped(("upright", "level")[k % 2])).save(tmp_path / f"scans/{k}.png")
    return tmp_path


def predict(
    folder: Path, environment: dict[str, str], *options: str, out: str, tries: int = 1
) -> bytes:
    """The table that the command writes, the last time that it is tried if not before."""
    command = [sys.executable, "-m", "braintumor", "predict", "scans", "--model", "bundle"]
    for _ in range(tries):
        done = subprocess.run(
            [*command, "--workers", "1", "--out", out, *options],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    return (folder / out).read_bytes()


def test_a_cluster_of_this_computer_is_started_and_ended(
    scans: Path, environment: dict[str, str], sessions: Path
) -> None:
    here = predict(scans, environment, out="here.csv")
    assert not any(sessions.iterdir())
    assert predict(scans, environment, "--engine", "ray", out="ray.csv") == here
    assert any(sessions.iterdir()), "Ray was never started"
    assert here.count(b"\n") == 7


LISTENING = """
import psutil
from braintumor.parallel.pools import open_pool

def listened(process):
    return [one.laddr.ip for one in process.net_connections("inet") if one.status == "LISTEN"]

with open_pool(str, engine="ray", workers=1) as pool:
    assert pool.submit(0)
    mine = psutil.Process()
    # The raylet leaves its parent: it is known by the folder of the session.
    for process in psutil.process_iter():
        try:
            if process == mine or "RAY_TMPDIR" in process.environ():
                print(*listened(process))
        except psutil.Error:
            pass
"""


def test_a_cluster_of_this_computer_listens_to_nobody_else(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LISTENING],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    places = done.stdout.split()
    assert len(places) > 2, "Ray was never started"
    assert {place.removeprefix("::ffff:") for place in places} == {"127.0.0.1"}


@pytest.fixture
def client_address(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of a cluster's server for clients, on the loopback."""
    pytest.importorskip("grpc", reason="SKIPPED FOR WANT OF ray[client]")
    from ray.cluster_utils import Cluster

    for name in ("PYTHONPATH", "RAY_TMPDIR"):
        monkeypatch.setenv(name, environment[name])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cluster = Cluster()
    try:
        added(cluster, num_cpus=1, ray_client_server_port=port)
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.5)
        yield f"ray://127.0.0.1:{port}"
    finally:
        cluster.shutdown()


def test_a_cluster_is_asked_as_a_client(
    scans: Path, environment: dict[str, str], client_address: str
) -> None:
    """Ray starts a process for each client and gives up after half a minute: on a busy computer it
    may have to be asked again, and the command says then that no cluster answers."""
    here = predict(scans, environment, out="here.csv")
    ray = ("--engine", "ray", "--ray-address", client_address)

    assert predict(scans, environment, *ray, out="ray.csv", tries=4) == here
