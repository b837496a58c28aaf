"""From a network's raw answer to what is said of the slice: probabilities, set, doubts.

Plain numbers in, plain values out. Knows the calibration and the quantiles of a card; no graph,
no image, no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.bundle.parts import Calibration, Conformal
from braintumor.classes import CLASSES

# Below this a probability counts as this.
_FLOOR = 1e-12


def log_softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Log-probabilities of logits over the last axis; float64, so that rare classes keep digits."""
    values = np.asarray(logits, np.float64)
    shifted = values - values.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities of logits over the last axis, in float64."""
    powers = np.exp(log_softmax(logits))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def combined(logits: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Logarithmic opinion pool of several networks.

    Args:
        logits: of each network, (n, 4).

    Returns:
        (n, 4) log-probabilities: the mean of the members', normalised. One network alone gives
        its own.
    """
    return log_softmax(np.mean([log_softmax(one) for one in logits], axis=0))


def calibrated(log_q: NDArray[Any], calibration: Calibration) -> NDArray[np.float64]:
    """Calibrated probabilities, softmax(scale * log q + bias).

    Args:
        log_q: (n, 4) log-probabilities of the network or the ensemble.
        calibration: of the card.

    Returns:
        (n, 4), 0 to 1, each row summing to 1.
    """
    # The floor of `evaluation.calibration`, so that what is applied is what was fitted.
    logs = np.maximum(log_q, np.log(_FLOOR))
    return softmax(logs * np.array(calibration.scale) + np.array(calibration.bias))


def prediction_set(p: NDArray[Any], conformal: Conformal | None) -> tuple[str, ...] | None:
    """The classes that fit at the error rate on the card, in the order of `CLASSES`.

    Args:
        p: (4,) calibrated probabilities.
        conformal: of the card; None where it has none, and then there is no set.
    """
    if conformal is None:
        return None
    pairs = zip(CLASSES, p, conformal.quantiles, strict=True)
    return tuple(name for name, share, quantile in pairs if 1.0 - share <= quantile)


def doubts(
    best: int,
    confidence: float,
    classes: tuple[str, ...] | None,
    thresholds: tuple[float, ...] | None,
) -> list[str]:
    """Why a person should look, a clause each; empty where nothing speaks for it.

    Args:
        best: index of the most probable class.
        confidence: its calibrated probability.
        classes: the prediction set; None where there is none.
        thresholds: of the card; None where it has none.
    """
    found = []
    if classes is not None and not classes:
        found.append("no class fits well enough")
    elif classes is not None and len(classes) > 1:
        found.append(f"it could be {' or '.join(classes)}")
    elif classes is not None and classes != (CLASSES[best],):
        found.append(f"the most probable class is not the one that fits its kind, {classes[0]}")
    if thresholds is not None and confidence < thresholds[best]:
        sure, limit = apart(confidence, thresholds[best])
        found.append(f"confidence {sure} is below {limit}")
    return found


def apart(lower: float, upper: float) -> tuple[str, str]:
    """Two shares as text, in three digits, or as many more as show that one is the lower.

    >>> apart(0.7, 0.71), apart(0.98999, 0.99)
    (('0.700', '0.710'), ('0.98999', '0.99000'))
    """
    for digits in range(3, 18):
        told = f"{lower:.{digits}f}", f"{upper:.{digits}f}"
        if told[0] != told[1]:
            break
    return told
