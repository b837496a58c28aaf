"""The curves of a stress test: accuracy by severity, a small picture a condition."""

from __future__ import annotations

from markupsafe import Markup

from braintumor.evaluation import stress_figures, stress_words
from braintumor.evaluation.page import Figure, Section
from braintumor.evaluation.stress import Stress


def section(stress: Stress) -> Section:
    """All conditions together, then each."""
    overall = {
        name: [result.clean.accuracy, *(cell.accuracy for cell in result.by_severity.values())]
        for name, result in stress.models.items()
    }
    figures = [_figure(overall, "all", "All conditions")]
    for condition in stress.table.graded:
        accuracy = {
            name: [
                result.clean.accuracy,
                *(cell.accuracy for cell in result.conditions[condition].cells),
            ]
            for name, result in stress.models.items()
        }
        what = stress_words.condition_name(condition)
        figures.append(_figure(accuracy, condition.replace("_", "-"), what))
    return Section("stress_curves.html", {"figures": figures}, heading="Curves by severity")


def _figure(accuracy: dict[str, list[float]], key: str, what: str) -> Figure:
    drawn = stress_figures.by_severity(accuracy, key=f"stress-{key}", what=what)
    return Figure(Markup(drawn), what)
