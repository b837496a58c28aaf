"""The part of docs/evaluation.md on intervals and tests, from the committed predictions.

    python tools/intervals.py [--write]

Computed anew from results/labeled-mri-given/*/predictions.csv alone; a test holds the document to
it, so that no number is ever typed by hand.
"""

from __future__ import annotations

from pathlib import Path

import marks
from marks import ROOT, Part

from braintumor.classes import CLASSES
from braintumor.evaluation import words
from braintumor.evaluation.compare import Comparison, compare, sentences
from braintumor.evaluation.intervals import intervals
from braintumor.evaluation.run_tables import read_run

RESULTS = ROOT / "results" / "labeled-mri-given"
NETWORKS = ("cnn", "resnet50")


def section(results: Path = RESULTS) -> str:
    """The document's part in Markdown: scores with intervals, and what the comparison allows."""
    found = compare([read_run(results / name) for name in NETWORKS], split="test")
    first = found.metrics[found.names[0]]["intervals"]
    lines = [f"Test slices of the published split: {found.n}. {first['note']}", ""]
    lines += _scores(found)
    lines += ["", *(f"- {sentence}" for sentence in sentences(found)), "", *_ignorant(found)]
    return "\n".join(lines).replace(words.NBSP, " ")


def _scores(found: Comparison) -> list[str]:
    """Scores side by side, each with its interval; a dagger where that is unreliable."""
    lines = [
        "| score | " + " | ".join(f"`{name}`" for name in found.names) + " | difference | p |",
        "| --- |" + " --- |" * (len(found.names) + 2),
    ]
    (pair,) = found.pairs
    rows = [(key, heading, share) for key, heading, share in words.SCORES]
    rows += [
        (f"{label}.sensitivity", f"Sensitivity, {words.CLASS_NAMES[label].lower()}", True)
        for label in CLASSES
    ]
    for key, heading, share in rows:
        cells = [_cell(found.metrics[name], key, share) for name in found.names]
        apart = pair.tests.differences[key]
        low, high = (words.apart(end, share) for end in (apart.low, apart.high))
        dagger = "†" if apart.unreliable else ""
        cells.append(f"{words.apart(apart.difference, share)} ({low} to {high}){dagger}")
        cells.append(words.p_value(apart.p_holm))
        lines.append(f"| {heading} | " + " | ".join(cells) + " |")
    return lines


def _cell(metrics: dict, key: str, share: bool) -> str:
    label, _, score = key.rpartition(".")
    value = metrics["per_class"][label][score] if label else metrics[score]
    found = (
        metrics["intervals"]["per_class"][label][score] if label else metrics["intervals"][score]
    )
    dagger = "†" if found["unreliable"] else ""
    return f"{words.score(value, share)} ({words.span(found, share)}){dagger}"


def _ignorant(found: Comparison) -> list[str]:
    """What the interval of the accuracy would be if slices were taken for patients."""
    lines = []
    for name, rows in found.rows.items():
        single = intervals(rows.y_true, rows.y_prob).scores["accuracy"].to_dict()
        grouped = found.metrics[name]["intervals"]["accuracy"]
        lines.append(
            f"Were every slice of `{name}` a patient of its own, its accuracy would lie between "
            f"{words.span(single, True)} %; with patients as the units it is "
            f"{words.span(grouped, True)} %."
        )
    return lines


PARTS = (Part("docs/evaluation.md", "intervals", section),)


if __name__ == "__main__":
    marks.command(PARTS, __doc__)
