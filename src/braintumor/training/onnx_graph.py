"""A Keras functional model -> the same network as an ONNX graph, layer by layer.

It walks the model's own description and writes one ONNX node for each layer, so that it works
alike with every Keras backend, leaves no trace of the backend in the graph, and folds each batch
normalisation into the convolution before it. Only the layers that our networks are made of are
known; any other is named in an error. Inside the graph channels come first, as ONNX wants them;
input and outputs keep Keras's order.

Knows nothing of what the network is for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from braintumor import __version__
from braintumor.errors import BraintumorError

OPSET = 18
# The first format version that holds this operator set: older runtimes read it too.
_IR_VERSION = 8
_TO_CHANNELS_FIRST = [0, 3, 1, 2]
_TO_CHANNELS_LAST = [0, 2, 3, 1]
_ACTIVATIONS = {"linear": None, "relu": "Relu", "sigmoid": "Sigmoid"}

Shape = tuple[int | None, ...]


def onnx_graph(model: Any) -> onnx.ModelProto:
    """Write a model as an ONNX graph.

    Args:
        model: keras.Model, functional, channels last, with one input and a dict of outputs;
            whatever precision it computes in, the graph computes in float32.

    Returns:
        The graph: input and outputs named and ordered as in Keras, the first axis free.

    Raises:
        BraintumorError: a layer, or a setting of one, that has no translation here.
    """
    config = model.get_config()
    writer = _Writer(_uses(config))
    operations = {operation.name: operation for operation in model.operations}
    source = config["input_layers"]
    source = source[0] if isinstance(source[0], list) else source  # as older Keras has it
    for entry in config["layers"]:
        layer = operations[entry["name"]]
        for call, node in enumerate(entry["inbound_nodes"]):
            inputs = [(_value(*history), shape) for history, shape in _tensors(node)]
            writer.layer(layer, entry, f"{entry['name']}/{call}", inputs)
        if not entry["inbound_nodes"]:
            writer.image(entry["name"], _value(*source))
    outputs = {
        name: (_value(*history), tuple(model.output[name].shape))
        for name, history in config["output_layers"].items()
    }
    return writer.finish(model.name, str(source[0]), tuple(model.input.shape), outputs)


@dataclass
class _Convolution:
    """A convolution not yet written down, for a batch normalisation may still go into it."""

    kernel: NDArray[np.float32]  # (out, in, height, width)
    bias: NDArray[np.float32]  # (out,)
    open: bool


class _Writer:
    """Collects nodes and weights; one method for each kind of layer."""

    def __init__(self, uses: Counter[str]) -> None:
        self._uses = uses
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, NDArray[Any]] = {}
        self._convolutions: dict[str, _Convolution] = {}
        # What a value is called in the graph, where a layer leaves no node of its own.
        self._same: dict[str, str] = {}

    def image(self, name: str, value: str) -> None:
        self._node("Transpose", [name], value, perm=_TO_CHANNELS_FIRST)

    def layer(
        self, layer: Any, entry: dict[str, Any], out: str, inputs: list[tuple[str, Shape]]
    ) -> None:
        kind = entry["class_name"]
        known: dict[str, Callable[..., None]] = {
            "Conv2D": self._convolution,
            "BatchNormalization": self._batch_normalisation,
            "Activation": self._activation_layer,
            "Add": self._add,
            "Multiply": self._multiply,
            "Divide": self._divide,
            "UpSampling2D": self._up_sampling,
            "Concatenate": self._concatenate,
            "MaxPooling2D": self._max_pooling,
            "GlobalAveragePooling2D": self._global_average,
            "Dense": self._dense,
            "Rescaling": self._rescaling,
            "ZeroPadding2D": self._zero_padding,
            "Dropout": self._nothing,
            "SpatialDropout2D": self._nothing,
        }
        if kind not in known:
            raise _no_translation(layer, f"layers of type {kind}")
        if entry["config"].get("data_format", "channels_last") != "channels_last":
            raise _no_translation(layer, "channels first")
        names = [self._same.get(name, name) for name, _ in inputs]
        shapes = [shape for _, shape in inputs]
        known[kind](layer, entry["config"], out, names, shapes)

    def finish(
        self, title: str, source: str, shape: Shape, outputs: dict[str, tuple[str, Shape]]
    ) -> onnx.ModelProto:
        for name, (value, output_shape) in outputs.items():
            value = self._same.get(value, value)
            if len(output_shape) == 4:
                self._node("Transpose", [value], name, perm=_TO_CHANNELS_LAST)
            else:
                self._rename(value, name)
        for value, convolution in self._convolutions.items():
            self._weights[f"{value}.kernel"] = convolution.kernel
            self._weights[f"{value}.bias"] = convolution.bias
        graph = helper.make_graph(
            self._nodes,
            title,
            [_face(source, shape)],
            [_face(name, output_shape) for name, (_, output_shape) in outputs.items()],
            [numpy_helper.from_array(array, name) for name, array in self._weights.items()],
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR_VERSION,
            producer_name="braintumor",
            producer_version=__version__,
        )

    def _node(self, kind: str, inputs: list[str], out: str, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(kind, inputs, [out], name=out, **attributes))

    def _rename(self, value: str, name: str) -> None:
        for node in self._nodes:
            node.input[:] = [name if key == value else key for key in node.input]
            node.output[:] = [name if key == value else key for key in node.output]

    def _constant(self, name: str, values: Any, kind: Any = np.float32) -> str:
        self._weights[name] = np.asarray(values, kind)
        return name

    def _activation(self, layer: Any, activation: Any, out: str) -> str:
        """Append the activation that ends in `out`; returns the name of what it acts on."""
        if activation not in _ACTIVATIONS:
            raise _no_translation(layer, f"the activation {activation}")
        kind = _ACTIVATIONS[activation]
        return out if kind is None else f"{out}/linear"

    def _finish_activation(self, before: str, activation: str, out: str) -> None:
        if before != out:
            self._node(str(_ACTIVATIONS[activation]), [before], out)

    def _convolution(
        self, layer: Any, config: Any, out: str, inputs: list[str], shapes: list[Shape]
    ) -> None:
        kernel = np.ascontiguousarray(_array(layer.kernel).transpose(3, 2, 0, 1))
        bias = _array(layer.bias) if config["use_bias"] else np.zeros(len(kernel), np.float32)
        before = self._activation(layer, config["activation"], out)
        self._convolutions[before] = _Convolution(kernel, bias, open=before == out)
        strides, dilation = list(config["strides"]), list(config["dilation_rate"])
        self._node(
            "Conv",
            [inputs[0], f"{before}.kernel", f"{before}.bias"],
            before,
            kernel_shape=list(kernel.shape[2:]),
            strides=strides,
            dilations=dilation,
            group=int(config["groups"]),
            pads=_pads(config["padding"], shapes[0], kernel.shape[2:], strides, dilation),
        )
        self._finish_activation(before, config["activation"], out)

    def _batch_normalisation(
        self, layer: Any, config: Any, out: str, inputs: list[str], shapes: list[Shape]
    ) -> None:
        """Fold into the convolution before it: y = (x - mean) / sqrt(var + eps) * gamma + beta."""
        convolution = self._convolutions.get(inputs[0])
        if convolution is None or not convolution.open or self._uses[inputs[0]] != 1:
            raise _no_translation(layer, "a batch normalisation that follows no convolution")
        if config["axis"] not in (-1, 3):
            raise _no_translation(layer, f"axis {config['axis']}")
        # In float64: the fold then costs no more than one rounding.
        scale = 1.0 / np.sqrt(_array(layer.moving_variance, np.float64) + config["epsilon"])
        if config["scale"]:
            scale = scale * _array(layer.gamma, np.float64)
        shift = _array(layer.beta, np.float64) if config["center"] else 0.0
        mean = _array(layer.moving_mean, np.float64)
        convolution.bias = ((convolution.bias - mean) * scale + shift).astype(np.float32)
        convolution.kernel = (convolution.kernel * scale[:, None, None, None]).astype(np.float32)
        convolution.open = False
        self._same[out] = inputs[0]

    def _activation_layer(
        self, layer: Any, config: Any, out: str, inputs: list[str], shapes: list[Shape]
    ) -> None:
        if self._activation(layer, config["activation"], out) == out:
            self._same[out] = inputs[0]
        else:
            self._finish_activation(inputs[0], config["activation"], out)

    def _add(
        self, layer: Any, config: Any, out: str, inputs: list[str], shapes: list[Shape]
    ) -> None:
        kind = "Add" if len(inputs) == 2 else "Sum"
        self._node(kind, inputs, out)

    def _multiply(
        self, layer: Any, config: Any, out: str, inputs: list[str], shapes: list[Shape]
    ) -> None:
        if len(inputs) != 2 or len({len(shape) for shape in shapes}) != 1:
            raise _no_translation(layer, "a product of anything but two of equal rank")
        self._node("Mul", inputs, out)

    def _divide(
        self, layer: Any, config: Any, out: str, inputs: list[str], shapes: list[Shape]
    ) -> None:
        if len(inputs) != 2 or len({len(shape) for shape in shapes}) != 1:
            raise _no_translation(layer, "a quotient of anything but two of equal rank")
        self._node("Div", inputs, out)

    def _up_sampling(
        self, layer: Any, config: Any, out: str, inputs: list[str], shapes: list[Shape]
    ) -> None:
        if config["interpolation"] != "nearest":
            raise _no_translation(layer, f"the interpolation {config['interpolation']}")
        scales = self._constant(f"{out}.scales", [1, 1, *config["size"]])
        self._node(
            "Resize",
            [inputs[0], "", scales],
            out,
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def _concatenate(
        self, layer: Any, config: Any, out: str, inputs: list[str], shapes: list[Shape]
    ) -> None:
        if config["axis"] not in (-1, 3) or len(shapes[0]) != 4:
            raise _no_translation(layer, "a concatenation of anything but channels")
        self._node("Concat", inputs, out, axis=1)

    def _max_pooling(
        self, layer: Any, config: Any, out: str, inputs: list[str], shapes: list[Shape]
    ) -> None:
        window, strides = list(config["pool_size"]), list(config["strides"])
        pads = _pads(config["padding"], shapes[0], window, strides, [1, 1])
        self._node("MaxPool", inputs, out, kernel_shape=window, strides=strides, pads=pads)

    def _global_average(
        self, layer: Any, config: Any, out: str, inputs: list[str], shapes: list[Shape]
    ) -> None:
        axes = self._constant(f"{out}.axes", [2, 3], np.int64)
        self._node("ReduceMean", [*inputs, axes], out, keepdims=int(config["keepdims"]))

    def _dense(
        self, layer: Any, config: Any, out: str, inputs: list[str], shapes: list[Shape]
    ) -> None:
        if len(shapes[0]) != 2:
            raise _no_translation(layer, "a dense layer on anything but vectors")
        before = self._activation(layer, config["activation"], out)
        operands = [*inputs, self._constant(f"{before}.kernel", _array(layer.kernel))]
        if config["use_bias"]:
            operands.append(self._constant(f"{before}.bias", _array(layer.bias)))
        self._node("Gemm", operands, before)
        self._finish_activation(before, config["activation"], out)

    def _rescaling(
        self, layer: Any, config: Any, out: str, inputs: list[str], shapes: list[Shape]
    ) -> None:
        """x * scale + offset, each one number or one a channel."""
        if len(shapes[0]) != 4:
            raise _no_translation(layer, "rescaling of anything but images")
        value = inputs[0]
        for kind, setting, neutral in (("Mul", "scale", 1.0), ("Add", "offset", 0.0)):
            number = np.asarray(config[setting], np.float32).reshape(1, -1, 1, 1)
            if (number == neutral).all():
                continue
            name = f"{out}.{setting}"
            self._node(kind, [value, self._constant(name, number)], f"{out}/{setting}")
            value = f"{out}/{setting}"
        self._same[out] = value

    def _zero_padding(
        self, layer: Any, config: Any, out: str, inputs: list[str], shapes: list[Shape]
    ) -> None:
        (top, bottom), (left, right) = config["padding"]
        pads = [0, 0, top, left, 0, 0, bottom, right]
        self._node("Pad", [*inputs, self._constant(f"{out}.pads", pads, np.int64)], out)

    def _nothing(
        self, layer: Any, config: Any, out: str, inputs: list[str], shapes: list[Shape]
    ) -> None:
        """Layers that act in training only."""
        self._same[out] = inputs[0]


def _value(layer: str, call: int, _output: int) -> str:
    """Name of what a layer gives at its n-th call; the slash keeps it apart from the face."""
    return f"{layer}/{call}"


def _tensors(node: Any) -> list[tuple[list[Any], Shape]]:
    """All tensors among a call's arguments, as Keras writes them down: history and shape."""
    if isinstance(node, dict):
        if node.get("class_name") == "__keras_tensor__":
            tensor = node["config"]
            return [(tensor["keras_history"], tuple(tensor["shape"]))]
        return [found for part in node.values() for found in _tensors(part)]
    if isinstance(node, list | tuple):
        return [found for part in node for found in _tensors(part)]
    return []


