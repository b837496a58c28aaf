"""Files of predictions: .csv, .jsonl and .parquet, read as they stand and written whole.

Knows file formats; what a column or a cell means is the business of `tables`.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from braintumor.errors import require
from braintumor.evaluation.tables import PredictionsError
from braintumor.files import CsvLines, atomic_path


def read(path: Path) -> pd.DataFrame:
    """Read a file as it stands, all cells as they were written.

    Raises:
        PredictionsError: no such file, an unknown suffix, or not a table.
        MissingExtraError: Parquet, and pyarrow is not installed.
    """
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise PredictionsError(
            f"{path} is no table that can be read: its name should end in .csv, .jsonl or .parquet."
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
    require("pyarrow", extra="parquet", what=f"The Parquet table {path}")


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write a normal frame atomically; `.csv`, `.jsonl` or `.parquet` by suffix.

    Raises:
        PredictionsError: another suffix.
        MissingExtraError: Parquet, and pyarrow is not installed.
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
