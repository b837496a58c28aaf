"""A run's judgement as one HTML page that needs nothing else: no network, no script, no font.

Chooses what is shown and puts it into words; the numbers come from `judgement`, the pictures from
the run's folder. Every text is escaped by the template; SVGs are those of `figures` only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from braintumor import __version__
from braintumor.classes import CLASSES
from braintumor.evaluation import figures, words
from braintumor.evaluation.curves import curves
from braintumor.evaluation.judgement import Judgement, Part
from braintumor.evaluation.metrics import PER_CLASS
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import RunTables
from braintumor.files import write_text

REPORT_FILE = "report.html"
# Pictures are for looking at; a person looks at two dozen. The list is for searching.
_GALLERY, _LISTED = 24, 100


@dataclass(frozen=True)
class Figure:
    """One figure of a page: an SVG and what stands under it."""

    svg: Markup
    caption: str


@dataclass(frozen=True)
class Error:
    """One slice that was judged wrongly.

    Attributes:
        path, label, predicted, confidence: as a person reads them.
        thumb, map: data URIs, or None.
    """

    path: str
    label: str
    predicted: str
    confidence: str
    thumb: str | None = None
    map: str | None = None


def write_report(judgement: Judgement, folder: Path, *, images: bool = True) -> Path:
    """Write report.html atomically and return its path; see `render`."""
    path = folder / REPORT_FILE
    write_text(path, render(judgement, images=images))
    return path


def render(judgement: Judgement, *, images: bool = True) -> str:
    """The report as HTML.

    Args:
        judgement: the numbers and their run.
        images: show slices: gallery, heat maps and augmentation. Without, no pixel of any slice
            is in the page, so that it may be passed on where the data may not.
    """
    run, head = judgement.run, judgement.headline
    others = [part for name, part in judgement.parts.items() if name in ("valid", "test", "all")]
    page = {
        "title": f"{run.model}: how good is it?",
        "phantom": run.phantom,
        "run": run,
        "judgement": judgement,
        "head": head,
        "answer": answer(head),
        "cards": cards(judgement),
        "failures": failures(head),
        "parts": list(judgement.parts.values()),
        "figures": part_figures(head),
        "more_figures": {p.name: part_figures(p) for p in others if p.name != head.name},
        "learning": learning_figures(run),
        "augmentation": run.augmentation() if images else None,
        "errors": list(errors(head.errors, run, images=images)),
        "recipe": recipe_rows(run.recipe),
        "images": images,
    }
    return environment().get_template("report.html").render(page)


@cache
def environment() -> Environment:
    """The templates, with the filters that they use; everything is escaped."""
    made = Environment(
        loader=PackageLoader("braintumor.evaluation", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": words.percent,
        "number": words.number,
        "score": words.score,
        "class_name": lambda name: words.CLASS_NAMES.get(name, name),
        "part_name": words.part_name,
        "slices": words.slices,
        "p_value": words.p_value,
    }
    made.globals |= {
        "CLASSES": CLASSES,
        "SCORES": words.SCORES,
        "CLASS_SCORES": words.CLASS_SCORES,
        "PER_CLASS": PER_CLASS,
        "RESEARCH_ONLY": words.RESEARCH_ONLY,
        "VERSION": __version__,
    }
    return made


def answer(part: Part) -> str:
    """How good is it, in one line."""
    right = part.metrics["n"] - len(part.errors)
    what = {"test": "test slices", "valid": "validation slices", "train": "training slices"}
    noun = what.get(part.name, "slices")
    return f"{words.percent(part.metrics['accuracy'])} right: {right} of {part.metrics['n']} {noun}"


def cards(judgement: Judgement) -> list[tuple[str, str, str]]:
    """The numbers of the first screen: (heading, value, what it means)."""
    head = judgement.headline
    unseen = judgement.parts.get(f"{head.name}_unseen")
    found = [("Accuracy", words.percent(head.metrics["accuracy"]), f"{head.metrics['n']} slices")]
    if unseen is not None:
        told = f"{unseen.metrics['n']} slices without a relative in training"
        found.append(("Accuracy, unseen", words.percent(unseen.metrics["accuracy"]), told))
    found += [
        ("Balanced accuracy", words.percent(head.metrics["balanced_accuracy"]), "mean of classes"),
        ("Macro AUC", words.number(head.metrics["macro_auc"]), "0.5 is a coin's, 1 is perfect"),
    ]
    if unseen is None:
        found.append(("Macro F1", words.number(head.metrics["macro_f1"]), "mean of classes"))
    return found


def failures(part: Part) -> list[str]:
    """Where does it fail: sentences, the weightiest first."""
    if not len(part.errors):
        return [f"Nowhere in these {words.slices(part.metrics['n'])}, which are all there is."]
    per_class = part.metrics["per_class"]
    present = [name for name in CLASSES if per_class[name]["support"]]
    weakest = min(present, key=lambda name: per_class[name]["sensitivity"])
    support = per_class[weakest]["support"]
    missed = support - part.metrics["confusion"][CLASSES.index(weakest)][CLASSES.index(weakest)]
    sentences = [
        f"Weakest class: {words.CLASS_NAMES[weakest].lower()}, {missed} of {support} missed "
        f"(sensitivity {words.percent(per_class[weakest]['sensitivity'])})."
    ]
    kinds = [
        f"{words.CLASS_NAMES[truth].lower()} taken for {words.CLASS_NAMES[said].lower()} "
        f"({count} of {of})"
        for truth, said, count, of in part.confusions[:3]
    ]
    sentences.append(f"Most frequent: {'; '.join(kinds)}.")
    sure = int((part.errors.confidence >= 0.9).sum())
    sentences.append(
        f"Made with a confidence of 90\N{NO-BREAK SPACE}% or more: {sure} of "
        f"{words.slices(len(part.errors), 'error')}."
    )
    sentences.append(f"One slice is {100 / part.metrics['n']:.2f} points of accuracy here.")
    return sentences


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


def learning_figures(run: RunTables) -> list[Figure]:
    """Loss and accuracy by epoch; none where the run has no history."""
    if run.history is None:
        return []
    return [
        Figure(
            Markup(figures.learning_curves(run.history, key=f"learning-{what}", what=what)),
            f"{what.capitalize()} by epoch. The weights kept are those of the marked epoch.",
        )
        for what in ("loss", "accuracy")
    ]


def errors(rows: Predictions, run: RunTables, *, images: bool) -> Iterator[Error]:
    """The worst errors, with their pictures where the run has them and they may be shown."""
    frame = rows.frame
    for row in range(min(len(rows), _LISTED)):
        sha256 = str(frame["sha256"].iloc[row])
        shown = images and row < _GALLERY
        yield Error(
            path=str(frame["path"].iloc[row]) or f"row {row + 1}",
            label=words.CLASS_NAMES[CLASSES[rows.y_true[row]]],
            predicted=words.CLASS_NAMES[CLASSES[rows.y_pred[row]]],
            confidence=words.percent(float(rows.confidence[row])),
            thumb=run.picture("thumbs", sha256) if shown else None,
            map=run.picture("maps", sha256) if shown else None,
        )


def recipe_rows(recipe: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every setting of a recipe under its dotted name, records of the run after it."""
    rows: list[tuple[str, str]] = []
    for name, value in recipe.items():
        if isinstance(value, Mapping):
            rows += [(f"{name}.{key}", text) for key, text in recipe_rows(value)]
        else:
            rows.append((name, "yes" if value is True else "no" if value is False else str(value)))
    return rows
