"""The heat table of a stress test: conditions by models, with what is kept, flips and errors."""

from __future__ import annotations

import math

from braintumor.evaluation import stress_words
from braintumor.evaluation.page import Section
from braintumor.evaluation.stress import Stress

# White for all right, through orange, so that black stays readable on every shade.
_WARM, _WHITE = (232, 119, 34), (255, 255, 255)


def section(stress: Stress) -> Section:
    """Accuracy by condition and model; each severity below, folded away."""
    table = stress.table
    kinds = [("At several severities", table.graded), ("On or off", table.switches)]
    values = {
        "names": table.models,
        "models": stress.models,
        "kinds": [(heading, conditions) for heading, conditions in kinds if conditions],
        "reference": stress.reference,
        "severities": list(next(iter(stress.models.values())).by_severity),
        "condition_name": stress_words.condition_name,
        "shade": shade,
    }
    return Section("stress_heat.html", values, heading="Conditions by models")


def shade(share: float) -> str:
    """A CSS colour for a share right, 0 to 1."""
    if not math.isfinite(share):
        return "rgb(238, 238, 238)"
    part = min(max(share, 0.0), 1.0)
    mixed = (round(part * w + (1 - part) * o) for w, o in zip(_WHITE, _WARM, strict=True))
    return f"rgb({', '.join(map(str, mixed))})"
