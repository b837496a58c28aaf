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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from gate_shown import IN_VIEW_ROW, Row, measure
from marks import ROOT, Part

from braintumor.bundle.card import Card, read_card
from braintumor.bundle.shipped import find_bundle, shipped
from braintumor.evaluation import words
from braintumor.files import write_text
from braintumor.images import conditions
from results import TIES

MEASURED = ROOT / "results" / "gate.json"
# What was aimed at: the share of foreign pictures that is refused at least, and that of brain
# slices at most.
FOREIGN, BRAINS = 0.99, 0.01
# The source whose slices, left out of the fits, set the bound for refusing.
_BOUND_BY = "data set"
# The publisher's split: of which test slices train holds the patient, or a copy.
_TIES = ROOT / "results" / "labeled-mri-given" / TIES


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


def aim(shares: Mapping[str, float | None], *, foreign: bool) -> str:
    """What was aimed at in a row, and by whom it was missed.

    Args:
        shares: of pictures refused, of each bundle; None where it was shown none.
        foreign: whether they are to be refused, or brain slices.
    """
    known = {name: share for name, share in shares.items() if share is not None}
    if not known:
        return ""
    missed = [
        f"`{name}`"
        for name, share in known.items()
        if (share < FOREIGN if foreign else share > BRAINS)
    ]
    wanted = f"at least {100 * FOREIGN:g} %" if foreign else f"at most {100 * BRAINS:g} %"
    return f"{wanted}: " + (f"missed by {', '.join(missed)}" if missed else "reached")


def _out_of_fold(evidence: dict[str, Any]) -> list[str]:
    """Kinds and sources that the judged fits had not seen."""
    names = list(evidence)
    lines = [
        "### Kinds and sources that were left out of the fit",
        "",
        f"| kind, left out | {' | '.join(f'`{name}`: refused | AUROC' for name in names)} | aim |",
        "| --- |" + " --- |" * (2 * len(names) + 1),
    ]
    kinds = sorted({kind for of in evidence.values() for kind in of["foreign"]})
    for kind in kinds:
        cells = []
        for of in evidence.values():
            one = of["foreign"].get(kind)
            cells += (
                [words.percent(one["refused"]), words.number(one["auroc"])] if one else ["", ""]
            )
        wanted = aim(_refused(evidence, "foreign", kind), foreign=True)
        lines.append(f"| {kind.replace('_', ' ')} | " + " | ".join([*cells, wanted]) + " |")
    cells = [cell for of in evidence.values() for cell in _together(of)]
    wanted = aim({name: _mean(of) for name, of in evidence.items()}, foreign=True)
    lines.append("| **mean of the kinds, all pictures** | " + " | ".join([*cells, wanted]) + " |")
    lines += [
        "",
        f"| brain slices, left out | {' | '.join(f'`{name}`: refused' for name in names)} | aim |",
        "| --- |" + " --- |" * (len(names) + 1),
    ]
    for source in sorted({one for of in evidence.values() for one in of["brain_slices"]}):
        found = [of["brain_slices"].get(source) for of in evidence.values()]
        cells = [f"{words.percent(one['refused'])} of {one['n']}" if one else "" for one in found]
        wanted = aim(_refused(evidence, "brain_slices", source), foreign=False)
        if source == _BOUND_BY:
            wanted = f"at most {100 * BRAINS:g} %: the bound was set by these very scores"
        lines.append(f"| {source.removeprefix('beside:')} | " + " | ".join([*cells, wanted]) + " |")
    return lines


def _refused(evidence: Mapping[str, Any], part: str, key: str) -> dict[str, float | None]:
    """The share that each bundle's gate refused of a kind or source."""
    return {name: of[part].get(key, {}).get("refused") for name, of in evidence.items()}


def _together(of: dict[str, Any]) -> list[str]:
    return [words.percent(_mean(of)), words.number(of["auroc"])]


def _mean(of: dict[str, Any]) -> float:
    """Mean over the kinds of the share refused."""
    return float(np.mean([one["refused"] for one in of["foreign"].values()]))


def _measured(found: dict[str, Any]) -> list[str]:
    """What was shown, a row each: brain slices first, then what is none."""
    models = found["models"]

    def row(
        name: str, pick: Callable[[dict[str, Any]], Sequence[Row]], foreign: bool | None = False
    ) -> str:
        cells = [cell for of in models.values() for cell in _cells(pick(of))]
        shares = {model: _share(pick(of)) for model, of in models.items()}
        wanted = "" if foreign is None else aim(shares, foreign=foreign)
        return f"| {name} | " + " | ".join([*cells, wanted]) + " |"

    some = next(iter(models.values()))
    lines = [
        "### Pictures that no gate was fitted on",
        "",
        f"Under conditions {_some(found['slices'], some['test']['untouched']['shown'])} were "
        f"shown, each at severities 1 to {found['severest']} where a condition has them. "
        f"{_acquainted()}",
        "",
        f"| shown | {' | '.join(f'`{name}`: refused | AUROC' for name in models)} | aim |",
        "| --- |" + " --- |" * (2 * len(models) + 1),
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
        row(
            f"heads: {name}",
            lambda of, name=name: [of["heads"][name]],
            False if _are_brains(name, some["heads"]) else None,
        )
        for name in some["heads"]
    ]
    lines += [
        row(f"foreign pictures: {name}", lambda of, name=name: [of["foreign"][name]], True)
        for name in sorted(some["foreign"])
    ]
    lines.append(row("drawn anew, all kinds", lambda of: list(of["drawn"].values()), True))
    lines += [
        row(f"– {kind.replace('_', ' ')}", lambda of, kind=kind: [of["drawn"][kind]], True)
        for kind in sorted(some["drawn"])
    ]
    return lines


def _acquainted() -> str:
    """How many of the test slices are of somebody among whose slices the gates' brains are."""
    ties = pd.read_csv(_TIES)
    test = ties[ties["path"].str.startswith("test/")]
    return (
        f"The test slices are other files than those that gates were fitted on, but "
        f"{int(test['group_in_train'].sum())} of {len(test)} are of a patient (or a copy) of whom "
        "`train` holds slices, from which those were drawn: how few of them are refused says "
        "little of new patients."
    )


def _are_brains(name: str, heads: Mapping[str, Any]) -> bool:
    """Whether a row of heads is of brain slices: not a whole volume, whose ends show none, nor
    these ends."""
    return name.endswith(IN_VIEW_ROW) or not any(
        other.endswith(IN_VIEW_ROW) and name.startswith(other.removesuffix(IN_VIEW_ROW))
        for other in heads
    )


def _some(count: int, of: int) -> str:
    return f"all {of} test slices" if count == of else f"{count} of the {of} test slices"


def _cells(rows: Sequence[Row]) -> tuple[str, str]:
    """What is refused of some rows taken together, and how well they are told from brains.

    Every row was held against the same brain slices, so the area of all is the rows' mean, each
    counted as often as it has pictures.
    """
    shown = sum(row["shown"] for row in rows)
    area = ""
    if shown and all("auroc" in row for row in rows):
        area = words.number(sum(row["auroc"] * row["shown"] for row in rows) / shown)
    return f"{words.percent(_share(rows) or 0.0)} of {shown}", area


def _share(rows: Sequence[Row]) -> float | None:
    """What is refused of some rows taken together; None of no pictures."""
    shown = sum(row["shown"] for row in rows)
    return sum(row["refused"] for row in rows) / shown if shown else None


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
