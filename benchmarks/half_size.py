"""What JPEGs decoded at half their size would save, and what they would change.

    python benchmarks/half_size.py DATA [--split valid test] [--write]

A JPEG can be decoded at half its size for less than a whole one (libjpeg's scaled inverse
transform), and everything after it costs less, too. Here each slice of DATA's splits is read both
ways and asked of every shipped bundle: how long reading and preparing take, how often class and
status stay the same, and how far a probability moves. `--write` puts the numbers into
`results/performance/half_size.json`, of which `tools/performance.py` makes a part of
`docs/performance.md`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from revision import revision

from braintumor import Classifier
from braintumor.bundle.prediction import Prediction
from braintumor.catalog.catalog import Catalog
from braintumor.files import write_text
from braintumor.images.prepare import prepare
from braintumor.progress import track

BUNDLES = ("cnn", "resnet50", "ensemble")
RESULT = Path(__file__).parents[1] / "results" / "performance" / "half_size.json"
_TIMED = 200


def read(path: Path, parts: int) -> NDArray[np.uint8]:
    """The luma of a JPEG, its sides divided by 1 or 2 while it is decoded."""
    with Image.open(path) as picture:
        picture.draft("L", (picture.width // parts, picture.height // parts))
        return np.asarray(picture.convert("L"))


def milliseconds(paths: list[Path], parts: int) -> dict[str, float]:
    """Processor time of reading one slice and of preparing it for the cnn, means."""
    preparation = Classifier.load("cnn").networks[0].card.preparation_of_slices()
    begun = time.process_time()
    slices = [read(path, parts) for path in paths]
    done = time.process_time()
    for one in slices:
        prepare(one, preparation)
    prepared = time.process_time()
    return {
        "read": 1e3 * (done - begun) / len(paths),
        "prepare": 1e3 * (prepared - done) / len(paths),
    }


def changes(whole: list[Prediction], half: list[Prediction]) -> dict[str, float]:
    """How far the answers at half the size differ; probabilities where both ways give some."""
    pairs = [
        (p, q) for p, q in zip(whole, half, strict=True) if p.probabilities and q.probabilities
    ]
    moved = [
        max(abs(p.probabilities[k] - q.probabilities[k]) for k in p.probabilities) for p, q in pairs
    ]
    return {
        "same_class": float(np.mean([p.predicted == q.predicted for p, q in pairs])),
        "same_status": float(
            np.mean([p.status == q.status for p, q in zip(whole, half, strict=True)])
        ),
        "mean_change": float(np.mean(moved)),
        "max_change": max(moved),
    }


def measure(data: Path, splits: list[str]) -> dict[str, Any]:
    """Everything that is written down."""
    catalog = Catalog.open(data)
    table = catalog.table
    wanted = table["split"].isin(splits) & (table["format"] == "JPEG")
    paths = [Path(catalog.root) / path for path in table["path"][wanted]]
    slices = {
        parts: [read(path, parts) for path in track(paths, total=len(paths), what="Reading")]
        for parts in (1, 2)
    }
    found = {}
    for name in BUNDLES:
        classifier = Classifier.load(name)
        found[name] = changes(*(classifier.predict(slices[parts]) for parts in (1, 2)))
    timed = {parts: milliseconds(paths[:_TIMED], parts) for parts in (1, 2)}
    return {
        "commit": revision(),
        "slices": len(paths),
        "splits": splits,
        "whole_ms": timed[1],
        "half_ms": timed[2],
        "bundles": found,
    }


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a data set's folder, or its catalogue")
    parser.add_argument("--split", nargs="+", default=["valid", "test"])
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    options = parser.parse_args()
    found = measure(options.data, options.split)
    print(json.dumps(found, indent=1))
    if options.write:
        write_text(RESULT, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
