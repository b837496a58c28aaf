"""Runs a bundle's graph, from any number of threads; on the processor unless told otherwise.

With OpenVINO; with ONNX Runtime where OpenVINO has no wheel for the machine.

Arithmetic is that of the card: float32 throughout, also where the processor offers bfloat16, unless
the card says that the network was judged in another precision. Other devices are asked for the same
and may not have it. This module does not know what the numbers mean.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from braintumor.bundle.card import BundleError
from braintumor.bundle.parts import Precision
from braintumor.errors import BraintumorError

EngineName = Literal["openvino", "onnxruntime"]
ENGINES: tuple[EngineName, ...] = ("openvino", "onnxruntime")
_NO_ENGINE = (
    "nothing is installed that runs a graph: run  pip install openvino  (or onnxruntime, where "
    "there is no openvino for the computer)"
)
# How the engines are called in sentences.
CALLED: Final[dict[EngineName, str]] = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}
Arrays = NDArray[np.float32]
# Devices of OpenVINO. AUTO is whichever OpenVINO takes for the best one.
CPU: Final = "CPU"
AUTO: Final = "AUTO"


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


class Engine(Protocol):
    """What runs a compiled graph, from any number of threads."""

    def infer(self, batch: Arrays, *, many: bool) -> tuple[Arrays, Arrays, Arrays]:
        """Logits, embedding and maps of (n, size, size, 1) float32; see `Runtime.run`."""
        ...


class Runtime:
    """A compiled graph. Safe to share between threads."""

    def __init__(
        self,
        graph: bytes,
        *,
        size: int,
        name: str = "the graph",
        precision: Precision = "float32",
        cache_dir: Path | None = None,
        engine: EngineName | None = None,
        device: str = CPU,
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
            engine: one of `ENGINES`; the first that is installed where None.
            device: of OpenVINO: `CPU`, `GPU`, `GPU.1`, `NPU` or `AUTO`. ONNX Runtime has the
                processor alone.

        Raises:
            BundleError: not a graph, or one with another face than a bundle's; or the device is
                not there or cannot run it.
        """
        # ONNX marks weights that lie in another file by this key. OpenVINO would look for that
        # file anywhere on the machine, and the hash of the graph would say nothing about it.
        if b"location" in graph:
            raise BundleError(
                f"{name} is not a whole graph, for it takes weights from another file: "
                f"export the run again"
            )
        engine = engine or available_engine()
        if engine == "openvino":
            from braintumor.bundle.engine_openvino import OpenVinoEngine

            self._engine: Engine = OpenVinoEngine(
                graph,
                size=size,
                name=name,
                precision=precision,
                cache_dir=cache_dir,
                device=device,
            )
        elif device not in (CPU, AUTO):
            raise BundleError(
                f"ONNX Runtime, which stands in for OpenVINO here, has no device {device}: set "
                f"BRAINTUMOR_DEVICE to one of {AUTO}, {CPU}"
            )
        else:
            from braintumor.bundle.engine_onnx import OnnxEngine

            self._engine = OnnxEngine(graph, size=size, name=name)

    def run(self, canvases: NDArray[Any], *, many: bool = False) -> Answer:
        """One forward pass.

        Args:
            canvases: (n, size, size) prepared slices, 0 to 255.
            many: whether this is one of many batches, which several threads ask for: each then
                has a core of its own. The first such call takes the time of another compilation.

        Returns:
            The answer, in arrays of its own.
        """
        batch = np.ascontiguousarray(canvases, dtype=np.float32)[..., np.newaxis]
        logits, embedding, maps = self._engine.infer(batch, many=many)
        return Answer(logits=logits, embedding=embedding, maps=maps)


def available_engine() -> EngineName:
    """`openvino`, or `onnxruntime` where only that is installed.

    Raises:
        BundleError: neither is.
    """
    for name in _installed():  # the others are not looked for
        return name
    raise BundleError(_NO_ENGINE)


def installed_engines() -> tuple[EngineName, ...]:
    """All that are installed, at least one, in the order of `ENGINES`.

    Raises:
        BundleError: there is none.
    """
    found = tuple(_installed())
    if not found:
        raise BundleError(_NO_ENGINE)
    return found


def _installed() -> Iterator[EngineName]:
    return (name for name in ENGINES if find_spec(name) is not None)


def wished_device() -> str:
    """The device that BRAINTUMOR_DEVICE names; the processor where it names none."""
    return os.environ.get("BRAINTUMOR_DEVICE", "").strip().upper() or CPU


def model_cache(folder: Path | None = None) -> Path | None:
    """Where compiled graphs are kept, so that the next start is quicker; None for nowhere.

    Args:
        folder: the one wished for; `models` in the user's cache folder where None.
    """
    if os.environ.get("BRAINTUMOR_MODEL_CACHE", "").lower() in ("off", "0", "no", "false"):
        return None
    from braintumor.catalog.cachefolder import cache_folder

    try:
        return folder or cache_folder() / "models"
    except BraintumorError:  # a start that is no quicker is no reason not to start
        return None


def not_a_face(name: str, wrong: Sequence[str]) -> BundleError:
    """The sentence for a graph whose inputs or outputs are not those of a bundle."""
    return BundleError(
        f"{name} is not the graph of a bundle ({', '.join(wrong) or 'inputs'} missing or of "
        f"another shape): export the run again"
    )
