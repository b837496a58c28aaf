"""The summary of a series: its slices in the order of the body, and which carry the evidence.

A summary counts and names slices; it is no diagnosis of the patient. Knows predictions; opens no
image.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, TextIO

from braintumor.bundle.prediction import Prediction
from braintumor.classes import CLASSES
from braintumor.files import CsvLines, no_formula
from braintumor.images.decode import Place

SERIES_FILE: Final = "series.csv"
SERIES_COLUMNS: tuple[str, ...] = (
    "series",
    "path",
    "slices",
    "ok",
    "uncertain",
    "refused",
    "error",
    *(f"mean_p_{name}" for name in CLASSES),
    *(f"max_p_{name}" for name in CLASSES),
    *(f"strongest_{name}" for name in CLASSES),
    *(f"evidence_{name}" for name in CLASSES),
    "model",
    "model_sha256",
    "table",
)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What is said of the slices of one series.

    Attributes:
        number: of the series among those summed up, from 1, in the order of their first slices.
        path: what the paths of its slices have in common: the volume's file, or the folder; empty
            where they lie in several folders, or were named without one.
        slices: its predictions, in the order in which they lie in the body: towards the top, the
            back or the left. Those that could not be read are among them where their files still
            say where they lie.
    """

    number: int
    path: str
    slices: tuple[Prediction, ...]

    @property
    def classified(self) -> tuple[Prediction, ...]:
        """The slices that were given a class."""
        return tuple(one for one in self.slices if one.probabilities)

    def mean(self, name: str) -> float | None:
        """Mean probability of a class over the classified slices."""
        shares = [one.probabilities[name] for one in self.classified]
        return sum(shares) / len(shares) if shares else None

    def strongest(self, name: str) -> Prediction | None:
        """The slice in which a class is most probable."""
        return max(self.classified, key=lambda one: one.probabilities[name], default=None)

    def evidence(self, name: str) -> list[tuple[Prediction, Prediction]]:
        """Runs of neighbouring slices in which a class is the predicted one: first and last.

        One that has no class, for it was refused or could not be read, ends a run.
        """
        runs: list[tuple[Prediction, Prediction]] = []
        before: Prediction | None = None
        for one in self.slices:
            if one.predicted == name:
                runs.append((runs.pop()[0] if before is not None else one, one))
            before = one if one.predicted == name else None
        return runs

    def in_words(self) -> str:
        """One line: how many slices say what. Never called a diagnosis."""
        said = [(name, sum(one.predicted == name for one in self.slices)) for name in CLASSES]
        told = ", ".join(f"{count} {name}" for name, count in said if count) or "none classified"
        unread = sum(one.status == "error" for one in self.slices)
        told += f", {unread} not read" if unread else ""
        begins = f"{self.path}: a" if self.path else "A"
        return f"{begins} series of {len(self.slices)} slices: {told}"

    def row(self) -> dict[str, str | float | int | None]:
        """The summary as a row of `series.csv`, in the order of `SERIES_COLUMNS`, of no table."""
        first = self.slices[0]
        known: dict[str, str | float | int | None] = {
            "series": self.number,
            "path": no_formula(self.path),
            "slices": len(self.slices),
            "model": first.model,
            "model_sha256": first.model_sha256,
        }
        for status in ("ok", "uncertain", "refused", "error"):
            known[status] = sum(one.status == status for one in self.slices)
        for name in CLASSES:
            strongest = self.strongest(name)
            known[f"mean_p_{name}"] = self.mean(name)
            known[f"max_p_{name}"] = strongest.probabilities[name] if strongest else None
            known[f"strongest_{name}"] = no_formula(strongest.path) if strongest else None
            known[f"evidence_{name}"] = "|".join(
                self._short(a) if a is b else f"{self._short(a)}..{self._short(b)}"
                for a, b in self.evidence(name)
            )
        return {column: known.get(column) for column in SERIES_COLUMNS}

    def _short(self, prediction: Prediction) -> str:
        """What tells a slice from the others of its series: `#12`, or the file's name."""
        within = prediction.path.removeprefix(self.path)
        return no_formula(within.lstrip(f"/{os.sep}") if self.path else within)


