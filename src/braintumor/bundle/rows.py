"""Writes predictions as they come: CSV, JSON lines or Parquet, one row an image.

The table appears under its name only when it is whole. Knows the columns, not what they mean; it
does without pandas, so that a single picture is classified in about a second.
"""

from __future__ import annotations

import csv
import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from braintumor.bundle.prediction import COLUMNS, Prediction
from braintumor.errors import BraintumorError
from braintumor.files import atomic_path

Write = Callable[[Prediction], None]
SUFFIXES: tuple[str, ...] = (".csv", ".jsonl", ".parquet")
_NUMBERS = frozenset({"confidence", *(name for name in COLUMNS if name.startswith("p_"))})
# Rows that wait before Parquet writes them as one group.
_GROUP = 4096


def plain_row(prediction: Prediction) -> dict[str, str | float | None]:
    """A prediction as a row: nine significant digits, and text that is valid UTF-8."""
    return {column: _plain(value) for column, value in prediction.row().items()}


@contextmanager
def open_table(path: Path) -> Iterator[Write]:
    """Open a table for writing; it is renamed to `path` when the block ends well.

    Args:
        path: ends in `.csv`, `.jsonl` or `.parquet`.

    Yields:
        A function that writes one prediction.

    Raises:
        BraintumorError: another suffix, a place that cannot be written to, or Parquet without
            pyarrow.
    """
    formats = {".csv": _csv_table, ".jsonl": _jsonl_table, ".parquet": _parquet_table}
    table = formats.get(path.suffix.lower())
    if table is None:
        raise BraintumorError(
            f"{path} is no name for a table: it should end in .csv, .jsonl or .parquet"
        )
    try:
        with atomic_path(path) as temporary, table(temporary) as write:
            yield write
    except BrokenPipeError:  # the reader of our standard output left: not this table's fault
        raise
    except OSError as error:
        raise BraintumorError(
            f"{path} cannot be written ({error.strerror or error}): choose another place"
        ) from error


@contextmanager
def _csv_table(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        yield lambda prediction: writer.writerow(plain_row(prediction).values())


@contextmanager
def _jsonl_table(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="\n") as file:

        def write(prediction: Prediction) -> None:
            file.write(json.dumps(plain_row(prediction), ensure_ascii=False) + "\n")

        yield write


@contextmanager
def _parquet_table(path: Path) -> Iterator[Write]:
    try:
        pa = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise BraintumorError(
            f"{path}: Parquet needs pyarrow, which is not installed: run  pip install pyarrow  "
            "or use .csv"
        ) from error
    schema = pa.schema(
        [(name, pa.float64() if name in _NUMBERS else pa.string()) for name in COLUMNS]
    )
    waiting: list[dict[str, Any]] = []
    with parquet.ParquetWriter(path, schema) as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(waiting, schema))
            waiting.clear()

        def write(prediction: Prediction) -> None:
            waiting.append(plain_row(prediction))
            if len(waiting) >= _GROUP:
                flush()

        yield write
        flush()


def _plain(value: str | float | None) -> str | float | None:
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, str):  # a file's name may hold bytes that are no text
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value
