"""A shipped graph answers the same however often it is compiled, and whatever runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from braintumor.bundle.card import read_bundle
from braintumor.bundle.decision import calibrated, combined
from braintumor.bundle.network import Network
from braintumor.bundle.runtime import ENGINES, Runtime
from braintumor.bundle.shipped import find_bundle, shipped
from braintumor.catalog.cache import prepared
from braintumor.catalog.catalog import Catalog

NETWORKS = [name for name in ("cnn", "resnet50") if name in shipped()]


@pytest.mark.parametrize("name", NETWORKS)
def test_many_are_answered_as_few_are(name: str) -> None:
    """OpenVINO compiled for several streams was wrong every other time; four times never."""
    answers = []
    for _ in range(4):
        network = Network.load(find_bundle(name))
        size = network.card.preparation_of_slices().size
        canvases = np.random.default_rng(0).integers(0, 256, (4, size, size)).astype(np.uint8)
        few, many = (network.runtime.run(canvases, many=how) for how in (False, True))
        np.testing.assert_allclose(many.logits, few.logits, atol=1e-3)
        np.testing.assert_allclose(many.embedding, few.embedding, atol=1e-3)
        answers.append(few.logits)
    np.testing.assert_allclose(answers, np.broadcast_to(answers[0], np.shape(answers)), atol=1e-3)


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_of_eight_bits_compute_in_eight_bits(name: str) -> None:
    """Weights of eight bits make a graph small; quick it is where what they meet is rounded too."""
    model = onnx.load_model_from_string(read_bundle(find_bundle(name))[1])
    makers = {output: node for node in model.graph.node for output in node.output}

    def rounded(value: str) -> bool:
        while value in makers and makers[value].op_type in ("MaxPool", "Pad", "Concat"):
            value = makers[value].input[0]  # they pass on what they get
        return value in makers and makers[value].op_type == "DequantizeLinear"

    layers = [
        node for node in model.graph.node if node.op_type == "Conv" and rounded(node.input[1])
    ]
    assert len(layers) >= 10
    assert sum(rounded(node.input[0]) for node in layers) >= 2 / 3 * len(layers)


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("name", NETWORKS)
def test_openvino_and_onnx_runtime_give_the_same_class(name: str, shared: Path) -> None:
    """Eight bits are rounded in another order, so that probabilities differ a little."""
    card, graph = read_bundle(find_bundle(name))
    slices = Catalog.from_folder(shared / "data" / "labeled-mri")
    answers = []
    for engine in ENGINES:
        runtime = Runtime(
            graph,
            size=card.preparation_of_slices().size,
            precision=card.precision,
            engine=engine,
        )
        canvases = [
            prepared(slices.subset(s), card.preparation_of_slices()) for s in ("valid", "test")
        ]
        logits = [
            runtime.run(part[k : k + 16]).logits
            for part in canvases
            for k in range(0, len(part), 16)
        ]
        answers.append(calibrated(combined([np.concatenate(logits)]), card.calibration))
    one, other = answers
    assert len(one) == 748
    assert (one.argmax(axis=1) == other.argmax(axis=1)).mean() >= 0.995
    assert np.abs(one - other).mean() < 0.01
