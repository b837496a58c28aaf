"""Probabilities made for one mix of classes, adapted to another, and the mix estimated unseen.

Saerens, Latinne, Decaestecker (2002), Adjusting the outputs of a classifier to new a priori
probabilities, Neural Computation 14:21-41. It holds where the classes look the same in both places
and only their shares differ (prior shift), and where the probabilities are calibrated. It does
harm where they are not, and where there are too few images to estimate a mix from.

Knows arrays only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def adapt(prob: ArrayLike, made_for: ArrayLike, wanted: ArrayLike) -> Floats:
    """Probabilities for another mix of classes: p * wanted / made_for, brought to sum one.

    Args:
        prob: (n, k) probabilities, calibrated for `made_for`.
        made_for: (k,) the mix that they assume; a class of share zero stays impossible.
        wanted: (k,) the mix where they will be used.
    """
    ratio = _ratio(made_for, wanted)
    scaled = np.asarray(prob, np.float64) * ratio
    total = scaled.sum(axis=1, keepdims=True)
    # A row that is certain of a class that cannot occur says nothing: there the mix is all we know.
    even = np.broadcast_to(_normal(wanted), scaled.shape)
    return np.asarray(np.where(total > 0, scaled / np.where(total > 0, total, 1.0), even))


def estimate(
    prob: ArrayLike,
    made_for: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    tolerance: float = 1e-7,
    most: int = 5000,
) -> Floats:
    """The mix that makes the probabilities likeliest, by EM.

    Args:
        prob: (n, k) probabilities of unlabelled images, calibrated for `made_for`.
        made_for: (k,) the mix that they assume.
        weight: (n,) how often each image counts; once each by default.
        tolerance: EM ends when no share moves more than this.
        most: iterations at most.

    Returns:
        (k,) estimated share of each class, summing to one.

    Raises:
        ValueError: no image.
    """
    given = np.asarray(prob, np.float64)
    if not len(given):
        raise ValueError("a mix cannot be estimated from no image")
    times = np.ones(len(given)) if weight is None else np.asarray(weight, np.float64)
    old = _normal(made_for)
    share, moved, steps = old, np.inf, 0
    while moved >= tolerance and steps < most:
        # One step of EM: the mean of the probabilities adapted to the shares so far.
        ratio = _ratio(old, share)
        fit = given @ ratio
        new = ratio * (given.T @ np.divide(times, fit, out=np.zeros_like(fit), where=fit > 0))
        new /= new.sum()
        moved = float(np.abs(new - share).max())
        share, steps = new, steps + 1
    return share


def _ratio(made_for: ArrayLike, wanted: ArrayLike) -> Floats:
    old, new = _normal(made_for), _normal(wanted)
    return np.asarray(np.divide(new, old, out=np.zeros_like(new), where=old > 0))


def _normal(share: ArrayLike) -> Floats:
    values = np.asarray(share, np.float64)
    return np.asarray(values / values.sum())
