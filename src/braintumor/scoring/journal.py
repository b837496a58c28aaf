"""How far the work is: an SQLite file beside a table in the making, NAME.state.

It says how many input files are done and how many bytes of the part are their rows, and is written
after those rows are on the disk: what a kill tore off is cut off and done again, so that no row is
lost or doubled. It also holds what the summary of series is made from, so that neither memory nor
a kill limits how many slices a run may have. Where there is no table, it is a temporary file that
no one sees.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from braintumor.bundle.prediction import Prediction
from braintumor.bundle.series import Summary, summaries_of
from braintumor.errors import BraintumorError
from braintumor.images.decode import Place
from braintumor.scoring.rows import said_of
from braintumor.scoring.tally import Tally

_TABLES = """
CREATE TABLE IF NOT EXISTS progress (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    work TEXT, files INTEGER, digest TEXT, size INTEGER, whole INTEGER, tally TEXT
);
CREATE TABLE IF NOT EXISTS slices (
    row INTEGER PRIMARY KEY, series TEXT, place TEXT, prediction TEXT
);
"""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the work is.

    Attributes:
        files: input files that are done, from the first on.
        digest: over their names, so that a change in the inputs is noticed.
        size: bytes of the table's part that hold their rows.
        whole: whether all files are done.
        tally: of their rows.
    """

    files: int = 0
    digest: str = ""
    size: int = 0
    whole: bool = False
    tally: Tally = field(default_factory=Tally)


class Journal:
    """The state of one run. Used by one thread."""

    def __init__(self, path: Path | None, work: dict[str, Any]) -> None:
        """Open the journal of a table, or begin one.

        Args:
            path: of the table; None where there is none.
            work: all that the rows depend on but the input files.

        Raises:
            BraintumorError: another process is at it, or the journal is of other work.
        """
        self.path = state_of(path) if path else None
        self._table = path
        self._work = json.dumps(work, sort_keys=True)
        if path is not None:
            with said_of(path):
                path.parent.mkdir(parents=True, exist_ok=True)
        with self._said():
            # "" is a file that SQLite keeps to itself and removes, made only when needed.
            self._db = sqlite3.connect(self.path or "", timeout=0.5, isolation_level=None)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("BEGIN EXCLUSIVE")
            for statement in _TABLES.split(";")[:2]:
                self._db.execute(statement)
            self._row = self._db.execute("SELECT coalesce(max(row), 0) FROM slices").fetchone()[0]

    @property
    def files(self) -> int:
        """How many input files an earlier run had done, whatever work that was."""
        with self._said():
            found = self._db.execute("SELECT files FROM progress").fetchone()
        return int(found[0]) if found else 0

    def progress(self) -> Progress:
        """How far an earlier run came.

        Raises:
            BraintumorError: that was other work: another bundle, other slices chosen.
        """
        with self._said():
            found = self._db.execute(
                "SELECT work, files, digest, size, whole, tally FROM progress"
            ).fetchone()
        if found is None:
            return Progress()
        work, files, digest, size, whole, tally = found
        self._check(json.loads(work))
        return Progress(
            files=files, digest=digest, size=size, whole=bool(whole), tally=Tally.from_json(tally)
        )

    def add(self, prediction: Prediction) -> None:
        """Keep what a summary of series needs of a row."""
        if prediction.place is None:
            return
        place = prediction.place
        kept = replace(prediction, reason="", set=None, place=None)
        self._row += 1
        with self._said():
            self._db.execute(
                "INSERT INTO slices VALUES (?, ?, ?, ?)",
                (
                    self._row,
                    place.series,
                    json.dumps([place.number, place.instance, place.along]),
                    json.dumps(vars(kept)),
                ),
            )

    def commit(self, progress: Progress) -> None:
        """Write down how far the work is; the rows themselves are on the disk already."""
        with self._said():
            self._db.execute(
                "INSERT OR REPLACE INTO progress VALUES (1, ?, ?, ?, ?, ?, ?)",
                (
                    self._work,
                    progress.files,
                    progress.digest,
                    progress.size,
                    int(progress.whole),
                    progress.tally.to_json(),
                ),
            )
            self._db.execute("COMMIT")
            self._db.execute("BEGIN EXCLUSIVE")

    def has_series(self) -> bool:
        """Whether there is any series of at least two different slices."""
        return next(self.summaries(), None) is not None

    def summaries(self) -> Iterator[Summary]:
        """A summary of every series of two different slices, in the order of their first ones."""
        with self._said():  # the index takes room, on a disk that may have none
            self._db.execute("CREATE INDEX IF NOT EXISTS by_series ON slices (series, row)")
            found = self._db.execute(
                "SELECT series FROM slices GROUP BY series HAVING count(*) > 1 ORDER BY min(row)"
            )
            yield from summaries_of(self._slices(series) for (series,) in found)

    def _slices(self, series: str) -> list[tuple[Place, Prediction]]:
        rows = self._db.execute(
            "SELECT place, prediction FROM slices WHERE series = ? ORDER BY row", (series,)
        )
        return [_slice(series, *row) for row in rows]

    def close(self, *, remove: bool = False) -> None:
        """Close the journal; what was not committed is forgotten."""
        self._db.close()
        if remove and self.path:
            self.path.unlink(missing_ok=True)

    def _check(self, work: dict[str, Any]) -> None:
        now = json.loads(self._work)
        other = sorted(key for key in {*now, *work} if now.get(key) != work.get(key))
        if other:
            raise BraintumorError(
                f"{self._table} was begun with another {' and '.join(other)}: go on with that, or "
                f"delete {self.path} and begin anew"
            )

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise BraintumorError(
                    f"{self._table} is being written by another process: wait for it, or choose "
                    "another name (where there is none, its drive knows no locks: choose another)"
                ) from error
            raise BraintumorError(
                f"{self._table or 'the table'} cannot be written ({error}): make room there, "
                "or choose another place"
            ) from error
        except sqlite3.DatabaseError as error:
            raise BraintumorError(
                f"{self.path} is damaged: delete it and begin anew without --resume"
            ) from error


class Digest:
    """A running hash over names, in their order."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, name: str) -> None:
        """Take the next name."""
        # Not os.fsencode: a system's old code page lacks letters that archives and lists may name.
        self._hash.update(name.encode("utf-8", "surrogatepass") + b"\0")

    def hex(self) -> str:
        """The hash so far."""
        return self._hash.hexdigest()


def state_of(path: Path) -> Path:
    """Where the journal of a table is."""
    return path.with_name(f"{path.name}.state")


def _slice(series: str, place: str, prediction: str) -> tuple[Place, Prediction]:
    number, instance, along = json.loads(place)
    return (
        Place(series=series, number=number, instance=instance, along=along),
        Prediction(**json.loads(prediction)),
    )
