"""Files and frames of predictions: read, brought to the contract's columns, written.

Knows the columns and what a cell may hold; knows nothing of metrics, models or images. Kept apart
from `predictions` so that the table's meaning and its file formats can be read one at a time.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from braintumor.classes import CLASSES, class_from_name, split_from_name
from braintumor.errors import BraintumorError
from braintumor.files import CsvLines, atomic_path

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
_EMPTY = frozenset({"", "nan", "na", "n/a", "null", "<na>"})
# Probabilities that were rounded to two decimals may miss one by 4 x 0.005.
SUM_TOLERANCE = 0.021
_BEYOND = 1e-6
_MOST_QUOTED = 60  # characters of a cell in a message


class PredictionsError(BraintumorError):
    """A predictions table that cannot be used; its text is one sentence."""


def read(path: Path) -> pd.DataFrame:
    """Read a file as it stands, all cells as they were written.

    Raises:
        PredictionsError: no such file, an unknown suffix, or not a table.
    """
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise PredictionsError(
            f"{path} is no predictions table that can be read: its name should end in .csv, "
            ".jsonl or .parquet."
        )
    try:
        return reader(path)
    except FileNotFoundError as error:
        raise PredictionsError(f"{path} does not exist; give the path of a table.") from error
    except UnicodeDecodeError as error:
        raise PredictionsError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        raise PredictionsError(f"{path} cannot be read: {error.strerror or error}.") from error


def _read_csv(path: Path) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
    if not head.strip():
        raise PredictionsError(f"{path} is empty; a predictions table begins with a header line.")
    separator = max(",;\t", key=head.count)
    try:
        header = next(csv.reader([head], delimiter=separator))
    except csv.Error as error:
        raise PredictionsError(f"{path} has no header line of a CSV table: {error}.") from error
    try:
        return _csv_cells(path, separator, header)
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=pd.Index(header), dtype=str)
    except pd.errors.ParserError as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise PredictionsError(f"{path} is not a regular CSV table: {reason}.") from error


def _csv_cells(path: Path, separator: str, header: list[str]) -> pd.DataFrame:
    """The cells below the header as text, n rows; "" where a row is shorter.

    Raises:
        PredictionsError: a row with more cells than the header; empty ones at its end are dropped.
    """
    form: dict[str, Any] = {"sep": separator, "header": None, "skiprows": 1, "index_col": False}
    form |= {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig"}
    # pandas takes the first row's width for all, and silently cuts it to the number of names.
    first, width = pd.read_csv(path, nrows=1, **form).shape[1], len(header)
    frame = pd.read_csv(path, names=range(max(width, first)), **form)
    surplus = np.flatnonzero((frame.iloc[:, width:] != "").any(axis=1))
    if surplus.size:
        mark = {",": "comma", ";": "semicolon", "\t": "tab"}[separator]
        raise PredictionsError(
            f"{path}, row {surplus[0] + 1} has more cells than the header; give every column a "
            f"heading, and put a cell that holds a {mark} in double quotes."
        )
    return frame.iloc[:, :width].set_axis(pd.Index(header), axis=1)


def _read_jsonl(path: Path) -> pd.DataFrame:
    rows = []
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                rows.append(_json_row(line))
            except json.JSONDecodeError as error:
                raise PredictionsError(
                    f"{path}, line {number} is not JSON: {error.msg}."
                ) from error
            except TypeError as error:
                raise PredictionsError(f"{path}, line {number} is no JSON object.") from error
            except (ValueError, RecursionError) as error:
                raise PredictionsError(
                    f"{path}, line {number} is nested too deeply or holds an integer of too many "
                    "digits; a cell is a text or a number."
                ) from error
    if not rows:
        raise PredictionsError(f"{path} is empty; it should hold one JSON object a line.")
    return pd.DataFrame(rows, dtype=object)


def _json_row(line: str) -> dict[str, Any]:
    """One line of JSON as a row of cells that every column takes.

    Raises:
        ValueError, RecursionError: not JSON, or more than Python reads of it.
        TypeError: no object.
    """
    row = json.loads(line)
    if not isinstance(row, dict):
        raise TypeError
    return {whole_text(name): _given_cell(cell) for name, cell in row.items()}


def _given_cell(cell: Any) -> Any:
    # Of the integers that JSON can write, some are larger than every float.
    if isinstance(cell, list | dict) or (isinstance(cell, int) and abs(cell) >= 2**1023):
        return str(cell)
    return whole_text(cell) if isinstance(cell, str) else cell


def whole_text(text: str) -> str:
    """Text without half characters, which JSON can write and UTF-8 cannot; as our tables do."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _read_parquet(path: Path) -> pd.DataFrame:
    _need_pyarrow(path)
    if not path.is_file():
        raise FileNotFoundError(path)
    try:
        return pd.read_parquet(path, engine="pyarrow")
    except (ValueError, OSError) as error:  # pyarrow's own errors derive from these
        raise PredictionsError(f"{path} is not a Parquet file that can be read.") from error


def _need_pyarrow(path: Path) -> None:
    if importlib.util.find_spec("pyarrow") is None:
        raise PredictionsError(
            f"{path}: Parquet needs pyarrow, which is not installed: run  pip install pyarrow  "
            "or use .csv."
        )


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write a normal frame atomically; `.csv`, `.jsonl` or `.parquet` by suffix.

    Raises:
        PredictionsError: another suffix, or Parquet without pyarrow.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".jsonl", ".parquet"):
        raise PredictionsError(
            f"Predictions cannot be written to {path}: its name should end in .csv, .jsonl or "
            ".parquet."
        )
    if suffix == ".parquet":
        _need_pyarrow(path)
    with atomic_path(path) as temporary:
        if suffix == ".csv":
            _write_csv(frame, temporary)
        elif suffix == ".parquet":
            frame.to_parquet(temporary, index=False, engine="pyarrow")
        else:
            _write_jsonl(frame, temporary)


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        frame.to_csv(CsvLines(file), index=False, float_format="%.9g", lineterminator=CsvLines.END)


def _write_jsonl(frame: pd.DataFrame, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in frame.to_dict(orient="records"):
            plain = {name: _json_cell(value) for name, value in row.items()}
            file.write(json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n")


def _json_cell(value: Any) -> Any:
    if isinstance(value, float):
        return None if np.isnan(value) else float(f"{value:.9g}")
    return value if value != "" else None


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
    frame["split"] = frame["split"].map(lambda text: split_from_name(text) or text)
    frame["status"] = _statuses(frame["status"], paths, source)
    _require_whole(frame, paths, source)
    return _with_prediction(frame)


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
        missing = column.isna().iloc[row] or text.lower() in _EMPTY
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
        known[text] = "" if text.strip().lower() in _EMPTY else class_from_name(text)
    ids = np.array([known[text] for text in column], dtype=object)
    strange = [text for text, value in known.items() if value is None]
    if strange:
        row = int(np.flatnonzero(column.isin(strange).to_numpy(bool))[0])
        reason = f"{_quoted(column.iloc[row])} is none of the classes {', '.join(CLASSES)}"
        raise _cell_error(source, paths, row, name, reason)
    return ids


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
