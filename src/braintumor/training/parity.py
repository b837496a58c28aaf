"""What another precision changes: counted on slices of known class, added up over runs, judged.

A table is plain JSON, as it stands on a bundle's card. Knows logits and classes; no graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from braintumor.bundle.decision import calibrated, combined
from braintumor.bundle.parts import Calibration
from braintumor.classes import CLASSES

# What another precision may cost: share of a class's slices, and macro AUC.
MAX_SENSITIVITY_LOSS: Final = 0.005
MAX_AUC_LOSS: Final = 0.002

Table = dict[str, JsonValue]


def parity(
    truth: NDArray[Any],
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    calibration: Calibration,
) -> Table:
    """What another precision changes.

    Args:
        truth: (n,) class indices.
        before, after: (n, 4) logits in float32 and in the other precision.
        calibration: of the card.

    Returns:
        Plain JSON: agreement of the classes, largest and mean change of a probability, hits of
        every class before and after (with its count), macro AUC before and after, whether that
        is accepted, and why not.
    """
    p, q = (calibrated(combined([logits]), calibration) for logits in (before, after))
    said, now = p.argmax(axis=1), q.argmax(axis=1)
    classes: dict[str, Any] = {}
    for index, name in enumerate(CLASSES):
        own = truth == index
        n, hits, hits_now = (int((own & one).sum()) for one in (own, said == index, now == index))
        classes[name] = {"n": n, "hits_float32": hits, "hits": hits_now}
    return _judged(
        {
            "n": len(truth),
            "same_class": float((said == now).mean()),
            "max_change": float(np.abs(p - q).max()),
            "mean_change": float(np.abs(p - q).mean()),
            "classes": classes,
            "macro_auc_float32": _macro_auc(truth, p),
            "macro_auc": _macro_auc(truth, q),
        }
    )


def summed(tables: Sequence[Mapping[str, Any]]) -> Table:
    """Several runs' tables as one: counts added up, shares and AUCs averaged by their counts.

    Args:
        tables: at least one, each as `parity` gives it.

    Returns:
        A table of the same form, judged anew.
    """
    counts = [table["n"] for table in tables]

    def mean(key: str) -> float | None:
        values = [table[key] for table in tables]
        if any(value is None for value in values):
            return None
        return float(np.average(values, weights=counts))

    return _judged(
        {
            "n": sum(counts),
            "runs": len(tables),
            "same_class": mean("same_class"),
            "max_change": max(table["max_change"] for table in tables),
            "mean_change": mean("mean_change"),
            "classes": {
                name: {
                    key: sum(table["classes"][name][key] for table in tables)
                    for key in ("n", "hits_float32", "hits")
                }
                for name in CLASSES
            },
            "macro_auc_float32": mean("macro_auc_float32"),
            "macro_auc": mean("macro_auc"),
        }
    )


def _judged(table: dict[str, Any]) -> Table:
    """The table with its verdict."""
    reasons = []
    for name, of in table["classes"].items():
        lost = of["hits_float32"] - of["hits"]
        if of["n"] and lost / of["n"] > MAX_SENSITIVITY_LOSS:
            reasons.append(f"{name} loses {lost} of {of['hits_float32']} slices that were right")
    before, after = table["macro_auc_float32"], table["macro_auc"]
    if before is not None and after is not None and before - after > MAX_AUC_LOSS:
        reasons.append(f"the macro AUC falls from {before:.4f} to {after:.4f}")
    return {**table, "accepted": not reasons, "reason": "; ".join(reasons)}


def _macro_auc(truth: NDArray[Any], p: NDArray[np.float64]) -> float | None:
    from sklearn.metrics import roc_auc_score

    present = [k for k in range(len(CLASSES)) if 0 < (truth == k).sum() < len(truth)]
    if not present:
        return None
    return float(np.mean([roc_auc_score(truth == k, p[:, k]) for k in present]))
