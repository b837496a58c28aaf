"""The first screen of a comparison: each model's accuracy, and what differs, in words."""

from __future__ import annotations

from braintumor.evaluation import words
from braintumor.evaluation.compare import Comparison, sentences
from braintumor.evaluation.metrics import Metrics
from braintumor.evaluation.page import Section


def section(comparison: Comparison, *, images: bool) -> Section:
    """The first screen."""
    values = {
        "names": comparison.names,
        "part": words.part_name(comparison.split or "all"),
        "comparison": comparison,
        "cards": [_card(name, comparison.metrics[name]) for name in comparison.names],
        "sentences": sentences(comparison),
    }
    return Section("compare_opening.html", values)


def _card(name: str, metrics: Metrics) -> tuple[str, str, str]:
    ends = words.span(metrics["intervals"]["accuracy"], True)
    sure = f" (95{words.NBSP}% interval {ends})" if ends else ""
    told = f"accuracy{sure}; macro AUC {words.number(metrics['macro_auc'])}"
    return name, words.percent(metrics["accuracy"]), told
