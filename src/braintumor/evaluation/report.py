"""A run's judgement as one HTML page that needs nothing else: no network, no script, no font.

The page is the list `SECTIONS`. To add to it, write a module in `sections/` with a function
`section(judgement, *, images)` that returns a `page.Section`, or None where it has nothing to
show; write its template in `templates/sections/`; and put the function into the list. Numbers are
computed in `judgement` or below it, never in a section.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from braintumor.evaluation.judgement import Judgement
from braintumor.evaluation.page import Section, render_page
from braintumor.evaluation.sections import (
    abstaining,
    calibration,
    class_mixes,
    curves,
    decision_curves,
    errors,
    localisation,
    opening,
    operating_points,
    papers,
    scores,
    training,
)
from braintumor.files import write_text

REPORT_FILE = "report.html"


class MakeSection(Protocol):
    """What makes one section of a report; `images` as for `render`."""

    def __call__(self, judgement: Judgement, *, images: bool) -> Section | None: ...


# What may be done with the probabilities.
OF_PROBABILITIES: tuple[MakeSection, ...] = (
    calibration.section,
    abstaining.section,
    operating_points.section,
    decision_curves.section,
    class_mixes.of_report,
)
# The first screen answers how good, how sure, where it fails, and which model; the rest unfolds.
SECTIONS: tuple[MakeSection, ...] = (
    opening.section,
    scores.section,
    curves.section,
    errors.section,
    localisation.section,
    *OF_PROBABILITIES,
    training.section,
    training.recipe,
    papers.section,
)


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
    sections = [make(judgement, images=images) for make in SECTIONS]
    run = judgement.run
    return render_page(f"{run.model}: how good is it?", sections, phantom=run.phantom)