def _uses(config: dict[str, Any]) -> Counter[str]:
    """How many take each value as an input, the model's outputs counted in."""
    nodes = [node for entry in config["layers"] for node in entry["inbound_nodes"]]
    used = [_value(*history) for node in nodes for history, _ in _tensors(node)]
    used += [_value(*history) for history in config["output_layers"].values()]
    return Counter(used)


def _pads(
    padding: str, shape: Shape, window: Any, strides: list[int], dilation: list[int]
) -> list[int]:
    """Keras's "valid" and "same" as pixels: top, left, bottom, right (more behind if odd)."""
    if padding == "valid":
        return [0, 0, 0, 0]
    begins, ends = [], []
    for side, extent, stride, spacing in zip(shape[1:3], window, strides, dilation, strict=True):
        if side is None:
            raise BraintumorError("a graph needs a fixed size of image: build the network with one")
        reach = (extent - 1) * spacing + 1
        total = max((-(-side // stride) - 1) * stride + reach - side, 0)
        begins.append(total // 2)
        ends.append(total - total // 2)
    return begins + ends


def _array(variable: Any, kind: Any = np.float32) -> NDArray[Any]:
    """A Keras variable as an array of its own, whatever the backend."""
    return np.array(variable.numpy(), dtype=kind)


def _face(name: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape[1:]])


def _no_translation(layer: Any, what: str) -> BraintumorError:
    return BraintumorError(
        f"the layer {layer.name!r} cannot be exported: {what} has no translation to ONNX here"
    )
