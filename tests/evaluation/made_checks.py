"""Tables for the check and its claims, and what was found in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation.check import Verdict
from braintumor.evaluation.predictions import Predictions

P = [f"p_{name}" for name in CLASSES]


def drawn(
    n: int = 246,
    *,
    seed: int = 0,
    skill: float = 4.0,
    boast: float = 1.0,
    share: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25),
    split: str = "",
) -> Predictions:
    """A sound table: `skill` moves the true class's logit, `boast` multiplies all of them."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, n, p=share)
    logits = rng.normal(size=(n, 4))
    logits[np.arange(n), truth] += skill
    prob = np.exp(boast * (logits - logits.max(axis=1, keepdims=True)))
    prob /= prob.sum(axis=1, keepdims=True)
    paths = [f"{split}/{CLASSES[k]}/{i}.jpg" for i, k in enumerate(truth)]
    return Predictions.from_arrays(paths, truth, prob, split=split)


def changed(table: Predictions, **columns: Any) -> Predictions:
    """The table with columns replaced; `predicted` and `confidence` follow unless given."""
    frame = table.frame.copy()
    if not {"predicted", "confidence"} & set(columns):
        frame = frame.drop(columns=["predicted", "confidence"])
    return Predictions.from_frame(frame.assign(**columns))


def with_prob(table: Predictions, prob: NDArray[np.float64]) -> Predictions:
    return changed(table, **{name: prob[:, i] for i, name in enumerate(P)})


def kinds(verdict: Verdict, severity: str = "wrong") -> list[str]:
    return [finding.kind for finding in verdict.findings if finding.severity == severity]


def fixed() -> Predictions:
    """246 rows, 9 wrong (2 of 52 glioma): accuracy 0.963414..., glioma sensitivity 0.961538..."""
    truth = np.repeat([0, 1, 2, 3], [52, 64, 65, 65])
    said = truth.copy()
    said[[0, 1]] = 1
    said[[60, 61, 62, 120, 121, 190, 191]] = 0
    prob = np.full((246, 4), 0.1)
    prob[np.arange(246), said] = 0.7
    return Predictions.from_arrays([f"{i}.png" for i in range(246)], truth, prob)
