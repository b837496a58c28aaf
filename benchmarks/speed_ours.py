"""Our side of `speed.py`: reads tasks from standard input, does a round of each, answers."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from speed_limits import limits
from speed_material import ASKED, canvases

from braintumor.bundle.abreast import abreast
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.decision import softmax
from braintumor.bundle.heatmap import spread
from braintumor.classes import CLASSES
from braintumor.images.prepare import Box
from braintumor.processor import cores
from braintumor.scoring.score import Plan, score

_BATCH = 16


class Ours:
    """The classifiers, opened when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, Classifier] = {}

    def classifier(self, network: str) -> Classifier:
        if network not in self._open:
            self._open[network] = Classifier.load(network)
        return self._open[network]

    def arrays(self, network: str) -> float:
        """Slices a second, prepared arrays to logits, embedding and maps."""
        runtime = self.classifier(network).networks[0].runtime
        pictures = canvases(network)
        parts = np.split(pictures, range(_BATCH, len(pictures), _BATCH))
        runtime.run(parts[0], many=True)
        started = time.perf_counter()
        with ThreadPoolExecutor(cores()) as pool:
            done = list(
                abreast(
                    lambda part: runtime.run(part, many=True), parts, pool=pool, ahead=2 * cores()
                )
            )
        assert sum(len(one.logits) for one in done) == len(pictures)
        return len(pictures) / (time.perf_counter() - started)

    def folder_to_csv(self, network: str) -> float:
        """Slices a second, as `braintumor predict FOLDER --out CSV` does it: processes are started
        and bundles opened anew, and gate, sets and hashes are included."""
        with tempfile.TemporaryDirectory() as temporary:
            out = Path(temporary) / "predictions.csv"
            started = time.perf_counter()
            outcome = score(Plan(arguments=[str(self.folder)], model=network, out=out), bar=False)
            return outcome.tally.rows / (time.perf_counter() - started)

    def latency(self, network: str) -> float:
        """Milliseconds from one prepared slice to its class and the map of it, median."""
        runtime = self.classifier(network).networks[0].runtime
        pictures = canvases(network)
        size = pictures.shape[1]
        box = Box(top=0, left=0, bottom=size, right=size)
        times = []
        for k in range(ASKED):
            started = time.perf_counter()
            answer = runtime.run(pictures[k : k + 1])
            best = int(softmax(answer.logits)[0].argmax())
            heat = spread(answer.maps[0, ..., best], box, (size, size))
            times.append(time.perf_counter() - started)
            assert heat.shape == (size, size)
            assert CLASSES[best]
        return 1e3 * statistics.median(times)


def main() -> None:
    """Answer tasks until the input ends."""
    ours = Ours(Path(sys.argv[1]))
    ways = {"arrays": ours.arrays, "folder": ours.folder_to_csv, "latency": ours.latency}
    for line in sys.stdin:
        kind, _, network = line.strip().partition(" ")
        found: Any = (
            limits(ours.classifier, ours.folder) if kind == "limits" else ways[kind](network)
        )
        print("ANSWER", json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
