"""The whole training on a few real slices: artefacts, resumption after a kill, and refusals."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from braintumor.classes import CLASSES

pytest.importorskip("keras")

pytestmark = [pytest.mark.slow, pytest.mark.shared]
_COUNTS = {"train": 12, "valid": 4, "test": 4}


@pytest.fixture(scope="module")
def small_set(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evenly spaced slices of the real set, copied to a temporary folder."""
    root = tmp_path_factory.mktemp("real") / "small-mri"
    for split, count in _COUNTS.items():
        for name in CLASSES:
            files = sorted((shared / "data/labeled-mri" / split / name).glob("*.jpg"))
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in np.linspace(0, len(files) - 1, count).astype(int):
                shutil.copy(files[i], folder)
    return root


def _recipe(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


def _command(data: Path, recipe: Path, out: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "braintumor", "train", str(data),
        "--recipe", str(recipe), "--out", str(out), *more,
    ]  # fmt: skip


def _history(run: Path) -> list[dict[str, str]]:
    path = run / "history.csv"
    if not path.exists():
        return []
    with path.open() as file:
        return list(csv.DictReader(file))


def _run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=1200
    )


def test_a_killed_cnn_run_resumes_to_the_same_end(small_set: Path, tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, 'network = "cnn"\nepochs = 5\n[preparation]\nsize = 64\n')
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    done = _run(_command(small_set, recipe, whole))
    assert done.returncode == 0, done.stderr[-2000:]
    for name in ("recipe.toml", "catalog.csv", "model.keras", "predictions.csv", "metrics.json",
                 "report.html", "augmentation/before.png", "augmentation/after.png"):  # fmt: skip
        assert (whole / name).is_file(), name
    assert not (whole / "checkpoint").exists()

    process = subprocess.Popen(
        _command(small_set, recipe, broken), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 600
    while len(_history(broken)) < 2 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 2 <= len(_history(broken)) < 5, "the kill must fall into the middle of the training"
    assert not (broken / "model.keras").exists()

    refused = _run(_command(small_set, recipe, broken))
    assert refused.returncode == 1
    assert "--resume" in refused.stderr
    assert "Traceback" not in refused.stderr

    done = _run(_command(small_set, recipe, broken, "--resume"))
    assert done.returncode == 0, done.stderr[-2000:]
    for ours, theirs in zip(_history(broken), _history(whole), strict=True):
        for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert float(ours[key]) == pytest.approx(float(theirs[key]), abs=1e-6), key


def test_predictions_bear_their_own_paths_and_labels(small_set: Path, tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, 'network = "cnn"\nepochs = 1\n[preparation]\nsize = 64\n')
    assert _run(_command(small_set, recipe, tmp_path / "run")).returncode == 0
    with (tmp_path / "run/predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * (_COUNTS["valid"] + _COUNTS["test"])
    for row in rows:
        split, name, _ = row["path"].split("/")
        assert (row["split"], row["label"]) == (split, name)
        assert sum(float(row[f"p_{c}"]) for c in CLASSES) == pytest.approx(1, abs=1e-6)


def test_resnet50_trains_in_two_phases_from_imagenet(
    small_set: Path, shared: Path, tmp_path: Path
) -> None:
    recipe = _recipe(
        tmp_path,
        'network = "resnet50"\nepochs = 2\nhead_epochs = 3\nvariants = 2\n'
        "[preparation]\nsize = 96\n",
    )
    weights = shared / "weights/resnet50_imagenet_notop.weights.h5"
    run = tmp_path / "run"
    done = _run(_command(small_set, recipe, run, "--weights", str(weights)))
    assert done.returncode == 0, done.stderr[-2000:]
    assert [row["phase"] for row in _history(run)] == ["head"] * 3 + ["tail"] * 2
    assert (run / "model.keras").is_file()
    assert "imagenet_weights_sha256" in (run / "recipe.toml").read_text()


def test_a_folder_without_classes_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data/holiday").mkdir(parents=True)
    recipe = _recipe(tmp_path, 'network = "cnn"\nepochs = 1\n')
    done = _run(_command(tmp_path / "data", recipe, tmp_path / "run"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
