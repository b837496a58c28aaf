"""The figures of a report, each an SVG string, from `curves.Curves` and history.csv.

Every figure takes one model or several: `{"cnn": curves}` draws the classes of one model in one
picture; two or more models are drawn over each other, one picture a class. matplotlib's object
interface only, no state shared; where a curve is not defined its legend says so. Colours are Okabe
and Ito's (jfly.uni-koeln.de/color), which the colour-blind tell apart, and lines differ in their
dashes too, so that a black-and-white print can be read. Knows nothing of tables, runs or pages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from braintumor.classes import CLASSES
from braintumor.evaluation import words
from braintumor.evaluation.curves import Confusion, Curves, Floats
from braintumor.evaluation.svg import style, to_svg

# Okabe & Ito's palette: told apart by the colour-blind and in grey.
CLASS_COLOURS: dict[str, str] = dict(
    zip(CLASSES, ("#D55E00", "#0072B2", "#009E73", "#CC79A7"), strict=True)
)
MODEL_COLOURS: tuple[str, ...] = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#000000", "#56B4E9")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
_GREY = "#777777"
_SIZE = (4.6, 4.1)
_LONGEST_NAME = 26
# More points than a picture has pixels would only make the page heavy.
_MOST_POINTS = 1500
# Above this AUC all that there is to see lies in the upper left corner.
_CLOSE = 0.95

Models = Mapping[str, Curves]


def roc(models: Models, *, key: str, label: str | None = None) -> str:
    """ROC curves with their areas.

    Args:
        models: model -> its curves. One model: all classes; several: `label` only.
        key: unique in the page.
        label: the class to draw; needed with several models.
    """
    with style():
        figure, axes = _canvas()
        lines = _lines(models, "roc", label)
        said = []
        for name, colour, dash, curve in lines:
            text = f"{name}: AUC {words.number(curve.auc)}"
            axes.plot(*_thin(curve.fpr, curve.tpr), color=colour, linestyle=dash, label=text)
            said.append(text)
        axes.plot([0, 1], [0, 1], color=_GREY, linestyle=":", linewidth=1)
        _share_axes(axes, "False positive rate (1 − specificity)", "Sensitivity")
        if all(curve.auc > _CLOSE for *_, curve in lines):
            _magnify_corner(axes, lines)
        return _finish(figure, axes, key, "ROC curves", label, said)


def precision_recall(models: Models, *, key: str, label: str | None = None) -> str:
    """Precision against recall with average precision; dotted: the share of the class, which is
    a guesser's precision. Arguments as for `roc`."""
    with style():
        figure, axes = _canvas()
        said = []
        for name, colour, dash, curve in _lines(models, "precision_recall", label):
            text = f"{name}: AP {words.number(curve.average_precision)}"
            points = _thin(curve.recall, curve.precision)
            line = {"color": colour, "linestyle": dash, "label": text}
            axes.plot(*points, drawstyle="steps-post", **line)
            if math.isfinite(curve.prevalence):
                tone = colour if len(models) == 1 else _GREY
                axes.axhline(curve.prevalence, color=tone, linestyle=":", linewidth=0.9)
            said.append(text)
        _share_axes(axes, "Recall (sensitivity)", "Precision")
        return _finish(figure, axes, key, "Precision-recall curves", label, said)


def f1_threshold(models: Models, *, key: str, label: str | None = None) -> str:
    """F1 of each class against its threshold; a dot marks the best. Arguments as for `roc`."""
    with style():
        figure, axes = _canvas()
        said = []
        for name, colour, dash, curve in _lines(models, "f1", label):
            text = f"{name}: no such slice"
            if len(curve.thresholds):
                best = f"{curve.best_f1:.2f} at {curve.best_threshold:.2f}"
                text = f"{name}: {best}"
                axes.plot(
                    curve.best_threshold, curve.best_f1, "o",
                    color=colour, markeredgecolor="black", markersize=7, zorder=4,
                )  # fmt: skip
            # An F1 holds for every threshold down to the next lower score; above all, none is said.
            x = np.concatenate([[0.0], curve.thresholds, [1.0]])
            y = np.concatenate([curve.f1[:1], curve.f1, [0.0]]) if len(curve.f1) else x * math.nan
            line = {"color": colour, "linestyle": dash, "label": text}
            axes.plot(*_thin(x, y), drawstyle="steps-pre", **line)
            said.append(text)
        _share_axes(axes, "Threshold on the probability of the class", "F1")
        return _finish(figure, axes, key, "F1 against threshold, best marked", label, said)


