"""The cnn trains on every Keras backend that is installed: one test each, a loud skip otherwise."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

pytest.importorskip("keras")

# A process of its own: Keras takes its backend once, when imported.
_SCRIPT = """
import pathlib, sys, tempfile
import keras, numpy as np
from braintumor.images.prepare import Preparation
from braintumor.networks import build
from braintumor.networks.where import places, places_of
from braintumor.training.batches import ImageBatches
from braintumor.training.examples import Examples
from braintumor.training.loop import Phase, fit_phase
from braintumor.training.objective import logits_of
from braintumor.training.recipe import default_recipe
from braintumor.training.report import Reporter
from braintumor.training.run import RunFolder

assert keras.backend.backend() == sys.argv[1], keras.backend.backend()
keras.utils.set_random_seed(1)
labels = np.arange(24) % 4
pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 32)).astype(np.uint8)
for row, label in enumerate(labels):
    pixels[row, : 8 * (label + 1)] //= 4
recipe = default_recipe("cnn", epochs=3, batch_size=8, mixup=0.0, preparation=Preparation(size=32))
recipe = recipe.resolved()
model = build("cnn", size=32, precision=recipe.precision)
valid = pixels[..., None].astype(np.float32)
masks = (pixels < 60).astype(np.uint8) * 255
examples = Examples(
    pixels=pixels, labels=labels, names=np.arange(24), masks=masks, known=np.ones(24, bool)
)
phase = Phase(
    name="cnn", model=places(model), epochs=3,
    learning_rate=2e-3, warmup_epochs=1, valid_labels=labels,
    batches=lambda epoch: ImageBatches(examples, recipe, epoch, places_of(model)),
    validate=lambda m: logits_of(m.predict(valid, verbose=0)),
)
with tempfile.TemporaryDirectory() as folder:
    state = fit_phase(phase, recipe, RunFolder(pathlib.Path(folder)), Reporter(quiet=True))
losses = [row["loss"] for row in state.history]
assert losses[-1] < losses[0], losses
print("LOSSES", losses)
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_the_cnn_trains_on(backend: str) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"SKIPPED FOR WANT OF A BACKEND: {backend} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, backend],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "LOSSES" in done.stdout
