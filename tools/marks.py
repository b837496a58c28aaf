"""The parts of documents that programs write: what stands between two marks.

    <!-- results:begin -->
    made by a program
    <!-- results:end -->

A part is named by its document and its mark; `documents.py` knows them all.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from braintumor.files import write_text

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Part:
    """What one program writes into one document.

    Attributes:
        document: path of the document, relative to the project.
        mark: the word of its two marks.
        content: makes the text between them, from committed files alone.
        beside: draws what the text shows, where it shows anything.
    """

    document: str
    mark: str
    content: Callable[[], str]
    beside: Callable[[], None] | None = None

    @property
    def path(self) -> Path:
        """Where the document lies."""
        return ROOT / self.document

    def quoted(self) -> str:
        """What stands there now."""
        return between(self.path.read_text(encoding="utf-8"), self.mark)

    def write(self) -> None:
        """Put there what the committed files give."""
        text = self.path.read_text(encoding="utf-8")
        write_text(self.path, replaced(text, self.mark, self.content()))
        if self.beside is not None:
            self.beside()


def between(text: str, mark: str) -> str:
    """What stands between a document's two marks, without the lines' ends around it.

    Raises:
        ValueError: the marks are not there, or there more than once.
    """
    return _cut(text, mark)[1].strip()


def replaced(text: str, mark: str, content: str) -> str:
    """The document with what stands between its two marks replaced; errors as for `between`."""
    before, _, after = _cut(text, mark)
    return f"{before}{_begin(mark)}\n{content}\n{_end(mark)}{after}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown."""
    lines = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    return [
        *lines,
        *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows),
    ]


def measure(value: float, unit: str) -> str:
    """A measured number in three digits, or in whole ones: "2.54 ms", "1220 slices/s"."""
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"


def command(parts: Sequence[Part], about: str | None) -> None:
    """The command line of a program that makes these parts: print them, or put them in place."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="put it into the document")
    write = parser.parse_args().write
    for part in parts:
        if write:
            part.write()
        print(part.path.name if write else part.content())


def _cut(text: str, mark: str) -> tuple[str, str, str]:
    if text.count(_begin(mark)) != 1 or text.count(_end(mark)) != 1:
        raise ValueError(f"the marks {_begin(mark)} and {_end(mark)} must stand there once each")
    before, _, rest = text.partition(_begin(mark))
    inside, _, after = rest.partition(_end(mark))
    return before, inside, after


def _begin(mark: str) -> str:
    return f"<!-- {mark}:begin -->"


def _end(mark: str) -> str:
    return f"<!-- {mark}:end -->"