def confusion(matrix: Confusion, *, key: str, name: str = "") -> str:
    """Counts and row-wise rates: rows are the truth, columns what was said.

    Args:
        matrix: of one model.
        key: unique in the page.
        name: of the model, for the title read aloud.
    """
    names = [words.CLASS_NAMES[label] for label in CLASSES]
    with style():
        figure, axes = _canvas((4.6, 4.0))
        rates = np.nan_to_num(matrix.rates, nan=0.0)
        # Squares of vector graphics; an image would be embedded as a blurred bitmap.
        mesh = {"cmap": "Blues", "vmin": 0, "vmax": 1.15, "edgecolors": "white", "linewidth": 1.5}
        axes.pcolormesh(rates, **mesh)
        for row, column in np.ndindex(*matrix.counts.shape):
            rate = words.percent(float(matrix.rates[row, column]))
            axes.text(
                column + 0.5, row + 0.5, f"{matrix.counts[row, column]}\n{rate}",
                ha="center", va="center", color="white" if rates[row, column] > 0.6 else "black",
                fontweight="bold" if row == column else "normal",
            )  # fmt: skip
        middles = np.arange(len(names)) + 0.5
        axes.set_xticks(middles, names)
        axes.set_yticks(middles, names, rotation=90, va="center")
        axes.tick_params(length=0)
        axes.invert_yaxis()
        axes.grid(visible=False)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.set(xlabel="Predicted", ylabel="Truth")
        said = [
            f"{names[row]} taken for {names[column]}: {matrix.counts[row, column]}"
            for row, column in np.ndindex(*matrix.counts.shape)
            if matrix.counts[row, column]
        ]
        return to_svg(figure, key=key, title=_title("Confusion matrix", name, said))


def confidence(models: Models, *, key: str) -> str:
    """How sure the model is where it is right (above) and where it is wrong (below).

    The two have scales of their own: of a good model the errors would not be seen otherwise.
    """
    with style():
        figure, axes = _canvas((4.6, 4.1), rows=2)
        said = []
        for index, (model, curves) in enumerate(models.items()):
            histogram = curves.confidence
            for axis, counts in zip(axes, (histogram.right, histogram.wrong), strict=True):
                colour = MODEL_COLOURS[index % len(MODEL_COLOURS)]
                line = {"color": colour, "linewidth": 1.8, "label": _name(model)}
                if len(models) == 1:
                    line |= {"fill": True, "alpha": 0.75, "color": "#009E73"}
                    line |= {} if axis is axes[0] else {"color": "#D55E00", "hatch": "///"}
                else:
                    line["linestyle"] = DASHES[index % len(DASHES)]
                axis.stairs(counts, histogram.edges, **line)
            right, wrong = int(histogram.right.sum()), int(histogram.wrong.sum())
            said.append(f"{_name(model)}: {right} right, {wrong} wrong")
        for axis, title in zip(axes, ("Right", "Wrong"), strict=True):
            _count_axis(axis, title)
        axes[1].set_xlabel("Confidence (largest probability)")
        if len(models) > 1:
            _legend(figure, axes[0])
        return to_svg(figure, key=key, title=_title("Confidence, right and wrong", "", said))


