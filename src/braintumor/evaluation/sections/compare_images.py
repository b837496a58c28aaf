"""Where models differ: the images that one alone gets right, and those that none does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation import words
from braintumor.evaluation.compare import Comparison
from braintumor.evaluation.page import Section

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


def section(comparison: Comparison, *, images: bool) -> Section:
    """Galleries where the runs have pictures, and lists to search."""
    values = {"names": comparison.names, "groups": groups(comparison, images=images)}
    return Section("compare_images.html", values, heading="Where they differ")


def groups(comparison: Comparison, *, images: bool) -> list[Group]:
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
