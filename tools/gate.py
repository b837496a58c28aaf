"""How the shipped gates fare: results/gate.json, and the tables of docs/gate.md.

    python tools/gate.py measure DATA [--heads FOLDER ...] [--foreign FOLDER ...]
    python tools/gate.py doc [--write]

`measure` shows the shipped bundles pictures that no gate was fitted on (`gate_shown`): the test
slices of DATA untouched and under every scanner condition up to severity 3, newly drawn pictures of
every kind, those that scikit-image bundles, and whatever folders are named: heads (which must pass)
and foreign pictures (which must not).
`doc` reads that file and the shipped cards alone; a test holds the document to them, so that no
number is ever typed by hand.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gate_shown import Row, measure
from marks import ROOT, Part

from braintumor.bundle.card import Card, read_card
from braintumor.bundle.shipped import find_bundle, shipped
from braintumor.evaluation import words
from braintumor.files import write_text
from braintumor.images import conditions

MEASURED = ROOT / "results" / "gate.json"


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
    """What was shown, a row each: brain slices first, then what is none."""
    models = found["models"]

    def row(name: str, pick: Callable[[dict[str, Any]], Sequence[Row]]) -> str:
        cells = [cell for of in models.values() for cell in _cells(pick(of))]
        return f"| {name} | " + " | ".join(cells) + " |"

    some = next(iter(models.values()))
    lines = [
        "### Pictures that no gate was fitted on",
        "",
        f"Under conditions {_some(found['slices'], some['test']['untouched']['shown'])} were "
        f"shown, each at severities 1 to {found['severest']} where a condition has them.",
        "",
        "| shown | " + " | ".join(f"`{name}`: refused | AUROC" for name in models) + " |",
        "| --- |" + " --- |" * 2 * len(models),
        row("test slices", lambda of: [of["test"]["untouched"]]),
        row(
            f"test slices under {len(some['conditions'])} conditions",
            lambda of: [one for many in of["conditions"].values() for one in many],
        ),
    ]
    lines += [
        row(f"– {name.replace('_', ' ')}", lambda of, name=name: of["conditions"][name])
        for name in conditions.CONDITIONS
        if name in some["conditions"]  # there were fewer when the others were measured
    ]
    lines += [
        row(f"heads: {name}", lambda of, name=name: [of["heads"][name]]) for name in some["heads"]
    ]
    lines += [
        row(f"foreign pictures: {name}", lambda of, name=name: [of["foreign"][name]])
        for name in sorted(some["foreign"])
    ]
    lines.append(row("drawn anew, all kinds", lambda of: list(of["drawn"].values())))
    lines += [
        row(f"– {kind.replace('_', ' ')}", lambda of, kind=kind: [of["drawn"][kind]])
        for kind in sorted(some["drawn"])
    ]
    return lines


def _some(count: int, of: int) -> str:
    return f"all {of} test slices" if count == of else f"{count} of the {of} test slices"


def _cells(rows: Sequence[Row]) -> tuple[str, str]:
    """What is refused of some rows taken together, and how well they are told from brains.

    Every row was held against the same brain slices, so the area of all is the rows' mean, each
    counted as often as it has pictures.
    """
    shown = sum(row["shown"] for row in rows)
    refused = sum(row["refused"] for row in rows)
    area = ""
    if shown and all("auroc" in row for row in rows):
        area = words.number(sum(row["auroc"] * row["shown"] for row in rows) / shown)
    return f"{words.percent(refused / max(1, shown))} of {shown}", area


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
    measuring.add_argument("--slices", type=int, help="test slices under conditions; all of them")
    measuring.add_argument("--drawn", type=int, default=30)
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
