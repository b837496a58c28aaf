"""The gate: is this a slice of a brain's MRI at all, and like what the network has seen?

Asked before a class is given. Two layers: cheap checks of the picture (`checks.py`), and where the
network's embedding of it lies among those of brain slices: its place in the space of their
principal components, the Mahalanobis distance there (Lee et al., A Simple Unified Framework for
Detecting Out-of-Distribution Samples, NeurIPS 2018), and the distance from that space. A small
network of one hidden layer makes one score of it, which is held against two bounds on the card.
Knows no graph; how the numbers were found stands in `training/gate.py`.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from braintumor.bundle.checks import COUNT, EDGES, PLAIN, SHAPE, THUMB, VERSION
from braintumor.bundle.parts import GateStatistics
from braintumor.files import atomic_path

REFUSED: Final = "this does not look like a slice of a brain's MRI"
DOUBTED: Final = "this is unlike the brain slices that the network knows"
DRAWN: Final = "it is made of flat areas, as drawings are: what a scanner makes has grain"
BLANK: Final = "there is nothing to be seen in it"
# Beyond so many spreads a feature says no more.
CLIP: Final = 5.0
# The same of a vector's features before they are laid in a space, and of a place's components.
FAR: Final = 20.0
_APART: Final = 6.0

Verdict = Literal["pass", "doubt", "refuse"]
VERDICTS: tuple[Verdict, ...] = ("pass", "doubt", "refuse")  # from the mildest to the sternest
Numbers = NDArray[np.float32]
_SPACES = ("embedding", "edges", "thumb")
_LAYERS = ("centre", "spread", "hidden", "hidden_bias", "out", "out_bias")
_KEYS = {
    *(f"{space}_{part}" for space in _SPACES for part in ("mean", "scale", "axes", "variances")),
    *_LAYERS,
}


@dataclass(frozen=True, eq=False)
class Space:
    """Where brain slices lie among vectors of one sort.

    Attributes:
        mean, scale: (d,) by which vectors are shifted and scaled.
        axes: (k, d) directions in what is scaled so: principal components of brain slices, then
            of what those leave over of brain slices and foreign pictures together.
        variances: (k,) of the components among brain slices.
    """

    mean: NDArray[Any]
    scale: NDArray[Any]
    axes: NDArray[Any]
    variances: NDArray[Any]

    def features(self, vectors: NDArray[Any]) -> NDArray[np.float64]:
        """Place in the space and distances from brain slices.

        Args:
            vectors: (n, d).

        Returns:
            (n, k + 2): the components in units of their spread; the logarithms of the mean
            squared distance within the space and of that from it.
        """
        scaled = np.clip((np.asarray(vectors, np.float64) - self.mean) / self.scale, -FAR, FAR)
        place = scaled @ self.axes.T.astype(np.float64)
        away = np.maximum((scaled**2).mean(axis=1) - (place**2).sum(axis=1) / scaled.shape[1], 0)
        units = place / np.sqrt(self.variances)
        within = np.log((units**2).mean(axis=1) + 1e-3)
        return np.column_stack([np.clip(units, -_APART, _APART), within, np.log(away + 1e-3)])


def features(
    embedding: NDArray[Any],
    checks: NDArray[Any],
    spaces: Mapping[str, Space],
    *,
    version: int = VERSION,
) -> NDArray[np.float64]:
    """Everything that the score is made of.

    Args:
        embedding: (n, d) of the network.
        checks: (n, COUNT) of `checks.image_checks`.
        spaces: of `embedding`, `edges` and `thumb`.
        version: of the image checks: in the first there was no `SHAPE`.
    """
    vectors = {"embedding": embedding, "edges": checks[:, EDGES], "thumb": checks[:, THUMB]}
    found = [checks[:, PLAIN], *(spaces[name].features(vectors[name]) for name in _SPACES)]
    return np.hstack(found if version == 1 else [*found, checks[:, SHAPE]])


class Gate:
    """The statistics of a bundle, ready to be asked.

    Attributes:
        statistics: of the card.
    """

    def __init__(self, statistics: GateStatistics, numbers: Mapping[str, NDArray[Any]]) -> None:
        """Take over the numbers of `gate.npz`.

        Raises:
            ValueError: they do not fit each other.
        """
        self.statistics = statistics
        if set(numbers) != _KEYS:
            raise ValueError("other tables than a gate has")
        wide = {name: np.asarray(table, np.float64) for name, table in numbers.items()}
        if not all(np.isfinite(table).all() for table in wide.values()):
            raise ValueError("a number that is not finite")
        self._spaces = {name: _space(wide, name) for name in _SPACES}
        self._layers = _layers(wide)
        # Asked once, so that tables which do not fit each other are found here.
        width = self._spaces["embedding"].mean.size
        self.score(np.zeros((1, width)), np.zeros((1, COUNT)))

    def score(self, embedding: NDArray[Any], checks: NDArray[Any]) -> NDArray[np.float64]:
        """How foreign pictures look: larger is more foreign.

        Args:
            embedding: (n, d) of the network.
            checks: (n, COUNT) of `checks.image_checks`.

        Returns:
            (n,) float64, log odds; infinite where an embedding is not finite.
        """
        found = features(embedding, checks, self._spaces, version=self.statistics.checks)
        layers = self._layers
        z = np.clip((found - layers["centre"]) / layers["spread"], -CLIP, CLIP)
        hidden = np.maximum(
            np.einsum("nf,mfh->mnh", z, layers["hidden"]) + layers["hidden_bias"], 0
        )
        scores = np.einsum("mnh,mh->mn", hidden, layers["out"]) + layers["out_bias"]
        mean = scores.mean(axis=0)
        return np.where(np.isfinite(mean), mean, np.inf)

    def verdict(self, score: float) -> Verdict:
        """What follows from a score."""
        if score > self.statistics.refuse_above:
            return "refuse"
        return "doubt" if score > self.statistics.doubt_above else "pass"


def read_gate_file(data: bytes, statistics: GateStatistics) -> Gate:
    """The bytes of `gate.npz` as a gate; no pickle is ever read.

    Raises:
        ValueError: it is not a gate's.
    """
    try:
        _check_sizes(data)
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return Gate(statistics, {name: stored[name] for name in stored.files})
    except (zipfile.BadZipFile, OSError, EOFError, KeyError, NotImplementedError) as error:
        raise ValueError("no archive of tables") from error
    except MemoryError as error:
        raise ValueError("tables that need too much memory") from error


def _check_sizes(data: bytes) -> None:
    """Refuse tables that claim to be larger than the file, before memory is taken for them.

    Raises:
        ValueError: they are, or one has no header of a table.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        # `write_gate_file` does not compress; what does may unpack to a thousand times its size.
        if sum(one.file_size for one in members) > len(data):
            raise ValueError("tables that are larger than their file")
        for one in members:
            with archive.open(one) as table:
                version = np.lib.format.read_magic(table)
                header = np.lib.format.read_array_header_1_0
                if version != (1, 0):
                    header = np.lib.format.read_array_header_2_0
                shape, _, dtype = header(table)
            if math.prod(shape) * dtype.itemsize > one.file_size:
                raise ValueError("a table that is larger than its file")


