"""Decision curves: whether acting on the probabilities beats acting on all slices, or on none."""

from __future__ import annotations

from markupsafe import Markup

from braintumor.evaluation import probability_figures, words
from braintumor.evaluation.judgement import Judgement
from braintumor.evaluation.page import Figure, Section


def section(judgement: Judgement, *, images: bool) -> Section:
    """The figure, folded away under a sentence."""
    found = judgement.acting
    svg = probability_figures.decision_curves(found.curves, key="decision-curves")
    caption = (
        "Net benefit: right calls, less needless ones at the price that the threshold sets "
        "(Vickers & Elkin 2006). Bands are 95\N{NO-BREAK SPACE}% intervals over patients; dashed: "
        "acting on every slice; dotted: on none. The class shares are those of the table."
    )
    ranges = "; ".join(
        f"{words.CLASS_NAMES[name].lower()} {probability_figures.useful_range(curve)}"
        for name, curve in found.curves.items()
    )
    lead = (
        "Acting on a class's probability is worth more than acting on every slice, and than acting "
        "on none, both by more than chance makes (95\N{NO-BREAK SPACE}% intervals over patients), "
        f"at thresholds of: {ranges}."
    )
    return Section(
        "figures_only.html", {"figures": [Figure(Markup(svg), caption)]}, "Decision curves", lead,
        "The curves",
    )  # fmt: skip
