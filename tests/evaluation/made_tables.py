"""Tables made for the check: sound ones of every sort, and each broken in one known way.

Drawn apart from the code under test: plain NumPy and pandas, and the headings that people use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CLASSES = ("glioma", "meningioma", "no_tumor", "pituitary")
BALANCED = (0.25, 0.25, 0.25, 0.25)
LOPSIDED = (0.55, 0.25, 0.12, 0.08)
HEAVY = (0.94, 0.02, 0.02, 0.02)
Rng = np.random.Generator


@dataclass
class Made:
    """(n, 4) probabilities, (n,) labels, and columns beside them that replace the usual ones."""

    prob: NDArray[np.float64]
    truth: NDArray[np.int64]
    extra: dict[str, Any]


def draw(
    rng: Rng,
    n: int,
    *,
    skill: float = 4.0,
    boast: float = 1.0,
    share: tuple[float, ...] = BALANCED,
    order: str = "mixed",
) -> Made:
    """A sound table: `skill` moves the true class's logit, `boast` multiplies all of them.

    `order` is how the rows stand: "mixed", "sorted" by class, or "patients" with their slices in
    a row, which share half of their luck.
    """
    truth = rng.choice(4, n, p=share)
    noise = rng.normal(size=(n, 4))
    if order == "sorted":
        truth = np.sort(truth)
    if order == "patients":
        patients = max(n // 10, 10)
        patient = np.sort(rng.integers(0, patients, n))
        truth = rng.choice(4, patients, p=share)[patient]
        noise = 0.7 * noise + 0.7 * rng.normal(size=(patients, 4))[patient]
    noise[np.arange(n), truth] += skill
    prob = np.exp(boast * (noise - noise.max(axis=1, keepdims=True)))
    return Made(prob / prob.sum(axis=1, keepdims=True), truth, {})


def sound(rng: Rng) -> Made:
    """One of many sorts, from 60 rows to thousands: weak, boastful, lopsided, one class, sorted."""
    n = int(rng.choice([60, 80, 100, 246, 600, 2000], p=[0.2, 0.15, 0.2, 0.25, 0.15, 0.05]))
    sorts: list[dict[str, Any]] = [
        {},
        {"skill": 2.5},
        {"skill": 1.5},
        {"skill": 1.2, "boast": 4.0},
        {"skill": 3.0, "boast": 8.0},
        {"share": LOPSIDED},
        {"share": LOPSIDED, "skill": 2.0, "boast": 2.0},
        {"share": HEAVY, "skill": 3.0},
        {"share": (1.0, 0.0, 0.0, 0.0), "skill": 3.0},
        {"order": "sorted"},
        {"order": "sorted", "skill": 1.5, "boast": 3.0},
        {"order": "patients"},
        {"order": "patients", "skill": 2.0, "boast": 2.0},
    ]
    return draw(rng, n, **sorts[int(rng.integers(len(sorts)))])


def capable(rng: Rng, fewest: int = 60) -> Made:
    """A sound table of a model good enough that a mistake can be told from weakness."""
    n = int(rng.choice([n for n in (60, 100, 160, 246, 600, 2000) if n >= fewest]))
    sorts: list[dict[str, Any]] = [
        {},
        {"skill": 3.5},
        {"skill": 4.0, "boast": 6.0},
        {"share": LOPSIDED if n > 100 else BALANCED, "skill": 4.5},
    ]
    return draw(rng, n, **sorts[int(rng.integers(len(sorts)))])


def blocks(n: int, size: int) -> list[NDArray[np.int64]]:
    """Positions of each whole or last batch."""
    return [np.arange(start, min(start + size, n)) for start in range(0, n, size)]


def shuffled(rng: Rng) -> Made:
    made = capable(rng)
    return Made(made.prob, rng.permutation(made.truth), {})


def batches_permuted(rng: Rng) -> Made:
    made = capable(rng, 160)
    batches = blocks(len(made.truth), int(rng.choice([16, 32])))
    order = rng.permutation(len(batches))
    while (order != np.arange(len(batches))).mean() < 0.5:
        order = rng.permutation(len(batches))
    return Made(made.prob[np.concatenate([batches[i] for i in order])], made.truth, {})


def one_batch_moved(rng: Rng) -> Made:
    made = capable(rng, 160)
    batches = blocks(len(made.truth), 32)
    first, second = rng.choice(len(made.truth) // 32, 2, replace=False)
    batches[first], batches[second] = batches[second], batches[first]
    return Made(made.prob[np.concatenate(batches)], made.truth, {})


def one_batch_shifted(rng: Rng) -> Made:
    made = capable(rng, 160)
    batch = blocks(len(made.truth), 32)[int(rng.integers(len(made.truth) // 32))]
    truth = made.truth.copy()
    truth[batch] = np.roll(truth[batch], int(rng.integers(1, 32)))
    return Made(made.prob, truth, {})


def rolled(rng: Rng) -> Made:
    made = capable(rng)
    return Made(made.prob, np.roll(made.truth, int(rng.choice([1, -1, 16, 32]))), {})


def sorted_labels_rolled(rng: Rng) -> Made:
    n = int(rng.choice([100, 246, 600, 2000]))
    made = draw(rng, n, order="sorted")
    return Made(made.prob, np.roll(made.truth, 32), {})


def sorted_batches_permuted(rng: Rng) -> Made:
    n = int(rng.choice([246, 600, 2000]))
    made = draw(rng, n, order="sorted")
    batches = blocks(n, 32)
    order = rng.permutation(len(batches))
    return Made(made.prob[np.concatenate([batches[i] for i in order])], made.truth, {})


def classes_reordered(rng: Rng) -> Made:
    made = capable(rng)
    order = np.arange(4)
    while (order == np.arange(4)).all():
        order = rng.permutation(4)
    return Made(made.prob[:, order], made.truth, {})


def predicted_differs(rng: Rng) -> Made:
    made = capable(rng)
    said = made.prob.argmax(axis=1)
    some = rng.choice(len(said), max(2, len(said) // 20), replace=False)
    said[some] = (said[some] + 1) % 4
    return Made(made.prob, made.truth, {"predicted": said})


def sums_miss_one(rng: Rng) -> Made:
    made = sound(rng)
    factor = np.ones(len(made.truth))
    some = rng.choice(len(factor), max(2, len(factor) // 10), replace=False)
    factor[some] += rng.choice([-1, 1], len(some)) * rng.uniform(0.01, 0.3, len(some))
    return Made(made.prob * factor[:, None], made.truth, {})


def logits(rng: Rng) -> Made:
    made = sound(rng)
    scale = rng.choice([1.0, 3.0])
    return Made(scale * np.log(made.prob + 1e-12) + rng.choice([0.0, 4.0]), made.truth, {})


def class_never_predicted(rng: Rng) -> Made:
    made = draw(rng, int(rng.choice([60, 100, 246, 2000])), skill=3.5)
    prob = made.prob.copy()
    prob[:, int(rng.integers(4))] *= 1e-7
    return Made(prob / prob.sum(axis=1, keepdims=True), made.truth, {})


def rows_doubled(rng: Rng) -> Made:
    made = sound(rng)
    while made.truth.max() == made.truth.min():
        made = sound(rng)
    rows = np.r_[: len(made.truth), rng.choice(len(made.truth), 8, replace=False)]
    return Made(made.prob[rows], made.truth[rows], {"path": [f"img_{i:05d}.png" for i in rows]})


def all_alike(rng: Rng) -> Made:
    made = draw(rng, int(rng.choice([60, 246, 2000])))
    return Made(np.tile(made.prob[:1], (len(made.truth), 1)), made.truth, {})


BROKEN: dict[str, Callable[[Rng], Made]] = {
    maker.__name__: maker
    for maker in (
        shuffled,
        batches_permuted,
        one_batch_moved,
        one_batch_shifted,
        rolled,
        sorted_labels_rolled,
        sorted_batches_permuted,
        classes_reordered,
        predicted_differs,
        sums_miss_one,
        logits,
        class_never_predicted,
        rows_doubled,
        all_alike,
    )
}


def as_people_write_it(made: Made, rng: Rng) -> pd.DataFrame:
    """The table under one of the headings and codes that are found in the wild."""
    digits = int(rng.choice([6, 8, 17]))
    prob = np.round(made.prob, digits) if digits < 17 else made.prob
    names = np.array(CLASSES, dtype=object)
    if rng.integers(2):
        names = np.array(["glioma", "meningioma", "notumor", "pituitary"], dtype=object)
    path = made.extra.get("path", [f"img_{i:05d}.png" for i in range(len(made.truth))])
    said = made.extra.get("predicted", prob.argmax(axis=1))
    form = int(rng.integers(4))
    if form == 0:
        columns = {"filename": path, "true_label": names[made.truth]}
        columns |= {"predicted_label": names[said]} if "predicted" in made.extra else {}
        return pd.DataFrame({**columns, **{n: prob[:, i] for i, n in enumerate(names)}})
    if form == 1:
        columns = {"y_true": made.truth, "y_pred": said, "image_id": path}
        return pd.DataFrame({**columns, **{f"prob_{i}": prob[:, i] for i in range(4)}})
    if form == 2:
        columns = {"Image": path, "Actual": names[made.truth], "Predicted": names[said]}
        return pd.DataFrame({**columns, **{f"P({n})": prob[:, i] for i, n in enumerate(names)}})
    columns = {"path": path, "label": names[made.truth], "predicted": names[said]}
    return pd.DataFrame({**columns, **{f"p_{n}": prob[:, i] for i, n in enumerate(names)}})
