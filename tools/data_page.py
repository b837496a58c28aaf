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
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import marks
import splits
from marks import ROOT, Part

from braintumor.catalog.audit import AUDIT_FILE
from braintumor.catalog.suspicions import PROBES
from braintumor.evaluation.predictions import Predictions
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


# Folds that are published, and what they are called.
_FOLDS = {
    splits.GROUPED: "The published folds",
    splits.EARLIER: "The folds that learnt nothing from other scanners",
}


def astride(audit: dict[str, Any], results: Path = splits.RESULTS) -> str:
    """What the audit's copies say of the folds that are published; "" where they part none."""
    parts = [_parted(audit, results / name, called) for name, called in _FOLDS.items()]
    return "\n\n".join(filter(None, parts))


def _parted(audit: dict[str, Any], folder: Path, called: str) -> str:
    said, shares = [], []
    for name in splits.NETWORKS:
        path = folder / name / "predictions.csv"
        if not path.is_file():
            continue
        rows = Predictions.read(path).frame.set_index("path")
        fold = rows["fold"]
        parted = [
            {copy["first"], copy["second"]}
            for copy in audit["copies"]
            if fold.get(copy["first"], "") != fold.get(copy["second"], "")
        ]
        slices = sorted(set().union(*parted))
        if not slices:
            continue
        right = rows["predicted"] == rows["label"]  # by the network's own probabilities
        if not said:
            labels = ", ".join(f"{n} {name}" for name, n in Counter(rows["label"][slices]).items())
            said.append(
                f"{called} are not quite clean: {len(parted)} pairs of the audit's "
                f"copies ({len(slices)} of {len(rows)} slices: {labels}) lie in two folds. They "
                "were dealt when clusters of near copies in the patients file were taken for "
                "patients, whom altered copies do not join; folds that are dealt now hold them "
                "together. Right without these slices, by a network's own probabilities:"
            )
        without, whole = percent(right.drop(slices).mean()), percent(right.mean())
        shares.append(f"`{name}` {without} in place of {whole}")
    return f"{' '.join(said)} {', '.join(shares)}." if said else ""


def results_section() -> str:
    """What the split does to accuracy, and where the folds leak themselves."""
    return "\n\n".join(filter(None, [splits.section(), astride(read_audit())]))


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
    Part("docs/data.md", "results", results_section),
)


if __name__ == "__main__":
    marks.command(PARTS, __doc__)
