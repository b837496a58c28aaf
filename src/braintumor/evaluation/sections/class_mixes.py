"""What models are worth under other class mixes than the table's, side by side."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from braintumor.classes import CLASSES
from braintumor.evaluation import mix_figures, words
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
        "told": told,
        "mix_shares": mix_shares,
    }
    lead = (
        "A clinic's classes come in other shares than a data set's. What a model does to each "
        "class stays; what that is worth is computed anew from the shares."
    )
    return Section("class_mixes.html", values, heading="Class mixes", lead=lead)


def told(found: Estimate, as_percent: bool) -> str:
    """A value with its interval, as a table shows it."""
    value, low, high = (words.score(x, as_percent) for x in (found.value, found.low, found.high))
    low = low.removesuffix("\N{NO-BREAK SPACE}%")
    return value if value == words.NOT_DEFINED else f"{value} ({low} to {high})"


def mix_shares(share: tuple[float, ...]) -> str:
    """The shares of a mix in the order of the classes."""
    return ", ".join(
        f"{words.CLASS_NAMES[label].lower()} {words.percent(value)}"
        for label, value in zip(CLASSES, share, strict=True)
    )
