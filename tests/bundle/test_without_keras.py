"""Prediction needs no Keras, TensorFlow or Streamlit, and imports nothing slow on its way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image
from tiny_bundle import make_tiny_bundle, striped

# Importing any of these raises in the child: as where they are not installed.
FORBIDDEN = ("keras", "tensorflow", "torch", "jax", "streamlit", "onnx", "onnxruntime")
# These are installed, and would cost seconds before the first answer.
SLOW = ("pandas", "sklearn", "matplotlib", "scipy", "pydicom", "pyarrow")
CHILD = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {forbidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refuse())
from braintumor.cli.main import run
try:
    run({arguments!r})
finally:
    imported = {{name.partition(".")[0] for name in sys.modules}}
    print("IMPORTED", *sorted(imported & set({watched!r})), file=sys.stderr)
"""


def test_predict_runs_where_only_the_base_is_installed(tmp_path: Path) -> None:
    bundle = make_tiny_bundle(tmp_path / "bundle")
    picture = tmp_path / "picture.jpg"
    Image.fromarray(striped("upright")).save(picture, quality=95)
    child = CHILD.format(
        forbidden=FORBIDDEN,
        watched=FORBIDDEN + SLOW,
        arguments=["predict", str(picture), "--model", str(bundle), "--json"],
    )

    done = subprocess.run(
        [sys.executable, "-c", child], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["predicted"] == "glioma"
    assert "IMPORTED\n" in done.stderr, done.stderr
