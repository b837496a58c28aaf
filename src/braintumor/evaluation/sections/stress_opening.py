"""The first screen of a stress test: which model is right more often, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping

from braintumor.evaluation import stress_words, words
from braintumor.evaluation.page import Section
from braintumor.evaluation.stress import Stress


def section(stress: Stress, titles: Mapping[str, str]) -> Section:
    """The first screen; `titles`: name of a class mix -> as people read it."""
    cards = [
        (
            name,
            words.percent(result.accuracy.value),
            f"right over all conditions; {words.percent(result.clean.accuracy)} untouched",
        )
        for name, result in stress.models.items()
    ]
    severities = max(len(c.cells) for r in stress.models.values() for c in r.conditions.values())
    values = {
        "names": stress.table.models,
        "answer": stress_words.answer(stress, titles),
        "cards": cards,
        "findings": stress_words.findings(stress),
        "images": len(stress.table.truth),
        "groups": stress.groups,
        "nameless": stress.table.group.count(""),
        "conditions": len(stress.table.graded),
        "severities": severities,
        "left_out": stress.table.left_out,
    }
    return Section("stress_opening.html", values)
