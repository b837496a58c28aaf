"""Many images: rows in order, memory for few, and a kill that costs neither a row nor a doubt."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_dicom import dataset, saved
from PIL import Image
from tiny_bundle import make_tiny_bundle, striped

from braintumor.bundle.prediction import Prediction
from braintumor.errors import BraintumorError
from braintumor.images.choice import choose
from braintumor.images.decode import Slice
from braintumor.scoring import score as module
from braintumor.scoring.journal import state_of
from braintumor.scoring.rows import part_of
from braintumor.scoring.score import Outcome, Plan, score

KINDS = ("upright", "level", "even", "checked")
COUNT = 30


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a bundle, and a folder of slices of which one is damaged."""
    make_tiny_bundle(tmp_path / "bundle")
    (tmp_path / "scans").mkdir()
    for k in range(COUNT):
        Image.fromarray(striped(KINDS[k % 4])).save(tmp_path / "scans" / f"{k:03}.png")
    (tmp_path / "scans" / "013.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    (tmp_path / "scans" / "notes.txt").write_text("no image")
    monkeypatch.chdir(tmp_path)
    # Chunks that a test can be cut in the middle of, and no waiting for a second to go by.
    monkeypatch.setattr(module, "_CHUNK_HERE", 8)
    monkeypatch.setattr(module, "_COMMIT_SECONDS", 0.0)
    return tmp_path


def done(*arguments: str, out: str | None = "table.csv", **more: Any) -> Outcome:
    show = more.pop("show", None)
    plan = Plan(
        arguments=arguments or ("scans",),
        model=more.pop("model", Path("bundle")),
        out=Path(out) if out else None,
        **more,
    )
    return score(plan, show=show)


def paths(table: str = "table.csv") -> list[str]:
    return list(pd.read_csv(table)["path"])


def zipped(count: int) -> list[str]:
    """Puts the first slices into a.zip; their names in the table."""
    with zipfile.ZipFile("a.zip", "w") as archive:
        for path in sorted(Path("scans").glob("*.png"))[:count]:
            archive.write(path, path.name)
    return [f"a.zip/{k:03}.png" for k in range(count)]


class Cut(BaseException):
    """Ends a run from within, as Ctrl-C does."""


def after(rows: int) -> Callable[[Prediction], None]:
    """Cuts a run after so many rows."""
    left = [rows]

    def show(_: Prediction) -> None:
        left[0] -= 1
        if not left[0]:
            raise Cut

    return show


def cut_short(*arguments: str, rows: int, out: str = "table.csv", **more: Any) -> None:
    with pytest.raises(Cut):
        done(*arguments, out=out, show=after(rows), **more)


class TestRun:
    def test_one_row_an_image_in_order_and_a_bad_file_stops_nothing(self, here: Path) -> None:
        tally = done().tally

        table = pd.read_csv("table.csv")
        assert list(table["path"]) == [f"scans/{k:03}.png" for k in range(COUNT)]
        assert list(table["status"]) == ["error" if k == 13 else "ok" for k in range(COUNT)]
        assert tally.rows == COUNT
        assert tally.statuses == {"ok": COUNT - 1, "error": 1}
        assert tally.classes["meningioma"] == 7  # one of the eight is damaged
        assert tally.skipped == 1

    def test_when_it_is_whole_nothing_lies_beside_it(self, here: Path) -> None:
        done()
        assert [p.name for p in here.glob("table*")] == ["table.csv"]

    def test_rows_are_shown_as_they_come(self, here: Path) -> None:
        decoded: list[str] = []
        read = Slice.__init__

        def spy(self: Slice, *arguments: Any, **named: Any) -> None:
            read(self, *arguments, **named)
            decoded.append(self.name)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Slice, "__init__", spy)
            cut_short(rows=1)
        assert len(decoded) <= 8

    def test_without_a_table_nothing_is_written(self, here: Path) -> None:
        before = sorted(here.rglob("*"))
        assert done(out=None).tally.rows == COUNT
        assert sorted(here.rglob("*")) == before

    def test_a_list_of_paths_is_scored_in_its_order(self, here: Path) -> None:
        Path("list.txt").write_text("scans/005.png\r\n\n scans/gone.png\nscans/002.png\n")
        outcome = done("list.txt")

        assert paths() == ["scans/005.png", " scans/gone.png", "scans/002.png"]
        assert outcome.tally.statuses == {"ok": 2, "error": 1}

    def test_a_text_that_is_no_list_is_one_error_and_says_what_was_expected(
        self, here: Path
    ) -> None:
        Path("notes.txt").write_text("Dear colleague,\nthe scans are in the folder.\n")
        done("notes.txt", "scans/001.png")

        table = pd.read_csv("table.csv")
        assert list(table["status"]) == ["error", "ok"]
        assert "a list of paths" in table["reason"][0]

    def test_the_files_of_an_archive_are_rows_of_their_own(self, here: Path) -> None:
        with zipfile.ZipFile("a.zip", "w") as archive:
            for path in sorted(Path("scans").iterdir()):
                archive.write(path, path.name)
        done("a.zip", out="zipped.csv")
        done("scans")

        zipped, plain = pd.read_csv("zipped.csv"), pd.read_csv("table.csv")
        assert list(zipped["path"]) == [f"a.zip/{k:03}.png" for k in range(COUNT)]
        pd.testing.assert_frame_equal(
            zipped.drop(columns=["path", "reason"]), plain.drop(columns=["path", "reason"])
        )

    @pytest.mark.parametrize("count", [1, 3, 8, 12])
    def test_an_archive_that_is_named_twice_in_a_row_is_read_twice(
        self, here: Path, count: int
    ) -> None:
        """Whether its end lies within a chunk of 8 files or between two."""
        names = zipped(count)
        assert done("a.zip", "a.zip", "a.zip").tally.rows == 3 * count
        assert paths() == 3 * names

    @pytest.mark.parametrize("data", [b"PK\x03\x04 and then nothing", b"PK\x05\x06" + bytes(18)])
    def test_an_archive_that_gives_no_image_is_one_error(self, here: Path, data: bytes) -> None:
        Path("a.zip").write_bytes(data)
        assert done("a.zip", "scans/001.png").tally.statuses == {"error": 1, "ok": 1}

    def test_an_archive_that_changes_while_it_is_read_has_a_row_a_file(self, here: Path) -> None:
        names = zipped(12)
        gone = [False]

        def remove(_: Prediction) -> None:
            if not gone[0]:
                Path("a.zip").unlink()
            gone[0] = True

        done("a.zip", show=remove)
        assert paths() == names


