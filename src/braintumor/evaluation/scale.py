"""Are the probabilities of a table probabilities, and do its other columns agree with them?

Logits, percentages, sums that miss one, a prediction that is not the largest, a confidence that
is another number, the same answer for every image. Looks at rows one by one; knows nothing of
labels out of step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation import metrics, tables
from braintumor.evaluation.findings import Finding
from braintumor.evaluation.predictions import Predictions

# A class never predicted is wrong where so many rows and such a share of them belong to it, or
# where very many do.
_MISSED_ROWS, _MISSED_SHARE, _MISSED_MANY = 7, 0.1, 40
# Software that computes in half precision misses one by this, and so do values of two decimals.
_COARSE, _FINE = tables.SUM_TOLERANCE, 1e-3
# However few digits were written: an answer of zeros, or of two ones, is none.
_MOST = 0.25


def given(predictions: Predictions) -> NDArray[np.bool_]:
    """(n,) rows that have probabilities."""
    return np.asarray(predictions.y_pred >= 0)


def decimals(values: NDArray[np.float64]) -> int:
    """Decimals to which every value was rounded; 9 where they were not."""
    for digits in range(9):
        scaled = values * 10.0**digits
        if np.abs(scaled - np.round(scaled)).max(initial=0.0) < 1e-5:
            return digits
    return 9


def not_probabilities(predictions: Predictions) -> Iterator[Finding]:
    """Logits, percentages, and rows that do not sum to one."""
    where = np.flatnonzero(given(predictions))
    prob = predictions.y_prob[where]
    bad = _no_probabilities(prob)
    if not bad.any():
        return
    sums = prob.sum(axis=1)
    first = tables.place(predictions.source, predictions.frame["path"], int(where[bad][0]))
    numbers = {"rows": int(bad.sum()), "of": len(prob), "lowest_sum": float(sums.min())}
    numbers["highest_sum"] = float(sums.max())
    many = f"in {bad.sum()} of {len(prob)} rows (first: {first})"
    if _is_percent(prob):
        text = f"p_* are percentages, not shares, {many}; they are read as such."
        yield Finding("percentages", "note", text, numbers)
        yield from _sums(prob / 100, where, predictions)
    elif _are_logits(prob):
        text = f"Logits (or logarithms) are given for probabilities: p_* leave 0 to 1 {many}."
        yield Finding("logits", "wrong", text, numbers)
    else:
        yield _not_one(many, numbers)


def _sums(
    prob: NDArray[np.float64], where: NDArray[np.int64], predictions: Predictions
) -> Iterator[Finding]:
    """Percentages whose rows do not sum to a hundred."""
    bad = _no_probabilities(prob)
    if bad.any():
        sums = prob.sum(axis=1)
        first = tables.place(predictions.source, predictions.frame["path"], int(where[bad][0]))
        numbers = {"rows": int(bad.sum()), "of": len(prob), "lowest_sum": float(sums.min())}
        numbers["highest_sum"] = float(sums.max())
        yield _not_one(f"in {bad.sum()} of {len(prob)} rows (first: {first})", numbers)


def _not_one(many: str, numbers: dict[str, Any]) -> Finding:
    text = (
        f"p_* leave 0 to 1 or do not sum to one {many}; the sums run from "
        f"{numbers['lowest_sum']:.4g} to {numbers['highest_sum']:.4g}."
    )
    return Finding("not_one", "wrong", text, numbers)


def as_probabilities(predictions: Predictions) -> Predictions:
    """The table with every row brought to probabilities, its largest value staying the largest."""
    where = given(predictions)
    prob = predictions.y_prob[where]
    # What digits excuse is normalised, too: metrics ask for sums of one.
    if not len(prob) or not (_no_probabilities(prob) | tables.no_probabilities(prob)).any():
        return predictions
    if _are_logits(prob):
        prob = np.exp(prob - prob.max(axis=1, keepdims=True))
    prob = np.maximum(prob, 0.0)
    total = prob.sum(axis=1, keepdims=True)
    prob = np.where(total > 0, prob / np.where(total > 0, total, 1.0), 1.0 / len(CLASSES))
    frame = predictions.frame.copy()
    frame.loc[where, list(tables.PROBABILITIES)] = prob
    return Predictions(frame, predictions.source)


def disagreement(raw: Predictions, table: Predictions) -> Iterator[Finding]:
    """`predicted` that is not the largest probability; `confidence` that is not its value.

    Args:
        raw: the table as given.
        table: the same, brought to probabilities.
    """
    where = np.flatnonzero(given(table) & (table.y_said >= 0))
    said, prob = table.y_said[where], table.y_prob[where]
    chosen = prob[np.arange(len(where)), said]
    # Rounding keeps the order of values, so an honest prediction is at worst one of equals.
    off = chosen < prob.max(axis=1, initial=0.0) - 1e-9
    if off.any():
        yield _predicted_disagrees(table, where, off)
    confidence = raw.frame["confidence"].to_numpy(np.float64)[where]
    plain = raw.y_prob[where][np.arange(len(where)), said]
    apart = np.minimum(np.abs(confidence - chosen), np.abs(confidence - plain)) > 0.0051
    apart &= ~off
    if apart.any():
        text = (
            f"`confidence` is not the probability of `predicted` in {apart.sum()} of {len(where)} "
            "rows."
        )
        yield Finding("confidence_disagrees", "wrong", text, {"rows": int(apart.sum())})


def _predicted_disagrees(
    table: Predictions, where: NDArray[np.int64], off: NDArray[np.bool_]
) -> Finding:
    said, best = table.y_said[where], table.y_prob[where].argmax(axis=1)
    first = tables.place(table.source, table.frame["path"], int(where[off][0]))
    text = (
        f"`predicted` is not the class of the largest probability in {off.sum()} of "
        f"{len(where)} rows (first: {first})"
    )
    numbers: dict[str, Any] = {"rows": int(off.sum()), "of": len(where)}
    truth = table.y_true[where]
    known = truth >= 0
    if known.any():
        by_said = float((said == truth)[known].mean())
        by_prob = float((best == truth)[known].mean())
        numbers |= {"accuracy_predicted": by_said, "accuracy_probabilities": by_prob}
        text += f"; by `predicted` {by_said:.3f} are right, by the probabilities {by_prob:.3f}"
    return Finding("predicted_disagrees", "wrong", text + ".", numbers)


def identical(table: Predictions) -> Iterator[Finding]:
    """The same probabilities in every row."""
    prob = table.y_prob[given(table)]
    if len(prob) < 5 or np.ptp(prob, axis=0).max() > 1e-7:
        return
    rows = table.scored()
    if len(rows) and len(np.unique(rows.y_true)) == 1 and bool((rows.y_pred == rows.y_true).all()):
        return  # one class only, and every row surely it: rounding does that
    text = f"All {len(prob)} rows have the same probabilities: the model has not seen the images."
    yield Finding("identical_rows", "wrong", text, {"rows": len(prob)})


def never_predicted(rows: Predictions) -> Iterator[Finding]:
    """A class that has rows and is never said."""
    counts = metrics.count(rows.y_true, rows.y_pred)
    for i, said in enumerate(counts.confusion.sum(axis=0)):
        support = int(counts.support[i])
        if said or not support:
            continue
        common = support >= _MISSED_ROWS and support >= _MISSED_SHARE * counts.n
        text = f"{CLASSES[i]} is never predicted, though {support} of {counts.n} labels are it."
        numbers = {"class": CLASSES[i], "support": support}
        many = common or support >= _MISSED_MANY
        yield Finding("class_never_predicted", "wrong" if many else "improbable", text, numbers)


def _no_probabilities(prob: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) rows outside 0 to 1, or whose sum misses one by more than their digits excuse."""
    outside = (prob < -1e-6).any(axis=1) | (prob > 1 + 1e-6).any(axis=1)
    tolerance = _FINE
    digits = decimals(prob)
    if digits < 9:
        tolerance = min(max(2.1 * 10.0**-digits, _FINE), _MOST)
    elif _half_precision(prob):
        tolerance = _COARSE
    return np.asarray(outside | (np.abs(prob.sum(axis=1) - 1) > tolerance), bool)


def _half_precision(prob: NDArray[np.float64]) -> bool:
    """Whether every value is one of float16 or bfloat16."""
    bits = prob.astype(np.float32).view(np.uint32)
    brain = np.abs(prob - (bits & np.uint32(0xFFFF0000)).view(np.float32))
    half = np.abs(prob - prob.astype(np.float16))
    return bool((np.minimum(brain, half) <= 1e-8).all())


def _is_percent(prob: NDArray[np.float64]) -> bool:
    return bool((prob >= 0).all() and np.median(np.abs(prob.sum(axis=1) - 100)) < 2.1)


def _are_logits(prob: NDArray[np.float64]) -> bool:
    outside = ((prob < -1e-6) | (prob > 1 + 1e-6)).any(axis=1)
    return not _is_percent(prob) and float(outside.mean()) > 0.5
