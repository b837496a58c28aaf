"""Shows what happens when labels and predictions are gathered in two passes over shuffled data.

`keras.utils.image_dataset_from_directory(shuffle=True)`, its default, draws a new order at every
pass. Labels gathered in one pass and probabilities in another belong to different images: a good
classifier then seems to have an AUC near 0.5 and flat precision-recall curves, while
`model.evaluate`, which makes one pass, still reports its true accuracy. This module replays those
orders on a table that is in step, without Keras and without the images. It knows nothing of
whether the given table is itself in step (`check` asks that).

    python -m braintumor.evaluation.out_of_step predictions.csv --out DIR
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from braintumor.errors import BraintumorError
from braintumor.evaluation.curves import Curves, curves
from braintumor.evaluation.figures import CLASS_COLOURS
from braintumor.evaluation.metrics import Metrics
from braintumor.evaluation.predictions import Predictions
from braintumor.files import atomic_path, write_text

How = Literal["images", "batches"]


@dataclass(frozen=True)
class Gathered:
    """One way to gather the same predictions, and what it makes of them.

    Attributes:
        predictions: the table; out of step, a row's label belongs to another image.
        metrics, curves: as computed from it.
    """

    predictions: Predictions
    metrics: Metrics
    curves: Curves


def demonstrate(
    predictions: Predictions, seed: int, *, how: How = "images", batch_size: int = 32
) -> tuple[Gathered, Gathered]:
    """Gather labels and probabilities in one pass, and again in two.

    Args:
        predictions: a table in step; its scored rows are used.
        seed: of the file order and of both passes.
        how: what a pass shuffles: "images" as Keras does it (a buffer of 8 batches), or whole
            "batches", as `dataset.batch(n).shuffle(...)` does.
        batch_size: images a batch.

    Returns:
        (in_step, out_of_step), both with the same labels and the same probabilities in all.

    Raises:
        BraintumorError: no row has both a label and probabilities.
    """
    rows = predictions.scored()
    in_step = Gathered(rows, rows.metrics(), curves(rows))
    rng = np.random.default_rng(seed)
    files = rng.permutation(len(rows))  # Keras shuffles the list of files once, before any pass
    labels = files[one_pass(len(rows), rng, how=how, batch_size=batch_size)]
    probabilities = files[one_pass(len(rows), rng, how=how, batch_size=batch_size)]
    frame = rows.take(probabilities).frame.copy()
    # What such a script holds: labels without names, so the paths say nothing any more.
    frame[["path", "sha256", "group"]] = ""
    frame["label"] = rows.frame["label"].to_numpy()[labels]
    mixed = Predictions(frame, f"{rows.source}, out of step")
    return in_step, Gathered(mixed, mixed.metrics(), curves(mixed))


def one_pass(
    n: int, rng: np.random.Generator, *, how: How = "images", batch_size: int = 32
) -> NDArray[np.int64]:
    """The order in which one pass over n shuffled items yields them: (n,) positions."""
    if how == "batches":
        starts = np.arange(0, n, batch_size)
        blocks = [np.arange(start, min(start + batch_size, n)) for start in rng.permutation(starts)]
        return np.concatenate([*blocks, np.zeros(0, np.int64)]).astype(np.int64)
    return buffer_shuffle(n, 8 * batch_size, rng)


def buffer_shuffle(n: int, buffer_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The order of `tf.data.Dataset.shuffle(buffer_size)`: a buffer is filled in order, one of it
    is drawn at random, and the next item takes its place."""
    buffer = list(range(min(buffer_size, n)))
    order = np.empty(n, np.int64)
    for i in range(n):
        drawn = int(rng.integers(len(buffer)))
        order[i] = buffer[drawn]
        following = i + buffer_size
        if following < n:
            buffer[drawn] = following
        else:
            buffer[drawn] = buffer[-1]
            buffer.pop()
    return order


def numbers(in_step: Gathered, out_of_step: Gathered, **settings: Any) -> dict[str, Any]:
    """Both sets of metrics as plain JSON values, with the settings that made them."""
    return {
        "settings": settings,
        "in_step": in_step.metrics.to_dict(),
        "out_of_step": out_of_step.metrics.to_dict(),
    }


