"""CSV lines read back as they were written."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pandas as pd
import pytest

from braintumor.files import CsvLines, atomic_path, write_text

HEADER = ["path", "status", "share"]
CELLS = [
    "a\rb",
    "a\nb",
    "a\r\nb",
    "\r",
    "\n",
    "ends\r\n",
    "a,b",
    'a "b"',
    "",
    " a ",
    "näme",
    "#;\t",
]


def written(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(CsvLines(out)).writerows(rows)
    return out.getvalue()


def written_by_pandas(rows: list[list[str]], path: Path) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        frame = pd.DataFrame(rows[1:], columns=rows[0])
        frame.to_csv(CsvLines(file), index=False, lineterminator=CsvLines.END)
    return path.read_bytes().decode()


@pytest.mark.parametrize("cell", CELLS)
def test_any_cell_comes_back(cell: str, tmp_path: Path) -> None:
    rows = [HEADER, [cell, "ok", "0.5"], ["next", cell, cell]]
    for text in (written(rows), written_by_pandas(rows, tmp_path / "t.csv")):
        assert list(csv.reader(io.StringIO(text, newline=""))) == rows
        frame = pd.read_csv(io.BytesIO(text.encode()), dtype=str, keep_default_na=False)
        assert frame.to_numpy().tolist() == rows[1:]


def test_a_name_that_is_no_utf_8_can_be_written_of(tmp_path: Path) -> None:
    write_text(tmp_path / "t.txt", "of d\udce4ten, of dåten\n")
    assert (tmp_path / "t.txt").read_bytes() == "of d\\udce4ten, of dåten\n".encode()


def test_ordinary_tables_are_what_they_always_were(tmp_path: Path) -> None:
    rows = [HEADER, ['a, "b"\n', "ok", "1e-09"], ["b.png", "", "0.5"]]
    before = io.StringIO()
    csv.writer(before, lineterminator="\n").writerows(rows)
    assert written(rows) == written_by_pandas(rows, tmp_path / "t.csv") == before.getvalue()


def test_what_must_last_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final, named = tmp_path / "state.npz", []
    forced = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: named.append(final.exists()) or forced(file))
    with atomic_path(final, durable=True) as temporary:
        temporary.write_bytes(b"epochs")
    assert named == [False]
    assert final.read_bytes() == b"epochs"
