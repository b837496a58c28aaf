"""The worst errors of a report: a gallery where the run has pictures, and a list to search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from braintumor.classes import CLASSES
from braintumor.evaluation import words
from braintumor.evaluation.judgement import Judgement
from braintumor.evaluation.page import Section
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import RunTables

# Pictures are for looking at; a person looks at two dozen. The list is for searching.
_GALLERY, _LISTED = 24, 100


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


def section(judgement: Judgement, *, images: bool) -> Section:
    """The errors of the headline's rows, the surest first."""
    head = judgement.headline
    values = {
        "errors": list(errors(head.errors, judgement.run, images=images)),
        "total": len(head.errors),
        "images": images,
    }
    return Section("errors.html", values, heading=f"Worst errors: {words.part_name(head.name)}")


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
