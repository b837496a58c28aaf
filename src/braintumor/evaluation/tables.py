"""Frames of predictions, brought to the contract's columns.

Knows the columns and what a cell may hold; knows nothing of files, metrics, models or images.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from braintumor.classes import CLASSES, class_from_name, split_from_name
from braintumor.errors import BraintumorError

PROBABILITIES: tuple[str, ...] = tuple(f"p_{name}" for name in CLASSES)
COLUMNS: tuple[str, ...] = (
    "path",
    "sha256",
    "group",
    "label",
    "status",
    "reason",
    "predicted",
    "confidence",
    "set",
    *PROBABILITIES,
    "split",
    "fold",
    "model",
    "model_sha256",
)
STATUSES: tuple[str, ...] = ("ok", "uncertain", "refused", "error")
_NUMBERS = ("confidence", *PROBABILITIES)
_NAMES = ("sha256", "group", "set", "split", "fold", "model", "model_sha256")
# Words that stand for nothing, in small letters.
EMPTY = frozenset({"", "nan", "na", "n/a", "null", "<na>"})
_MISSING = frozenset({*EMPTY, *(word.upper() for word in EMPTY), "NaN"})
# Python writes None. Of a class it means that there is no tumour.
_NAMELESS = _MISSING | {"none", "None", "NONE"}
# Probabilities that were rounded to two decimals may miss one by 4 x 0.005.
SUM_TOLERANCE = 0.021
_BEYOND = 1e-6
_MOST_QUOTED = 60  # characters of a cell in a message


class PredictionsError(BraintumorError):
    """A predictions table that cannot be used; its text is one sentence."""


def normal(raw: pd.DataFrame, source: str) -> pd.DataFrame:
    """Bring a raw frame to the contract: its columns in order, names canonical, numbers numbers.

    Args:
        raw: any frame with at least `label` and the four `p_*`; index 0 to n - 1.
        source: what messages call the table.

    Raises:
        PredictionsError: a column missing or twice, or a cell that cannot be.
    """
    given = _by_contract_name(raw, source)
    paths = _text(given["path"]) if "path" in given else pd.Series([""] * len(raw), dtype=str)
    columns: dict[str, Any] = {}
    for name in COLUMNS:
        if name in _NUMBERS:
            columns[name] = _numbers(given.get(name), name, paths, source)
        else:
            columns[name] = _text(given[name]) if name in given else ""
    frame = pd.DataFrame(columns, index=range(len(raw)), columns=list(COLUMNS))
    frame["path"] = paths.to_numpy()
    for name in ("label", "predicted"):
        frame[name] = _classes(frame[name], name, paths, source)
    for name in _NAMES:
        # Spreadsheets and R write NA; were it a name, all who lack one would be one patient.
        frame[name] = names(frame[name], _MISSING if name == "set" else _NAMELESS)
    _move_splits(frame)
    frame["split"] = frame["split"].map(lambda text: split_from_name(text) or text)
    frame["set"] = _sets(frame["set"], paths, source)
    frame["status"] = _statuses(frame["status"], paths, source)
    _require_whole(frame, paths, source)
    return _with_prediction(frame)


def names(column: pd.Series[Any], nothing: frozenset[str] = _NAMELESS) -> pd.Series[str]:
    """Cells of any type as names, "" for what is missing and for words that stand for nothing."""
    text = _text(column)
    return text.mask(text.isin(nothing), "")


def _by_contract_name(raw: pd.DataFrame, source: str) -> dict[str, pd.Series[Any]]:
    """The columns that the contract knows, under their names there; the others are dropped."""
    given: dict[str, pd.Series[Any]] = {}
    for position, heading in enumerate(raw.columns):
        name = _contract_name(str(heading))
        if name is None:
            continue
        if name in given:
            raise PredictionsError(f"{source} has the column {name} twice; keep one of them.")
        given[name] = raw.iloc[:, position]
    missing = [name for name in ("label", *PROBABILITIES) if name not in given]
    if missing:
        raise PredictionsError(
            f"{source} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; a "
            f"predictions table needs label, {', '.join(PROBABILITIES)}."
        )
    return given


def _contract_name(heading: str) -> str | None:
    """The contract's name of a column heading; `P_NoTumor` and `prob_no` are p_no_tumor."""
    plain = heading.strip().lower()
    if plain in COLUMNS:
        return plain
    match = re.fullmatch(r"(?:p|prob|probability)[_\s.\-](.+)", plain)
    known = class_from_name(match.group(1)) if match else None
    return f"p_{known}" if known else None


def _text(column: pd.Series[Any]) -> pd.Series[str]:
    """Cells as text, "" for what is missing; a whole number read as 3.0 is "3" again."""
    cells = column.astype(object).where(column.notna(), "").tolist()
    if pd.api.types.is_float_dtype(column):
        cells = [int(cell) if cell != "" and float(cell).is_integer() else cell for cell in cells]
    return pd.Series([str(cell) for cell in cells], dtype=str)


def _numbers(
    column: pd.Series[Any] | None, name: str, paths: pd.Series[str], source: str
) -> NDArray[np.float64]:
    if column is None:
        return np.full(len(paths), np.nan)
    values: NDArray[np.float64]
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    doubtful = np.flatnonzero(~np.isfinite(values))
    for row in doubtful:
        text = str(column.iloc[row]).strip()
        missing = column.isna().iloc[row] or text.lower() in EMPTY
        if not missing:
            raise _cell_error(
                source, paths, int(row), name, f"{_quoted(text)} is not a finite number"
            )
    return values


