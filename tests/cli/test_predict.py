"""`braintumor predict`: rows in order, exit status by outcome, no traceback ever."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from made_dicom import SECRETS, dataset, saved
from PIL import Image
from tiny_bundle import make_tiny_bundle, striped

from braintumor.bundle.prediction import COLUMNS
from braintumor.cli.main import run
from braintumor.evaluation.predictions import Predictions

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Run `braintumor predict` in a folder of slices; gives exit status, stdout and stderr."""
    make_tiny_bundle(tmp_path / "bundle")
    for kind in ("upright", "level", "even", "checked"):
        path = tmp_path / "scans" / kind[0] / f"{kind}.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(striped(kind)).save(path)
    (tmp_path / "scans" / "notes.txt").write_text("no image")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    monkeypatch.chdir(tmp_path)

    def braintumor(*arguments: str, model: str = "bundle") -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            run(["predict", *arguments, "--model", model])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        assert isinstance(end.value.code, int)
        return end.value.code, said.out, said.err

    return braintumor


def test_a_picture_gets_a_line_with_path_class_and_confidence(call: Call) -> None:
    status, out, err = call("scans/u/upright.png")

    assert status == 0
    path, predicted, confidence = out.split()
    assert (path, predicted) == ("scans/u/upright.png", "glioma")
    assert 80 < float(confidence.rstrip("%")) < 100
    assert "Research use only; not a medical device." in err


def test_the_help_says_on_which_slices_the_models_know_tumours(call: Call) -> None:
    status, out, _ = call("--help")
    assert status == 0
    assert "T1-weighted slices after contrast agent only" in " ".join(out.split())


def test_a_model_of_phantoms_says_so(call: Call) -> None:
    assert "learnt from synthetic phantoms" in call("scans/u/upright.png")[2]


def test_a_folder_is_sorted_and_what_is_no_image_is_counted(call: Call) -> None:
    status, out, err = call("scans")

    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == [
        "scans/c/checked.png",
        "scans/e/even.png",
        "scans/l/level.png",
        "scans/u/upright.png",
    ]
    assert "4 images: 4 ok; 1 file skipped" in err


def test_one_bad_file_has_its_row_and_the_exit_status_is_1(call: Call) -> None:
    status, out, err = call("scans/e/even.png", "bad.png", "scans/u", "gone.png")

    assert status == 1
    words = [line.split()[:2] for line in out.splitlines()]
    assert words == [
        ["scans/e/even.png", "no_tumor"],
        ["bad.png", "error"],
        ["scans/u/upright.png", "glioma"],
        ["gone.png", "error"],
    ]
    assert "there is no such file" in out.splitlines()[3]
    assert "4 images: 2 error, 2 ok" in err


def test_a_file_that_is_named_and_no_image_is_an_error(call: Call) -> None:
    status, out, _ = call("scans/notes.txt")

    assert status == 1
    assert "error" in out


def test_json_prints_the_rows_of_the_contract(call: Call) -> None:
    status, out, _ = call("bad.png", "scans", "--json")

    rows = json.loads(out)
    assert status == 1
    assert len(rows) == 5
    assert all(tuple(row) == COLUMNS for row in rows)
    assert rows[0]["status"] == "error"
    assert rows[0]["p_glioma"] is None
    assert rows[4]["predicted"] == "glioma"
    assert sum(rows[4][column] for column in COLUMNS if column.startswith("p_")) == pytest.approx(1)


def test_json_without_a_row_is_an_empty_array(call: Call) -> None:
    volume("head.nii")
    for inputs in (["head.nii"], ["head.nii", "head.nii"]):
        assert call(*inputs, "--slices", "5-9", "--json")[:2] == (0, "[]\n")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_table_is_one_that_evaluation_reads(call: Call, suffix: str) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="SKIPPED FOR WANT OF pyarrow")
    status, out, err = call("scans", "bad.png", "--out", f"results/table{suffix}")

    assert status == 1
    assert out == ""
    assert f"written to results/table{suffix}" in err
    frame = Predictions.read(f"results/table{suffix}").frame
    assert list(frame["predicted"]) == ["pituitary", "no_tumor", "meningioma", "glioma", ""]
    assert list(frame["status"]) == ["ok"] * 4 + ["error"]


def test_the_same_images_give_the_same_table(call: Call) -> None:
    for name in ("a.csv", "b.csv"):
        call("scans", "--out", name)

    assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()


def test_table_and_json_can_be_had_together(call: Call) -> None:
    status, out, _ = call("scans", "--out", "table.csv", "--json")

    assert status == 0
    assert len(json.loads(out)) == 4
    assert len(Path("table.csv").read_text().splitlines()) == 5


