"""The class activation maps in a bundle's graph are those of Grad-CAM by gradients in Keras.

They are where attention, how much each place counts, is held constant; where the gradient goes
through the attention too, Grad-CAM draws another map.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from braintumor.bundle.classifier import Classifier
from braintumor.catalog.phantom.dataset import sample_phantoms
from braintumor.classes import CLASSES
from braintumor.images.prepare import Preparation, prepare

keras = pytest.importorskip("keras", reason="SKIPPED FOR WANT OF the extra [train]")
if keras.backend.backend() != "tensorflow":
    pytest.skip("SKIPPED: gradients are taken with TensorFlow here", allow_module_level=True)
from braintumor.networks import build, default_size  # noqa: E402 - these need the extra
from braintumor.networks.where import FLOOR  # noqa: E402
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
    asked = tf.one_hot([label] * len(canvases), len(CLASSES))
    gradients = tape.gradient(logits, weighted, output_gradients=asked)
    channels = tf.reduce_sum(gradients, axis=(1, 2), keepdims=True)
    cam = tf.reduce_sum(channels * weighted, axis=-1)
    return np.asarray(cam + weights[..., 0] * evidence.bias[label])


def grad_cam_through_attention(
    model: Any, canvases: NDArray[np.float32], label: int
) -> NDArray[np.float32]:
    """Grad-CAM before its ReLU at the features themselves, as a tool that knows no attention."""
    import tensorflow as tf

    evidence, where = model.get_layer("evidence"), model.get_layer("where")
    features = keras.Model(model.input, model.get_layer("features").output)(canvases)
    with tf.GradientTape() as tape:
        tape.watch(features)
        counts = tf.sigmoid(where(features)) + FLOOR
        counts /= tf.reduce_mean(counts, axis=(1, 2), keepdims=True)
        logits = tf.reduce_mean(counts * evidence(features), axis=(1, 2))
        logit = tf.reduce_sum(logits[:, label])
    channels = tf.reduce_mean(tape.gradient(logit, features), axis=(1, 2), keepdims=True)
    return np.asarray(tf.reduce_sum(channels * features, axis=-1))


def served(model: Any, network: str, size: int, folder: Path) -> Any:
    """The network of a bundle that was exported from a run of this model."""
    (folder / "run").mkdir()
    model.save(folder / "run" / "model.keras")
    recipe = default_recipe(network, preparation=Preparation(size=size))
    recipe.write(folder / "run" / "recipe.toml")
    bundle = export_run(folder / "run", folder / "bundle")
    (one,) = Classifier.load(bundle).networks
    return one


def scaled(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, h, w) maps, each with its strongest place at 1 or -1."""
    return np.asarray(maps / np.abs(maps).max(axis=(1, 2), keepdims=True))


@pytest.mark.slow
@pytest.mark.parametrize("network", ["cnn", "resnet50"])
def test_they_are_the_same_map_to_a_thousandth(network: str, tmp_path: Path) -> None:
    size = 64
    keras.utils.set_random_seed(1)
    model = build(network, size=size)
    model.get_layer("evidence").bias.assign([0.3, -0.2, 0.1, 0.0])
    maps_of = served(model, network, size, tmp_path).runtime.run

    canvases = np.random.default_rng(0).integers(0, 255, (3, size, size)).astype(np.uint8)
    maps = maps_of(canvases).maps
    for label in range(4):
        expected = grad_cam(model, canvases[..., None].astype(np.float32), label)
        found = maps[..., label]
        assert np.ptp(expected) > 0
        np.testing.assert_allclose(
            found / np.abs(found).max(), expected / np.abs(expected).max(), atol=1e-3
        )


@pytest.fixture(scope="module")
def phantoms() -> NDArray[np.float32]:
    """(4, 160, 160, 1) canvases, one of each class, as the cnn sees them."""
    preparation = Preparation(size=default_size("cnn"))
    slices = [prepare(pixels, preparation).pixels for pixels in sample_phantoms().values()]
    return np.stack(slices)[..., None].astype(np.float32)


@pytest.fixture(scope="module")
def trained(phantoms: NDArray[np.float32]) -> Any:
    """The cnn as it is shipped, at its full size, after a few steps on phantoms.

    Batch normalisation takes the phantoms' own statistics at once, and the logits' weights are so
    strong that attention and evidence differ from place to place.
    """
    keras.utils.set_random_seed(2)
    model = build("cnn")
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.5
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss=loss, jit_compile=False)
    model.fit(phantoms, np.eye(4, dtype=np.float32), epochs=12, batch_size=4, verbose=0)
    return model


@pytest.mark.slow
def test_so_they_are_of_the_cnn_at_full_size_with_weights_that_learnt(
    trained: Any, phantoms: NDArray[np.float32], tmp_path: Path
) -> None:
    maps = served(trained, "cnn", phantoms.shape[1], tmp_path).runtime.run(phantoms[..., 0]).maps
    counts = keras.Model(trained.input, trained.get_layer("maps").input[0])(phantoms)
    assert np.ptp(counts, axis=(1, 2)).min() > 0.1  # attention looks somewhere in every slice
    for label in range(4):
        expected = grad_cam(trained, phantoms, label)
        assert (np.std(scaled(expected), axis=(1, 2)) > 0.05).all()
        np.testing.assert_allclose(scaled(maps[..., label]), scaled(expected), atol=1e-3)


@pytest.mark.slow
def test_a_gradient_through_the_attention_draws_another_map(
    trained: Any, phantoms: NDArray[np.float32]
) -> None:
    held, through = (
        scaled(way(trained, phantoms, 0)) for way in (grad_cam, grad_cam_through_attention)
    )
    assert np.abs(held - through).max() > 0.1
