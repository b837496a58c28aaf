"""What is left to a person: prediction sets with their coverage, and risk against coverage."""

from __future__ import annotations

from markupsafe import Markup

from braintumor.evaluation import probability_figures, words
from braintumor.evaluation.acting import Acting
from braintumor.evaluation.intervals import FEWEST_ERRORS
from braintumor.evaluation.judgement import Judgement
from braintumor.evaluation.page import Figure, Section

_FEW_ERRORS = (
    f"no interval: fewer than {FEWEST_ERRORS} groups have errors, or as few have right answers"
)


def section(judgement: Judgement, *, images: bool) -> Section:
    """Coverage of each class and the curve, folded away under a sentence."""
    found = judgement.acting
    svg = probability_figures.risk_coverage(found.risk, key="risk-coverage")
    aurc = found.risk.aurc
    value, low, high = (words.number(x, 4) for x in (aurc.value, aurc.low, aurc.high))
    between = _FEW_ERRORS if low == words.NOT_DEFINED else f"{low} to {high}"
    caption = (
        "Share of errors among the accepted slices; dotted: all of them. Area (AURC) "
        f"{value} ({between}); with every error less sure than every right answer it were "
        f"{words.number(found.risk.best, 4)}."
    )
    values = {
        "sets": found.sets,
        "fitted_on": found.fitted_on,
        "remarks": found.remarks if found.decision else (),
        "figures": [Figure(Markup(svg), caption)],
    }
    return Section(
        "abstaining.html", values, "When should a person look?", lead(found),
        "Prediction sets, and risk against coverage",
    )  # fmt: skip


def lead(found: Acting) -> str:
    """What abstaining would bring, in a sentence or two."""
    four_fifths = max((i for i, c in enumerate(found.risk.coverage) if c <= 0.8), default=-1)
    said = ""
    if four_fifths >= 0:
        said = (
            f"Of the surest {words.percent(float(found.risk.coverage[four_fifths]))} of slices "
            f"{words.percent(float(found.risk.risk[four_fifths]))} are wrong, of all "
            f"{words.percent(float(found.risk.risk[-1]))}."
        )
    if found.sets is None:
        return said
    whole = found.sets.coverage[-1]
    alpha = found.sets.alpha
    asked = "" if alpha is None else f" at an error rate of {words.percent(alpha)}"
    return (
        f"{said} Prediction sets{asked} name one class for {words.percent(whole.single)} of "
        f"slices; the truth is in the set of {words.percent(whole.coverage.value)}. Uncertain, by "
        f"their set or for another reason, and left to a person are "
        f"{words.percent(found.sets.uncertain)}."
    ).strip()
