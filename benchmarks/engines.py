"""Whether OpenVINO and ONNX Runtime give a bundle the same answer.

    python benchmarks/engines.py DATA [--bundle FOLDER ...] [--split valid test] [--write]

Every shipped bundle, and each in --bundle beside them (say the float32 twin of a shipped one, by
`braintumor export RUN --calibration SHIPPED/card.json --out FOLDER`), is asked about the slices of
DATA's splits with both engines. Counted is how often the class is the same, and how far the
probability that moves most of a slice's four moves: on the mean, for 99 % of the slices and at
most, and for how many it stays within what was aimed at. `--write` puts the numbers into
`results/performance/engines.json`, of which `tools/performance.py` makes a part of
`docs/performance.md`. A few minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from revision import revision
from speed_material import machine

from braintumor.bundle.card import Card, read_bundle, read_card
from braintumor.bundle.decision import calibrated, combined
from braintumor.bundle.network import member_folders
from braintumor.bundle.runtime import ENGINES, EngineName, Runtime
from braintumor.bundle.shipped import find_bundle, shipped
from braintumor.catalog.cache import prepared
from braintumor.catalog.catalog import Catalog
from braintumor.files import write_text

RESULT = Path(__file__).parents[1] / "results" / "performance" / "engines.json"
# How far a probability was allowed to move; eight bits are rounded in another order.
AIM = {"float32": 1e-4, "bfloat16": 0.02, "int8": 0.02}
BATCH = 16


class Slices:
    """The slices that are asked about, and what each graph's engines said of them.

    Args:
        data: a data set's folder, or its catalogue.
        splits: of it.
    """

    def __init__(self, data: Path, splits: list[str]) -> None:
        catalog = Catalog.open(data)
        self._parts = [catalog.subset(split) for split in splits]
        self._known: dict[tuple[str, EngineName], NDArray[np.float32]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def logits(self, folder: Path, engine: EngineName) -> NDArray[np.float32]:
        """(n, 4), of a bundle of one network; a graph that an ensemble asks too is asked once."""
        card, graph = read_bundle(folder)
        key = (card.graph.sha256, engine)
        if key not in self._known:
            preparation = card.preparation_of_slices()
            runtime = Runtime(graph, size=preparation.size, precision=card.precision, engine=engine)
            canvases = [prepared(part, preparation) for part in self._parts]
            self._known[key] = np.concatenate([
                runtime.run(part[k : k + BATCH]).logits
                for part in canvases
                for k in range(0, len(part), BATCH)
            ])  # fmt: skip
        return self._known[key]


def judged(folder: Path, slices: Slices) -> dict[str, Any]:
    """How far the engines' calibrated probabilities of a bundle, or an ensemble, differ."""
    card = read_card(folder)
    members = [folder] if isinstance(card, Card) else member_folders(folder, card)
    one, other = (
        calibrated(combined([slices.logits(each, engine) for each in members]), card.calibration)
        for engine in ENGINES
    )
    precision = precision_of(members)
    return {"name": card.name, "precision": precision, **changes(one, other, AIM[precision])}


def precision_of(members: list[Path]) -> str:
    """The precision of a bundle's networks: of several the coarsest."""
    return max((read_bundle(each)[0].precision for each in members), key=list(AIM).index)


def changes(one: NDArray[Any], other: NDArray[Any], aim: float) -> dict[str, float]:
    """What is told of two engines' probabilities, (n, 4) each."""
    moved = np.abs(one - other).max(axis=1)
    return {
        "same_class": float((one.argmax(axis=1) == other.argmax(axis=1)).mean()),
        "aim": aim,
        "within_aim": float((moved <= aim).mean()),
        "mean_change": float(moved.mean()),
        "p99_change": float(np.percentile(moved, 99)),
        "max_change": float(moved.max()),
    }


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a data set's folder, or its catalogue")
    parser.add_argument("--bundle", type=Path, nargs="+", default=[], help="beside the shipped")
    parser.add_argument("--split", nargs="+", default=["valid", "test"])
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    options = parser.parse_args()
    slices = Slices(options.data, options.split)
    folders = [*map(find_bundle, shipped()), *options.bundle]
    found = {
        "commit": revision(),
        "slices": len(slices),
        "splits": options.split,
        "processor": machine()["processor"],
        "versions": {engine: version(engine) for engine in ENGINES},
        "bundles": [judged(folder, slices) for folder in folders],
    }
    print(json.dumps(found, indent=1))
    if options.write:
        write_text(RESULT, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
