"""The curves as charts to touch: point at a line for its numbers, click a class to single it out.

Classes differ in colour, dash and words, so that nobody needs the colour. Knows the plain
numbers of `evaluation.curves` and Altair; computes no score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from braintumor.app import texts
from braintumor.classes import CLASSES
from braintumor.evaluation.curves import (
    ConfidenceHistogram,
    Confusion,
    F1Curve,
    PrecisionRecallCurve,
    RocCurve,
)
from braintumor.evaluation.metrics import Reliability

# Okabe and Ito's colours, which the colour-blind tell apart, on white and on black.
_COLOURS = ("#D55E00", "#0085CA", "#00A07A", "#CC79A7")
_DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3])
_GREY = "#888888"
_HEIGHT = 340
# With a legend of two rows below it.
_LINES_HEIGHT = 420
# Above the slice itself, which must stay in view.
_STACK_HEIGHT = 280
# In pixels, of a legend's letters and of all in it that is no letter.
_LETTER_WIDTH = 6
_SYMBOLS_WIDTH = 80
# More points than a chart has pixels only make the page slow.
_MAX_POINTS = 400


def roc(curves: Mapping[str, RocCurve], points: pd.DataFrame) -> alt.LayerChart:
    """ROC of each class, with the operating points of one threshold.

    Args:
        curves: class -> curve.
        points: `Part.operating_points`.
    """
    lines = {
        name: {"x": curve.fpr, "y": curve.tpr, "threshold": np.minimum(curve.thresholds, 1.0)}
        for name, curve in curves.items()
    }
    names = {
        name: f"{texts.class_name(name)}, AUC {texts.number(curve.auc)}"
        for name, curve in curves.items()
    }
    return _lines(
        lines,
        names,
        points.rename(columns={"false_alarms": "x", "sensitivity": "y"}),
        x="False alarms (1 - specificity)",
        y="Sensitivity",
        interpolate="linear",
        under=[_diagonal()],
    )


def precision_recall(
    curves: Mapping[str, PrecisionRecallCurve], points: pd.DataFrame
) -> alt.LayerChart:
    """Precision against recall of each class; arguments as for `roc`."""
    lines = {
        name: {
            "x": curve.recall,
            "y": curve.precision,
            "threshold": np.append(curve.thresholds, 1.0)[: len(curve.recall)],
        }
        for name, curve in curves.items()
    }
    names = {
        name: f"{texts.class_name(name)}, AP {texts.number(curve.average_precision)}"
        for name, curve in curves.items()
    }
    return _lines(
        lines,
        names,
        points.rename(columns={"sensitivity": "x", "precision": "y"}),
        x="Recall (sensitivity)",
        y="Precision",
        interpolate="step-after",
    )


def f1_against_threshold(curves: Mapping[str, F1Curve], points: pd.DataFrame) -> alt.LayerChart:
    """F1 as the threshold moves, the best threshold of each class marked with a triangle."""
    lines = {
        name: {"x": curve.thresholds, "y": curve.f1, "threshold": curve.thresholds}
        for name, curve in curves.items()
    }
    names = {
        name: f"{texts.class_name(name)}, best {texts.number(curve.best_f1)} "
        f"at {texts.number(curve.best_threshold, 2)}"
        for name, curve in curves.items()
    }
    best = pd.DataFrame(
        {
            "class": list(curves),
            "x": [curve.best_threshold for curve in curves.values()],
            "y": [curve.best_f1 for curve in curves.values()],
        }
    ).dropna()
    best["name"] = best["class"].map(names)
    triangles = (
        alt.Chart(best)
        .mark_point(shape="triangle-down", filled=True, size=130, yOffset=-9)
        .encode(x="x:Q", y="y:Q", color=_colour(names), tooltip=[alt.Tooltip("name:N", title="F1")])
    )
    return _lines(
        lines,
        names,
        points.assign(x=points["threshold"], y=points["f1"]),
        x="Threshold",
        y="F1",
        interpolate="step-before",
        over=[triangles],
    )


def confusion(matrix: Confusion, *, rates: bool) -> alt.LayerChart:
    """Truth against prediction; every cell says its number.

    Args:
        matrix: counts and row-wise rates.
        rates: show shares of each row instead of counts.
    """
    cells = pd.DataFrame(
        [
            {
                "truth": texts.class_name(truth),
                "said": texts.class_name(said),
                "count": int(matrix.counts[i, j]),
                "rate": float(np.nan_to_num(matrix.rates[i, j])),
                "share": texts.percent(float(matrix.rates[i, j])),
            }
            for i, truth in enumerate(CLASSES)
            for j, said in enumerate(CLASSES)
        ]
    )
    cells["text"] = cells["share"] if rates else cells["count"].map("{:,}".format)
    order = [texts.class_name(name) for name in CLASSES]
    base = alt.Chart(cells).encode(
        x=alt.X(
            "said:N",
            sort=order,
            title="The network says",
            axis=alt.Axis(labelAngle=-35, labelOverlap=False),
        ),
        y=alt.Y("truth:N", sort=order, title="The truth"),
        tooltip=[
            alt.Tooltip("truth:N", title="Truth"),
            alt.Tooltip("said:N", title="The network says"),
            alt.Tooltip("count:Q", title="Slices"),
            alt.Tooltip("share:N", title="Share of this truth"),
        ],
    )
    squares = base.mark_rect(stroke=_GREY, strokeWidth=0.5).encode(
        color=alt.Color(
            "rate:Q",
            scale=alt.Scale(domain=[0, 1], range=["#ffffff", "#08519c"], interpolate="rgb"),
            legend=None,
        )
    )
    words = base.mark_text(fontSize=14).encode(
        text="text:N",
        color=alt.condition("datum.rate > 0.5", alt.value("white"), alt.value("#222222")),
    )
    return (squares + words).properties(height=_HEIGHT)


def reliability(found: Reliability) -> alt.LayerChart:
    """Confidence against accuracy in bins of equally many slices; the size tells how many."""
    bins = pd.DataFrame(
        {"confidence": found.confidence, "accuracy": found.accuracy, "count": found.count}
    )
    base = alt.Chart(bins).encode(
        x=_share_axis(alt.X, "confidence:Q", "Confidence (mean of a bin)"),
        y=_share_axis(alt.Y, "accuracy:Q", "Share right"),
        tooltip=[
            alt.Tooltip("confidence:Q", format=".3f", title="Mean confidence"),
            alt.Tooltip("accuracy:Q", format=".3f", title="Share right"),
            alt.Tooltip("count:Q", title="Slices"),
        ],
    )
    dots = base.mark_point(filled=True, size=70, color=_COLOURS[1], opacity=0.9)
    return (_diagonal() + base.mark_line(color=_COLOURS[1]) + dots).properties(height=_HEIGHT)


def confidence(histogram: ConfidenceHistogram) -> alt.Chart:
    """How sure the network is where it is right and where it is wrong."""
    starts, stops = histogram.edges[:-1], histogram.edges[1:]
    bars = pd.concat(
        [
            pd.DataFrame({"start": starts, "stop": stops, "slices": counts, "answer": answer})
            for answer, counts in (("right", histogram.right), ("wrong", histogram.wrong))
        ]
    )
    # Four answers: a confidence below a quarter cannot be.
    bars = bars[bars["stop"] > 0.25]
    return (
        alt.Chart(bars)
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X("start:Q", bin="binned", title="Confidence", axis=alt.Axis(format=".2f")),
            x2="stop:Q",
            y=alt.Y("slices:Q", title="Slices", stack=True),
            color=alt.Color(
                "answer:N",
                scale=alt.Scale(domain=["right", "wrong"], range=[_COLOURS[1], _COLOURS[0]]),
                legend=alt.Legend(title="The answer is", orient="bottom"),
            ),
            tooltip=[
                alt.Tooltip("start:Q", format=".2f", title="From"),
                alt.Tooltip("stop:Q", format=".2f", title="To"),
                alt.Tooltip("answer:N", title="The answer is"),
                alt.Tooltip("slices:Q", title="Slices"),
            ],
        )
        .properties(height=_HEIGHT)
    )


def along_stack(shares: Mapping[str, list[float | None]], shown: int) -> alt.LayerChart:
    """Probability of each class along the slices of a series, the slice on view marked.

    Args:
        shares: class -> its probability in every slice, in their order; None where none is given.
        shown: number of the slice on view, from 1.
    """
    names = {name: texts.class_name(name) for name in shares}
    frame = pd.concat(
        pd.DataFrame({"slice": range(1, len(line) + 1), "share": line, "name": names[name]})
        for name, line in shares.items()
    )
    frame["share"] = frame["share"].astype(float)
    chosen = alt.selection_point(fields=["name"], bind="legend")
    x = alt.X(
        "slice:Q",
        title="Slice",
        scale=alt.Scale(nice=False, zero=False),
        axis=alt.Axis(tickMinStep=1, format="d"),  # there is no slice 1.2
    )
    y = alt.Y("share:Q", title="Probability", scale=alt.Scale(domain=[0, 1]))
    lines = (
        alt.Chart(frame)
        .mark_line(strokeWidth=2)
        .encode(
            x=x,
            y=y,
            color=_colour(names),
            strokeDash=_dash(names),
            opacity=alt.condition(chosen, alt.value(1.0), alt.value(0.12)),
        )
        .add_params(chosen)
    )
    hit = (
        alt.Chart(frame)
        .mark_point(size=60, opacity=0, filled=True)
        .encode(
            x=x,
            y=y,
            tooltip=[
                alt.Tooltip("name:N", title="Class"),
                alt.Tooltip("slice:Q", title="Slice"),
                alt.Tooltip("share:Q", format=".3f", title="Probability"),
            ],
        )
    )
    mark = (
        alt.Chart(pd.DataFrame({"slice": [shown]}))
        .mark_rule(color=_GREY, strokeWidth=2)
        .encode(x=x)
    )
    return alt.layer(mark, lines, hit).properties(height=_STACK_HEIGHT)


def _lines(
    lines: Mapping[str, Mapping[str, NDArray[np.float64]]],
    names: Mapping[str, str],
    points: pd.DataFrame,
    *,
    x: str,
    y: str,
    interpolate: str,
    under: list[Any] | None = None,
    over: list[Any] | None = None,
) -> alt.LayerChart:
    """A line a class, dots at the operating points, and a legend that singles a class out."""
    frame = _long(lines)
    frame["name"] = frame["class"].map(dict(names))
    points = points.assign(name=points["class"].map(dict(names)))
    chosen = alt.selection_point(fields=["name"], bind="legend")
    tooltip = [
        alt.Tooltip("name:N", title="Class"),
        alt.Tooltip("threshold:Q", format=".3f", title="Threshold"),
        alt.Tooltip("x:Q", format=".3f", title=x),
        alt.Tooltip("y:Q", format=".3f", title=y),
    ]
    encoding = {
        "x": _share_axis(alt.X, "x:Q", x),
        "y": _share_axis(alt.Y, "y:Q", y),
        "color": _colour(names),
        "opacity": alt.condition(chosen, alt.value(1.0), alt.value(0.12)),
    }
    curve = (
        alt.Chart(frame)
        .mark_line(interpolate=interpolate, strokeWidth=2, clip=True)
        .encode(**encoding, strokeDash=_dash(names), order="order:Q")
        .add_params(chosen)
    )
    # A line is hard to hit with a finger: unseen dots along it carry the tooltip.
    hit = (
        alt.Chart(frame)
        .mark_point(size=90, opacity=0, filled=True)
        .encode(x="x:Q", y="y:Q", tooltip=tooltip)
    )
    dots = (
        alt.Chart(points.dropna(subset=["x", "y"]))
        .mark_point(size=110, filled=True, stroke="white", strokeWidth=1)
        .encode(**encoding, tooltip=tooltip)
    )
    layers = [*(under or []), curve, hit, *(over or []), dots]
    return alt.layer(*layers).properties(height=_LINES_HEIGHT)


def _long(lines: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> pd.DataFrame:
    """Curves of several classes as one long table, thinned to what can be seen."""
    parts = []
    for name, line in lines.items():
        part = pd.DataFrame(dict(line))
        if len(part) > _MAX_POINTS:
            keep = np.unique(np.linspace(0, len(part) - 1, _MAX_POINTS).round().astype(int))
            part = part.iloc[keep]
        parts.append(part.assign(**{"class": name, "order": range(len(part))}))
    return pd.concat(parts, ignore_index=True)


def _colour(names: Mapping[str, str]) -> alt.Color:
    return alt.Color(
        "name:N",
        scale=alt.Scale(domain=list(names.values()), range=list(_COLOURS)),
        legend=_legend(list(names.values())),
    )


def _dash(names: Mapping[str, str]) -> alt.StrokeDash:
    return alt.StrokeDash(
        "name:N",
        scale=alt.Scale(domain=list(names.values()), range=[list(dash) for dash in _DASHES]),
        legend=_legend(list(names.values())),
    )


def _legend(labels: Sequence[str]) -> alt.Legend:
    """The same for colour and dash, so that both become one legend of little lines; in one column
    where two have no room, for what does not fit is cut off."""
    both = _SYMBOLS_WIDTH + _LETTER_WIDTH * sum(max(map(len, labels[at::2])) for at in (0, 1))
    return alt.Legend(
        title=None,
        orient="bottom",
        columns=alt.ExprRef(f"width < {both} ? 1 : 2"),
        labelLimit=300,
        symbolType="stroke",
        symbolSize=500,
        symbolStrokeWidth=3,
    )


def _share_axis(kind: type[alt.X] | type[alt.Y], field: str, title: str) -> Any:
    return kind(field, title=title, scale=alt.Scale(domain=[0, 1]))


def _diagonal() -> alt.Chart:
    ends = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]})
    return (
        alt.Chart(ends)
        .mark_line(color=_GREY, strokeDash=[4, 4], strokeWidth=1)
        .encode(x=_share_axis(alt.X, "x:Q", ""), y=_share_axis(alt.Y, "y:Q", ""))
    )
