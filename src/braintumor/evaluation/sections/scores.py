"""The tables of a report: every score of every split, and of every class."""

from __future__ import annotations

from braintumor.evaluation.judgement import Judgement
from braintumor.evaluation.page import Section


def section(judgement: Judgement, *, images: bool) -> Section:
    """Scores of every part side by side, then each class."""
    values = {
        "head": judgement.headline,
        "parts": list(judgement.parts.values()),
        "unseen": judgement.unseen,
        "notes": judgement.notes,
    }
    return Section("scores.html", values, heading="Numbers")
