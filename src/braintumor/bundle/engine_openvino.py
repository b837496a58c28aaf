"""OpenVINO as a runtime's engine, on the processor or another of its devices."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import openvino as ov

from braintumor.bundle.card import BundleError
from braintumor.bundle.parts import GRAPH_INPUT, GRAPH_OUTPUTS, Precision
from braintumor.bundle.runtime import AUTO, CPU, Arrays, not_a_face
from braintumor.classes import CLASSES
from braintumor.files import lock
from braintumor.processor import cores

# A copy of a graph that leaves the other cores to the other copies.
_ALONE = {"INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}
# A device that takes no graph whose number of slices is open: each slice goes through it alone.
_ONE_BY_ONE = ("NPU",)
_EXACT = {"EXECUTION_MODE_HINT": "ACCURACY"}

# OpenVINO's binding (2026.4) fills a table of NumPy's types when it is first asked. Two threads
# that ask at once wait for ever: one holds the table and wants the interpreter, the other the
# reverse. Asked here, where one thread imports, it is full before there is a second one.
ov.Type.f32.to_dtype()


class OpenVinoEngine:
    """A graph compiled by OpenVINO; each call has a request of its own.

    For the processor compiled at once for the quickest answer to one batch, all cores on it; and
    once many batches are asked for, for most answers a second: copies as they are needed, each with
    a core to itself. Copies, for OpenVINO 2026.4 compiles a quantised ResNet50 for several streams
    wrongly every other time (logits off by eight), and for one stream rightly.

    For another device compiled once, as the device sees fit, in the graph's own precision where the
    device can be told so.
    """

    def __init__(
        self,
        graph: bytes,
        *,
        size: int,
        name: str,
        precision: Precision,
        cache_dir: Path | None,
        device: str,
    ) -> None:
        """Compile; see `Runtime`.

        Raises:
            BundleError: not a graph, or one with another face than a bundle's; or the device is
                not there or cannot run it.
        """
        self._core = ov.Core()
        self._device = device
        self._cache_dir = cache_dir
        if cache_dir is not None and device != CPU:
            self._cache_dir = cache_dir / device.lower()
        if self._cache_dir is not None:
            self._core.set_property({"CACHE_DIR": str(self._cache_dir)})
        try:
            self._options = _options(self._core, device, precision)
            # As bytes: from a stream OpenVINO takes one more copy of the graph.
            self._model = self._core.read_model(graph, b"")
            _check_face(self._model, size, name)
            self._alone = device.startswith(_ONE_BY_ONE)
            if self._alone:
                self._model.reshape({GRAPH_INPUT: [1, size, size, 1]})
            self._few = _Copies(self._compiled, 1)
            self._few.make_ready()
        except RuntimeError as error:
            raise BundleError(
                f"{name} is not a graph that OpenVINO can run: copy or export the bundle again"
                if device == CPU
                else f"OpenVINO cannot run {name} on {device}: unset BRAINTUMOR_DEVICE to have it "
                f"run on the processor"
            ) from error
        self._many = self._few
        if device == CPU:
            self._many = _Copies(lambda: self._compiled(_ALONE), cores())

    def infer(self, batch: Arrays, *, many: bool = False) -> tuple[Arrays, Arrays, Arrays]:
        """Logits, embedding and maps of (n, size, size, 1) float32, in arrays of their own."""
        copies = self._many if many else self._few
        if not self._alone:
            return copies.infer(batch)
        answers = [copies.infer(batch[k : k + 1]) for k in range(len(batch))]
        logits, embedding, maps = (np.concatenate(one) for one in zip(*answers, strict=True))
        return logits, embedding, maps

    def _compiled(self, more: Mapping[str, Any] | None = None) -> ov.CompiledModel:
        options = {**self._options, **(more or {})}
        # OpenVINO writes a compiled graph into the cache piece by piece, and another process that
        # reads it in the middle dies of it.
        alone = lock(self._cache_dir / "compiling") if self._cache_dir else nullcontext()
        with alone:
            compiled = self._core.compile_model(self._model, self._device, options)
        give_back_memory()
        return compiled


def give_back_memory() -> None:
    """Give the system what was allocated and freed again, where the C library can (glibc).

    Reading and compiling a graph leave a tenth of the process's memory free but kept (glibc's
    `malloc_trim(3)`), on top of which the first forward pass would take its own.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library; Windows
        return
    trim(0)


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


def _options(core: ov.Core, device: str, precision: Precision) -> dict[str, Any]:
    """What a device is told of the arithmetic, in words that it knows.

    Raises:
        BundleError: there is no such device.
    """
    if device == CPU:
        exactly = "bf16" if precision == "bfloat16" else "f32"
        return {"INFERENCE_PRECISION_HINT": exactly, "NUM_STREAMS": 1}
    if device != AUTO:
        found = list(core.available_devices)
        # The first of several is called GPU.0, and GPU for short.
        there = [AUTO, *dict.fromkeys(name for one in found for name in (one.split(".")[0], one))]
        if device not in there:
            raise BundleError(
                f"OpenVINO finds no device {device} here: set BRAINTUMOR_DEVICE to one of "
                f"{', '.join(there)}"
            )
    knows = core.get_property(device, "SUPPORTED_PROPERTIES")
    return _EXACT if precision != "bfloat16" and _EXACT.keys() <= set(knows) else {}


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
