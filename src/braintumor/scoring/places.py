"""Where a run writes: its table and the summary of series, and nothing of the user's is lost there.

The summary is `series.csv` beside the table. Where one lies there that is not this table's, be it a
file of the user's or the summary of another table, it is `NAME.series.csv`. Whose a summary is
stands in its column `table`.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from braintumor.bundle.series import SERIES_COLUMNS, SERIES_FILE
from braintumor.errors import BraintumorError
from braintumor.files import no_formula
from braintumor.scoring.journal import state_of
from braintumor.scoring.remote import is_remote
from braintumor.scoring.rows import part_of, said_of

# Those of a summary that was written before slices that cannot be read were counted.
_EARLIER_COLUMNS = tuple(one for one in SERIES_COLUMNS if one != "error")


def check_table(table: Path, arguments: Sequence[str]) -> None:
    """Look that a table may be written, before it is begun.

    Raises:
        BraintumorError: it is an address, bears the summary's name, or it, its part or its journal
            is a file that is to be read.
    """
    # A path has lost one of the two slashes, and would be a folder `s3:` here.
    if is_remote("".join(table.parts[:1]) + "//"):
        raise BraintumorError(
            f"tables are written to local paths only: {table.as_posix().replace(':/', '://', 1)} "
            "is an address; choose a file here, and copy it there afterwards"
        )
    if table.name.casefold() == SERIES_FILE:  # where letters' case is not told apart, one file
        raise BraintumorError(
            f"{table} cannot be the table, for {SERIES_FILE} is kept for the summary of series: "
            "choose another name"
        )
    for written in (table, part_of(table), state_of(table)):
        # A new table is no file to read; there may be very many arguments.
        there = os.path.exists(written)  # noqa: PTH110 - pathlib's raises where nobody may look
        if there and any(_is_same(written, argument) for argument in arguments):
            raise BraintumorError(
                f"{written} is to be read and would be written over: choose another name for the "
                "table"
            )


def summary_place(table: Path) -> Path:
    """Where the summary of a table's series may be written.

    Raises:
        BraintumorError: in both places lies a file that is not this table's.
    """
    for place in _places(table):
        if not os.path.lexists(place) or _is_of(place, table):
            return place
    raise BraintumorError(
        f"{_places(table)[-1]} is no summary of {table}, and would be written over: move it away, "
        "and add --resume"
    )


def remove_summaries(table: Path, *, but: Path | None = None) -> None:
    """Remove what an earlier run summed up for the table that stood here."""
    for place in _places(table):
        if place != but and _is_of(place, table):
            with said_of(place):
                place.unlink()


def name_in_summary(table: Path) -> str:
    """What a table is called in the summary of its series: text, and no formula."""
    return no_formula(table.name.encode("utf-8", "backslashreplace").decode())


def _places(table: Path) -> tuple[Path, Path]:
    return table.with_name(SERIES_FILE), table.with_name(f"{table.name}.{SERIES_FILE}")


def _is_of(place: Path, table: Path) -> bool:
    """Whether a file is a summary, and of this table."""
    try:
        if not place.is_file():  # opening a pipe would wait for ever
            return False
        with place.open(encoding="utf-8", newline="") as file:
            columns, first = (next(csv.reader(file), []) for _ in range(2))
    except (OSError, ValueError, csv.Error):
        return False
    return tuple(columns) in (SERIES_COLUMNS, _EARLIER_COLUMNS) and first[-1:] == [
        name_in_summary(table)
    ]


def _is_same(written: Path, argument: str) -> bool:
    try:
        return written.samefile(argument)
    except (OSError, ValueError):  # one is not there, or no name of a file
        return False
