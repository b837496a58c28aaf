"""How the shipped gates fare: results/gate.json, and the tables of docs/gate.md.

    python tools/gate.py measure DATA [--heads FOLDER ...] [--foreign FOLDER ...]
    python tools/gate.py doc [--write]

`measure` shows the shipped bundles pictures that no gate was fitted on: the test slices of DATA
untouched and under every scanner condition up to severity 3, newly drawn pictures of every kind,
and whatever folders are named: heads (which must pass) and foreign pictures (which must not).
`doc` reads that file and the shipped cards alone; a test holds the document to them, so that no
number is ever typed by hand.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from marks import ROOT, Part
from numpy.typing import NDArray

from braintumor.bundle.card import Card, read_card
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.shipped import find_bundle, shipped
from braintumor.bundle.sources import Source
from braintumor.catalog import foreign
from braintumor.catalog.catalog import Catalog
from braintumor.evaluation import words
from braintumor.files import write_text
from braintumor.images import conditions
from braintumor.images.decode import ImageError, read_slice
from braintumor.images.read import read_slices

MEASURED = ROOT / "results" / "gate.json"
# No gate is fitted on pictures of this seed.
SEED = 77
SEVEREST = 3
Counts = dict[str, int]


def measure(
    data: Path, heads: list[Path], others: list[Path], *, slices: int, drawn: int
) -> dict[str, Any]:
    """How many pictures of every sort each shipped bundle refuses, doubts and passes."""
    catalog = Catalog.open(data).subset("test")
    chosen = np.random.default_rng(SEED).permutation(len(catalog))[:slices]
    paths = [catalog.root / path for path in catalog.table["path"]]
    some = [read_slice(paths[k]).pixels for k in chosen]
    models: dict[str, Any] = {}
    for name in shipped():
        classifier = Classifier.load(name)
        if not any(network.gate for network in classifier.networks):
            continue
        models[name] = {
            "gates": [network.card.gate.sha256 for network in classifier.networks if network.gate],
            "test": {"untouched": _counts(classifier, iter(paths))},
            "conditions": {
                condition: [
                    _counts(classifier, _stressed(some, condition, severity))
                    for severity in conditions.severities(condition)
                    if severity <= SEVEREST
                ]
                for condition in conditions.CONDITIONS
            },
            "drawn": {kind: _counts(classifier, _drawn(kind, drawn)) for kind in foreign.KINDS},
            "heads": {folder.name: _counts(classifier, _pixels(folder)) for folder in heads},
            "foreign": {folder.name: _counts(classifier, _pixels(folder)) for folder in others},
        }
    return {"seed": SEED, "slices": len(some), "models": models}


def _counts(classifier: Classifier, pictures: Iterator[Source]) -> Counts:
    """Number of predictions of each status."""
    return dict(Counter(one.status for one in classifier.predict_many(pictures)))


def _stressed(some: list[NDArray[Any]], name: str, severity: int) -> Iterator[Source]:
    for number, pixels in enumerate(some):
        yield conditions.apply(pixels, name, severity, seed=SEED, image=number)


def _drawn(kind: str, count: int) -> Iterator[Source]:
    for number in range(count):
        yield foreign.draw(kind, number, seed=SEED)


def _pixels(folder: Path) -> Iterator[Source]:
    """Every picture in a folder by its pixels alone: what tags say must not help."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            for one in read_slices(path):
                if not isinstance(one, ImageError):
                    yield one.pixels
        except ImageError:
            continue


def section(measured: Path = MEASURED) -> str:
    """The document's part in Markdown."""
    cards = {name: read_card(find_bundle(name)) for name in shipped()}
    evidence: dict[str, Any] = {
        name: card.gate.evidence
        for name, card in cards.items()
        if isinstance(card, Card) and card.gate and card.gate.evidence
    }
    if not evidence:
        return "No gate has been shipped yet."
    lines = [*_out_of_fold(evidence)]
    if measured.is_file():
        lines += ["", *_measured(json.loads(measured.read_text(encoding="utf-8")))]
    return "\n".join(lines).replace(words.NBSP, " ")


