"""Runs a bundle's graph on the processor with OpenVINO, from any number of threads.

Arithmetic is that of the card: float32 throughout, also where the processor offers bfloat16, unless
the card says that the network was judged in another precision. This module does not know what the
numbers mean.
"""

from __future__ import annotations

import io
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from braintumor.bundle.card import BundleError
from braintumor.bundle.parts import GRAPH_INPUT, Precision
from braintumor.classes import CLASSES


@dataclass(frozen=True)
class Answer:
    """What one forward pass gives for n prepared slices, all float32.

    Attributes:
        logits: (n, 4), in the order of `CLASSES`.
        embedding: (n, d), the pooled features.
        maps: (n, h, w, 4), class activation maps; their mean over h and w plus a bias per class
            is the logit.
    """

    logits: NDArray[np.float32]
    embedding: NDArray[np.float32]
    maps: NDArray[np.float32]


class Runtime:
    """A compiled graph. Safe to share between threads: each call has a request of its own."""

    def __init__(
        self,
        graph: bytes,
        *,
        size: int,
        name: str = "the graph",
        precision: Precision = "float32",
        cache_dir: Path | None = None,
    ) -> None:
        """Compile a graph.

        Args:
            graph: bytes of an ONNX file, whole: weights in other files are not looked for.
            size: side of the prepared canvas, pixels, that the graph must accept.
            name: of the graph, for errors.
            precision: of what the graph leaves open. A quantised graph fixes the precision of its
                quantised parts itself, and the rest of it is computed in float32.
            cache_dir: where OpenVINO keeps the compiled graph for the next start; None for
                nowhere.

        Raises:
            BundleError: not a graph, or one with another face than a bundle's.
        """
        # ONNX marks weights that lie in another file by this key. OpenVINO would look for that
        # file anywhere on the machine, and the hash of the graph would say nothing about it.
        if b"location" in graph:
            raise BundleError(
                f"{name} is not a whole graph, for it takes weights from another file: "
                f"export the run again"
            )
        options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        core = ov.Core()
        if cache_dir is not None:
            core.set_property({"CACHE_DIR": str(cache_dir)})
        try:
            model = core.read_model(io.BytesIO(graph))
            _check_face(model, size, name)
            self._compiled = core.compile_model(model, "CPU", options)
        except RuntimeError as error:
            raise BundleError(
                f"{name} is not a graph that OpenVINO can run: copy or export the bundle again"
            ) from error
        # Requests that no call is using; deque's append and pop are atomic.
        self._idle: deque[Any] = deque()

    def run(self, canvases: NDArray[Any]) -> Answer:
        """One forward pass.

        Args:
            canvases: (n, size, size) prepared slices, 0 to 255.

        Returns:
            The answer, in arrays of its own.
        """
        batch = np.ascontiguousarray(canvases, dtype=np.float32)[..., np.newaxis]
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        try:
            results = request.infer({GRAPH_INPUT: batch}, share_inputs=True)
            return Answer(
                logits=np.array(results["logits"]),
                embedding=np.array(results["embedding"]),
                maps=np.array(results["maps"]),
            )
        finally:
            self._idle.append(request)


def _check_face(model: ov.Model, size: int, name: str) -> None:
    """The names and shapes that every bundle's graph has."""
    classes = len(CLASSES)
    wanted = {
        GRAPH_INPUT: ov.PartialShape([-1, size, size, 1]),
        "logits": ov.PartialShape([-1, classes]),
        "embedding": ov.PartialShape([-1, -1]),
        "maps": ov.PartialShape([-1, -1, -1, classes]),
    }
    ports = [*model.inputs, *model.outputs]
    found = {port_name: port for port in ports for port_name in port.get_names()}
    wrong = [
        key
        for key, shape in wanted.items()
        if key not in found
        or not shape.compatible(found[key].get_partial_shape())
        or found[key].get_element_type() != ov.Type.f32
    ]
    if wrong or len(model.inputs) != 1:
        raise BundleError(
            f"{name} is not the graph of a bundle ({', '.join(wrong) or 'inputs'} missing or of "
            f"another shape): export the run again"
        )
