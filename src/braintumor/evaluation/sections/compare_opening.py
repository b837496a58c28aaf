"""The first screen of a comparison: each model's accuracy, and what differs, in words."""

from __future__ import annotations

from braintumor.evaluation import words
from braintumor.evaluation.compare import Comparison, sentences
from braintumor.evaluation.page import Section


def section(comparison: Comparison, *, images: bool) -> Section:
    """The first screen."""
    values = {
        "names": comparison.names,
        "part": words.part_name(comparison.split or "all"),
        "comparison": comparison,
        "cards": [
            (
                name,
                words.percent(comparison.metrics[name]["accuracy"]),
                f"accuracy; macro AUC {words.number(comparison.metrics[name]['macro_auc'])}",
            )
            for name in comparison.names
        ],
        "sentences": sentences(comparison),
    }
    return Section("compare_opening.html", values)
