"""What training minimises: the right class, the right place, and no tumour beside the tumour.

Where a mask of the lesion is known, three things are asked of the network at once: the class of
the slice; that `where` is high inside the mask and low outside (the masks teach it where); and
that the same slice, its lesion left out of the vote, is called `no_tumor`. The last takes away
the easiest shortcut of the field, that slices without a tumour come from other scanners: here the
scanner is the same. Without masks only the first remains.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.networks.where import FLOOR

_NO_TUMOR = CLASSES.index("no_tumor")
# Channels of a target, (n, h, w, 6): class shares (the same at every place), mask, mask known.
_LABEL, _MASK, _KNOWN = slice(0, 4), 4, 5
_SEEN = 0.2  # share of a place that a lesion covers somewhere, or it is too small to be outlined
_TOUCHED = 0.02  # share of a place that a lesion covers from which on it belongs to the lesion


def targets(
    labels: NDArray[np.float32], masks: NDArray[np.float32], known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Pack what `objective` compares with.

    Args:
        labels: (n, 4) shares of the classes, sums 1.
        masks: (n, h, w) share of each place that a lesion covers, 0 to 1.
        known: (n,) whether the mask is to be believed.

    Returns:
        (n, h, w, 6) float32.
    """
    packed = np.empty((*masks.shape, 6), np.float32)
    packed[..., _LABEL] = labels[:, None, None, :]
    packed[..., _MASK] = masks
    packed[..., _KNOWN] = known[:, None, None]
    return packed


def objective(mask_weight: float, outside_weight: float) -> Callable[[Any, Any], Any]:
    """The loss of one batch.

    Args:
        mask_weight: of the lesion's place: cross-entropy at every place, plus half of one minus
            the Dice coefficient (Milletari, Navab & Ahmadi, V-Net, 3DV 2016).
        outside_weight: of the cross-entropy of `no_tumor` where the lesion does not vote.

    Returns:
        (targets (n, h, w, 6), network's places (n, h, w, 5)) -> losses (n,), nats.
    """

    def loss(y_true: Any, y_pred: Any) -> Any:
        evidence, where = y_pred[..., :4], y_pred[..., 4]
        label = ops.mean(y_true[..., _LABEL], axis=(1, 2))
        mask, known = y_true[..., _MASK], ops.mean(y_true[..., _KNOWN], axis=(1, 2))
        lesion = ops.sigmoid(where)
        weight = lesion + FLOOR
        total = -ops.sum(label * _log_softmax(_vote(evidence, weight)), axis=-1)
        has_lesion = known * ops.cast(ops.max(mask, axis=(1, 2)) > _SEEN, known.dtype)
        total += mask_weight * (
            known * _where(where, mask) + 0.5 * has_lesion * _dice(lesion, mask)
        )
        outside = weight * (1 - _grown(mask))
        clear = _log_softmax(_vote(evidence, outside))[:, _NO_TUMOR]
        return total - outside_weight * has_lesion * clear

    return loss


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Share of a batch whose class is right, (n,) of 0 and 1."""
    label = ops.argmax(ops.mean(y_true[..., _LABEL], axis=(1, 2)), axis=-1)
    vote = _vote(y_pred[..., :4], ops.sigmoid(y_pred[..., 4]) + FLOOR)
    return ops.cast(label == ops.argmax(vote, axis=-1), "float32")


def logits_of(places: NDArray[np.float32]) -> NDArray[np.float32]:
    """The network's places (n, h, w, 5) -> logits (n, 4), as `networks.where` computes them."""
    weight = 1 / (1 + np.exp(-places[..., 4:])) + FLOOR
    vote = (places[..., :4] * weight).sum(axis=(1, 2)) / weight.sum(axis=(1, 2))
    return np.asarray(vote, np.float32)


def _vote(evidence: Any, weight: Any) -> Any:
    weighted = ops.sum(evidence * weight[..., None], axis=(1, 2))
    return weighted / (ops.sum(weight, axis=(1, 2))[..., None] + 1e-6)


def _log_softmax(logits: Any) -> Any:
    return logits - ops.logsumexp(logits, axis=-1, keepdims=True)


def _where(where: Any, mask: Any) -> Any:
    return ops.mean(ops.softplus(where) - mask * where, axis=(1, 2))


def _dice(lesion: Any, mask: Any) -> Any:
    both = ops.sum(lesion * mask, axis=(1, 2))
    either = ops.sum(lesion, axis=(1, 2)) + ops.sum(mask, axis=(1, 2))
    return 1 - (2 * both + 1) / (either + 1)


def _grown(mask: Any) -> Any:
    """1 where a lesion touches the place or a neighbour of it, else 0."""
    grown = ops.max_pool(mask[..., None], 3, strides=1, padding="same")[..., 0]
    return ops.cast(grown > _TOUCHED, mask.dtype)
