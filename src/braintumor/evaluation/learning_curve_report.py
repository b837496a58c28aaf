"""A learning curve as one HTML page, and as JSON: learning-curve.html and learning-curve.json."""

from __future__ import annotations

import json
from pathlib import Path

from markupsafe import Markup

from braintumor.evaluation import figures, words
from braintumor.evaluation.learning_curve import SCORES, LearningCurve, sentences
from braintumor.evaluation.page import Figure, Section, render_page
from braintumor.files import write_text

PAGE_FILE, JSON_FILE = "learning-curve.html", "learning-curve.json"


def write_learning_curve(curve: LearningCurve, folder: Path) -> tuple[Path, Path]:
    """Write learning-curve.json and learning-curve.html atomically and return their paths."""
    text = json.dumps(curve.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(folder / JSON_FILE, text + "\n")
    write_text(folder / PAGE_FILE, render(curve))
    return folder / JSON_FILE, folder / PAGE_FILE


def render(curve: LearningCurve) -> str:
    """The curve as HTML."""
    shown = [(key, heading, share) for key, heading, share in words.SCORES if key in SCORES]
    drawn = figures.by_patients(
        {network: _bars(curve, network) for network in curve.networks}, key="by-patients"
    )
    values = {
        "curve": curve,
        "part": words.part_name(curve.split or "all"),
        "figure": Figure(Markup(drawn), "Accuracy by patients trained on, with 95 % intervals."),
        "sentences": sentences(curve),
        "scores": shown,
    }
    section = Section("learning_curve.html", values)
    return render_page("Would more patients help?", [section], phantom=curve.phantom)


def _bars(curve: LearningCurve, network: str) -> list[tuple[int, float, float, float]]:
    bars = []
    for point in curve.of(network):
        value, found = point.metrics["accuracy"], point.metrics["intervals"]["accuracy"]
        ends = (value if found[end] is None else found[end] for end in ("low", "high"))
        bars.append((point.patients, value, *ends))
    return bars
