"""How a graph gets eight bits: rounded, some layers' inputs given back, its logits centred.

What that costs, and whether it is taken, is not decided here but in `quantise.py`. Knows graphs and
prepared slices; no bundles, no labels.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from braintumor.bundle.parts import GRAPH_INPUT, GRAPH_OUTPUTS, Precision
from braintumor.bundle.runtime import Runtime
from braintumor.errors import require
from braintumor.networks.where import HEAD
from braintumor.progress import track

_BATCH = 16
# The range of what is rounded is the one that leaves the smallest error over all values seen. The
# mean of each slice's extremes, NNCF's default, left the logits of `resnet50` more than twice the
# squared error, and what it loses falls on gliomas.
_RANGES: Final = "HISTOGRAM"
# Where the two branches of a residual block are added up, engines round in another order, and what
# differs early the whole network carries on. So these sums of `resnet50` take their inputs in
# float32. With all sums rounded OpenVINO and ONNX Runtime gave four of 748 slices another class,
# with the first two stages' in float32 one or four, by the graph and the processor, with these two;
# the last stage's changed nothing more. On one processor they cost nothing that could be told from
# chance, on another all sums together cost a quarter.
_EARLY_SUMS: Final = ("conv2_", "conv3_", "conv4_")
# What a card says of the way; raised where the same slices give another graph.
METHOD: Final = "ranges by histogram, early sums in float32, logits centred"
# What any head is made of. It is cheap, and its maps are exact only where it stays in float32.
_HEAD = ("Gemm", "ReduceMean", "GlobalAveragePool", "Flatten")


def quantised(graph: bytes, canvases: NDArray[np.uint8]) -> bytes:
    """A graph with 8-bit weights and activations; the head, with its maps, stays in float32.

    Args:
        graph: bytes of an ONNX file, float32.
        canvases: (n, size, size) prepared training slices.

    Returns:
        Bytes of an ONNX file that ONNX's checker has passed.
    """
    require("nncf", extra="train", what="Quantising a bundle")
    import nncf
    import onnx
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    model = onnx.load_model_from_string(graph)
    head = [
        node.name
        for node in model.graph.node
        if node.op_type in _HEAD or _makes_maps(node) or node.name.startswith(HEAD)
    ]
    nncf.disable_logging()
    samples = [{GRAPH_INPUT: one[None, ..., None].astype(np.float32)} for one in canvases]
    with redirect_stdout(sys.stderr):  # where it draws progress bars of its own
        small = nncf.quantize(
            model,
            nncf.Dataset(samples),
            subset_size=len(samples),
            preset=nncf.QuantizationPreset.MIXED,
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=getattr(RangeEstimatorParametersSet, _RANGES)
            ),
            target_device=nncf.TargetDevice.CPU,
            ignored_scope=nncf.IgnoredScope(names=head),
        )
    sums = [node.name for node in small.graph.node if node.op_type == "Add"]
    early = [name for name in sums if name.startswith(_EARLY_SUMS)]
    onnx.checker.check_model(small, full_check=True)
    return with_float_inputs(small.SerializeToString(deterministic=True), early)


def with_float_inputs(graph: bytes, layers: Sequence[str]) -> bytes:
    """A quantised graph in which some layers take their inputs as they are.

    Their weights stay in 8 bits, and so does the graph's size.

    Args:
        graph: bytes of an ONNX file, as `quantised` gives it.
        layers: names of nodes.
    """
    if not layers:
        return graph
    import onnx

    model = onnx.load_model_from_string(graph)
    makers = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.name in layers:
            for place, name in enumerate(node.input):
                node.input[place] = _unrounded(name, makers)
    _drop_unused(model)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def centred(small: bytes, exact: NDArray[np.float32], canvases: NDArray[np.uint8]) -> bytes:
    """A quantised graph whose logits are in the mean those of its twin: a constant is added.

    What rounding does to a logit is mostly noise and partly a shift, the same on every slice. Of
    few hundredths, it still turns doubtful slices of one class more often than of the others.
    Empirical bias correction (Nagel et al., ICCV 2019), at the last layer.

    Args:
        small: bytes of the quantised graph.
        exact: (n, 4) logits of its float32 twin.
        canvases: (n, size, size) prepared training slices that they are of.

    Returns:
        Bytes of an ONNX file; `small` itself where nothing is shifted.
    """
    import onnx

    now = logits_of(small, canvases, "int8")
    shift = (exact.astype(np.float64) - now).mean(axis=0).astype(np.float32)
    if not shift.any():
        return small
    model = onnx.load_model_from_string(small)
    output, before, constant = GRAPH_OUTPUTS[0], "logits/rounded", "logits/shift"
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [before if name == output else name for name in names]
    model.graph.initializer.append(onnx.numpy_helper.from_array(shift, constant))
    model.graph.node.append(onnx.helper.make_node("Add", [before, constant], [output], constant))
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def costliest(graph: bytes, small: bytes, canvases: NDArray[np.uint8]) -> list[str]:
    """The layers of a quantised graph, those first whose rounded inputs cost most.

    Args:
        graph: bytes of its float32 twin.
        small: bytes of the quantised graph.
        canvases: (n, size, size) prepared training slices.

    Returns:
        Names of nodes that take rounded inputs, by the mean squared error of the logits that is
        left where this layer alone takes its inputs in float32.
    """
    import onnx

    model = onnx.load_model_from_string(small)
    makers = {name: node for node in model.graph.node for name in node.output}
    layers = [
        node.name
        for node in model.graph.node
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear")
        and any(_unrounded(name, makers) != name for name in node.input)
    ]
    size = canvases.shape[1]
    exact = Runtime(graph, size=size).run(canvases).logits

    def left(name: str) -> float:
        runtime = Runtime(with_float_inputs(small, [name]), size=size, precision="int8")
        return float(((runtime.run(canvases).logits - exact) ** 2).mean())

    errors = [left(name) for name in track(layers, total=len(layers), what="Measuring layers")]
    return [layers[k] for k in np.argsort(errors, kind="stable")]


def _unrounded(name: str, makers: Mapping[str, Any]) -> str:
    """What a rounded activation was before; weights and all else keep their names."""
    node = makers.get(name)
    if node is None or node.op_type != "DequantizeLinear":
        return name
    rounding = makers.get(node.input[0])
    if rounding is None or rounding.op_type != "QuantizeLinear" or rounding.input[0] not in makers:
        return name
    return str(rounding.input[0])


def _drop_unused(model: Any) -> None:
    """Take out nodes whose outputs nobody reads any more, and constants likewise."""
    graph = model.graph
    while True:
        read = {name for node in graph.node for name in node.input}
        read |= {output.name for output in graph.output}
        idle = [node for node in graph.node if not read & set(node.output)]
        if not idle:
            break
        for node in idle:
            graph.node.remove(node)
    for constant in [one for one in graph.initializer if one.name not in read]:
        graph.initializer.remove(constant)


def logits_of(
    graph: bytes, canvases: NDArray[np.uint8], precision: Precision
) -> NDArray[np.float32]:
    """(n, 4) logits of (n, size, size) prepared slices, with progress."""
    runtime = Runtime(graph, size=canvases.shape[1], precision=precision)
    starts = range(0, len(canvases), _BATCH)
    answers = (runtime.run(canvases[k : k + _BATCH]).logits for k in starts)
    return np.concatenate(list(track(answers, total=len(starts), what=precision)))


def _makes_maps(node: Any) -> bool:
    return bool(node.op_type == "Conv" and "class_activation" in node.name)
