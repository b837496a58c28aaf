"""The figures of the class mixes: predictive values against prevalence, all models in one picture.

As `figures`, whose colours and dashes they share; knows numbers only, no tables and no pages.
"""

from __future__ import annotations

from collections.abc import Mapping

from braintumor.evaluation import words
from braintumor.evaluation.figures import DASHES, MODEL_COLOURS
from braintumor.evaluation.mix_scores import PredictiveValues
from braintumor.evaluation.svg import style, to_svg


def predictive_values(curves: Mapping[str, PredictiveValues], *, key: str, what: str) -> str:
    """PPV (upper picture) and NPV (lower) of one class by its prevalence, with 95 % intervals.

    Args:
        curves: model -> its values.
        key: unique in the page.
        what: the class, for the title that is read aloud.
    """
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(4.2, 4.4), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        for index, (model, c) in enumerate(curves.items()):
            colour = MODEL_COLOURS[index % len(MODEL_COLOURS)]
            line = {"color": colour, "linestyle": DASHES[index % len(DASHES)]}
            for axes, value, low, high in (
                (upper, c.ppv, c.ppv_low, c.ppv_high),
                (lower, c.npv, c.npv_low, c.npv_high),
            ):
                axes.plot(c.prevalence, value, label=words.shortened(model, 26), **line)
                axes.fill_between(c.prevalence, low, high, color=colour, alpha=0.15, linewidth=0)
        for axes, name in ((upper, "PPV"), (lower, "NPV")):
            axes.set(ylabel=name, ylim=(-0.03, 1.03), xlim=(0.001, 0.99), xscale="log")
        lower.set_xlabel("Prevalence of the class")
        lower.set_xticks([0.001, 0.01, 0.1, 0.5], ["0.1 %", "1 %", "10 %", "50 %"])
        handles, labels = upper.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9)
        return to_svg(figure, key=key, title=f"Predictive values by prevalence, {what}")
