"""The curves of a comparison: the models over each other, a picture a class."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from braintumor.classes import CLASSES
from braintumor.evaluation import figures, words
from braintumor.evaluation.compare import Comparison
from braintumor.evaluation.curves import curves
from braintumor.evaluation.page import Figure, Section


def section(comparison: Comparison, *, images: bool) -> Section:
    """Every figure, in rows under headings."""
    return Section("compare_curves.html", {"rows": figure_rows(comparison)}, heading="Curves")


def figure_rows(comparison: Comparison) -> list[tuple[str, list[Figure]]]:
    """Headed rows of figures: the models over each other, a picture a class."""
    models = {name: curves(rows) for name, rows in comparison.rows.items()}
    present = [name for name in CLASSES if _support(comparison, name)]
    kinds: tuple[tuple[str, str, Callable[..., str]], ...] = (
        ("ROC", "roc", figures.roc),
        ("Precision against recall", "pr", figures.precision_recall),
        ("F1 against threshold", "f1", figures.f1_threshold),
    )
    rows = [
        (
            "Confusion",
            [
                Figure(
                    Markup(figures.confusion(m.confusion, key=f"confusion-{i}", name=name)), name
                )
                for i, (name, m) in enumerate(models.items())
            ],
        )
    ]
    for heading, short, draw in kinds:
        drawn = [
            Figure(
                Markup(draw(models, key=f"{short}-{name.replace('_', '-')}", label=name)),
                words.CLASS_NAMES[name],
            )
            for name in present
        ]
        rows.append((heading, drawn))
    sure = figures.confidence(models, key="confidence")
    reliable = figures.reliability(models, key="reliability")
    rows.append(
        (
            "Confidence",
            [
                Figure(Markup(sure), "Where right and where wrong; mind the two scales."),
                Figure(Markup(reliable), "Below the dotted line, the model is too sure."),
            ],
        )
    )
    return rows


def _support(comparison: Comparison, label: str) -> int:
    metrics = comparison.metrics[comparison.names[0]]
    support: int = metrics["per_class"][label]["support"]
    return support
