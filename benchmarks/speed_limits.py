"""What limits our side of `speed.py`: the work of a slice by stage, and the arithmetic's peak."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from speed_material import canvases

from braintumor.bundle.card import GRAPH_FILE
from braintumor.bundle.checks import image_checks, is_blank
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.shipped import find_bundle
from braintumor.images.read import read_slices

_SOME = 48
_MATRIX = 2048


def limits(classifier: Callable[[str], Classifier], folder: Path) -> dict[str, Any]:
    """Milliseconds of one core for each stage of a slice, and arithmetic reached against peak."""
    return {
        "stages_ms": _stages(classifier("cnn"), sorted(folder.iterdir())[:_SOME]),
        "peak_gflops": _peak(),
        "networks": {name: _network(name, classifier(name)) for name in ("cnn", "resnet50")},
    }


def _stages(classifier: Classifier, files: list[Path]) -> dict[str, float]:
    """Processor time, so that what else the machine does counts little."""
    network = classifier.networks[0]
    spent: dict[str, list[float]] = {"read": [], "prepare": [], "check": []}
    for path in files:
        begun = time.process_time()
        (slice_,) = read_slices(path)
        read = time.process_time()
        prepared = network.prepare(slice_.pixels)
        done = time.process_time()
        image_checks(slice_.pixels, prepared)
        is_blank(slice_.pixels)
        checked = time.process_time()
        spent["read"].append(read - begun)
        spent["prepare"].append(done - read)
        spent["check"].append(checked - done)
    found = {name: 1e3 * statistics.median(values) for name, values in spent.items()}
    return found | {"network": _seconds_a_slice(classifier, "cnn") * 1e3}


def _seconds_a_slice(classifier: Classifier, name: str) -> float:
    """Of one core, in the network."""
    runtime, batch = classifier.networks[0].runtime, canvases(name)[:16]
    runtime.run(batch, many=True)
    times = []
    for _ in range(8):
        begun = time.process_time()
        runtime.run(batch, many=True)
        times.append((time.process_time() - begun) / len(batch))
    return statistics.median(times)


def _network(name: str, classifier: Classifier) -> dict[str, Any]:
    """What the arithmetic of a slice is, and how much of it a core does in a second."""
    operations = _operations(find_bundle(name) / GRAPH_FILE, canvases(name).shape[1])
    seconds = _seconds_a_slice(classifier, name)
    return {
        "precision": classifier.networks[0].card.precision,
        "gflop_a_slice": operations / 1e9,
        "gflops_a_core": operations / seconds / 1e9,
    }


def _operations(graph: Path, size: int) -> float:
    """Two for each product of the convolutions; all else is next to nothing."""
    model = ov.Core().read_model(graph)
    model.reshape([1, size, size, 1])
    total = 0.0
    for op in model.get_ops():
        if op.get_type_name() == "Convolution":
            _, inner, height, width = op.input(1).get_shape()
            total += 2.0 * np.prod(list(op.output(0).get_shape())) * inner * height * width
    return total


def _peak() -> float:
    """Thousand millions of float32 operations a second that one core reaches on a product."""
    from threadpoolctl import threadpool_limits

    one = np.random.default_rng(0).random((_MATRIX, _MATRIX), np.float32)
    with threadpool_limits(1):
        one @ one
        times = []
        for _ in range(5):
            begun = time.process_time()
            one @ one
            times.append(time.process_time() - begun)
    return 2 * _MATRIX**3 / min(times) / 1e9