def test_a_table_of_an_unknown_kind_is_wrong_usage(call: Call) -> None:
    status, _, err = call("scans", "--out", "table.xlsx")

    assert status == 2
    assert ".csv" in err


@pytest.mark.parametrize(
    "options",
    [
        ["--resume"],
        ["--resume", "--json", "--out", "t.csv"],
        ["--ray-address", "auto"],
        ["--workers", "0"],
    ],
)
def test_options_that_make_no_sense_together_are_wrong_usage(
    call: Call, options: list[str]
) -> None:
    assert call("scans", *options)[0] == 2


def test_at_the_end_stands_how_many_of_which_class(call: Call) -> None:
    _, _, err = call("scans", "bad.png", "--out", "table.csv")

    assert "5 images: 1 error, 4 ok; 1 file skipped, no image; written to table.csv" in err
    assert "1 glioma, 1 meningioma, 1 no_tumor, 1 pituitary" in err


def test_no_input_is_wrong_usage(call: Call) -> None:
    assert call()[0] == 2


@pytest.mark.parametrize("model", ["nowhere", "scans", "bad.png"])
def test_what_is_no_bundle_is_one_sentence(call: Call, model: str) -> None:
    status, out, err = call("scans", model=model)

    assert status == 1
    assert out == ""
    assert err.startswith("braintumor: ")
    assert len(err.splitlines()) == 1


def test_a_folder_without_images_is_one_sentence(call: Call) -> None:
    Path("empty").mkdir()
    status, _, err = call("empty")

    assert status == 1
    assert "empty holds no image" in err


def test_names_that_play_tricks_on_the_terminal_are_defused(call: Call) -> None:
    name = "evil\x1b[2J\n.png"
    Image.fromarray(striped("even")).save(name)
    _, out, _ = call(name)

    assert "\x1b" not in out
    assert len(out.splitlines()) == 1
    assert json.loads(call(name, "--json")[1])[0]["path"] == name