def write_gate_file(path: Path, numbers: Mapping[str, NDArray[Any]]) -> None:
    """Write `gate.npz`: tables in single precision, the long ones in half."""
    tables = {
        name: np.asarray(table, np.float16 if name.endswith("_axes") else np.float32)
        for name, table in sorted(numbers.items())
    }
    # Uncompressed and without dates, so that the same numbers give the same file.
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **tables)


def _space(numbers: Mapping[str, NDArray[Any]], name: str) -> Space:
    parts = (numbers[f"{name}_{part}"] for part in ("mean", "scale", "axes", "variances"))
    space = Space(*parts)
    # Checked, not left to broadcasting, which makes a giant of two small tables.
    if (space.mean.ndim, space.variances.ndim) != (1, 1) or (
        space.scale.shape,
        space.axes.shape,
    ) != (space.mean.shape, (space.variances.size, space.mean.size)):
        raise ValueError("tables that do not fit each other")
    if not ((space.scale > 0).all() and (space.variances > 0).all()):
        raise ValueError("a scale that is not positive")
    return space


def _layers(numbers: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    layers = {name: numbers[name] for name in _LAYERS}
    if layers["hidden"].ndim != 3:
        raise ValueError("tables that do not fit each other")
    networks, inputs, units = layers["hidden"].shape
    shapes = {
        "centre": (inputs,),
        "spread": (inputs,),
        "hidden_bias": (networks, 1, units),
        "out": (networks, units),
        "out_bias": (networks, 1),
    }
    if any(layers[name].shape != shape for name, shape in shapes.items()):
        raise ValueError("tables that do not fit each other")
    return layers
