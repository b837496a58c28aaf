"""A graph in eight bits: what is rounded, and what two engines would round differently."""

from __future__ import annotations

import numpy as np
import pytest

from braintumor.training.eight_bits import quantised

SIZE = 16


def residual_network() -> bytes:
    """Two residual blocks, named as of a ResNet50's fourth and fifth stage."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)

    def weight(name: str, channels: int) -> object:
        values = random.normal(0, 0.3, (8, channels, 3, 3)).astype(np.float32)
        return numpy_helper.from_array(values, name)

    weights = [weight("w0", 1), weight("w1", 8), weight("w2", 8)]
    rim = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], "planes", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "w0"], ["a"], "conv1", **rim),
        helper.make_node("Relu", ["a"], ["b"], "relu1"),
        helper.make_node("Conv", ["b", "w1"], ["c"], "conv4_block1_conv", **rim),
        helper.make_node("Add", ["c", "b"], ["d"], "conv4_block1_add/0"),
        helper.make_node("Relu", ["d"], ["e"], "relu2"),
        helper.make_node("Conv", ["e", "w2"], ["f"], "conv5_block1_conv", **rim),
        helper.make_node("Add", ["f", "e"], ["g"], "conv5_block1_add/0"),
        helper.make_node("Relu", ["g"], ["h"], "relu4"),
        helper.make_node("GlobalAveragePool", ["h"], ["logits"], "pool"),
    ]
    graph = helper.make_graph(
        nodes,
        "residual",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", SIZE, SIZE, 1])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 8, 1, 1])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def test_early_sums_take_their_inputs_as_they_are_and_late_ones_rounded() -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("nncf")
    canvases = np.random.default_rng(1).integers(0, 256, (8, SIZE, SIZE)).astype(np.uint8)
    nodes = onnx.load_model_from_string(quantised(residual_network(), canvases)).graph.node
    makers = {made: node.op_type for node in nodes for made in node.output}
    rounded = {
        node.name: any(makers.get(name) == "DequantizeLinear" for name in node.input)
        for node in nodes
        if node.op_type == "Add"
    }

    assert rounded == {"conv4_block1_add/0": False, "conv5_block1_add/0": True}
