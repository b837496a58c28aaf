"""Where a run writes: nothing of the user's, and nothing of another run's, is written over."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from tiny_bundle import make_tiny_bundle, striped

from braintumor.errors import BraintumorError
from braintumor.scoring.journal import state_of
from braintumor.scoring.places import check_table
from braintumor.scoring.rows import part_of
from braintumor.scoring.score import Outcome, Plan, score


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle, a picture, and two volumes, as the working directory."""
    make_tiny_bundle(tmp_path / "bundle")
    Image.fromarray(striped("even")).save(tmp_path / "one.png")
    for name in ("a.nii", "b.nii"):
        slices = np.stack([striped("upright")] * 2, axis=2)
        nibabel.save(nibabel.Nifti1Image(slices, np.eye(4)), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def done(*arguments: str, out: str) -> Outcome:
    return score(Plan(arguments=arguments, model=Path("bundle"), out=Path(out)))


def summed_up(path: str) -> list[tuple[str, str]]:
    """What a summary is of: the series' paths, and the table."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return [(row["path"], row["table"]) for row in csv.DictReader(file)]


def summaries() -> set[str]:
    return {path.name for path in Path().glob("*series.csv")}


@pytest.mark.parametrize("name", ["series.csv", "Series.csv", "SERIES.CSV"])
def test_no_table_has_the_name_of_the_summary_in_whatever_case(name: str) -> None:
    with pytest.raises(BraintumorError, match="kept for the summary of series: choose another"):
        done("one.png", out=f"results/{name}")
    assert not Path("results").exists()


def test_a_table_that_is_read_is_not_written_over() -> None:
    done("one.png", out="old.csv")
    before = Path("old.csv").read_bytes()
    Path("link.csv").symlink_to("old.csv")

    for read, out in (("old.csv", "./old.csv"), ("old.csv", "link.csv"), ("link.csv", "old.csv")):
        with pytest.raises(BraintumorError, match=r"is to be read and would be written over"):
            done("one.png", read, out=out)
    assert Path("old.csv").read_bytes() == before


@pytest.mark.parametrize("beside", [part_of, state_of])
def test_nor_is_what_would_be_the_tables_part_or_journal(beside: object) -> None:
    assert callable(beside)
    path = beside(Path("t.csv"))
    path.write_text("mine")
    with pytest.raises(BraintumorError, match="is to be read and would be written over"):
        done(str(path), out="t.csv")
    assert path.read_text() == "mine"


def test_a_table_may_lie_in_a_folder_that_is_read() -> None:
    for _ in range(2):
        done(".", out="t.csv")
    check_table(Path("new.csv"), ["new.csv", "s3://bucket/new.csv", "\0", "."])


def test_an_address_is_no_table_and_what_looks_like_one_is() -> None:
    for address in ("s3://bucket/new.csv", "https://host/new.csv"):
        with pytest.raises(BraintumorError, match=f"local paths only: {address} is an address"):
            check_table(Path(address), [])
    for local in ("s3/new.csv", "c:/new.csv", "/s3:/new.csv"):
        check_table(Path(local), [])


def test_two_tables_in_a_folder_keep_a_summary_each() -> None:
    done("a.nii", out="a.csv")
    outcome = done("b.nii", out="b.csv")

    assert outcome.series_file == Path("b.csv.series.csv")
    assert summed_up("series.csv") == [("a.nii", "a.csv")]
    assert summed_up("b.csv.series.csv") == [("b.nii", "b.csv")]


def test_a_file_of_the_users_stays() -> None:
    for text in (b"patient,table\n1,a.csv\n", b"", b"\xff\x00", b'"' + b"x" * 200_000):
        Path("series.csv").write_bytes(text)
        done("a.nii", out="a.csv")
        assert Path("series.csv").read_bytes() == text
        assert summed_up("a.csv.series.csv") == [("a.nii", "a.csv")]


def test_a_folder_of_that_name_or_a_link_to_nothing_is_in_nobodys_way() -> None:
    Path("series.csv").mkdir()
    done("a.nii", out="a.csv")
    Path("series.csv").rmdir()
    Path("series.csv").symlink_to("nothing")
    done("b.nii", out="b.csv")

    assert summaries() == {"series.csv", "a.csv.series.csv", "b.csv.series.csv"}
    assert Path("series.csv").readlink() == Path("nothing")


def test_the_same_table_made_anew_has_its_summary_anew() -> None:
    for name in ("a.nii", "b.nii"):
        done(name, out="=t.csv")
        assert summed_up("series.csv") == [(name, "./=t.csv")]
    assert summaries() == {"series.csv"}


def test_a_summary_goes_with_the_table_that_it_was_of() -> None:
    done("a.nii", out="a.csv")
    done("b.nii", out="b.csv")
    done("one.png", out="b.csv")
    assert summaries() == {"series.csv"}, "without a series there is no summary"
    done("one.png", out="a.csv")
    assert summaries() == set()


def test_a_summary_of_an_earlier_version_is_one() -> None:
    """Slices that could not be read had no column then."""
    done("a.nii", out="a.csv")
    with Path("series.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with Path("series.csv").open("w", encoding="utf-8", newline="") as file:
        columns = [name for name in rows[0] if name != "error"]
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    done("b.nii", out="a.csv")

    assert summaries() == {"series.csv"}
    assert summed_up("series.csv") == [("b.nii", "a.csv")]


def test_there_is_one_summary_of_a_table_wherever_it_was() -> None:
    done("a.nii", out="a.csv")
    done("b.nii", out="b.csv")
    Path("series.csv").unlink()
    done("b.nii", out="b.csv")
    assert summaries() == {"series.csv"}


def test_where_both_places_are_taken_the_table_is_there_and_resume_ends_it() -> None:
    for name in ("series.csv", "a.csv.series.csv"):
        Path(name).write_text("mine")
    with pytest.raises(BraintumorError, match=r"a\.csv\.series\.csv is no summary of a\.csv"):
        done("a.nii", out="a.csv")
    assert Path("a.csv").exists()

    Path("a.csv.series.csv").unlink()
    plan = Plan(arguments=["a.nii"], model=Path("bundle"), out=Path("a.csv"), resume=True)
    score(plan)
    assert summed_up("a.csv.series.csv") == [("a.nii", "a.csv")]
    assert Path("series.csv").read_text() == "mine"
