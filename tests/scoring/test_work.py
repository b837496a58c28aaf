"""What becomes of a chunk whose worker died, and of a finished table that is gone on with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from tiny_bundle import make_tiny_bundle, striped

from braintumor.bundle.prediction import Prediction
from braintumor.errors import BraintumorError
from braintumor.images.choice import Choice
from braintumor.parallel.ordered import WorkerDiedError
from braintumor.scoring import score
from braintumor.scoring.inputs import Entry
from braintumor.scoring.work import Chunk, Job, chunks, halves_until_single

JOB = Job(model="cnn", name="cnn", identity="i", fingerprint="f", device="CPU", choice=Choice())


def row(name: str) -> Prediction:
    return Prediction(path=name, sha256="", status="ok", reason="", model="cnn", model_sha256="i")


def test_what_holds_many_slices_is_a_chunk_of_its_own() -> None:
    """How far the work is, is written down after each; an archive here is read file by file."""
    items = [
        "a.png",
        "b.png",
        "v.nii.gz",
        "s3://x/many.zip",
        "c.png",
        Entry("here.zip", 0, "d.png"),
    ]
    assert list(chunks(items, 2)) == [
        ("a.png", "b.png"), ("v.nii.gz",), ("s3://x/many.zip",), ("c.png", items[-1]),
    ]  # fmt: skip


def test_the_deadly_file_alone_is_an_error() -> None:
    def alone(chunk: Chunk) -> list[Prediction]:
        if "deadly" in chunk:
            raise WorkerDiedError
        return [row(str(name)) for name in chunk]

    rows = list(halves_until_single(JOB, ("a", "b", "deadly", "c", "d"), alone))
    assert [(one.path, one.status) for one in rows] == [
        ("a", "ok"), ("b", "ok"), ("deadly", "error"), ("c", "ok"), ("d", "ok"),
    ]  # fmt: skip


def test_workers_that_die_before_they_have_a_file_are_not_blamed_on_one() -> None:
    def alone(chunk: Chunk) -> list[Prediction]:
        raise WorkerDiedError

    with pytest.raises(BraintumorError, match="die before they have one"):
        halves_until_single(JOB, ("a", "b"), alone)


def test_a_finished_table_takes_no_further_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the table's end and that of its summaries, and then files were added."""
    bundle, scans, out = make_tiny_bundle(tmp_path / "b"), tmp_path / "scans", tmp_path / "t.csv"
    scans.mkdir()
    for name in ("a", "b"):
        Image.fromarray(striped("level")).save(scans / f"{name}.png")
    plan = score.Plan(arguments=[str(scans)], model=bundle, out=out)

    class Killed(BaseException): ...

    def killed(_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(score._Series, "__iter__", killed)
        with pytest.raises(Killed):
            score.score(plan)
    before = out.read_bytes()
    Image.fromarray(striped("level")).save(scans / "c.png")
    again = score.Plan(arguments=[str(scans)], model=bundle, out=out, resume=True)
    with pytest.raises(BraintumorError, match="was finished with fewer files"):
        score.score(again)
    assert out.read_bytes() == before
    (scans / "c.png").unlink()
    assert score.score(again).tally.rows == 2


def test_every_worker_opens_the_bundle_on_the_device_of_who_started_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On another computer the variable may name another device, or none."""
    monkeypatch.setenv("BRAINTUMOR_DEVICE", "AUTO")
    with pytest.raises(BraintumorError, match="no device FPGA here"):
        replace(JOB, device="FPGA")()