def _out_of_fold(evidence: dict[str, Any]) -> list[str]:
    """Kinds and sources that the judged fits had not seen."""
    names = list(evidence)
    lines = [
        "### Kinds and sources that were left out of the fit",
        "",
        "| kind, left out | " + " | ".join(f"`{name}`: refused | AUROC" for name in names) + " |",
        "| --- |" + " --- |" * 2 * len(names),
    ]
    kinds = sorted({kind for of in evidence.values() for kind in of["foreign"]})
    for kind in kinds:
        cells = []
        for of in evidence.values():
            one = of["foreign"].get(kind)
            cells += (
                [words.percent(one["refused"]), words.number(one["auroc"])] if one else ["", ""]
            )
        lines.append(f"| {kind.replace('_', ' ')} | " + " | ".join(cells) + " |")
    cells = [cell for of in evidence.values() for cell in _together(of)]
    lines.append("| **mean of the kinds, all pictures** | " + " | ".join(cells) + " |")
    lines += [
        "",
        "| brain slices, left out | " + " | ".join(f"`{name}`: refused" for name in names) + " |",
        "| --- |" + " --- |" * len(names),
    ]
    for source in sorted({one for of in evidence.values() for one in of["brain_slices"]}):
        found = [of["brain_slices"].get(source) for of in evidence.values()]
        cells = [f"{words.percent(one['refused'])} of {one['n']}" if one else "" for one in found]
        lines.append(f"| {source.removeprefix('beside:')} | " + " | ".join(cells) + " |")
    return lines


def _together(of: dict[str, Any]) -> list[str]:
    shares = [one["refused"] for one in of["foreign"].values()]
    return [words.percent(float(np.mean(shares))), words.number(of["auroc"])]


def _measured(found: dict[str, Any]) -> list[str]:
    models = found["models"]
    lines = [
        "### Pictures that no gate was fitted on",
        "",
        "| shown | " + " | ".join(f"`{name}`: refused" for name in models) + " |",
        "| --- |" + " --- |" * len(models),
    ]

    def row(name: str, counts: list[Counts]) -> str:
        cells = [
            f"{words.percent(one.get('refused', 0) / max(1, sum(one.values())))} "
            f"of {sum(one.values())}"
            for one in counts
        ]
        return f"| {name} | " + " | ".join(cells) + " |"

    lines.append(row("test slices", [of["test"]["untouched"] for of in models.values()]))
    every = [_sum(c for many in of["conditions"].values() for c in many) for of in models.values()]
    lines.append(row(f"test slices under {len(conditions.CONDITIONS)} conditions", every))
    for condition in conditions.CONDITIONS:
        sums = [_sum(of["conditions"][condition]) for of in models.values()]
        if any(one.get("refused") for one in sums):
            lines.append(row(f"– {condition.replace('_', ' ')}", sums))
    for key, what in (("heads", "heads"), ("foreign", "foreign pictures")):
        for folder in sorted({name for of in models.values() for name in of[key]}):
            lines.append(
                row(f"{what}: {folder}", [of[key].get(folder, {}) for of in models.values()])
            )
    lines.append(
        row("drawn anew, all kinds", [_sum(of["drawn"].values()) for of in models.values()])
    )
    for kind in sorted({kind for of in models.values() for kind in of["drawn"]}):
        counts = [of["drawn"].get(kind, {}) for of in models.values()]
        if any(one.get("refused", 0) < sum(one.values()) for one in counts):
            lines.append(row(f"– {kind.replace('_', ' ')}", counts))
    return lines


def _sum(counts: Any) -> Counts:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


PARTS = (Part("docs/gate.md", "gate", section),)


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    tasks = parser.add_subparsers(dest="task", required=True)
    measuring = tasks.add_parser("measure")
    measuring.add_argument("data", type=Path)
    measuring.add_argument("--heads", type=Path, action="append", default=[])
    measuring.add_argument("--foreign", type=Path, action="append", default=[])
    measuring.add_argument("--slices", type=int, default=30)
    measuring.add_argument("--drawn", type=int, default=10)
    writing = tasks.add_parser("doc")
    writing.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.task == "measure":
        found = measure(
            options.data,
            options.heads,
            options.foreign,
            slices=options.slices,
            drawn=options.drawn,
        )
        write_text(MEASURED, json.dumps(found, indent=1) + "\n")
    elif options.write:
        PARTS[0].write()
    else:
        print(section())


if __name__ == "__main__":
    main()
