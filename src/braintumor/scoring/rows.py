"""Tables of predictions, written row by row: CSV, JSON lines or Parquet.

Until it is whole, a table is `NAME.part` beside its place, to which rows are appended; what a kill
leaves of it can be gone on with. Parquet cannot be appended to: its part is JSON lines, which
become row groups when all rows are there. Knows the columns, not what they mean; it does without
pandas, so that a single picture is classified in about a second.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from itertools import islice
from pathlib import Path
from typing import Any

from braintumor.bundle.predicted import csv_line, plain_row
from braintumor.bundle.prediction import COLUMNS, Prediction
from braintumor.errors import BraintumorError, require
from braintumor.files import atomic_path

SUFFIXES: tuple[str, ...] = (".csv", ".jsonl", ".parquet")
_NUMBERS = frozenset({"confidence", *(name for name in COLUMNS if name.startswith("p_"))})
# Rows of one Parquet group; so many are in memory while a table is joined.
_GROUP = 4096


class PartTable:
    """A table in the making.

    Attributes:
        path: where it will stand when it is whole.
        part: where its rows are until then.
        size: bytes of the part, with all rows that were written.
    """

    def __init__(self, path: Path, *, size: int = 0) -> None:
        """Begin a table, or go on with one.

        Args:
            path: ends in `.csv`, `.jsonl` or `.parquet`; what stands there is left alone until
                the table is whole.
            size: so many bytes of the part are kept, 0 for none: a kill may have torn the rest.

        Raises:
            BraintumorError: another suffix, a place that cannot be written to, a part that is
                shorter, or Parquet without its extra.
        """
        if path.suffix.lower() not in SUFFIXES:
            raise BraintumorError(
                f"{path} is no name for a table: it should end in {', '.join(SUFFIXES)}"
            )
        self.path, self.part = path, part_of(path)
        self._csv = path.suffix.lower() == ".csv"
        if path.suffix.lower() == ".parquet":
            _pyarrow(path)
        with said_of(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.part.open("r+b" if size else "wb")
            if self.part.stat().st_size < size:
                raise BraintumorError(f"{self.part} is shorter than it was: delete it, begin anew")
            self._file.truncate(size)
            self._file.seek(size)
            self.size = size
            if self._csv and not size:
                self._append(csv_line(COLUMNS))

    def write(self, prediction: Prediction) -> None:
        """Append a row."""
        row = plain_row(prediction)
        line = csv_line(row.values()) if self._csv else json.dumps(row, ensure_ascii=False) + "\n"
        with said_of(self.path):
            self._append(line)

    def sync(self) -> None:
        """Return when all rows are on the disk."""
        with said_of(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())

    def finish(self) -> None:
        """Put the table in its place, whole."""
        self.sync()
        self.close()
        with said_of(self.path):
            if self.path.suffix.lower() == ".parquet":
                for left in self.path.parent.glob(f".{escape(self.path.stem)}.*.part.parquet"):
                    left.unlink(missing_ok=True)  # of a kill at this very place
                with atomic_path(self.path, durable=True) as temporary:
                    _join(self.part, temporary)
                self.part.unlink()
            else:
                self.part.replace(self.path)

    def close(self) -> None:
        """Close the part; it stays where it is."""
        with said_of(self.path):
            self._file.close()

    def _append(self, line: str) -> None:
        data = line.encode()
        self._file.write(data)
        self.size += len(data)


def part_of(path: Path) -> Path:
    """Where the rows of a table are until it is whole."""
    return path.with_name(f"{path.name}.part")


@contextmanager
def said_of(path: Path) -> Iterator[None]:
    """An error of the system, while a table is written, in one sentence that names the table."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None))
        remedy = "make room there, and go on with --resume" if full else "choose another place"
        raise BraintumorError(
            f"{path} cannot be written ({error.strerror or error}): {remedy}"
        ) from error


def _join(part: Path, path: Path) -> None:
    """JSON lines -> one Parquet file, a group at a time."""
    pa, parquet = _pyarrow(path)
    schema = pa.schema(
        [(name, pa.float64() if name in _NUMBERS else pa.string()) for name in COLUMNS]
    )
    with part.open(encoding="utf-8") as lines, parquet.ParquetWriter(path, schema) as writer:
        rows = map(json.loads, lines)
        while group := list(islice(rows, _GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema))


def _pyarrow(path: Path) -> tuple[Any, Any]:
    what = f"The Parquet table {path}"
    return (
        require("pyarrow", extra="parquet", what=what),
        require("pyarrow.parquet", extra="parquet", what=what),
    )
