"""The tables of docs/data.md, from the committed audit of the labelled set and the results.

    braintumor audit DATA --patients FILE --run results/labeled-mri-given/resnet50 \\
        --no-images --out results/labeled-mri-given
    python tools/data_page.py [--write]

The first writes audit.json and audit.html, without any picture of a slice; the second puts their
numbers into the page, and the accuracy on the publisher's split against that on grouped splits
(`splits.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import marks
import splits
from marks import ROOT, Part

from braintumor.catalog.audit import AUDIT_FILE
from braintumor.catalog.suspicions import PROBES
from braintumor.evaluation.words import percent

AUDIT = ROOT / "results" / "labeled-mri-given" / AUDIT_FILE
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
                    (_SEVERITY[f["severity"]], f["sentence"], str(len(f["paths"]) or "–"))
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


def read_audit(path: Path = AUDIT) -> dict[str, Any]:
    """The committed audit."""
    audit: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return audit


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(marks.table(heads, list(rows)))


def audit_tables() -> str:
    """`content` of the committed audit."""
    return content(read_audit())


PARTS = (
    Part("docs/data.md", "audit", audit_tables),
    Part("docs/data.md", "results", splits.section),
)


if __name__ == "__main__":
    marks.command(PARTS, __doc__)