class TestResume:
    @pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
    @pytest.mark.parametrize("rows", [9, 16, COUNT])
    def test_the_table_is_that_of_a_run_without_a_break(
        self, here: Path, suffix: str, rows: int
    ) -> None:
        if suffix == ".parquet":
            pytest.importorskip("pyarrow", reason="SKIPPED FOR WANT OF pyarrow")
        done(out=f"whole{suffix}")
        cut_short(rows=rows, out=f"table{suffix}")
        assert not Path(f"table{suffix}").exists()
        with part_of(Path(f"table{suffix}")).open("ab") as part:
            part.write(b"a torn row")
        outcome = done(out=f"table{suffix}", resume=True)

        assert Path(f"table{suffix}").read_bytes() == Path(f"whole{suffix}").read_bytes()
        assert outcome.resumed == (rows - 1) // 8 * 8
        assert outcome.tally.rows == COUNT
        assert [p.name for p in here.glob("table*")] == [f"table{suffix}"]

    def test_after_a_real_kill(self, here: Path) -> None:
        code = (
            "import os, signal\n"
            "from pathlib import Path\n"
            "from braintumor.scoring import score as module\n"
            "module._CHUNK_HERE, module._COMMIT_SECONDS = 8, 0.0\n"
            "plan = module.Plan(arguments=['scans'], model=Path('bundle'), out=Path('table.csv'))\n"
            "left = iter(range(16))  # the first row after two chunks\n"
            "module.score(plan, show=lambda _: "
            "next(left, None) is None and os.kill(os.getpid(), signal.SIGKILL))\n"
        )
        killed = subprocess.run([sys.executable, "-c", code], env=dict(os.environ))
        assert killed.returncode < 0
        outcome = done(resume=True)
        done(out="whole.csv")

        assert outcome.resumed == 16
        assert Path("table.csv").read_bytes() == Path("whole.csv").read_bytes()

    def test_within_an_archive_it_goes_on_with_the_next_file(self, here: Path) -> None:
        names = zipped(COUNT)
        cut_short("a.zip", rows=20)
        shown: list[str] = []
        done("a.zip", resume=True, show=lambda row: shown.append(row.path))
        assert shown == names[16:]
        assert paths() == names

    def test_within_the_second_of_two_of_the_same_archive_too(self, here: Path) -> None:
        names = zipped(6)
        cut_short("a.zip", "a.zip", rows=9)
        outcome = done("a.zip", "a.zip", resume=True)
        assert outcome.resumed == 8
        assert paths() == 2 * names

    def test_the_summary_of_series_knows_the_slices_of_both_runs(self, here: Path) -> None:
        for k in range(20):
            ds = dataset(
                striped(KINDS[k % 2]), SeriesInstanceUID="1.2", SeriesDescription="T1 +C",
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0], ImagePositionPatient=[0, 0, -k],
            )  # fmt: skip
            Path("study").mkdir(exist_ok=True)
            Path(f"study/{k:02}.dcm").write_bytes(saved(ds))
        done("study", out="whole/table.csv")
        cut_short("study", rows=15)
        outcome = done("study", resume=True)
        assert outcome.resumed == 8
        assert Path("series.csv").read_bytes() == Path("whole/series.csv").read_bytes()
        with Path("series.csv").open() as file:
            (row,) = csv.DictReader(file)
        assert row["slices"] == "20"

    def test_killed_while_the_table_is_put_in_its_place(self, here: Path) -> None:
        """The rows were all there, and were renamed; what lacks is only the end."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module._Series, "__iter__", cut)
            with pytest.raises(Cut):
                done()
        assert state_of(Path("table.csv")).exists()
        before = Path("table.csv").read_bytes()
        outcome = done(resume=True)

        assert Path("table.csv").read_bytes() == before
        assert outcome.tally.rows == COUNT
        assert [p.name for p in here.glob("table*")] == ["table.csv"]

    def test_where_nothing_was_begun_it_begins(self, here: Path) -> None:
        assert done(resume=True).resumed == 0
        assert len(paths()) == COUNT

    def test_nothing_is_overwritten_that_could_be_gone_on_with(self, here: Path) -> None:
        cut_short(rows=20)
        with pytest.raises(BraintumorError, match=r"half done, with 16 files: add --resume"):
            done()
        state_of(Path("table.csv")).unlink()
        assert done().tally.rows == COUNT

    def test_what_was_cut_before_anything_was_done_leaves_nothing(self, here: Path) -> None:
        Path("table.csv").write_text("before")
        cut_short(rows=1)
        assert [p.name for p in here.glob("table*")] == ["table.csv"]
        assert Path("table.csv").read_text() == "before"

    def test_other_work_is_not_mixed_with_it(self, here: Path, monkeypatch: Any) -> None:
        make_tiny_bundle(here / "other", turn=1)
        cut_short(rows=20)
        with pytest.raises(BraintumorError, match="begun with another bundle"):
            done(resume=True, model=Path("other"))
        with pytest.raises(BraintumorError, match="begun with another choice of slices"):
            done(resume=True, choice=choose("sagittal", "", 1))
        monkeypatch.setenv("BRAINTUMOR_DEVICE", "AUTO")
        monkeypatch.setattr(module, "DECODER_VERSION", 0)
        with pytest.raises(BraintumorError, match="another device and version of braintumor"):
            done(resume=True)

    def test_other_files_are_not_mixed_with_it(self, here: Path) -> None:
        cut_short(rows=20)
        Image.fromarray(striped("even")).save("scans/002b.png")
        with pytest.raises(BraintumorError, match="the files are not those"):
            done(resume=True)

    def test_files_that_came_behind_are_taken_along(self, here: Path) -> None:
        cut_short(rows=20)
        Image.fromarray(striped("even")).save("scans/999.png")
        assert done(resume=True).tally.rows == COUNT + 1
        assert paths()[-1] == "scans/999.png"

    def test_a_part_that_is_gone_is_said(self, here: Path) -> None:
        cut_short(rows=20)
        part_of(Path("table.csv")).unlink()
        with pytest.raises(BraintumorError, match=r"table\.csv\.part is gone"):
            done(resume=True)

    def test_a_state_that_is_damaged_is_said(self, here: Path) -> None:
        cut_short(rows=20)
        state_of(Path("table.csv")).write_bytes(b"x" * 5000)
        with pytest.raises(BraintumorError, match="is damaged"):
            done(resume=True)

    def test_two_cannot_write_the_same_table(self, here: Path) -> None:
        refused: list[str] = []

        def second(_: Prediction) -> None:
            if not refused:
                with pytest.raises(BraintumorError, match="by another process") as error:
                    done(resume=True)
                refused.append(str(error.value))

        assert done(show=second).tally.rows == COUNT
        assert len(refused) == 1


def cut(*_: object) -> None:
    raise Cut


class TestWorkers:
    def test_processes_give_the_same_table(self, here: Path) -> None:
        done(out="here.csv")
        done(workers=2)
        assert Path("table.csv").read_bytes() == Path("here.csv").read_bytes()

    def test_a_run_begun_here_can_be_gone_on_with_by_processes(self, here: Path) -> None:
        done(out="here.csv")
        cut_short(rows=20)
        assert done(resume=True, workers=2).resumed == 16
        assert Path("table.csv").read_bytes() == Path("here.csv").read_bytes()

    def test_an_error_of_the_bundle_is_one_sentence(self, here: Path) -> None:
        graph = here / "bundle" / "model.onnx"
        graph.write_bytes(graph.read_bytes() + b"x")
        with pytest.raises(BraintumorError, match="changed"):
            done(workers=2)


def test_slices_that_are_no_picture_of_a_class_are_counted_by_status_alone(here: Path) -> None:
    Image.fromarray(np.zeros((64, 64), np.uint8)).save("blank.png")
    tally = done("blank.png", "scans/000.png").tally

    assert tally.statuses == {"refused": 1, "ok": 1}
    assert tally.classes == {"glioma": 1}
    assert tally.in_words()[0] == "2 images: 1 ok, 1 refused"


class TestProcessesThatNobodyAskedFor:
    @pytest.fixture
    def started(self, monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
        """How many processes each run starts; and twenty files are many."""
        asked: list[int | None] = []
        opened = module.open_pool
        monkeypatch.setattr(
            module,
            "open_pool",
            lambda job, **how: asked.append(how["workers"]) or opened(job, **how),
        )
        monkeypatch.setattr(module, "_MANY", 20)
        return asked

    def test_many_files_get_one_a_core_and_the_same_table(
        self, here: Path, started: list[int | None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "cores", lambda: 3)
        done(out="several.csv")
        done(out="one.csv", workers=1)
        assert started == [3]
        assert Path("several.csv").read_bytes() == Path("one.csv").read_bytes()

    @pytest.mark.parametrize(("cores", "workers"), [(96, 8), (1, 2)])
    def test_never_more_than_eight_nor_one_alone(
        self, started: list[int | None], monkeypatch: pytest.MonkeyPatch, cores: int, workers: int
    ) -> None:
        monkeypatch.setattr(module, "cores", lambda: cores)
        assert module._staffed(Plan(arguments=(), model="cnn"), files=20).workers == workers

    def test_few_files_are_done_here(self, here: Path, started: list[int | None]) -> None:
        done("scans/00*.png")
        assert started == []
