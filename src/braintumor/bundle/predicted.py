"""Predictions of many images as one table: its rows, lines of CSV, a data frame, a file.

Knows the cells that tables are written with; not how the predictions came about.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, overload

from braintumor.bundle.prediction import COLUMNS, Prediction
from braintumor.errors import BraintumorError
from braintumor.files import CsvLines, atomic_path, no_formula

if TYPE_CHECKING:
    import pandas as pd

Cell = str | float | None


@dataclass(frozen=True, eq=False)
class Predicted(Sequence[Prediction]):
    """What a classifier says of a list of images: a table, one row a slice, in their order.

    It is used like a list that nobody can change, and equals a list of the same predictions.

    Attributes:
        predictions: the rows, typed.
        columns: names of the table's columns, those of `predictions.csv`.
    """

    predictions: tuple[Prediction, ...]
    columns: ClassVar[tuple[str, ...]] = COLUMNS

    def __len__(self) -> int:
        return len(self.predictions)

    @overload
    def __getitem__(self, index: int) -> Prediction: ...

    @overload
    def __getitem__(self, index: slice) -> Predicted: ...

    def __getitem__(self, index: int | slice) -> Prediction | Predicted:
        found = self.predictions[index]
        return found if isinstance(found, Prediction) else Predicted(found)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Predicted | list):
            return NotImplemented
        return list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as of a list: a prediction holds a dict

    def rows(self) -> list[dict[str, Cell]]:
        """The rows as `braintumor predict` writes them, by `columns`; None for an empty cell."""
        rows = map(plain_row, self)
        return [{**row, "path": no_formula(str(row["path"]))} for row in rows]

    def frame(self) -> pd.DataFrame:
        """The table as a DataFrame, in the form of `Predictions.frame`.

        Returns:
            n rows, index 0 to n - 1, by `columns`: `confidence` and `p_*` float64, 0 to 1, NaN
            where empty; the others text, "" where empty. A new one at every call.
        """
        # pandas is imported only where a frame is asked for: it costs a script's start otherwise
        from braintumor.evaluation.predictions import Predictions

        return Predictions.from_rows(self.rows()).frame

    def lines(self) -> Iterator[str]:
        """The table as lines of CSV, its columns first; no name is taken for a formula."""
        yield csv_line(self.columns)
        yield from (csv_line(row.values()) for row in self.rows())

    def write(self, path: Path | str) -> None:
        """Write the table as `braintumor predict --out` does; it is whole or not there.

        Args:
            path: ends in `.csv`; what stands there is replaced.

        Raises:
            BraintumorError: another suffix, or a place that cannot be written to.
        """
        place = Path(path)
        if place.suffix.lower() != ".csv":
            raise BraintumorError(f"{place} is no name for this table: it should end in .csv")
        try:
            # Of the two the file ends first: Windows renames none that is open.
            with (
                atomic_path(place) as temporary,
                temporary.open("w", encoding="utf-8", newline="") as file,
            ):
                file.writelines(self.lines())
        except OSError as error:
            raise BraintumorError(
                f"{place} cannot be written ({error.strerror or error}): choose another place"
            ) from error


def plain_row(prediction: Prediction) -> dict[str, Cell]:
    """A prediction as a row: nine significant digits, and text that is valid UTF-8."""
    return {column: _plain(value) for column, value in prediction.row().items()}


def csv_line(cells: Iterable[Cell]) -> str:
    r"""One line of a table, "\n" at its end; an empty cell for None."""
    out = io.StringIO()
    csv.writer(CsvLines(out)).writerow(cells)
    return out.getvalue()


def _plain(value: Cell) -> Cell:
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, str):  # a file's name may hold bytes that are no text
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value