def test_a_reader_that_leaves_early_gets_no_complaint(call: Call) -> None:
    command = [sys.executable, "-m", "braintumor", "predict", *["scans"] * 400]
    child = subprocess.Popen(
        [*command, "--model", "bundle"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    said = child.stderr.read().decode()
    child.wait()

    assert "Traceback" not in said
    assert "Exception" not in said


def volume(path: str) -> None:
    """A volume whose axial slices are upright, upright, level stripes from the bottom up."""
    slices = [striped(kind)[::-1, ::-1].T for kind in ("upright", "upright", "level")]
    nibabel.save(nibabel.Nifti1Image(np.stack(slices, axis=2), np.eye(4)), path)


def test_a_volume_gives_a_row_a_slice_and_a_summary_beside_the_table(call: Call) -> None:
    volume("scans/head.nii.gz")
    status, _, err = call("scans", "--out", "results/table.csv")

    assert status == 0
    frame = Predictions.read("results/table.csv").frame
    assert list(frame["path"][2:5]) == [f"scans/head.nii.gz#{k}" for k in (1, 2, 3)]
    assert list(frame["predicted"][2:5]) == ["glioma", "glioma", "meningioma"]
    assert "scans/head.nii.gz: a series of 3 slices: 2 glioma, 1 meningioma" in err
    with Path("results/series.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["path"], row["slices"]) == ("scans/head.nii.gz", "3")
    assert (row["evidence_glioma"], row["evidence_meningioma"]) == ("#1..#2", "#3")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_slices_that_cannot_be_read_are_no_evidence(call: Call, workers: str) -> None:
    """Whoever reads them: this process, or others that pass on what they could not read."""
    slices = np.stack([striped("upright")[::-1, ::-1].T] * 7, axis=2).astype(np.float32)
    slices[..., 2:5] = np.nan
    nibabel.save(nibabel.Nifti1Image(slices, np.eye(4)), "head.nii")
    status, _, err = call("head.nii", "--out", "table.csv", "--workers", workers)

    assert status == 1
    assert "head.nii: a series of 7 slices: 4 glioma, 3 not read" in err
    with Path("series.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["slices"], row["error"]) == ("7", "3")
    assert row["evidence_glioma"] == "#1..#2|#6..#7"


def test_series_in_one_folder_are_told_apart_and_ordered_by_position(call: Call) -> None:
    Path("study").mkdir()
    for series, kinds in (("1.1", ("upright", "level", "even")), ("1.2", ("checked", "level"))):
        for k, kind in enumerate(kinds):
            ds = dataset(
                striped(kind), SeriesInstanceUID=series, SeriesDescription="T1 +C",
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0], ImagePositionPatient=[0, 0, -k],
            )  # fmt: skip
            Path(f"study/IM{k}_{series}").write_bytes(saved(ds))
    status, _, _ = call("study", "--out", "table.csv")

    assert status == 0
    frame = Predictions.read("table.csv").frame
    assert list(frame["path"]) == [
        f"study/{name}" for name in ("IM0_1.1", "IM0_1.2", "IM1_1.1", "IM1_1.2", "IM2_1.1")
    ]
    assert set(frame["status"]) == {"ok"}
    with Path("series.csv").open() as file:
        first, second = csv.DictReader(file)
    assert (first["path"], first["slices"], second["slices"]) == ("study", "3", "2")
    assert first["evidence_glioma"] == "IM0_1.1"
    assert second["strongest_pituitary"] == "study/IM0_1.2"
    assert "1.1.1" not in Path("series.csv").read_text()


def test_what_tags_say_becomes_the_status_and_no_patient_is_named(call: Call) -> None:
    files = {
        "ct.dcm": {"Modality": "CT"},
        "knee.dcm": {"BodyPartExamined": "KNEE"},
        "t2.dcm": {"SeriesDescription": f"T2 {SECRETS[0]}"},
        "fine.dcm": {"SeriesDescription": "T1", "ContrastBolusAgent": "Gd"},
    }
    for name, tags in files.items():
        Path(name).write_bytes(saved(dataset(striped("level"), **tags)))
    status, out, err = call(*files, "--json")

    rows = json.loads(out)
    assert status == 0
    assert [row["status"] for row in rows] == ["refused", "refused", "uncertain", "ok"]
    assert [row["predicted"] for row in rows] == [None, None, "meningioma", "meningioma"]
    assert all(len(row["sha256"]) == 64 for row in rows)
    assert "computed tomography" in rows[0]["reason"]
    assert "the knee" in rows[1]["reason"]
    assert "T2-weighted" in rows[2]["reason"]
    assert not [secret for secret in SECRETS if secret in out + err]


def test_without_a_series_there_is_no_summary(call: Call) -> None:
    _, _, err = call("scans", "--out", "results/table.csv")

    assert "series" not in err
    assert not Path("results/series.csv").exists()


def test_slices_can_be_chosen_by_range_and_step_and_plane(call: Call) -> None:
    volume("head.nii")
    for options, numbers in (
        (["--slices", "2-3"], [2, 3]),
        (["--every", "2"], [1, 3]),
        (["--plane", "sagittal", "--slices", "10-", "--every", "40"], [10, 50, 90]),
    ):
        _, out, _ = call("head.nii", "--json", *options)
        assert [row["path"] for row in json.loads(out)] == [f"head.nii#{k}" for k in numbers]


def test_where_no_file_has_the_slices_that_were_asked_for_a_sentence_says_so(call: Call) -> None:
    """It is no error: of a folder of volumes, some may be short."""
    volume("head.nii")
    for options in ([], ["--out", "table.csv"]):
        status, _, err = call("head.nii", "--slices", "500-", *options)
        assert status == 0
        assert "0 images" in err
        assert "No file has as many slices as --slices 500- asks for: choose lower numbers." in err
        assert "0 images:" not in err
    assert "No file" not in call("head.nii", "scans", "--slices", "500-")[2]


@pytest.mark.parametrize("options", [["--slices", "9-2"], ["--every", "0"], ["--plane", "oblique"]])
def test_a_choice_without_sense_is_wrong_usage(call: Call, options: list[str]) -> None:
    assert call("scans", *options)[0] == 2


def test_the_table_cannot_bear_the_name_of_the_summary(call: Call) -> None:
    for name in ("series.csv", "Series.csv"):
        assert call("scans", "--out", name)[0] == 2


def test_a_table_that_is_read_is_one_sentence_and_stays(call: Call) -> None:
    call("scans", "--out", "old.csv")
    before = Path("old.csv").read_bytes()
    status, out, err = call("old.csv", "--out", "old.csv")

    assert (status, out) == (1, "")
    assert err.startswith("braintumor: old.csv is to be read and would be written over: choose")
    assert Path("old.csv").read_bytes() == before


@pytest.mark.parametrize("address", ["s3://bucket/p.csv", "S3A://b/p.csv", "hdfs://host/p.csv"])
def test_a_table_is_written_to_no_store_nor_to_a_folder_of_its_name(
    call: Call, address: str
) -> None:
    before = sorted(Path().rglob("*"))
    status, out, err = call("scans", "--out", address)

    assert (status, out) == (1, "")
    assert err.startswith(f"braintumor: tables are written to local paths only: {address} is an")
    assert sorted(Path().rglob("*")) == before


def test_a_summary_that_goes_elsewhere_is_told(call: Call) -> None:
    volume("head.nii")
    Path("series.csv").write_text("mine")
    _, _, err = call("head.nii", "--out", "table.csv")

    assert "Series summed up in table.csv.series.csv, for series.csv there is not of this" in err
    assert Path("series.csv").read_text() == "mine"
