"""The part of docs/evaluation.md on intervals and tests, from the committed predictions.

    python tools/intervals.py [--write]

Computed anew from results/labeled-mri-given/*/predictions.csv alone; a test holds the document to
it, so that no number is ever typed by hand.
"""

from __future__ import annotations

from pathlib import Path

import marks
from marks import Part
from splits import class_score, score, tested

from braintumor.classes import CLASSES
from braintumor.evaluation import words
from braintumor.evaluation.compare import Comparison, compare, sentences
from braintumor.evaluation.intervals import intervals
from braintumor.evaluation.run_tables import read_run
from results import NETWORKS, RESULTS


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
    (pair,) = found.pairs
    rows = []
    for key, heading, share in words.SCORES:
        cells = [score(found.metrics[name], key, share) for name in found.names]
        rows.append([heading, *cells, *tested(pair.tests.differences[key], share)])
    for label in CLASSES:
        cells = [class_score(found.metrics[name], label, "sensitivity") for name in found.names]
        heading = f"Sensitivity, {words.CLASS_NAMES[label].lower()}"
        apart = pair.tests.differences[f"{label}.sensitivity"]
        rows.append([heading, *cells, *tested(apart, True)])
    heads = ("score", *(f"`{name}`" for name in found.names), "difference", "p")
    return marks.table(heads, rows)


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