def reliability(models: Models, *, key: str) -> str:
    """Share right against confidence, in bins of equal mass; on the diagonal it can be believed."""
    with style():
        figure, axes = _canvas()
        axes.plot([0, 1], [0, 1], color=_GREY, linestyle=":", linewidth=1)
        said = []
        for index, (model, curves) in enumerate(models.items()):
            found = curves.reliability
            text = f"{_name(model)}: ECE {words.number(found.ece)}"
            axes.plot(
                found.confidence, found.accuracy, marker="os^Dv"[index % 5], markersize=5,
                color=MODEL_COLOURS[index % len(MODEL_COLOURS)],
                linestyle=DASHES[index % len(DASHES)], label=text,
            )  # fmt: skip
            said.append(text)
        _share_axes(axes, "Confidence (largest probability)", "Share right")
        # The largest of four probabilities is never below a quarter.
        axes.set_xlim(0.2, 1.02)
        return _finish(figure, axes, key, "Reliability diagram", None, said)


def learning_curves(history: pd.DataFrame, *, key: str, what: str, last: bool = False) -> str:
    """Training and validation by epoch, from history.csv; a dot marks the epoch that was kept.

    Args:
        history: one row an epoch: `epoch`, `loss`, `accuracy`, `val_loss`, `val_accuracy`, and
            `phase` where training had several, which are drawn one after the other.
        key: unique in the page.
        what: "loss" or "accuracy".
        last: whether the recipe keeps the last epoch, whatever its validation loss.
    """
    epochs = np.arange(1, len(history) + 1)
    phases = list(history["phase"]) if "phase" in history else [""] * len(history)
    starts = [i for i in range(1, len(phases)) if phases[i] != phases[i - 1]]
    with style():
        figure, axes = _canvas()
        for index, (column, name) in enumerate(((what, "Training"), (f"val_{what}", "Validation"))):
            # A line that ran over a change of phase would show a jump that training never made.
            for number, rows in enumerate(np.split(np.arange(len(history)), starts)):
                axes.plot(
                    epochs[rows], history[column].to_numpy(float)[rows], color=MODEL_COLOURS[index],
                    linestyle=DASHES[index], label=None if number else name,
                    marker="." if len(rows) == 1 else None,
                )  # fmt: skip
        said = [f"{len(history)} epochs"]
        best = best_epoch(history, last=last)
        if best is not None:
            value = float(history[f"val_{what}"].iloc[best])
            text = f"kept: epoch {best + 1}, validation {what} {words.number(value)}"
            dot = {"color": MODEL_COLOURS[1], "markeredgecolor": "black", "markersize": 7}
            axes.plot(best + 1, value, "o", zorder=4, label=text[0].upper() + text[1:], **dot)
            said.append(text)
        for start in starts:
            axes.axvline(start + 0.5, color=_GREY, linestyle=":", linewidth=1)
        for start in [0, *starts] if starts else []:
            at = {"xycoords": ("data", "axes fraction"), "color": "#444444", "fontsize": 9}
            axes.annotate(str(phases[start]), (start + 1, 1.01), **at)
        axes.set(xlabel="Epoch", ylabel=what.capitalize())
        axes.xaxis.get_major_locator().set_params(integer=True)
        return _finish(figure, axes, key, f"Learning curve: {what}", None, said)


def by_patients(
    curves: Mapping[str, Sequence[tuple[int, float, float, float]]], *, key: str
) -> str:
    """Accuracy against the number of patients trained on.

    Args:
        curves: network -> (patients, accuracy, low, high) of each run, by patients; several runs of
            one size are joined in their mean.
        key: unique in the page.
    """
    with style():
        figure, axes = _canvas()
        said = []
        for index, (network, points) in enumerate(curves.items()):
            colour = MODEL_COLOURS[index % len(MODEL_COLOURS)]
            sizes, value, low, high = np.array(points, float).T
            bars = {"yerr": [value - low, high - value], "fmt": "os^Dv"[index % 5], "capsize": 3}
            axes.errorbar(sizes, value, color=colour, label=_name(network), linewidth=1.2, **bars)
            levels = np.unique(sizes)
            means = [value[sizes == size].mean() for size in levels]
            axes.plot(levels, means, color=colour, linestyle=DASHES[index % len(DASHES)])
            ends = f"{words.percent(means[0])} with {levels[0]:.0f}"
            said.append(
                f"{_name(network)}: {ends}, {words.percent(means[-1])} with {levels[-1]:.0f}"
            )
        axes.set(xlabel="Patients trained on", ylabel="Accuracy", ylim=(None, 1.005))
        axes.set_xlim(left=0)
        return _finish(figure, axes, key, "Accuracy by patients trained on", None, said)


