"""Tables are written row by row, and are whole or not there."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from braintumor import CLASSES
from braintumor.bundle.predicted import plain_row
from braintumor.bundle.prediction import COLUMNS, Prediction
from braintumor.errors import BraintumorError, MissingExtraError
from braintumor.scoring.rows import SUFFIXES, PartTable, said_of

SHARES = (1 / 3, 2 / 3 - 1e-9 / 7, 1.23456789e-12, 1e-300)
GOOD = Prediction(
    path='a "strange", näme\n.png',
    sha256="0" * 64,
    status="ok",
    predicted="meningioma",
    confidence=SHARES[1],
    probabilities=dict(zip(CLASSES, SHARES, strict=True)),
    model="tiny",
    model_sha256="1" * 64,
)
BAD = Prediction(
    path="b.png", sha256="", status="error", reason="damaged", model="tiny", model_sha256="1" * 64
)


@pytest.fixture(params=SUFFIXES)
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if request.param == ".parquet":
        pytest.importorskip("pyarrow", reason="SKIPPED FOR WANT OF pyarrow")
    return tmp_path / f"table{request.param}"


def written(path: Path, *predictions: Prediction) -> None:
    made = PartTable(path)
    for one in predictions:
        made.write(one)
    made.finish()


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path)
    if path.suffix == ".jsonl":
        lines = path.read_text(encoding="utf-8").splitlines()
        return pd.DataFrame([json.loads(line) for line in lines])
    return pd.read_parquet(path)


def test_a_table_has_the_contracts_columns_and_a_row_an_image(table: Path) -> None:
    written(table, GOOD, BAD, GOOD)

    frame = read(table)
    assert tuple(frame.columns) == COLUMNS
    assert list(frame["path"]) == [GOOD.path, "b.png", GOOD.path]
    assert list(frame["status"]) == ["ok", "error", "ok"]
    assert frame["reason"].isna().tolist() == [True, False, True]
    empty = frame.loc[1, ["predicted", "confidence", "set", *(f"p_{name}" for name in CLASSES)]]
    assert empty.isna().all()


def test_a_carriage_return_in_a_name_does_not_tear_its_row(table: Path) -> None:
    written(table, replace(GOOD, path="a\rb.png"), BAD)

    assert list(read(table)["path"]) == ["a\rb.png", "b.png"]


def test_probabilities_keep_at_least_seven_digits(table: Path) -> None:
    written(table, GOOD)

    found = read(table).loc[0, [f"p_{name}" for name in CLASSES]].astype(float)
    assert list(found) == pytest.approx(SHARES, rel=1e-8)


def test_more_rows_than_are_written_at_once(table: Path) -> None:
    written(table, *[GOOD] * 5000)

    assert len(read(table)) == 5000


def test_a_table_of_nothing_still_has_its_columns(table: Path) -> None:
    written(table)
    assert table.exists()
    if table.suffix != ".jsonl":
        assert tuple(read(table).columns) == COLUMNS


def test_until_it_is_whole_it_is_a_part_and_spares_what_stood_there(table: Path) -> None:
    table.write_text("before")
    made = PartTable(table)
    made.write(GOOD)
    made.close()

    assert table.read_text() == "before"
    assert sorted(path.name for path in table.parent.iterdir()) == [
        table.name,
        f"{table.name}.part",
    ]


def test_whole_it_leaves_no_part(table: Path) -> None:
    written(table, GOOD)

    assert [path.name for path in table.parent.iterdir()] == [table.name]


def test_what_a_kill_tore_off_is_cut_off(table: Path) -> None:
    first = PartTable(table)
    first.write(GOOD)
    first.sync()
    size = first.size
    first.write(BAD)
    first.close()
    with first.part.open("ab") as file:
        file.write(b"torn")
    second = PartTable(table, size=size)
    second.write(BAD)
    second.finish()

    assert list(read(table)["path"]) == [GOOD.path, "b.png"]


def test_a_part_that_lost_rows_is_not_gone_on_with(table: Path) -> None:
    PartTable(table).close()

    with pytest.raises(BraintumorError, match="shorter than it was"):
        PartTable(table, size=10_000)


@pytest.mark.parametrize("name", ["table.xlsx", "table", ".csv"])
def test_another_suffix_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BraintumorError, match="should end in"):
        PartTable(tmp_path / name)


def test_a_place_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BraintumorError, match="cannot be written"):
        PartTable(tmp_path / "file" / "table.csv")


def test_of_a_full_disk_the_remedy_is_room_and_not_another_place(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    room = "make room there, and go on with --resume"
    with pytest.raises(BraintumorError, match=room), said_of(tmp_path / "table.csv"):
        raise full


def test_parquet_without_its_extra_is_one_sentence_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"table\.parquet .* pip install '\.\[parquet\]'"):
        PartTable(tmp_path / "table.parquet")
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_left_of_joining_a_table_is_removed(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    table = tmp_path / "table.parquet"
    left = tmp_path / ".table.abc.part.parquet"
    left.write_bytes(b"half")
    written(table, GOOD)
    assert [path.name for path in tmp_path.iterdir()] == ["table.parquet"]


def test_a_name_whose_bytes_are_no_text_does_not_break_the_table(table: Path) -> None:
    broken = Prediction(**{**BAD.__dict__, "path": "scan\udcff.png"})
    written(table, broken)

    assert read(table).loc[0, "path"] == "scan\\udcff.png"
    assert plain_row(broken)["path"] == "scan\\udcff.png"
