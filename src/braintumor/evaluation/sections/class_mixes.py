"""What models are worth under other class mixes than the table's, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from markupsafe import Markup

from braintumor.classes import CLASSES
from braintumor.evaluation import mix_figures, words
from braintumor.evaluation.judgement import Judgement
from braintumor.evaluation.mixes import Mixes
from braintumor.evaluation.page import Figure, Section
from braintumor.evaluation.rates import Estimate

_SCORES = (
    ("accuracy", "Accuracy", True),
    ("macro_f1", "Macro F1", False),
    ("weighted_f1", "Weighted F1", False),
)


def section(found: Mapping[str, Mixes]) -> Section:
    """Scores by mix, predictive values by mix and by prevalence, and what adapting brings.

    Args:
        found: model -> its mixes; the same mixes for each.
    """
    first = next(iter(found.values()))
    curves = [
        Figure(
            Markup(
                mix_figures.predictive_values(
                    {name: mixes.curves[label] for name, mixes in found.items()},
                    key=f"mix-{label.replace('_', '-')}",
                    what=words.CLASS_NAMES[label],
                )
            ),
            f"{words.CLASS_NAMES[label]}: PPV and NPV by prevalence, with 95\N{NO-BREAK SPACE}% "
            "intervals.",
        )
        for label in CLASSES
    ]
    values = {
        "names": tuple(found),
        "found": found,
        "mixes": [result.mix for result in first.results],
        "scores": _SCORES,
        "classes": CLASSES,
        "figures": curves,
        "notes": [f"{name}: {note}" for name, mixes in found.items() for note in mixes.notes],
        "adapting": {name: adapting(mixes) for name, mixes in found.items()},
        "told": told,
        "mix_shares": mix_shares,
    }
    lead = (
        "A clinic's classes come in other shares than a data set's. What a model does to each "
        "class stays; what that is worth is computed anew from the shares."
    )
    return Section("class_mixes.html", values, heading="Class mixes", lead=lead)


def of_report(judgement: Judgement, *, images: bool) -> Section:
    """The same for the one model of a report, folded away under a sentence."""
    mixes = judgement.acting.mixes
    screening = next(result for result in mixes.results if result.mix.name == "screening")
    lead = (
        "A clinic's classes come in other shares than a data set's. Where 95\N{NO-BREAK SPACE}% of "
        f"slices show no tumour, {told(screening.scores['accuracy'], True)} would be right, and of "
        f"the slices called a tumour {told(screening.npv['no_tumor'], True)} would show one."
    )
    if judgement.acting.decision is not None:
        lead += " These are the calibrated answers, each by what was fitted without it."
    whole = section({judgement.run.model: mixes})
    return replace(whole, lead=lead, unfold="Scores, PPV and NPV by mix, and adapting to a mix")


def adapting(mixes: Mixes) -> list[str]:
    """What adapting the probabilities brings, known mix and estimated, a sentence a mix."""
    said = []
    for result in mixes.results:
        gain = result.known.accuracy_gain
        if not result.few:
            continue
        points = " to ".join(f"{100 * value:+.1f}" for value in (gain.low, gain.high))
        if np.isnan(gain.low):
            points = "no interval: all slices of a class are of one group"
        few = "; ".join(
            f"from {one.images} images it lowered the log loss in {one.helped:.0%} of redrawn "
            f"samples ({100 * one.accuracy_gain:+.1f} points of accuracy)"
            for one in result.few
        )
        said.append(
            f"{result.mix.title}: adapted to the mix, accuracy changes by {100 * gain.value:+.1f} "
            f"points ({points}). With the mix estimated by EM, {few}."
        )
    return said


def told(found: Estimate, as_percent: bool) -> str:
    """A value with its interval, as a table shows it; a dash where there is none."""
    value, low, high = (words.score(x, as_percent) for x in (found.value, found.low, found.high))
    low = low.removesuffix("\N{NO-BREAK SPACE}%")
    if value == words.NOT_DEFINED:
        return value
    return f"{value} ({low})" if low == words.NOT_DEFINED else f"{value} ({low} to {high})"


def mix_shares(share: tuple[float, ...]) -> str:
    """The shares of a mix in the order of the classes."""
    return ", ".join(
        f"{words.CLASS_NAMES[label].lower()} {words.percent(value)}"
        for label, value in zip(CLASSES, share, strict=True)
    )
