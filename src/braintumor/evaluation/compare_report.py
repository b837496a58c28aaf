"""A comparison as one HTML page, and as JSON: compare.html and compare.json.

Chooses what is shown; the numbers come from `compare`, the pictures from the runs' folders. The
page needs nothing else, as for `report`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation import figures, words
from braintumor.evaluation.compare import Comparison, sentences
from braintumor.evaluation.curves import curves
from braintumor.evaluation.report import Figure, environment
from braintumor.files import write_text

PAGE_FILE, JSON_FILE = "compare.html", "compare.json"
_GALLERY, _LISTED = 12, 100


@dataclass(frozen=True)
class Opinion:
    """What one model said of an image: its name, the class, how sure, and its heat map."""

    model: str
    predicted: str
    confidence: str
    right: bool
    map: str | None


@dataclass(frozen=True)
class Image:
    """One image with what every model said of it; `thumb` is a data URI or None."""

    path: str
    label: str
    thumb: str | None
    opinions: tuple[Opinion, ...]


@dataclass(frozen=True)
class Group:
    """Images with something in common: `heading` says what, `count` how many there are in all."""

    heading: str
    count: int
    images: tuple[Image, ...]


def write_comparison(
    comparison: Comparison, folder: Path, *, images: bool = True
) -> tuple[Path, Path]:
    """Write compare.json and compare.html atomically and return their paths.

    Args:
        comparison: of two or more models.
        folder: where to; made where it is missing.
        images: show slices where the runs have pictures of them.
    """
    text = json.dumps(comparison.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(folder / JSON_FILE, text + "\n")
    write_text(folder / PAGE_FILE, render(comparison, images=images))
    return folder / JSON_FILE, folder / PAGE_FILE


def render(comparison: Comparison, *, images: bool = True) -> str:
    """The comparison as HTML; arguments as for `write_comparison`."""
    names = comparison.names
    part = words.part_name(comparison.split or "all")
    best = max(names, key=lambda name: comparison.metrics[name]["accuracy"])
    page = {
        "title": " and ".join(names),
        "phantom": comparison.phantom,
        "comparison": comparison,
        "part": part,
        "names": names,
        "best": best,
        "cards": [
            (
                name,
                words.percent(comparison.metrics[name]["accuracy"]),
                f"accuracy; macro AUC {words.number(comparison.metrics[name]['macro_auc'])}",
            )
            for name in names
        ],
        "sentences": sentences(comparison),
        "notes": _notes(comparison),
        "sections": _sections(comparison),
        "groups": _groups(comparison, images=images),
        "images": images,
    }
    return environment().get_template("compare.html").render(page)


def _notes(comparison: Comparison) -> list[str]:
    how = "SHA-256 of the files" if comparison.joined_by == "sha256" else "path"
    notes = [f"Images matched by {how}."]
    for name in comparison.names:
        if comparison.only_in[name]:
            notes.append(
                f"{words.slices(comparison.only_in[name], 'image')} that {name} judged and not "
                "every other model did: left out."
            )
        missed = {reason: n for reason, n in comparison.left_out[name].items() if n}
        if missed:
            reasons = ", ".join(f"{n} {reason}" for reason, n in missed.items())
            notes.append(f"Not judged by {name}: {reasons}.")
    return notes


def _sections(comparison: Comparison) -> list[tuple[str, list[Figure]]]:
    """Headed rows of figures: the models over each other, a picture a class."""
    models = {name: curves(rows) for name, rows in comparison.rows.items()}
    present = [name for name in CLASSES if _support(comparison, name)]
    kinds: tuple[tuple[str, str, Callable[..., str]], ...] = (
        ("ROC", "roc", figures.roc),
        ("Precision against recall", "pr", figures.precision_recall),
        ("F1 against threshold", "f1", figures.f1_threshold),
    )
    sections = [
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
        sections.append((heading, drawn))
    sure = figures.confidence(models, key="confidence")
    reliable = figures.reliability(models, key="reliability")
    sections.append(
        (
            "Confidence",
            [
                Figure(Markup(sure), "Where right and where wrong; mind the two scales."),
                Figure(Markup(reliable), "Below the dotted line, the model is too sure."),
            ],
        )
    )
    return sections


def _support(comparison: Comparison, label: str) -> int:
    metrics = comparison.metrics[comparison.names[0]]
    support: int = metrics["per_class"][label]["support"]
    return support


def _groups(comparison: Comparison, *, images: bool) -> list[Group]:
    """The images that one model alone gets right, and those that none does."""
    found = [(f"Only {name} gets right", comparison.only(name)) for name in comparison.names]
    found.append(("No model gets right", comparison.none()))
    return [
        Group(heading, len(rows), tuple(_images(comparison, rows, images=images)))
        for heading, rows in found
    ]


def _images(comparison: Comparison, rows: NDArray[np.int64], *, images: bool) -> list[Image]:
    return [
        _image(comparison, int(row), shown=images and number < _GALLERY)
        for number, row in enumerate(rows[:_LISTED])
    ]


def _image(comparison: Comparison, row: int, *, shown: bool) -> Image:
    opinions = []
    thumbs: list[str | None] = []
    for name, table in comparison.rows.items():
        sha256 = str(table.frame["sha256"].iloc[row])
        run = comparison.runs[name]
        thumbs.append(run.picture("thumbs", sha256) if shown else None)
        said = int(table.y_pred[row])
        opinions.append(
            Opinion(
                model=name,
                predicted=words.CLASS_NAMES[CLASSES[said]],
                confidence=words.percent(float(table.confidence[row])),
                right=said == int(table.y_true[row]),
                map=run.picture("maps", sha256) if shown else None,
            )
        )
    first: Any = next(iter(comparison.rows.values()))
    return Image(
        path=comparison.path(row),
        label=words.CLASS_NAMES[CLASSES[first.y_true[row]]],
        thumb=next((thumb for thumb in thumbs if thumb), None),
        opinions=tuple(opinions),
    )
