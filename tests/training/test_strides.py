"""Strides move up where nothing else is read, and no answer changes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

keras = pytest.importorskip("keras", reason="SKIPPED FOR WANT OF the extra [train]")
ort = pytest.importorskip("onnxruntime", reason="SKIPPED FOR WANT OF onnxruntime")
from braintumor.networks import build, serving_model  # noqa: E402
from braintumor.training.onnx_graph import onnx_graph  # noqa: E402
from braintumor.training.strides import strides_early  # noqa: E402

SIZE = 64


def answers(graph: onnx.ModelProto, side: int = SIZE) -> list[NDArray[np.float32]]:
    images = np.random.default_rng(0).integers(0, 256, (2, side, side, 1)).astype(np.float32)
    onnx.checker.check_model(graph, full_check=True)
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return [np.asarray(one) for one in session.run(None, {"image": images})]


def strides(graph: onnx.ModelProto) -> dict[str, int]:
    return {
        node.name.partition("/")[0]: next(a.ints[0] for a in node.attribute if a.name == "strides")
        for node in graph.graph.node
        if node.op_type == "Conv"
    }


def test_resnet50_takes_its_strides_a_block_earlier() -> None:
    graph = onnx_graph(serving_model(build("resnet50", size=SIZE)))
    expected = answers(graph)

    # The last two convolutions of the second and of the third stage. The fourth is read whole.
    assert strides_early(graph) == 4

    found = answers(graph)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * np.abs(other).max())
    now = strides(graph)
    assert now["conv2_block3_2_conv"] == now["conv3_block4_2_conv"] == 2
    assert now["conv3_block1_0_conv"] == now["conv3_block1_1_conv"] == 1
    assert now["conv4_block6_2_conv"] == 1
    assert now["conv5_block1_0_conv"] == 2
    assert Counter(n.op_type for n in graph.graph.node)["MaxPool"] == 3


def test_a_network_without_such_layers_stays_as_it_is() -> None:
    graph = onnx_graph(serving_model(build("cnn", size=SIZE)))
    before = graph.SerializeToString(deterministic=True)

    assert strides_early(graph) == 0
    assert graph.SerializeToString(deterministic=True) == before


def network(*, side: int, also_whole: bool) -> Any:
    """A residual block that convolutions of one pixel thin; `also_whole` is one that does not."""
    layers = keras.layers
    image = layers.Input((side, side, 1), name="image")
    x = layers.Conv2D(3, 3, padding="same", activation="relu")(image)
    y = layers.Conv2D(3, 5, padding="same", activation="relu")(x)
    y = layers.Conv2D(3, 1)(y)
    y = layers.Activation("relu")(layers.Add()([x, y]))
    parts = [layers.Conv2D(2, 1, strides=2)(y), layers.Conv2D(2, 1, strides=2)(y)]
    if also_whole:
        parts.append(layers.MaxPooling2D(2, padding="same")(y))
    maps = layers.Concatenate()(parts)
    pooled = layers.GlobalAveragePooling2D()(maps)
    return keras.Model(image, {"logits": pooled, "maps": maps})


@pytest.mark.parametrize("side", [8, 9])
def test_even_and_odd_sides_give_the_same_numbers(side: int) -> None:
    graph = onnx_graph(network(side=side, also_whole=False))
    expected = answers(graph, side)

    assert strides_early(graph) == 2
    for one, other in zip(answers(graph, side), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)


def test_what_somebody_reads_whole_is_made_whole() -> None:
    graph = onnx_graph(network(side=8, also_whole=True))
    assert strides_early(graph) == 0
