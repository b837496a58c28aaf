"""The curves of a report: those of the headline's rows, and the other splits' folded away."""

from __future__ import annotations

from markupsafe import Markup

from braintumor.evaluation import figures, words
from braintumor.evaluation.curves import curves
from braintumor.evaluation.judgement import Judgement, Part
from braintumor.evaluation.page import Figure, Section


def section(judgement: Judgement, *, images: bool) -> Section:
    """Every figure of the headline, and of the other splits."""
    head = judgement.headline
    others = [part for name, part in judgement.parts.items() if name in ("valid", "test", "all")]
    values = {
        "figures": part_figures(head),
        "more": {part.name: part_figures(part) for part in others if part.name != head.name},
    }
    heading = f"Curves: {words.part_name(head.name)}"
    unfold = "Confusion, ROC, precision and recall, thresholds, confidence, reliability"
    return Section("curves.html", values, heading=heading, unfold=unfold)


def part_figures(part: Part) -> list[Figure]:
    """Every figure of one part."""
    data = curves(part.rows)
    models = {"Model": data}
    key = part.name.replace("_", "-")
    matrix = figures.confusion(data.confusion, key=f"{key}-confusion")
    return [
        Figure(Markup(matrix), "Confusion matrix: counts, and shares of each true class."),
        Figure(
            Markup(figures.roc(models, key=f"{key}-roc")),
            "ROC: each class against the rest, with the area under the curve.",
        ),
        Figure(
            Markup(figures.precision_recall(models, key=f"{key}-pr")),
            "Precision against recall, with average precision. Dotted: what a guesser reaches.",
        ),
        Figure(
            Markup(figures.f1_threshold(models, key=f"{key}-f1")),
            "F1 against threshold. The dot is the best threshold, found on these very slices: "
            "elsewhere it will do a little worse.",
        ),
        Figure(
            Markup(figures.confidence(models, key=f"{key}-confidence")),
            "Confidence where the model is right and where it is wrong; mind the two scales.",
        ),
        Figure(
            Markup(figures.reliability(models, key=f"{key}-reliability")),
            "Reliability: on the dotted line, nine in ten of the slices that the model is sure of "
            "by 0.9 are right; below it, the model is too sure. Bins hold equal numbers of slices.",
        ),
    ]
