"""A bundle made without training, for every test that needs one.

Its graph sees stripes: upright ones are its `glioma`, level ones its `meningioma`, an even
surface its `no_tumor`, and a checkerboard its `pituitary`. Like a real one, it answers with
logits, embedding and class activation maps.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from braintumor.bundle.card import Card
from braintumor.bundle.parts import Graph, TrainedOn
from braintumor.files import sha256_of
from braintumor.images.prepare import Preparation

SIZE = 64
_CELL = 8


def make_tiny_bundle(
    folder: Path,
    *,
    name: str = "tiny",
    network: str = "cnn",
    size: int = SIZE,
    turn: int = 0,
    **more: Any,
) -> Path:
    """Make the bundle and return its folder.

    Args:
        folder: where; made if need be.
        name, network: as the card gives them.
        size: side of the canvas; a multiple of 8.
        turn: by how many places the classes are turned, for a second model that disagrees.
        more: further fields of the card.
    """
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(tiny_graph(size=size, turn=turn), folder / "model.onnx")
    metrics = {"n": 40, "accuracy": 0.9, "macro_auc": 0.97}
    Card(
        name=name,
        network=network,
        preparation=Preparation(size=size).to_dict(),
        graph=Graph(sha256=sha256_of(folder / "model.onnx"), opset=18),
        trained_on=TrainedOn(dataset="phantoms", phantom=True, images=160, recipe={"seed": 0}),
        evidence={"splits": {"test": metrics}},
        licence="Apache-2.0",
        created_with={"braintumor": "0.1.0"},
        **more,
    ).write(folder)
    return folder


def striped(kind: str, *, shape: tuple[int, int] = (96, 96)) -> NDArray[np.uint8]:
    """A slice that the tiny bundle knows: `upright`, `level`, `even` or `checked` stripes."""
    rows, columns = np.indices(shape)
    across, down = columns // 6 % 2, rows // 6 % 2
    pattern = {
        "upright": across,
        "level": down,
        "even": np.ones(shape, int),
        "checked": across ^ down,
    }[kind]
    slice_ = (pattern * 180 + 40).astype(np.uint8)
    slice_[:3] = slice_[-3:] = slice_[:, :3] = slice_[:, -3:] = 0
    return slice_


def tiny_graph(*, size: int = SIZE, turn: int = 0) -> onnx.ModelProto:
    """Differences along rows and columns, averaged in cells of 8 x 8 pixels, then linear."""
    edges = np.zeros((4, 1, 3, 3), np.float32)
    edges[0, 0, 1, :] = edges[1, 0, :, 1] = [-1, 0, 1]
    edges[2:4] = -edges[0:2]
    to_features = np.array([[1, 0, 1, 0], [0, 1, 0, 1]], np.float32).reshape(2, 4, 1, 1) / 255
    to_maps = np.array([[9, -9], [-9, 9], [-9, -9], [9, 9]], np.float32)
    bias = np.array([0.0, 0.0, 2.0, -2.5], np.float32)
    to_maps, bias = np.roll(to_maps, turn, axis=0), np.roll(bias, turn)
    weights = {
        "edges": edges,
        "to_features": to_features,
        "to_maps": to_maps.reshape(4, 2, 1, 1),
        "to_logits": to_maps,
        "bias": bias,
    }

    def node(kind: str, inputs: list[str], outputs: list[str], **settings: Any) -> onnx.NodeProto:
        return helper.make_node(kind, inputs, outputs, name=outputs[0], **settings)

    cell = [_CELL, _CELL]
    nodes = [
        node("Transpose", ["image"], ["x"], perm=[0, 3, 1, 2]),
        node("Conv", ["x", "edges"], ["e"], pads=[1, 1, 1, 1]),
        node("Relu", ["e"], ["r"]),
        node("Conv", ["r", "to_features"], ["f"]),
        node("AveragePool", ["f"], ["cells"], kernel_shape=cell, strides=cell),
        node("GlobalAveragePool", ["cells"], ["pooled"]),
        node("Flatten", ["pooled"], ["embedding"]),
        node("Gemm", ["embedding", "to_logits", "bias"], ["logits"], transB=1),
        node("Conv", ["cells", "to_maps"], ["class_activation"]),
        node("Transpose", ["class_activation"], ["maps"], perm=[0, 2, 3, 1]),
    ]
    value, real, side = helper.make_tensor_value_info, TensorProto.FLOAT, size // _CELL
    graph = helper.make_graph(
        nodes,
        "tiny",
        [value("image", real, ["n", size, size, 1])],
        [
            value("logits", real, ["n", 4]),
            value("embedding", real, ["n", 2]),
            value("maps", real, ["n", side, side, 4]),
        ],
        [numpy_helper.from_array(array, key) for key, array in weights.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10, producer_name="test"
    )
