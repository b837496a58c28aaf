"""ONNX Runtime as a runtime's engine, where OpenVINO has no wheel."""

from __future__ import annotations

from typing import Any

import numpy as np

from braintumor.bundle.card import BundleError
from braintumor.bundle.parts import GRAPH_INPUT, GRAPH_OUTPUTS
from braintumor.bundle.runtime import Arrays, not_a_face
from braintumor.classes import CLASSES

_FLOAT = "tensor(float)"


class OnnxEngine:
    """A graph in a session of ONNX Runtime, which any number of threads may ask.

    Arithmetic that the graph leaves open is float32, whatever the card says of bfloat16.
    """

    def __init__(self, graph: bytes, *, size: int, name: str) -> None:
        """Open a session; see `Runtime`.

        Raises:
            BundleError: not a graph, or one with another face than a bundle's.
        """
        import onnxruntime as ort  # not part of every installation

        try:
            self._session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no common class of their own
            raise BundleError(
                f"{name} is not a graph that ONNX Runtime can run: copy or export the bundle again"
            ) from error
        _check_face(self._session, size, name)

    def infer(self, batch: Arrays, *, many: bool = False) -> tuple[Arrays, Arrays, Arrays]:
        """Logits, embedding and maps of (n, size, size, 1) float32; the same for few and many."""
        found = self._session.run(list(GRAPH_OUTPUTS), {GRAPH_INPUT: batch})
        logits, embedding, maps = (np.asarray(one, np.float32) for one in found)
        return logits, embedding, maps


def _check_face(session: Any, size: int, name: str) -> None:
    """The names and shapes that every bundle's graph has; a free axis fits any length."""
    classes = len(CLASSES)
    wanted: dict[str, tuple[int | None, ...]] = {
        GRAPH_INPUT: (None, size, size, 1),
        "logits": (None, classes),
        "embedding": (None, None),
        "maps": (None, None, None, classes),
    }
    ports = [*session.get_inputs(), *session.get_outputs()]
    found = {port.name: port for port in ports}
    wrong = [
        key
        for key, shape in wanted.items()
        if key not in found or found[key].type != _FLOAT or not _fits(found[key].shape, shape)
    ]
    if wrong or len(session.get_inputs()) != 1:
        raise not_a_face(name, wrong)


def _fits(shape: list[Any], wanted: tuple[int | None, ...]) -> bool:
    pairs = zip(shape, wanted, strict=False)
    return len(shape) == len(wanted) and all(
        length is None or not isinstance(side, int) or side == length for side, length in pairs
    )
