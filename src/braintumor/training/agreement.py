"""Does a bundle's graph answer as Keras does, in every engine that is installed?

Knows the Keras network and the bundle that was made from it; not where either comes from.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from braintumor.bundle.card import read_bundle
from braintumor.bundle.parts import GRAPH_OUTPUTS
from braintumor.bundle.runtime import CALLED, Answer, EngineName, Runtime, installed_engines
from braintumor.errors import BraintumorError

# Largest difference between Keras and the graph that is float32's own rounding, in units of the
# output, or of its largest value where that is above 1.
TOLERANCE: Final = 1e-4


def check_parity(served: Any, folder: Path) -> dict[EngineName, dict[str, float]]:
    """Hold a bundle against the Keras network that it was made from.

    Args:
        served: keras.Model from `networks.serving_model`, computing in float32.
        folder: the bundle, in float32.

    Returns:
        Of every engine that is installed, the largest absolute difference of each output.

    Raises:
        BraintumorError: one of them differs by more than `TOLERANCE`, or cannot run the graph.
    """
    card, graph = read_bundle(folder)
    size = card.preparation_of_slices().size
    canvases = _canvases(size)
    expected = served.predict_on_batch(canvases[..., np.newaxis])
    truth = {output: np.asarray(expected[output], np.float32) for output in GRAPH_OUTPUTS}
    found: dict[EngineName, dict[str, float]] = {}
    for engine in installed_engines():
        runtime = Runtime(graph, size=size, name=str(folder / card.graph.file), engine=engine)
        found[engine] = _differences(runtime.run(canvases), truth, CALLED[engine])
    return found


def engine_versions(engines: dict[EngineName, Any]) -> dict[str, str]:
    """The versions of some engines, as a card keeps them."""
    return {name: version(name) for name in engines}


def _differences(
    answer: Answer, truth: dict[str, NDArray[np.float32]], engine: str
) -> dict[str, float]:
    """Largest difference of each output; an error where one is more than rounding."""
    differences = {}
    for output, wanted in truth.items():
        differences[output] = float(np.abs(getattr(answer, output) - wanted).max())
        # Written so that a difference that is no number fails too.
        if not differences[output] <= TOLERANCE * max(1.0, float(np.abs(wanted).max())):
            raise BraintumorError(
                f"the graph's {output} differ from those of Keras by {differences[output]:.2g} in "
                f"{engine}: nothing was exported; please report this"
            )
    return differences


def _canvases(size: int) -> NDArray[np.float32]:
    """Made-up canvases that reach every grey level: noise, blots, an edge, black and white."""
    random = np.random.default_rng(0)
    noise = random.uniform(0, 255, (size, size))
    blots = np.kron(random.uniform(0, 255, (size // 8 + 1, size // 8 + 1)), np.ones((8, 8)))
    edge = np.tile(np.linspace(0, 255, size), (size, 1))
    black, white = np.zeros((size, size)), np.full((size, size), 255.0)
    return np.stack([noise, blots[:size, :size], edge, black, white]).astype(np.float32)
