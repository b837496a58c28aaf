"""The figures of the probabilities: reliability by class, risk against coverage, decision curves.

As `figures`, whose colours they share; knows numbers only, no tables and no pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from braintumor.classes import CLASSES
from braintumor.evaluation import words
from braintumor.evaluation.decision_curves import DecisionCurve
from braintumor.evaluation.figures import CLASS_COLOURS
from braintumor.evaluation.probability_scores import ClassReliability
from braintumor.evaluation.selective import RiskCoverage
from braintumor.evaluation.svg import style, to_svg

_GREY = "#777777"
_SIZE = (4.6, 4.6)
_ONE = (4.6, 3.4)


def reliability(curves: Mapping[str, ClassReliability], *, key: str) -> str:
    """Each class's probability against how often it was true, with 95 % intervals.

    Args:
        curves: class -> its reliability.
        key: unique in the page.
    """
    with style():
        figure, pairs = _four(curves, "Predicted probability", "Share of slices")
        for axes, curve, colour in pairs:
            axes.plot([0, 1], [0, 1], color=_GREY, linestyle=":", linewidth=1)
            spread = np.abs(np.array([curve.low, curve.high]) - curve.observed)
            axes.errorbar(
                curve.predicted, curve.observed, yerr=spread, color=colour, fmt="o-",
                markersize=4, linewidth=1.2, elinewidth=0.9,
            )  # fmt: skip
            axes.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04))
        said = "; ".join(
            f"{words.CLASS_NAMES[name]}: of slices called {words.percent(_last(c.predicted))} "
            f"likely, {words.percent(_last(c.observed))} were"
            for name, c in curves.items()
        )
        return to_svg(figure, key=key, title=f"Reliability of each class. {said}.")


def risk_coverage(found: RiskCoverage, *, key: str) -> str:
    """Share of errors among the surest slices, against the share that they are of all."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=_ONE, layout="constrained")
        axes = figure.subplots()
        axes.plot(found.coverage, found.risk, color="#0072B2", drawstyle="steps-mid")
        if found.n:
            axes.axhline(found.risk[-1], color=_GREY, linestyle=":", linewidth=1)
        axes.set(xlabel="Coverage: share of slices accepted, the surest first", ylabel="Risk")
        axes.set(xlim=(0, 1.02))
        axes.set_ylim(bottom=0, top=None if axes.dataLim.height > 0 else 0.05)
        said = f"Area {words.number(found.aurc.value)}, at best {words.number(found.best)}"
        return to_svg(figure, key=key, title=f"Risk against coverage. {said}.")


def decision_curves(curves: Mapping[str, DecisionCurve], *, key: str) -> str:
    """Net benefit of acting on each class's probability, on all slices (dashed), on none (dotted).

    Args:
        curves: class -> its decision curve.
        key: unique in the page.
    """
    with style():
        figure, pairs = _four(curves, "Probability from which one acts", "Net benefit")
        for axes, curve, colour in pairs:
            axes.fill_between(curve.threshold, curve.low, curve.high, color=colour, alpha=0.2, lw=0)
            axes.plot(curve.threshold, curve.model, color=colour)
            axes.plot(curve.threshold, curve.treat_all, color="black", linestyle="--", linewidth=1)
            axes.axhline(0, color=_GREY, linestyle=":", linewidth=1)
            axes.set(xlim=(0, 1), ylim=(-0.12, max(0.1, 1.25 * curve.prevalence)))
        said = "; ".join(f"{words.CLASS_NAMES[n]}: {useful_range(c)}" for n, c in curves.items())
        return to_svg(figure, key=key, title=f"Decision curves. Useful for {said}.")


def useful_range(curve: DecisionCurve) -> str:
    """The thresholds at which acting on the probabilities beats acting on all and on none."""
    found = curve.useful
    return "none" if found is None else f"{found[0]:.2f} to {found[1]:.2f}"


def _four(curves: Mapping[str, Any], x: str, y: str) -> tuple[Any, Iterator[tuple[Any, Any, str]]]:
    """A figure of four axes, one a class, and (axes, curve, colour) of each."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    grid = figure.subplots(2, 2, sharex=True)
    figure.supxlabel(x, fontsize=9.5)
    figure.supylabel(y, fontsize=9.5)

    def each() -> Iterator[tuple[Any, Any, str]]:
        for axes, name in zip(grid.ravel(), CLASSES, strict=True):
            axes.set_title(words.CLASS_NAMES[name], fontsize=9.5)
            yield axes, curves[name], CLASS_COLOURS[name]

    return figure, each()


def _last(values: Any) -> float:
    return float(values[-1]) if len(values) else float("nan")
