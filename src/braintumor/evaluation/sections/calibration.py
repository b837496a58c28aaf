"""Whether probabilities can be believed: scores by method of calibration, reliability by class."""

from __future__ import annotations

from markupsafe import Markup

from braintumor.evaluation import probability_figures, words
from braintumor.evaluation.acting import Acting
from braintumor.evaluation.decision import JUDGED_FILE
from braintumor.evaluation.judgement import Judgement
from braintumor.evaluation.page import Figure, Section

# What may be said of the slices that the fit was made on.
_NOT_ON_TEST = {
    "validation": " No test slice was used.",
    "out-of-fold": " What is shown of them on this page is by what was fitted on the other folds.",
}
METHOD_NAMES = {
    "none": "As in the table",
    "temperature": "Temperature scaling",
    "vector": "Vector scaling",
}


def section(judgement: Judgement, *, images: bool) -> Section:
    """Table and figure, folded away under a sentence."""
    found = judgement.acting
    svg = probability_figures.reliability(found.reliability, key="class-reliability")
    caption = (
        "Each class's probability against how often it was true, in ten bins of equal numbers of "
        "slices; bars are 95\N{NO-BREAK SPACE}% intervals over patients. On the dotted line the "
        "probabilities mean what they say."
    )
    values = {
        "methods": [(METHOD_NAMES[name], scores) for name, scores in found.methods.items()],
        "fitted_on": found.fitted_on,
        "remarks": found.remarks,
        "shipped": shipped(found),
        "figures": [Figure(Markup(svg), caption)],
    }
    return Section(
        "calibration.html", values, "Can the probabilities be believed?", lead(found),
        "Reliability, and what calibration brings",
    )  # fmt: skip


def shipped(found: Acting) -> str:
    """What travels with the model, in a sentence; "" where nothing was fitted."""
    if found.decision is None:
        return ""
    method = METHOD_NAMES[found.decision.rules.calibrator.method]
    return (
        f"{method}, the prediction sets and the thresholds of the operating points, fitted on "
        f"{found.decision.fitted_on}, lie in {JUDGED_FILE}, and travel with the model when it is "
        f"exported.{_NOT_ON_TEST.get(found.fitted_on, '')}"
    )


def lead(found: Acting) -> str:
    """The answer in a sentence or two."""
    own = found.methods["none"]
    mean, quantile = own.ece_by_chance
    said = (
        f"Confidence and share right lie {words.percent(own.ece)} apart on average (ECE); chance "
        f"alone makes {words.percent(mean)}, and in one table of twenty more than "
        f"{words.percent(quantile)}. "
    )
    said += (
        "They differ by more than chance would make of as many patients with one slice each."
        if own.ece > quantile
        else "That may be chance."
    )
    best = min(found.methods, key=lambda name: found.methods[name].log_loss)
    if best != "none":
        said += (
            f" {METHOD_NAMES[best]} brings the log loss from {words.number(own.log_loss)} to "
            f"{words.number(found.methods[best].log_loss)}."
        )
    return said
