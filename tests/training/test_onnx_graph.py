"""The graph says what the Keras model says, node for layer, in float32."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from braintumor.bundle.runtime import Runtime
from braintumor.errors import BraintumorError
from braintumor.networks import build, serving_model

keras = pytest.importorskip("keras", reason="SKIPPED FOR WANT OF the extra [train]")
from braintumor.training.onnx_graph import onnx_graph  # noqa: E402 - it needs the extra

SIZE = 64


def unsettled(model: Any) -> Any:
    """Give every batch normalisation statistics of its own: fresh ones hide a wrong fold."""
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            new = [random.uniform(0.5, 1.5, gamma.shape), random.normal(0, 0.3, beta.shape)]
            new += [random.normal(0, 0.3, mean.shape), random.uniform(0.5, 1.5, variance.shape)]
            layer.set_weights(new)
    return model


def canvases(size: int = SIZE, count: int = 3) -> NDArray[np.float32]:
    random = np.random.default_rng(1)
    return random.integers(0, 256, (count, size, size, 1)).astype(np.float32)


def in_openvino(graph: onnx.ModelProto, images: NDArray[np.float32]) -> dict[str, Any]:
    return vars(Runtime(graph.SerializeToString(), size=images.shape[1]).run(images[..., 0]))


def in_onnxruntime(graph: onnx.ModelProto, images: NDArray[np.float32]) -> dict[str, Any]:
    runtime = pytest.importorskip("onnxruntime", reason="SKIPPED FOR WANT OF onnxruntime")
    session = runtime.InferenceSession(graph.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"image": images}), strict=True))


@pytest.fixture(scope="module", params=["cnn", "resnet50"])
def served(request: pytest.FixtureRequest) -> Any:
    return serving_model(unsettled(build(request.param, size=SIZE)))


@pytest.fixture(scope="module")
def graph(served: Any) -> onnx.ModelProto:
    return onnx_graph(served)


@pytest.mark.parametrize("runtime", [in_openvino, in_onnxruntime])
def test_the_graph_answers_as_keras_does(graph: onnx.ModelProto, served: Any, runtime: Any) -> None:
    expected = served.predict_on_batch(canvases())
    found = runtime(graph, canvases())

    for name in ("logits", "embedding", "maps"):
        truth = np.asarray(expected[name])
        assert found[name].shape == truth.shape
        scale = max(1.0, float(np.abs(truth).max()))
        np.testing.assert_allclose(found[name], truth, atol=1e-5 * scale, rtol=0)


def test_onnx_itself_finds_no_fault(graph: onnx.ModelProto) -> None:
    onnx.checker.check_model(graph, full_check=True)


def test_the_face_is_that_of_a_bundle(graph: onnx.ModelProto) -> None:
    def face(values: Any) -> dict[str, list[int | str]]:
        shapes = {value.name: value.type.tensor_type.shape.dim for value in values}
        return {name: [d.dim_param or d.dim_value for d in dims] for name, dims in shapes.items()}

    assert face(graph.graph.input) == {"image": ["n", SIZE, SIZE, 1]}
    outputs = face(graph.graph.output)
    assert list(outputs) == ["logits", "embedding", "maps"]
    assert outputs["logits"] == ["n", 4]
    assert outputs["maps"][0] == "n"
    assert outputs["maps"][3] == 4
    assert [(opset.domain, opset.version) for opset in graph.opset_import] == [("", 18)]


def test_nothing_is_in_the_graph_that_need_not_be(graph: onnx.ModelProto, served: Any) -> None:
    kinds = Counter(node.op_type for node in graph.graph.node)
    layers = Counter(type(layer).__name__ for layer in served.layers)

    assert kinds["Conv"] == layers["Conv2D"]
    assert kinds["BatchNormalization"] == 0
    assert kinds["Transpose"] == 2  # the image on its way in, the maps on their way out
    assert not kinds.keys() & {"Identity", "Dropout", "Cast", "Reshape"}


def test_all_numbers_are_float32(graph: onnx.ModelProto) -> None:
    kinds = {weight.data_type for weight in graph.graph.initializer}

    assert kinds <= {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}  # the latter: axes, pads


def test_the_same_weights_give_the_same_bytes(graph: onnx.ModelProto, served: Any) -> None:
    again = onnx_graph(served)

    assert again.SerializeToString(deterministic=True) == graph.SerializeToString(
        deterministic=True
    )


def test_a_model_that_computes_in_bfloat16_is_written_in_float32() -> None:
    mixed = unsettled(build("cnn", size=SIZE, precision="mixed_bfloat16"))
    plain = build("cnn", size=SIZE)
    plain.set_weights(mixed.get_weights())

    expected = serving_model(plain).predict_on_batch(canvases())["logits"]
    found = in_openvino(onnx_graph(serving_model(mixed)), canvases())["logits"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("side", [30, 31, 33])
@pytest.mark.parametrize(("kernel", "strides"), [(2, 2), (3, 1), (3, 2), (5, 3), (1, 2)])
def test_same_padding_lies_where_keras_puts_it(side: int, kernel: int, strides: int) -> None:
    layers = keras.layers
    image = layers.Input((side, side, 1), name="image")
    x = layers.Conv2D(3, kernel, strides=strides, padding="same", activation="relu")(image)
    x = layers.BatchNormalization(trainable=False)(layers.Conv2D(3, 1, use_bias=False)(x))
    x = layers.MaxPooling2D(kernel, strides=strides, padding="same")(x)
    x = layers.Add()([x, layers.Dropout(0.5)(x), x])
    x = layers.ZeroPadding2D(((1, 2), (3, 0)))(x)
    x = layers.UpSampling2D((2, 3))(layers.Multiply()([x, layers.Activation("sigmoid")(x)]))
    x = keras.ops.divide(x, layers.GlobalAveragePooling2D(keepdims=True)(x))
    maps = layers.Conv2D(4, 3, dilation_rate=1, name="m")(layers.Concatenate()([x, x]))
    pooled = layers.GlobalAveragePooling2D()(maps)
    logits = layers.Dense(4, activation="relu")(pooled)
    model = keras.Model(image, {"logits": logits, "embedding": pooled, "maps": maps})

    found = in_openvino(onnx_graph(unsettled(model)), canvases(side))
    expected = model.predict_on_batch(canvases(side))
    for name, truth in expected.items():
        np.testing.assert_allclose(found[name], truth, rtol=1e-5, atol=1e-3)


def tail(x: Any, image: Any) -> Any:
    layers = keras.layers
    pooled = layers.GlobalAveragePooling2D()(x)
    outputs = {"logits": layers.Dense(4)(pooled), "embedding": pooled, "maps": x}
    return keras.Model(image, outputs)


STRANGE = {
    "DepthwiseConv2D": lambda x: keras.layers.DepthwiseConv2D(3)(x),
    "the activation tanh": lambda x: keras.layers.Activation("tanh")(keras.layers.Conv2D(4, 3)(x)),
    "the activation softmax": lambda x: keras.layers.Conv2D(4, 3, activation="softmax")(x),
    "follows no convolution": lambda x: keras.layers.BatchNormalization()(x),
    "'twice'": lambda x: used_twice(keras.layers.Conv2D(4, 3)(x)),
    "the interpolation bilinear": lambda x: keras.layers.UpSampling2D(interpolation="bilinear")(x),
    "anything but vectors": lambda x: keras.layers.Dense(4)(x),
}


def used_twice(x: Any) -> Any:
    """The convolution is wanted both with and without its normalisation: no fold can be right."""
    return keras.layers.Add()([keras.layers.BatchNormalization(name="twice")(x), x])


@pytest.mark.parametrize("what", STRANGE)
def test_what_has_no_translation_is_named(what: str) -> None:
    image = keras.layers.Input((32, 32, 1), name="image")
    x = STRANGE[what](image)
    pooled = keras.layers.GlobalAveragePooling2D()(x)
    outputs = {"logits": keras.layers.Dense(4)(pooled), "embedding": pooled, "maps": x}

    with pytest.raises(BraintumorError, match=what):
        onnx_graph(keras.Model(image, outputs))


CHILD = """
import sys
import numpy as np, keras
from braintumor.networks import build, serving_model
from braintumor.training.onnx_graph import onnx_graph
from braintumor.bundle.runtime import Runtime
served = serving_model(build("cnn", size=32))
images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 1)).astype("float32")
expected = served.predict_on_batch(images)
found = Runtime(onnx_graph(served).SerializeToString(), size=32).run(images[..., 0])
for name in ("logits", "embedding", "maps"):
    np.testing.assert_allclose(getattr(found, name), np.asarray(expected[name]), atol=1e-5)
print(keras.backend.backend())
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_every_backend_of_keras_can_be_exported(backend: str) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"SKIPPED FOR WANT OF {backend}")
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, check=False, env=environment
    )

    assert done.stdout.split() == [backend], done.stderr[-2000:]
