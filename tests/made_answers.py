"""Made tables with known truth: calibrated answers, bent ones, patients with several slices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation.predictions import Predictions

Floats = NDArray[np.float64]


def softmax(logit: Floats) -> Floats:
    powers = np.exp(logit - logit.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def bent(prob: Floats, scale: object, bias: object = 0.0) -> Floats:
    """Probabilities that calibration with this scale and bias would make of others."""
    return softmax(np.log(prob) * np.asarray(scale) + np.asarray(bias))


def answers(
    patients: int, seed: int, *, slices: int = 1, gap: float = 2.0, like: float = 0.0
) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64]]:
    """Labels, calibrated probabilities and patients, four classes in even shares.

    Args:
        patients: how many; each of one class.
        seed: of the draws.
        slices: each patient gives one to this many.
        gap: how far the classes lie apart, in standard deviations.
        like: share of the variance that the slices of a patient have in common, 0 to 1.
    """
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(patients), rng.integers(1, slices + 1, patients))
    truth = rng.integers(0, 4, patients)[group]
    common = rng.normal(size=(patients, 4))[group]
    seen = np.sqrt(like) * common + np.sqrt(1 - like) * rng.normal(size=(len(group), 4))
    seen[np.arange(len(truth)), truth] += gap
    return truth, softmax(gap * seen), group


def table(
    truth: NDArray[np.int64],
    prob: Floats,
    group: NDArray[np.int64],
    *,
    fold: NDArray[np.int64] | None = None,
    split: str | list[str] = "",
) -> Predictions:
    """The same as a predictions table, groups called p0, p1, …."""
    return Predictions.from_arrays(
        [f"{CLASSES[k]}/{i}.jpg" for i, k in enumerate(truth)],
        truth,
        prob,
        group=[f"p{g}" for g in group],
        fold="" if fold is None else [str(k) for k in fold],
        split=split,
        model="cnn",
    )
