"""An ONNX graph that computes no pixel which nothing reads: strides are taken where they save most.

Where every reader of a value is a convolution of one pixel that takes every second one, three
quarters of the value are computed for nothing. The stride moves up then, into the convolutions
that made the value, which gives the same numbers. ResNet50 (He et al. 2016) ends two stages so:
6 % of its arithmetic; and in eight bits OpenVINO would do the same later, and pay for it with
float32 in three layers, a quarter of the time.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import onnx
from onnx import helper

_STEP = [2, 2]


def strides_early(model: onnx.ModelProto) -> int:
    """Move strides up in a graph, as far as they go without changing an answer.

    Args:
        model: float32, without inferred shapes of inner values; changed in place.

    Returns:
        How many convolutions compute a quarter of what they did.
    """
    moved = 0
    while True:
        graph = _Graph(model)
        for node in model.graph.node:
            if node.op_type == "Relu" and graph.is_thinned_by_all(node.output[0]):
                moved += graph.thin(node.output[0])
                break
        else:
            return moved


class _Graph:
    """Who makes a value, and who reads it."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._nodes = model.graph.node
        self._outputs = {output.name for output in model.graph.output}
        self._maker = {name: node for node in self._nodes for name in node.output}
        self._readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in self._nodes:
            for name in node.input:
                self._readers[name].append(node)

    def is_thinned_by_all(self, value: str) -> bool:
        """Whether nobody reads more than every second pixel, and a convolution would gain."""
        readers = self._readers[value]
        return (
            value not in self._outputs
            and bool(readers)
            and all(_takes_every_second(node) for node in readers)
            and self._gains(value)
        )

    def thin(self, value: str) -> int:
        """Make every second pixel of a value alone; its readers take all of them then."""
        for node in self._readers[value]:
            _set(node, "strides", [1, 1])
        return self._made_thin(self._maker[value])

    def _gains(self, value: str) -> bool:
        node = self._maker.get(value)
        if node is None:
            return False
        if _can_stride(node):
            return True
        return node.op_type in ("Relu", "Add") and any(
            self._is_private(name) and self._gains(name) for name in node.input
        )

    def _made_thin(self, node: onnx.NodeProto) -> int:
        if _can_stride(node):
            _set(node, "strides", _STEP)
            return 1
        moved = 0
        for place, name in enumerate(node.input):
            if self._is_private(name) and self._gains(name):
                moved += self._made_thin(self._maker[name])
            else:
                node.input[place] = self._every_second(name, node)
        return moved

    def _is_private(self, value: str) -> bool:
        return len(self._readers[value]) == 1 and value not in self._outputs

    def _every_second(self, value: str, before: onnx.NodeProto) -> str:
        """A pool of one pixel: it only skips."""
        thin = f"{value}/every_second"
        pool = helper.make_node(
            "MaxPool", [value], [thin], name=thin, kernel_shape=[1, 1], strides=_STEP
        )
        self._nodes.insert(list(self._nodes).index(before), pool)
        return thin


def _takes_every_second(node: onnx.NodeProto) -> bool:
    return (
        node.op_type == "Conv"
        and _get(node, "kernel_shape") == [1, 1]
        and _get(node, "strides") == _STEP
        and not any(_get(node, "pads"))
    )


def _can_stride(node: onnx.NodeProto) -> bool:
    """Whether a stride of 2 gives every second pixel of what it makes now."""
    return node.op_type == "Conv" and _get(node, "strides") == [1, 1]


def _get(node: onnx.NodeProto, name: str) -> list[int]:
    return next((list(one.ints) for one in node.attribute if one.name == name), [])


def _set(node: onnx.NodeProto, name: str, values: list[int]) -> None:
    kept: list[Any] = [one for one in node.attribute if one.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, values)])
