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
    """Grad-CAM before its ReLU (Selvaraju et al., ICCV 2017), at the last layer before the mean.

    That layer holds the features as the network weighs them; each of its channels is weighted by
    the mean gradient of the class's logit. What the bias gives to each place, which no gradient
    sees, is added: (n, h, w), as much as the logit's mean needs.
    """
    import tensorflow as tf

    maps, evidence = model.get_layer("maps"), model.get_layer("evidence")
    layers = keras.Model(model.input, [model.get_layer("features").output, maps.input[0]])
    features, weights = layers(canvases, training=False)
    weighted = features * weights
    with tf.GradientTape() as tape:
        tape.watch(weighted)
        logits = tf.reduce_mean(evidence(weighted), axis=(1, 2))
    expected = model(canvases, training=False)
    np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())
    gradients = tape.gradient(logits, weighted, output_gradients=tf.one_hot([label] * 3, 4))
    channels = tf.reduce_sum(gradients, axis=(1, 2), keepdims=True)
    cam = tf.reduce_sum(channels * weighted, axis=-1)
    return np.asarray(cam + weights[..., 0] * evidence.bias[label])


@pytest.mark.slow
@pytest.mark.parametrize("network", ["cnn", "resnet50"])
def test_they_are_the_same_map_to_a_thousandth(network: str, tmp_path: Path) -> None:
    size = 64
    (tmp_path / "run").mkdir()
    keras.utils.set_random_seed(1)
    model = build(network, size=size)
    model.get_layer("evidence").bias.assign([0.3, -0.2, 0.1, 0.0])
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