def best_epoch(history: pd.DataFrame, *, last: bool = False) -> int | None:
    """Position of the epoch whose weights were kept: the lowest validation loss of the last phase,
    or its last epoch; None where no validation loss is known."""
    loss = history["val_loss"].to_numpy(float).copy()
    if "phase" in history and len(history):
        loss[(history["phase"] != history["phase"].iloc[-1]).to_numpy(bool)] = math.nan
    if not np.isfinite(loss).any():
        return None
    return len(loss) - 1 if last else int(np.nanargmin(loss))


def _lines(models: Models, kind: str, label: str | None) -> list[tuple[str, str, Any, Any]]:
    """(name, colour, dashes, curve) of every line: the classes of one model, or the models."""
    if label is not None:
        return [
            (
                _name(model),
                MODEL_COLOURS[index % len(MODEL_COLOURS)],
                DASHES[index % len(DASHES)],
                getattr(curves, kind)[label],
            )
            for index, (model, curves) in enumerate(models.items())
        ]
    if len(models) != 1:
        raise ValueError("several models are drawn one class at a time: give the label")
    (curves,) = models.values()
    return [
        (words.CLASS_NAMES[name], CLASS_COLOURS[name], dash, getattr(curves, kind)[name])
        for name, dash in zip(CLASSES, DASHES, strict=True)
    ]


def _canvas(size: tuple[float, float] = _SIZE, *, rows: int = 1) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, 1, sharex=True)


def _thin(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """At most `_MOST_POINTS` of a curve's points, the ends among them."""
    if len(x) <= _MOST_POINTS:
        return x, y
    chosen = np.unique(np.linspace(0, len(x) - 1, _MOST_POINTS).astype(np.int64))
    return x[chosen], y[chosen]


def _share_axes(axes: Any, x: str, y: str) -> None:
    axes.set(xlabel=x, ylabel=y, xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
    ticks = [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)


def _count_axis(axes: Any, title: str) -> None:
    axes.set(ylabel=f"{title}: slices", xlim=(0.2, 1.02))
    axes.set_ylim(bottom=0, top=None if axes.dataLim.height > 0 else 1)
    axes.yaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def _magnify_corner(axes: Any, lines: Sequence[tuple[str, str, Any, Any]]) -> None:
    """An inset with the upper left fifth of a ROC figure."""
    inset = axes.inset_axes((0.4, 0.12, 0.56, 0.56), xlim=(-0.004, 0.2), ylim=(0.8, 1.004))
    for _, colour, dash, curve in lines:
        inset.plot(*_thin(curve.fpr, curve.tpr), color=colour, linestyle=dash)
    inset.set_xticks([0, 0.1, 0.2])
    inset.set_yticks([0.8, 0.9, 1.0])
    inset.tick_params(labelsize=8)
    for side in inset.spines.values():
        side.set_visible(True)
    axes.indicate_inset_zoom(inset, edgecolor=_GREY)


def _legend(figure: Any, axes: Any) -> None:
    """Below the axes, where it hides no curve."""
    handles, labels = axes.get_legend_handles_labels()
    columns = 2 if len(labels) > 1 and max(map(len, labels)) <= _LONGEST_NAME else 1
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=9)


def _finish(
    figure: Any, axes: Any, key: str, kind: str, label: str | None, said: Sequence[str]
) -> str:
    _legend(figure, axes)
    name = words.CLASS_NAMES[label] if label is not None else ""
    return to_svg(figure, key=key, title=_title(kind, name, said))


def _title(kind: str, name: str, said: Sequence[str]) -> str:
    head = f"{kind}, {name}" if name else kind
    return f"{head}. {'; '.join(said)}." if said else f"{head}."


def _name(model: str) -> str:
    return words.shortened(model, _LONGEST_NAME)
