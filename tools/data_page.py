"""The tables of docs/data.md, from the committed audit of the labelled set.

    braintumor audit DATA --patients FILE --run results/labeled-mri-given/resnet50 \\
        --no-images --out results/labeled-mri-given
    python tools/data_page.py [--write]

The first writes audit.json and audit.html, without any picture of a slice; the second puts their
numbers into the page. A test holds the page against the file, so that no number is typed by hand.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from braintumor.catalog.audit import AUDIT_FILE
from braintumor.catalog.suspicions import PROBES
from braintumor.evaluation.words import percent
from braintumor.files import write_text

ROOT = Path(__file__).parents[1]
AUDIT = ROOT / "results" / "labeled-mri-given" / AUDIT_FILE
PAGE = ROOT / "docs" / "data.md"
BEGIN, END = "<!-- audit:begin -->", "<!-- audit:end -->"
_SEVERITY = {"wrong": "**severe**", "doubtful": "look", "note": "note"}


def content(audit: dict[str, Any]) -> str:
    """Everything between the marks: what is there, what was found, how far shortcuts get."""
    counts = audit["readability"]["counts"]
    sums = {split: sum(of.values()) for split, of in counts.items()}
    parts = ", ".join(f"{count} {split}" for split, count in sums.items())
    return "\n\n".join(
        [
            f"{audit['images']} images ({parts}) in {audit['groups']['count']} groups, the "
            f"largest of {audit['groups']['largest']}. **{audit['verdict']}**",
            _table(
                ("severity", "what was found", "files"),
                (
                    (_SEVERITY[f["severity"]], _escaped(f["sentence"]), str(len(f["paths"]) or "–"))
                    for f in audit["findings"]
                ),
            ),
            "Slices with a copy in train, by what counts as a copy:",
            _table(
                ("", "slices", "upright", "or mirrored", "or turned", "or altered"),
                (
                    (split, str(sums[split]), *(str(of["in_train"][turn]) for turn in _TURNS))
                    for split, of in audit["near_copies"].items()
                ),
            ),
            "Accuracy without anatomy:",
            _table(
                ("how", f"given split, {audit['shortcuts_judged']}", "groups kept together"),
                (
                    (PROBES[name], percent(of["given"]), percent(of["grouped"]))
                    for name, of in audit["shortcuts"].items()
                ),
            ),
            "Single properties that tell a class from the rest:",
            _table(
                ("class", "property", "AUC"),
                (
                    (tale["label"], tale["property"], f"{tale['auc']:.2f}")
                    for tale in audit["telltales"]
                ),
            ),
        ]
    )


_TURNS = ("upright", "mirrored", "any", "altered")


def replaced(text: str, new: str) -> str:
    """The page with what stands between the two marks replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{new}\n{END}{after}"


def read_audit(path: Path = AUDIT) -> dict[str, Any]:
    """The committed audit."""
    audit: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return audit


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the tables into docs/data.md")
    made = content(read_audit())
    if parser.parse_args().write:
        write_text(PAGE, replaced(PAGE.read_text(encoding="utf-8"), made))
    print(made)


if __name__ == "__main__":
    main()
