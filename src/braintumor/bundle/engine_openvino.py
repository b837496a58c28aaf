"""OpenVINO as a runtime's engine, on the processor."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import openvino as ov

from braintumor.bundle.abreast import cores
from braintumor.bundle.card import BundleError
from braintumor.bundle.parts import GRAPH_INPUT, GRAPH_OUTPUTS, Precision
from braintumor.bundle.runtime import Arrays, not_a_face
from braintumor.classes import CLASSES
from braintumor.files import lock

# A copy of a graph that leaves the other cores to the other copies.
_ALONE = {"INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}


class OpenVinoEngine:
    """A graph compiled by OpenVINO; each call has a request of its own.

    Compiled at once for the quickest answer to one batch, all cores on it; and once many batches
    are asked for, for most answers a second: copies as they are needed, each with a core to itself.
    Copies, for OpenVINO 2026.4 compiles a quantised ResNet50 for several streams wrongly every
    other time (logits off by eight), and for one stream rightly.
    """

    def __init__(
        self, graph: bytes, *, size: int, name: str, precision: Precision, cache_dir: Path | None
    ) -> None:
        """Compile; see `Runtime`.

        Raises:
            BundleError: not a graph, or one with another face than a bundle's.
        """
        self._precision = "bf16" if precision == "bfloat16" else "f32"
        self._core = ov.Core()
        self._cache_dir = cache_dir
        if cache_dir is not None:
            self._core.set_property({"CACHE_DIR": str(cache_dir)})
        try:
            self._model = self._core.read_model(io.BytesIO(graph))
            _check_face(self._model, size, name)
            self._few = _Copies(self._compiled, 1)
            self._few.make_ready()
        except RuntimeError as error:
            raise BundleError(
                f"{name} is not a graph that OpenVINO can run: copy or export the bundle again"
            ) from error
        self._many = _Copies(lambda: self._compiled(_ALONE), cores())

    def infer(self, batch: Arrays, *, many: bool = False) -> tuple[Arrays, Arrays, Arrays]:
        """Logits, embedding and maps of (n, size, size, 1) float32, in arrays of their own."""
        return (self._many if many else self._few).infer(batch)

    def _compiled(self, more: Mapping[str, Any] | None = None) -> ov.CompiledModel:
        options = {"INFERENCE_PRECISION_HINT": self._precision, "NUM_STREAMS": 1, **(more or {})}
        if self._cache_dir is None:
            return self._core.compile_model(self._model, "CPU", options)
        # OpenVINO writes a compiled graph into the cache piece by piece, and another process that
        # reads it in the middle dies of it.
        with lock(self._cache_dir / "compiling"):
            return self._core.compile_model(self._model, "CPU", options)


class _Copies:
    """A graph, compiled anew for every call at the same time, and the requests that no call uses.

    Args:
        compiled: compiles it once more.
        most: copies; beyond them calls share them.
    """

    def __init__(self, compiled: Callable[[], ov.CompiledModel], most: int) -> None:
        self._compiled, self._most = compiled, most
        self._copies: list[ov.CompiledModel] = []
        self._next = count()
        self._making = Lock()
        self._idle: deque[Any] = deque()  # its append and pop are atomic

    def infer(self, batch: Arrays) -> tuple[Arrays, Arrays, Arrays]:
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._request()
        try:
            results = request.infer({GRAPH_INPUT: batch}, share_inputs=True)
            logits, embedding, maps = (np.array(results[name]) for name in GRAPH_OUTPUTS)
            return logits, embedding, maps
        finally:
            self._idle.append(request)

    def make_ready(self) -> None:
        """Compile the first copy now, so that a graph that cannot be compiled is found here."""
        self._idle.append(self._request())

    def _request(self) -> Any:
        """A further request, of a further copy while there may be more."""
        with self._making:
            if len(self._copies) < self._most:
                self._copies.append(self._compiled())
                return self._copies[-1].create_infer_request()
        return self._copies[next(self._next) % len(self._copies)].create_infer_request()


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
        raise not_a_face(name, wrong)