class SeriesBook:
    """Gathers predictions, as they come, by the series that their slices are of."""

    def __init__(self) -> None:
        self._slices: dict[str, list[tuple[Place, Prediction]]] = {}

    def add(self, prediction: Prediction) -> None:
        """Take a prediction; one of no series is left out."""
        if prediction.place is not None:
            found = self._slices.setdefault(prediction.place.series, [])
            found.append((prediction.place, prediction))

    def summaries(self) -> list[Summary]:
        """A summary of every series of at least two different slices."""
        return list(summaries_of(self._slices.values()))

    def to_csv(self) -> str:
        """The text of a `series.csv`, numbers with nine significant digits."""
        out = io.StringIO()
        write_summaries(self.summaries(), out)
        # A file's name may hold bytes that are no text.
        return out.getvalue().encode("utf-8", "backslashreplace").decode()


def summaries_of(series: Iterable[Sequence[tuple[Place, Prediction]]]) -> Iterator[Summary]:
    """Sum up series whose slices are given in any order; one of a single slice is left out.

    A slice that is there twice counts once: more copies of it are no more evidence.
    """
    once = ([slices[at] for at in different(slices)] for slices in series)
    for number, slices in enumerate((one for one in once if len(one) > 1), start=1):
        order = body_order([place for place, _ in slices])
        yield Summary(
            number=number, path=common_path(slices), slices=tuple(slices[at][1] for at in order)
        )


def write_summaries(summaries: Iterable[Summary], out: TextIO, *, table: str = "") -> None:
    """Write the lines of a `series.csv`, numbers with nine significant digits.

    Args:
        summaries: one a line.
        out: opened with newline="".
        table: name of the table of predictions that it stands beside; empty for none.
    """
    writer = csv.writer(CsvLines(out))
    writer.writerow(SERIES_COLUMNS)
    for summary in summaries:
        row = summary.row() | {"table": table}
        writer.writerow(plain(value) for value in row.values())


def different(slices: Sequence[tuple[Place, Prediction]]) -> list[int]:
    """Indexes of the slices of a series, of those that are the same only the first.

    They are where the same bytes hold them at the same number, whatever the files are called; of
    a file that could not be read nothing but the name is known.
    """
    first: dict[tuple[str, int], int] = {}
    for index, (place, prediction) in enumerate(slices):
        first.setdefault((prediction.sha256 or prediction.path, place.number), index)
    return list(first.values())


def in_body(places: Sequence[Place]) -> bool:
    """Whether the files say of every slice where in the body it lies."""
    return all(place.along is not None for place in places)


def body_order(places: Sequence[Place]) -> list[int]:
    """Indexes of slices in the order of the body; where positions lack, of their numbers."""
    placed = in_body(places)

    def key(index: int) -> tuple[float, int, int]:
        place = places[index]
        along = place.along if placed and place.along is not None else 0.0
        # A micrometre is no other position, but rounding in the file.
        return (round(along, 3), place.instance, place.number)

    return sorted(range(len(places)), key=key)


def common_path(slices: Sequence[tuple[Place, Prediction]]) -> str:
    """The file that holds the slices, or the folder (or archive) of their files."""
    paths = [prediction.path for _, prediction in slices]
    if slices[0][0].number:
        return paths[0].rpartition("#")[0]
    folders = [_parts(path)[:-1] for path in paths]
    # Part by part and not by os.path.commonpath, which tidies up: `.` and `s3://` would be gone.
    abreast = zip(*folders, strict=False)
    common = [parts[0] for parts in takewhile(lambda parts: len(set(parts)) == 1, abreast)]
    while len(common) > 1 and not common[-1]:  # of `scans//a.dcm`, or of two buckets
        common.pop()
    # Cut from a path, whose separators are kept; the one part of `/a.dcm` is empty.
    return paths[0][: len("/".join(common)) or len(common)]


def _parts(path: str) -> list[str]:
    """The parts of a path or an address, each one sign apart from the next."""
    return path.replace(os.sep, "/").split("/")


def plain(value: str | float | int | None) -> str:
    if value is None:
        return ""
    return f"{value:.9g}" if isinstance(value, float) else str(value)
