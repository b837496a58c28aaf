"""Several tables of the same images as one: the answer of an ensemble of their models.

Their probabilities are pooled before calibration, so that the pool is calibrated as a whole:
`fit_decision(combined([cnn, resnet50]))`. Knows tables only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from braintumor.classes import disagreeing
from braintumor.evaluation.calibration import log_prob
from braintumor.evaluation.predictions import Predictions, PredictionsError
from braintumor.evaluation.tables import PROBABILITIES, STATUSES

POOLS = ("logarithmic", "linear")
# What must be the same in all tables, or the pool would mix things that do not belong together.
_SAME = ("label", "split", "fold", "group")


def combined(
    tables: Sequence[Predictions], *, pool: str = "logarithmic", name: str = "ensemble"
) -> Predictions:
    """One table with the pooled raw probabilities of several.

    Args:
        tables: two or more with the same images; rows are matched by path, or by sha256 where
            paths are lacking. The first gives order and facts of the rows.
        pool: "logarithmic" (normalised geometric mean: what a bundled ensemble does) or "linear"
            (mean).
        name: of the pooled model.

    Returns:
        A table whose rows have probabilities where all tables give an answer. A row's status is
        the sternest that a table gives it, with the reason of the first that does.

    Raises:
        PredictionsError: rows that do not match one to one, or that name another label, split, fold
            or group; one sentence.
        ValueError: fewer than two tables, or an unknown pool.
    """
    if len(tables) < 2 or pool not in POOLS:
        raise ValueError(f"pool two tables or more, {' or '.join(POOLS)}")
    first = tables[0]
    by = _key_column(tables)
    matched = [first, *(_in_order_of(first, other, by) for other in tables[1:])]
    frame = first.frame.copy()
    for column in _SAME:  # what one table does not know, another may
        for other in matched[1:]:
            frame[column] = frame[column].where(frame[column] != "", other.frame[column])
    known = np.all([table.is_answered for table in matched], axis=0)
    prob = np.full(first.y_prob.shape, np.nan)
    prob[known] = _pooled([table.y_prob[known] for table in matched], pool)
    frame[list(PROBABILITIES)] = prob
    # STATUSES go from mild to stern; of equals the first is taken.
    sternness = np.array([table.frame["status"].map(STATUSES.index) for table in matched])
    sternest = sternness.argmax(axis=0)
    for position, table in enumerate(matched):
        for column in ("status", "reason"):
            frame[column] = frame[column].where(sternest != position, table.frame[column])
    frame["predicted"], frame["confidence"] = "", np.nan
    frame["set"], frame["model"], frame["model_sha256"] = "", name, ""
    made = Predictions.from_frame(frame, source=" and ".join(table.source for table in tables))
    # Another training of the ensemble is one of each member; where one lacks it, there is none.
    repeats = zip(*(table.repeats for table in matched), strict=False)
    return replace(made, repeats=tuple(_pooled(probs, pool) for probs in repeats))


def where_they_differ(pooled: Predictions, answers: Sequence[Predictions]) -> Predictions:
    """The pool, `uncertain` where its members prefer different classes, as a bundle has it.

    Args:
        pooled: of `combined`.
        answers: of each member alone, calibrated: the same images, matched as in `combined`.

    Raises:
        PredictionsError: as `combined`.
    """
    by = _key_column([pooled, *answers])
    voices = [_in_order_of(pooled, one, by).frame for one in answers]
    said = np.array([voice["predicted"] for voice in voices], dtype=str)
    frame = pooled.frame.copy()
    for row in np.flatnonzero((said != said[0]).any(axis=0) & pooled.is_answered):
        told = disagreeing({one["model"][row]: one["predicted"][row] for one in voices})
        frame.loc[row, "status"] = "uncertain"
        frame.loc[row, "reason"] = "; ".join(filter(None, [frame["reason"][row], told]))
    return replace(pooled, frame=frame)


def _pooled(probs: Sequence[NDArray[np.float64]], pool: str) -> NDArray[np.float64]:
    if pool == "linear":
        return np.asarray(np.mean(probs, axis=0))
    mean = np.exp(np.mean([log_prob(prob) for prob in probs], axis=0))
    return np.asarray(mean / mean.sum(axis=1, keepdims=True))


def _key_column(tables: Sequence[Predictions]) -> str:
    for column in ("path", "sha256"):
        cells = [table.frame[column] for table in tables]
        if all((cell != "").all() and cell.is_unique for cell in cells):
            return column
    names = " and ".join(table.source for table in tables)
    raise PredictionsError(
        f"The rows of {names} cannot be matched: each needs a path of its own, or a sha256, in "
        "all of them."
    )


def _in_order_of(first: Predictions, other: Predictions, by: str) -> Predictions:
    """The rows of another table in the order of the first."""
    if set(first.frame[by]) != set(other.frame[by]):
        apart = len(set(first.frame[by]) ^ set(other.frame[by]))
        raise PredictionsError(
            f"{first.source} and {other.source} do not hold the same images ({apart} are in one "
            f"only, matched by {by}): predict the same images with both models."
        )
    position = {key: row for row, key in enumerate(other.frame[by])}
    matched = other.take(np.array([position[key] for key in first.frame[by]], np.int64))
    for column in _SAME:
        ours, theirs = first.frame[column], matched.frame[column]
        differs = ((ours != theirs) & (ours != "") & (theirs != "")).to_numpy(bool)
        if differs.any():
            row = int(np.flatnonzero(differs)[0])
            raise PredictionsError(
                f"{first.source} and {other.source} differ in the {column} of "
                f"{first.frame[by].iloc[row]} ({first.frame[column].iloc[row]} and "
                f"{matched.frame[column].iloc[row]}), so they cannot be pooled."
            )
    return matched
