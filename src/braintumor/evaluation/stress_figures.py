"""The figures of a stress test: accuracy against severity, all models in one picture.

As `figures`, whose colours and dashes they share; knows numbers only, no tables and no pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from braintumor.evaluation import words
from braintumor.evaluation.figures import DASHES, MODEL_COLOURS
from braintumor.evaluation.svg import style, to_svg


def by_severity(accuracy: Mapping[str, Sequence[float]], *, key: str, what: str) -> str:
    """Accuracy at severity 0 (untouched), 1, 2, and so on.

    Args:
        accuracy: model -> its shares right, from severity 0 on.
        key: unique in the page.
        what: the condition, for the title that is read aloud.
    """
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(3.4, 3.0), layout="constrained")
        axes = figure.subplots()
        said = []
        for index, (model, values) in enumerate(accuracy.items()):
            name = words.shortened(model, 26)
            axes.plot(
                range(len(values)), [100 * value for value in values],
                color=MODEL_COLOURS[index % len(MODEL_COLOURS)],
                linestyle=DASHES[index % len(DASHES)],
                marker="os^Dv"[index % 5], markersize=4, label=name,
            )  # fmt: skip
            said.append(f"{name}: " + ", ".join(words.percent(value) for value in values))
        axes.set(xlabel="Severity", ylabel="Right, %", ylim=(-3, 103))
        axes.set_xticks(range(max(map(len, accuracy.values()))))
        figure.legend(loc="outside lower center", ncols=min(3, len(accuracy)), fontsize=9)
        return to_svg(figure, key=key, title=f"{what}, by severity from 0: {'; '.join(said)}")
