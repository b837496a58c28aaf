"""Probabilities that mean what they say: temperature and vector scaling, fitted with restraint.

p = softmax(scale * log q + bias), one scale and one bias a class; q are the probabilities that the
network gives. All scales equal and no bias is temperature scaling, scale = 1 / T (Guo, Pleiss, Sun,
Weinberger 2017, On calibration of modern neural networks, ICML); eight free numbers are vector
scaling. Here vector scaling is drawn towards temperature scaling and temperature scaling towards
changing nothing, by as much as there are few patients: with twenty it is nearly temperature
scaling, with thousands it is free.

Fit on predictions for slices that the network did not learn from, and never judge on what was
fitted on: `crossfit` keeps the two apart. Knows arrays only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from braintumor.classes import CLASSES

Floats = NDArray[np.float64]
METHODS = ("none", "temperature", "vector")
# Standard deviations of the normal priors: of the mean scale about 1, of a class's scale about
# that mean, and of a bias about 0. A bias of 0.5 is a class made 1.6 times as likely.
_MEAN_SCALE, _OWN_SCALE, _BIAS = 1.0, 0.25, 0.5
_LEAST_SCALE, _MOST_SCALE = 0.05, 20.0
# Below this a probability counts as this: a table that rounds gives zeros.
FLOOR = 1e-12
_K = len(CLASSES)


@dataclass(frozen=True)
class Calibrator:
    """What calibration does to probabilities.

    Attributes:
        scale, bias: one a class, in the order of `CLASSES`; scales are positive.
        method: one of `METHODS`.
    """

    scale: tuple[float, ...] = (1.0,) * _K
    bias: tuple[float, ...] = (0.0,) * _K
    method: str = "none"

    def apply(self, prob: ArrayLike) -> Floats:
        """Calibrated probabilities.

        Args:
            prob: (n, 4) probabilities as the network gives them.

        Returns:
            (n, 4), each row of sum one.
        """
        return _softmax(np.asarray(self.scale) * log_prob(prob) + np.asarray(self.bias))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, as a bundle's card holds them."""
        return {"scale": list(self.scale), "bias": list(self.bias), "method": self.method}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibrator:
        """The same from `to_dict`'s values."""
        return cls(tuple(values["scale"]), tuple(values["bias"]), str(values["method"]))


def log_prob(prob: ArrayLike) -> Floats:
    """(n, 4) logarithms of probabilities, none below that of `FLOOR`."""
    given = np.asarray(prob, np.float64)
    return np.asarray(np.log(np.clip(given / given.sum(axis=1, keepdims=True), FLOOR, None)))


def fit(
    y_true: ArrayLike, y_prob: ArrayLike, *, method: str = "vector", units: int | None = None
) -> Calibrator:
    """Fit a calibrator by penalised maximum likelihood (convex; the same data, the same answer).

    Args:
        y_true: (n,) class indices 0 to 3.
        y_prob: (n, 4) probabilities for slices that the network did not learn from.
        method: one of `METHODS`.
        units: how many independent units the rows are, patients if known: the fewer, the more
            the priors count. By default the rows.

    Raises:
        ValueError: an unknown method, or no rows.
    """
    truth, logs = np.asarray(y_true, np.int64), log_prob(y_prob)
    if method not in METHODS:
        raise ValueError(f"method is one of {', '.join(METHODS)}, not {method!r}")
    if not len(truth):
        raise ValueError("a calibrator cannot be fitted on no rows")
    if method == "none":
        return Calibrator()
    weight = (units or len(truth)) / len(truth)
    if method == "temperature":
        (scale,) = _minimise(lambda x: _temperature_loss(x, logs, truth, weight), np.ones(1), 1)
        return Calibrator((float(scale),) * _K, (0.0,) * _K, method)
    start = np.concatenate([np.ones(_K), np.zeros(_K)])
    found = _minimise(lambda x: _vector_loss(x, logs, truth, weight), start, _K)
    return Calibrator(tuple(map(float, found[:_K])), tuple(map(float, found[_K:])), method)


def _minimise(loss: Any, start: Floats, scales: int) -> Floats:
    from scipy.optimize import minimize

    bounds = [(_LEAST_SCALE, _MOST_SCALE)] * scales + [(None, None)] * (len(start) - scales)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x, np.float64)


def _temperature_loss(
    x: Floats, logs: Floats, truth: NDArray[np.int64], weight: float
) -> tuple[float, Floats]:
    loss, gradient = _vector_loss(
        np.concatenate([np.repeat(x, _K), np.zeros(_K)]), logs, truth, weight
    )
    return loss, gradient[:_K].sum(keepdims=True)


def _vector_loss(
    x: Floats, logs: Floats, truth: NDArray[np.int64], weight: float
) -> tuple[float, Floats]:
    """Negative log posterior and its gradient, at four scales followed by four biases."""
    scale, bias = x[:_K], x[_K:]
    prob = _softmax(scale * logs + bias)
    rows = np.arange(len(truth))
    loss = -weight * float(np.log(np.clip(prob[rows, truth], 1e-300, None)).sum())
    miss = prob.copy()
    miss[rows, truth] -= 1
    mean = scale.mean()
    own = scale - mean
    loss += (mean - 1) ** 2 / (2 * _MEAN_SCALE**2)
    loss += float(own @ own) / (2 * _OWN_SCALE**2) + float(bias @ bias) / (2 * _BIAS**2)
    by_scale = weight * (miss * logs).sum(axis=0)
    by_scale += (mean - 1) / (_MEAN_SCALE**2 * _K) + own / _OWN_SCALE**2
    by_bias = weight * miss.sum(axis=0) + bias / _BIAS**2
    return loss, np.concatenate([by_scale, by_bias])


def _softmax(logit: Floats) -> Floats:
    powers = np.exp(logit - logit.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