def _classes(
    column: pd.Series[str], name: str, paths: pd.Series[str], source: str
) -> NDArray[np.object_]:
    known: dict[str, str | None] = {}
    for text in column.unique():
        known[text] = "" if text.strip().lower() in EMPTY else class_from_name(text)
    ids = np.array([known[text] for text in column], dtype=object)
    strange = [text for text, value in known.items() if value is None]
    if strange:
        row = int(np.flatnonzero(column.isin(strange).to_numpy(bool))[0])
        reason = f"{_quoted(column.iloc[row])} is none of the classes {', '.join(CLASSES)}"
        raise _cell_error(source, paths, row, name, reason)
    return ids


def _move_splits(frame: pd.DataFrame) -> None:
    """Take a column `set` that names splits, in a table without another, for what it is."""
    cells = [text for text in frame["set"].unique() if text]
    if cells and all(map(split_from_name, cells)) and not (frame["split"] != "").any():
        frame["split"], frame["set"] = frame["set"], ""


def prediction_set(text: str) -> str | None:
    """A prediction set with the classes under their own names; None where it is none."""
    names = [class_from_name(name) for name in text.split("|")] if text else []
    return None if None in names else "|".join(map(str, names))


def _sets(column: pd.Series[str], paths: pd.Series[str], source: str) -> pd.Series[str]:
    """Prediction sets with the classes under their own names."""
    known: dict[str, str] = {}
    for text in column.unique():
        meant = prediction_set(text)
        if meant is None:
            row = int(np.flatnonzero((column == text).to_numpy(bool))[0])
            reason = f"{_quoted(text)} is no prediction set: classes with | between them"
            raise _cell_error(source, paths, row, "set", reason)
        known[text] = meant
    return column.map(known)


def _statuses(column: pd.Series[str], paths: pd.Series[str], source: str) -> pd.Series[str]:
    status = column.str.strip().str.lower().replace("", "ok")
    strange = np.flatnonzero(~status.isin(STATUSES).to_numpy(bool))
    if strange.size:
        row = int(strange[0])
        reason = f"{_quoted(column.iloc[row])} is none of {', '.join(STATUSES)}"
        raise _cell_error(source, paths, row, "status", reason)
    return status


def _require_whole(frame: pd.DataFrame, paths: pd.Series[str], source: str) -> None:
    """A row has four probabilities or none, and none only where it was refused or failed."""
    empty = frame[list(PROBABILITIES)].isna().to_numpy()
    given = frame["status"].isin(["ok", "uncertain"]).to_numpy(bool)
    wrong = np.flatnonzero((empty.any(axis=1) & ~empty.all(axis=1)) | (given & empty.any(axis=1)))
    if wrong.size:
        row = int(wrong[0])
        column = PROBABILITIES[int(np.argmax(empty[row]))]
        status = frame["status"].iloc[row]
        reason = f"it is empty, though the row's status is {status}"
        if not given[row]:
            reason = "it is empty, though other probabilities of the row are given"
        raise _cell_error(source, paths, row, column, reason)


def _with_prediction(frame: pd.DataFrame) -> pd.DataFrame:
    """Fill `predicted` and `confidence` from the probabilities where the table lacks them."""
    prob = frame[list(PROBABILITIES)].to_numpy(np.float64)
    known = ~np.isnan(prob).any(axis=1) & frame["status"].isin(["ok", "uncertain"]).to_numpy(bool)
    best = np.argmax(np.nan_to_num(prob, nan=-np.inf), axis=1) if len(prob) else np.zeros(0, int)
    names = np.array(CLASSES, dtype=object)[best]
    blank = known & (frame["predicted"] == "").to_numpy(bool)
    frame["predicted"] = np.where(blank, names, frame["predicted"].to_numpy(object))
    unsure = known & frame["confidence"].isna().to_numpy(bool)
    confidence = frame["confidence"].to_numpy(np.float64)
    frame["confidence"] = np.where(unsure, prob.max(axis=1, initial=-np.inf), confidence)
    return frame


def no_probabilities(prob: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) True where a row of (n, 4) leaves 0 to 1 or does not sum to one.

    Rounding is forgiven: of float32 beyond 0 and 1, of two decimals in the sum.
    """
    outside = (prob < -_BEYOND).any(axis=1) | (prob > 1 + _BEYOND).any(axis=1)
    return np.asarray(outside | (np.abs(prob.sum(axis=1) - 1) > SUM_TOLERANCE), bool)


def require_probabilities(prob: NDArray[np.float64], paths: pd.Series[str], source: str) -> None:
    """Refuse rows that are no probabilities: outside 0 to 1, or not summing to one.

    Raises:
        PredictionsError: names the first such row, and the command that says more.
    """
    wrong = no_probabilities(prob)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        values = ", ".join(f"{value:.4g}" for value in prob[row])
        raise PredictionsError(
            f"{place(source, paths, row)}: {values} are no probabilities, because they leave 0 "
            "to 1 or do not sum to one; run  braintumor check  on the table."
        )


def place(source: str, paths: pd.Series[str], row: int) -> str:
    """Where a row stands, for messages: table, row number from 1, and path where known."""
    path = paths.iloc[row]
    return f"{source}, row {row + 1}" + (f" ({path})" if path else "")


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}...")


def _cell_error(
    source: str, paths: pd.Series[str], row: int, column: str, reason: str
) -> PredictionsError:
    return PredictionsError(f"{place(source, paths, row)}, column {column}: {reason}.")
