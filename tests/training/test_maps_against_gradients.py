"""The class activation maps in a bundle's graph are those of Grad-CAM by gradients in Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from braintumor.bundle.classifier import Classifier
from braintumor.images.prepare import Preparation

keras = pytest.importorskip("keras", reason="SKIPPED FOR WANT OF the extra [train]")
if keras.backend.backend() != "tensorflow":
    pytest.skip("SKIPPED: gradients are taken with TensorFlow here", allow_module_level=True)
from braintumor.networks import build  # noqa: E402 - these need the extra
from braintumor.training.export import export_run  # noqa: E402
from braintumor.training.recipe import default_recipe  # noqa: E402


def grad_cam(model: Any, canvases: NDArray[np.float32], label: int) -> NDArray[np.float32]:
    """Grad-CAM before its ReLU (Selvaraju et al., ICCV 2017): features weighted by the mean
    gradient of the class's logit, (n, h, w)."""
    import tensorflow as tf

    both = keras.Model(model.input, [model.get_layer("features").output, model.output])
    with tf.GradientTape() as tape:
        features, logits = both(canvases, training=False)
        wanted = logits[:, label]
    gradients = tape.gradient(wanted, features)
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    return np.asarray(tf.reduce_sum(weights * features, axis=-1))


@pytest.mark.slow
@pytest.mark.parametrize("network", ["cnn", "resnet50"])
def test_they_are_the_same_map_to_a_thousandth(network: str, tmp_path: Path) -> None:
    size = 64
    (tmp_path / "run").mkdir()
    keras.utils.set_random_seed(1)
    model = build(network, size=size)
    model.save(tmp_path / "run" / "model.keras")
    recipe = default_recipe(network, preparation=Preparation(size=size))
    recipe.write(tmp_path / "run" / "recipe.toml")
    bundle = export_run(tmp_path / "run", tmp_path / "bundle")

    canvases = np.random.default_rng(0).integers(0, 255, (3, size, size)).astype(np.uint8)
    (served,) = Classifier.load(bundle).networks
    maps = served.runtime.run(canvases).maps
    for label in range(4):
        expected = grad_cam(model, canvases[..., None].astype(np.float32), label)
        found = maps[..., label]
        assert np.ptp(expected) > 0
        np.testing.assert_allclose(
            found / np.abs(found).max(), expected / np.abs(expected).max(), atol=1e-3
        )
