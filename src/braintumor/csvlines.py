"""CSV lines that read back as they were written, whatever line breaks a file's name holds.

Knows neither columns nor what they mean.
"""

from __future__ import annotations

from typing import Protocol


class _Text(Protocol):
    def write(self, text: str, /) -> object: ...


class CsvLines:
    r"""Takes the lines of a CSV writer, and passes them on with "\n" at their ends.

    >>> csv.writer(CsvLines(file)).writerow(["a\rb"])                 # doctest: +SKIP
    >>> frame.to_csv(CsvLines(file), lineterminator=CsvLines.END)     # doctest: +SKIP

    Up to Python 3.12 a writer quotes of "\r" and "\n" only what is in its own line terminator; so
    with "\n" alone, a "\r" in a file's name would tear the row for whoever reads the table.

    Attributes:
        END: the line terminator that the writer is to have; that of `csv.writer` by default.
    """

    END = "\r\n"

    def __init__(self, file: _Text) -> None:
        r"""Write to a text file, opened with newline="" (on Windows "\n" would change)."""
        self._file = file

    def write(self, line: str) -> int:
        """Take one whole line, as the writers of `csv` and of pandas give them."""
        self._file.write(line.removesuffix(self.END) + "\n")
        return len(line)
