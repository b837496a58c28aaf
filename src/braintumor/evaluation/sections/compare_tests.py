"""The tests of a comparison: who is right where, and every difference with its interval."""

from __future__ import annotations

from typing import Any

from braintumor.classes import CLASSES
from braintumor.evaluation import words
from braintumor.evaluation.compare import Comparison
from braintumor.evaluation.conclusions import Pair, size_sentence
from braintumor.evaluation.page import Section
from braintumor.evaluation.paired import FEWEST_DIFFERING, Difference


def section(comparison: Comparison, *, images: bool) -> Section:
    """Counts of every pair, and a table of differences for each."""
    values = {
        "comparison": comparison,
        "pairs": [_pair(pair) for pair in comparison.pairs],
        "FEWEST_DIFFERING": FEWEST_DIFFERING,
    }
    lead = size_sentence(comparison.pairs)
    return Section("compare_tests.html", values, heading="Is the difference real?", lead=lead)


def _pair(pair: Pair) -> dict[str, Any]:
    found = pair.tests.differences
    rows: list[tuple[str, bool, Difference]] = [
        (heading, share, found[key]) for key, heading, share in words.SCORES if key in found
    ]
    for key, heading, share in words.CLASS_SCORES:
        for label in CLASSES:
            name = f"{label}.{key}"
            if name in found:
                rows.append((f"{heading}, {words.CLASS_NAMES[label].lower()}", share, found[name]))
    return {"a": pair.a, "b": pair.b, "rows": rows}