def draw(in_step: Gathered, out_of_step: Gathered, path: Path, *, note: str = "") -> None:
    """Draw in step (left) and out of step (right), ROC above, precision-recall below.

    Args:
        path: .svg or .png; written atomically.
        note: a line under the figure.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # A salt and no date: the same numbers give the same file, so that it can be committed.
    with mpl.rc_context({"svg.hashsalt": "braintumor", "font.size": 10}):
        figure = Figure(figsize=(9.5, 9.0), layout="constrained")
        axes = figure.subplots(2, 2)
        sides = (("In step (one pass)", in_step), ("Out of step (two passes)", out_of_step))
        for column, (title, side) in zip(axes.T, sides, strict=True):
            _draw_roc(column[0], side, title)
            _draw_precision_recall(column[1], side, title)
        if note:
            figure.supxlabel(note, fontsize=9)
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=150, metadata=metadata)


def _draw_roc(axes: Any, side: Gathered, title: str) -> None:
    for name, curve in side.curves.roc.items():
        label = f"{name}: AUC {curve.auc:.3f}"
        axes.plot(curve.fpr, curve.tpr, color=CLASS_COLOURS[name], label=label)
    axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1)
    axes.set(xlabel="False positive rate", ylabel="True positive rate", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(f"{title}: macro AUC {side.metrics['macro_auc']:.3f}", fontsize=10.5)
    axes.legend(loc="lower right", fontsize=8.5)


def _draw_precision_recall(axes: Any, side: Gathered, title: str) -> None:
    for name, curve in side.curves.precision_recall.items():
        label = f"{name}: AP {curve.average_precision:.3f}"
        style = {"color": CLASS_COLOURS[name], "label": label, "drawstyle": "steps-post"}
        axes.plot(curve.recall, curve.precision, **style)
        axes.axhline(curve.prevalence, color=CLASS_COLOURS[name], linestyle=":", linewidth=0.8)
    axes.set(xlabel="Recall", ylabel="Precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(f"{title}: macro AP {side.metrics['macro_ap']:.3f}", fontsize=10.5)
    axes.legend(loc="best", fontsize=8.5)


def sentence(in_step: Gathered, out_of_step: Gathered) -> str:
    """What the demonstration shows, in one sentence with its numbers."""
    one, two = in_step.metrics, out_of_step.metrics
    return (
        f"The same {one['n']} predictions: in step accuracy {one['accuracy']:.3f}, macro AUC "
        f"{one['macro_auc']:.3f}, macro AP {one['macro_ap']:.3f}; labels from another pass: "
        f"accuracy {two['accuracy']:.3f}, macro AUC {two['macro_auc']:.3f}, macro AP "
        f"{two['macro_ap']:.3f}."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write out-of-step.svg, .png and .json for a predictions table; 0, or 1 for bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m braintumor.evaluation.out_of_step",
        description="Gather labels and predictions in two shuffled passes, and see AUC fall.",
    )
    parser.add_argument("predictions", type=Path, help="a predictions table that is in step")
    parser.add_argument("--out", type=Path, required=True, help="folder for figure and numbers")
    parser.add_argument("--split", help="rows of this split only (default: test, where there is)")
    parser.add_argument("--how", choices=["images", "batches"], default="images")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    if asked.batch_size < 1:
        parser.error("--batch-size must be at least 1")
    try:
        table = Predictions.read(asked.predictions)
        split = asked.split or ("test" if "test" in table.splits else "")
        rows = table.split(split) if split else table
        sides = demonstrate(rows, asked.seed, how=asked.how, batch_size=asked.batch_size)
    except BraintumorError as error:
        print(f"braintumor: {error}", file=sys.stderr)
        return 1
    settings = {"seed": asked.seed, "how": asked.how, "batch_size": asked.batch_size}
    summary = numbers(*sides, split=split, **settings)
    write_text(
        asked.out / "out-of-step.json", json.dumps(summary, indent=2, allow_nan=False) + "\n"
    )
    for suffix in ("svg", "png"):
        draw(*sides, asked.out / f"out-of-step.{suffix}")
    print(sentence(*sides))
    print(f"Figure and numbers: {asked.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
