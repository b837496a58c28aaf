"""Folds and repeats that are really trained: here, after a kill, and as tasks of a Ray cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_folders import data_set
from two_computers import two_computers

from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import find_seeds
from braintumor.evaluation.spread import spread

pytest.importorskip("keras")
pytestmark = pytest.mark.slow
_RECIPE = 'network = "cnn"\nepochs = 4\nbatch_size = 8\n[preparation]\nsize = 32\n'
# What a whole run has, whoever trained it.
_WHOLE = ("recipe.toml", "catalog.csv", "model.keras", "predictions.csv", "history.csv")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with 72 pictures in `data`, and a recipe of four short epochs."""
    folder = tmp_path_factory.mktemp("home")
    data_set(folder / "data", count=6)
    (folder / "recipe.toml").write_text(_RECIPE)
    return folder


def command(out: str, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "braintumor", "train", "data", "--recipe", "recipe.toml"),
        *("--out", out, *more),
    ]


def braintumor(home: Path, out: str, *more: str) -> None:
    done = subprocess.run(
        command(out, "--no-evaluate", *more), cwd=home, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def repeats(home: Path) -> Path:
    braintumor(home, "repeats", "--seeds", "1,2")
    return home / "repeats"


def answers(run: Path) -> np.ndarray[Any, Any]:
    return Predictions.read(run / "predictions.csv").y_prob


def test_a_repeat_is_what_its_seed_alone_would_be(home: Path, repeats: Path) -> None:
    braintumor(home, "alone", "--seed", "2")
    assert all((repeats / "seed-2" / name).is_file() for name in _WHOLE)
    np.testing.assert_array_equal(answers(repeats / "seed-2"), answers(home / "alone"))
    assert np.abs(answers(repeats / "seed-1") - answers(repeats / "seed-2")).max() > 0.001
    assert spread(repeats).of("log_loss").sd > 0


def test_killed_in_the_second_repeat_it_resumes_to_the_same_end(home: Path, repeats: Path) -> None:
    process = subprocess.Popen(
        command("broken", "--seeds", "1,2"),
        cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    latest = home / "broken" / "seed-2" / "checkpoint" / "latest.npz"
    wait_until(lambda: latest.exists() or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert latest.exists(), "the kill must fall into the second training"
    first = home / "broken" / "seed-1" / "model.keras"
    before = first.stat().st_mtime_ns
    braintumor(home, "broken", "--seeds", "1,2", "--resume")
    assert first.stat().st_mtime_ns == before, "a finished repeat is left as it is"
    for seed, run in find_seeds(home / "broken").items():
        np.testing.assert_array_equal(answers(run), answers(repeats / f"seed-{seed}"))


def wait_until(there: Callable[[], bool], seconds: float = 600) -> None:
    deadline = time.monotonic() + seconds
    while not there() and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with two_computers() as cluster:
        yield cluster.address


def test_folds_on_ray_are_those_trained_here(home: Path, address: str) -> None:
    braintumor(home, "here", "--folds", "2")
    braintumor(home, "there", "--folds", "2", "--engine", "ray", "--ray-address", address)
    mine, theirs = (Predictions.read(home / name / "predictions.csv") for name in ("here", "there"))
    assert len(mine) == 72
    assert list(mine.frame["path"]) == list(theirs.frame["path"])
    assert list(mine.frame["fold"]) == list(theirs.frame["fold"])
    np.testing.assert_allclose(mine.y_prob, theirs.y_prob, atol=1e-5)


def test_a_worker_killed_in_the_middle_of_repeats_costs_no_run_and_no_epoch(
    home: Path, repeats: Path, address: str
) -> None:
    psutil = pytest.importorskip("psutil", reason="SKIPPED FOR WANT OF psutil")
    killed: list[int] = []

    def kill() -> None:
        latest = home / "tasks" / "seed-2" / "checkpoint" / "latest.npz"
        wait_until(latest.exists)
        # Of the cluster of this test alone: others may run on this computer.
        for process in psutil.Process(os.getpid()).children(recursive=True):
            if latest.exists() and process.cmdline()[:1] == ["ray::call"]:
                process.send_signal(signal.SIGKILL)
                killed.append(process.pid)

    watch = threading.Thread(target=kill, daemon=True)
    watch.start()
    braintumor(home, "tasks", "--seeds", "1,2", "--engine", "ray", "--ray-address", address)
    watch.join()
    assert killed
    for seed, run in find_seeds(home / "tasks").items():
        assert all((run / name).is_file() for name in _WHOLE)
        assert len((run / "history.csv").read_text().splitlines()) == 1 + 4
        np.testing.assert_allclose(answers(run), answers(repeats / f"seed-{seed}"), atol=1e-5)
