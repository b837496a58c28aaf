"""What other trainings of a run's recipe say of its slices: more to fit on, nothing to judge.

A network is one draw of what its recipe gives, and so are its answers to slices that it has not
seen. Calibration and prediction sets hang on the few hardest patients of each class, and what is
fitted on one draw moves with its luck. Answers of further trainings, each out of fold, steady it;
a patient counts once, however many trainings were asked. Scores stay those of the run alone.
Works on predictions; no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from braintumor.evaluation import crossfit, table_files, tables, words
from braintumor.evaluation.tables import PROBABILITIES, PredictionsError

if TYPE_CHECKING:
    from braintumor.evaluation.predictions import Predictions

REPEATS_FILE = "repeats.csv"
# Published tables shorten hashes to this many digits; of that many no two files are alike.
_DIGITS = 16
Floats = NDArray[np.float64]


def with_repeats(own: Predictions, others: Sequence[Predictions]) -> Predictions:
    """The table of a run, with what other trainings say of its slices beside it.

    A slice is left out of a training (NaN) that does not hold it, under the same label, or whose
    folds part its group: there the network that judged it had learnt from its patient.

    Args:
        own: out-of-fold rows with raw probabilities, no group in two folds.
        others: the same of each other training; groups and folds may differ from those of `own`.
            Rows are matched by sha256 (the first 16 digits), or by path where one has no hashes.

    Returns:
        The rows of `own` with `repeats` filled, one (n, 4) a training.

    Raises:
        PredictionsError: rows that are not out of fold or not raw, another network, the run
            itself, or nothing in common; one sentence.
    """
    _require_raw_folds(own)
    crossfit.fold_numbers(own)
    return replace(own, repeats=tuple(_in_order_of(own, other) for other in others))


def write(own: Predictions, folder: Path) -> Path | None:
    """Write what a table holds of other trainings as `repeats.csv`, atomically; its path.

    Of a table without any None, and an earlier one's file is removed, or it would be read as its.

    Columns: repeat (from 1), sha256 (16 digits) or path, label, fold, p_*. `fold` is that of the
    run: of what another training's folds parted, nothing is written.
    """
    path, frame = folder / REPEATS_FILE, own.frame
    if not own.repeats:
        path.unlink(missing_ok=True)
        return None
    by = "sha256" if (frame["sha256"] != "").all() else "path"
    parts = []
    for number, prob in enumerate(own.repeats, start=1):
        known = _given(prob)
        rows = frame.loc[known, [by, "label", "fold"]]
        rows = rows.assign(**{by: rows[by].str[:_DIGITS]} if by == "sha256" else {})
        rows[list(PROBABILITIES)] = prob[known]
        rows.insert(0, "repeat", number)
        parts.append(rows)
    table_files.write(pd.concat(parts, ignore_index=True), path)
    return path


def read(path: Path, own: Predictions) -> Predictions:
    """The table with what `repeats.csv` holds beside it.

    Raises:
        PredictionsError: no such table, an empty one, or as `with_repeats`.
    """
    from braintumor.evaluation.predictions import Predictions

    raw = table_files.read(path)
    if "repeat" not in raw:
        raise PredictionsError(f"{path.name} lacks the column repeat.")
    if not len(raw):
        raise PredictionsError(f"{path.name} holds no answers.")
    others = [
        Predictions.from_frame(rows.drop(columns="repeat"), source=f"{path.name}, repeat {number}")
        for number, rows in raw.groupby("repeat", sort=False)
    ]
    return with_repeats(own, others)


def told(own: Predictions) -> str:
    """In a sentence what other trainings are used for; "" where there are none."""
    if not own.repeats:
        return ""
    known = [int(_given(prob).sum()) for prob in own.repeats]
    counts = words.listed(list(map(str, known)))
    trainings = "another training" if len(known) == 1 else f"{len(known)} other trainings"
    return (
        f"Calibration, prediction sets and thresholds are fitted on what {trainings} of the recipe "
        f"said of the slices, too ({counts} of {len(own)}); every score is of this "
        "one's answers alone."
    )


def pooled_rows(own: Predictions) -> tuple[NDArray[np.int64], Floats]:
    """Every answer to a table's rows: the position of the row, and (m, 4) probabilities.

    The run's own answers come first, in order; then those of each other training that gives one.
    """
    rows, prob = [np.arange(len(own))], [own.y_prob]
    for other in own.repeats:
        known = np.flatnonzero(_given(other))
        rows.append(known)
        prob.append(other[known])
    return np.concatenate(rows), np.concatenate(prob)


def _given(prob: Floats) -> NDArray[np.bool_]:
    """(n,) whether a training says something of a row."""
    return np.asarray(~np.isnan(prob).any(axis=1))


def _in_order_of(own: Predictions, other: Predictions) -> Floats:
    """(n, 4) what another training says of the rows, NaN where nothing that may be used."""
    _require_raw_folds(other)
    _require_same_network(own, other)
    by = _key_column(own, other)
    place = {key: row for row, key in enumerate(_keys(other, by)) if other.is_scored[row]}
    found = np.array([place.get(key, -1) for key in _keys(own, by)], np.int64)
    if not (found >= 0).any():
        raise PredictionsError(
            f"{own.source} and {other.source} have no slice in common (matched by {by} and label)."
        )
    found[_parted(own, other, found)] = -1
    if not (found >= 0).any():
        raise PredictionsError(
            f"The folds of {other.source} part every group that {own.source} knows, so each of its "
            "networks was asked about somebody whom it had learnt from: train it with the same "
            "--patients."
        )
    prob = np.where(found[:, None] >= 0, other.y_prob[found], np.nan)
    tables.require_probabilities(prob[found >= 0], own.frame["path"][found >= 0], other.source)
    if np.array_equal(prob[found >= 0], own.y_prob[found >= 0]):
        raise PredictionsError(
            f"{other.source} gives the very answers of {own.source}: name another training."
        )
    return prob


def _parted(own: Predictions, other: Predictions, found: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) whether the other's folds part the group of a row: other slices of it were learnt."""
    group, fold = own.frame["group"], other.frame["fold"].to_numpy()[found]
    known = (found >= 0) & (group != "").to_numpy(bool)
    folds = pd.Series(fold[known]).groupby(group.to_numpy()[known]).nunique()
    return np.asarray(group.isin(folds[folds > 1].index), np.bool_)


def _require_raw_folds(table: Predictions) -> None:
    if not crossfit.is_out_of_fold(table):
        raise PredictionsError(
            f"{table.source} is no table of out-of-fold answers: other trainings are used beside "
            "runs over folds (train --folds)."
        )
    if (table.frame["set"] != "").any():
        raise PredictionsError(
            f"{table.source} holds calibrated answers; give the table of the run itself."
        )


def _require_same_network(own: Predictions, other: Predictions) -> None:
    named, theirs = ({*t.frame["model"].unique()} - {""} for t in (own, other))
    if named and theirs and named != theirs:
        raise PredictionsError(
            f"{other.source} is of {' and '.join(sorted(theirs))} and {own.source} of "
            f"{' and '.join(sorted(named))}: other trainings are of the same network."
        )


def _key_column(own: Predictions, other: Predictions) -> str:
    for column in ("sha256", "path"):
        if all((table.frame[column] != "").all() for table in (own, other)):
            return column
    raise PredictionsError(
        f"The rows of {own.source} and {other.source} cannot be matched: each needs a sha256 or a "
        "path."
    )


def _keys(table: Predictions, by: str) -> list[str]:
    cells = table.frame[by].str[:_DIGITS] if by == "sha256" else table.frame[by]
    return list(cells + " " + table.frame["label"])
