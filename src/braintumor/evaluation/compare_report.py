"""A comparison as one HTML page, and as JSON: compare.html and compare.json.

The page is the list `SECTIONS`, made and added to as in `report`. It needs nothing else: the
numbers come from `compare`, the pictures from the runs' folders.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

from braintumor.evaluation.compare import Comparison
from braintumor.evaluation.page import Section, render_page
from braintumor.evaluation.sections import (
    compare_curves,
    compare_images,
    compare_opening,
    compare_scores,
    compare_tests,
)
from braintumor.files import write_text

PAGE_FILE, JSON_FILE = "compare.html", "compare.json"


class MakeSection(Protocol):
    """What makes one section of a comparison; `images` as for `render`."""

    def __call__(self, comparison: Comparison, *, images: bool) -> Section | None: ...


SECTIONS: tuple[MakeSection, ...] = (
    compare_opening.section,
    compare_scores.section,
    compare_tests.section,
    compare_curves.section,
    compare_images.section,
)


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
    sections = [make(comparison, images=images) for make in SECTIONS]
    return render_page(" and ".join(comparison.names), sections, phantom=comparison.phantom)
