"""`braintumor train` and `export` say what is wrong with their input before they load Keras."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CHILD = """
import sys
from braintumor.cli.main import run
try:
    run({arguments!r})
finally:
    print(*({{"keras", "tensorflow", "torch", "jax"}} & set(sys.modules)))
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Holds a data set of one class, and an empty folder."""
    (tmp_path / "data" / "glioma").mkdir(parents=True)
    for number in range(3):
        pixels = np.full((32, 32), 40 * number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / "glioma" / f"{number}.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "folds" / "fold-0").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "data"], "it holds images of one class only (glioma)"),
        (["train", "empty", "--folds", "3"], "empty"),
        (["export", "empty", "--out", "bundle"], "empty holds no finished run"),
        (["export", "folds", "--out", "bundle"], "folds holds folds"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_told_before_keras_is_loaded(
    place: Path, arguments: list[str], says: str
) -> None:
    pytest.importorskip("keras")
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(arguments=arguments)],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == "\n"
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("braintumor: ")
    assert says in line
