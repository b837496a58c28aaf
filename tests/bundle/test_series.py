"""The summary of a series: slices in the order of the body, and which carry the evidence."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import replace

import pytest

from braintumor.bundle.prediction import Prediction, Status
from braintumor.bundle.series import SERIES_COLUMNS, SeriesBook
from braintumor.classes import CLASSES
from braintumor.images.decode import Place


def said(
    path: str, place: Place | None, name: str | None = "glioma", share: float = 0.7,
    status: Status = "ok",
) -> Prediction:  # fmt: skip
    rest = (1 - share) / 3
    shares = {one: share if one == name else rest for one in CLASSES} if name else {}
    return Prediction(
        path=path, sha256="", status=status, predicted=name, confidence=share if name else None,
        probabilities=shares, model="m", model_sha256="ab", place=place,
    )  # fmt: skip


def book(*predictions: Prediction) -> SeriesBook:
    made = SeriesBook()
    for one in predictions:
        made.add(one)
    return made


def files(*alongs: float | None) -> list[Prediction]:
    return [
        said(f"scans/{k}.dcm", Place(series="a", along=along, instance=10 - k))
        for k, along in enumerate(alongs)
    ]


def test_slices_are_ordered_by_their_position_and_not_by_their_names() -> None:
    (one,) = book(*files(30.0, -5.0, 12.5)).summaries()
    assert [slice_.path for slice_ in one.slices] == ["scans/1.dcm", "scans/2.dcm", "scans/0.dcm"]
    assert one.path == "scans"


def test_where_a_position_lacks_their_numbers_decide() -> None:
    (one,) = book(*files(30.0, None, 12.5)).summaries()
    assert [slice_.path for slice_ in one.slices] == ["scans/2.dcm", "scans/1.dcm", "scans/0.dcm"]


def test_series_are_told_apart_and_single_slices_are_none() -> None:
    found = book(
        said("x/a.dcm", Place(series="1")), said("x/b.dcm", Place(series="2")),
        said("c.png", None), said("x/d.dcm", Place(series="1")), said("e.dcm", Place(series="3")),
        said("y/f.dcm", Place(series="2")),
    ).summaries()  # fmt: skip
    assert [[slice_.path for slice_ in one.slices] for one in found] == [
        ["x/a.dcm", "x/d.dcm"], ["x/b.dcm", "y/f.dcm"],
    ]  # fmt: skip
    assert [(one.number, one.path) for one in found] == [(1, "x"), (2, "")]


@pytest.mark.parametrize(
    ("paths", "folder", "evidence"),
    [
        (["./a.dcm", "./b.dcm"], ".", "a.dcm..b.dcm"),
        (["./x/a.dcm", "./x/b.dcm"], "./x", "a.dcm..b.dcm"),
        (["../x/a.dcm", "../x/y/b.dcm"], "../x", "a.dcm..y/b.dcm"),
        (["x/1/a.dcm", "x/11/b.dcm"], "x", "1/a.dcm..11/b.dcm"),
        (["x/1/a.dcm", "x/1.dcm"], "x", "1/a.dcm..1.dcm"),
        (["x//a.dcm", "x//b.dcm"], "x", "a.dcm..b.dcm"),
        (["s3://bucket/study/a.dcm", "s3://bucket/study/b.dcm"], "s3://bucket/study",
         "a.dcm..b.dcm"),
        (["/data/x/a.dcm", "/data/y/b.dcm"], "/data", "x/a.dcm..y/b.dcm"),
        (["/a.dcm", "/x/b.dcm"], "/", "a.dcm..x/b.dcm"),
        (["/x/a.dcm", "y/b.dcm"], "", "/x/a.dcm..y/b.dcm"),
        (["a.dcm", "b.dcm"], "", "a.dcm..b.dcm"),
        (["a.zip/x/a.dcm", "a.zip/x/b.dcm"], "a.zip/x", "a.dcm..b.dcm"),
    ],
)  # fmt: skip
def test_a_series_is_called_by_the_folder_as_it_was_named(
    paths: list[str], folder: str, evidence: str
) -> None:
    slices = [said(path, Place(series="a", instance=k)) for k, path in enumerate(paths)]
    (one,) = book(*slices).summaries()
    assert one.path == folder
    assert one.row()["evidence_glioma"] == evidence
    assert one.in_words().startswith(f"{folder}: a series" if folder else "A series")


def test_where_backslashes_part_folders_they_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sep", "\\")
    place = Place(series="a")
    slices = [said(r"C:\study\x/a.dcm", place), said(r"C:\study\x/y/b.dcm", place)]
    (one,) = book(*slices).summaries()
    assert one.path == r"C:\study\x"
    assert one.row()["evidence_glioma"] == "a.dcm..y/b.dcm"


def volume() -> SeriesBook:
    classes = ["no_tumor", "glioma", "glioma", "no_tumor", None, "glioma", "meningioma"]
    shares = [0.9, 0.6, 0.8, 0.5, 0.0, 0.7, 0.4]
    return book(*[
        said(f"v.nii#{k}", Place(series="v", number=k, along=float(k)), name, share,
             "refused" if name is None else "uncertain" if name == "meningioma" else "ok")
        for k, (name, share) in enumerate(zip(classes, shares, strict=True), start=1)
    ])  # fmt: skip


def test_the_row_says_how_many_which_and_how_sure() -> None:
    text = volume().to_csv()
    (row,) = csv.DictReader(io.StringIO(text))
    assert tuple(row) == SERIES_COLUMNS
    assert row["path"] == "v.nii"
    counts = [row[name] for name in ("slices", "ok", "uncertain", "refused", "error")]
    assert counts == ["7", "5", "1", "1", "0"]
    assert row["strongest_glioma"] == "v.nii#3"
    assert float(row["max_p_glioma"]) == 0.8
    rest = 0.1 / 3 + 0.5 / 3 + 0.6 / 3
    assert float(row["mean_p_glioma"]) == pytest.approx((0.6 + 0.8 + 0.7 + rest) / 6)
    means = [float(row[f"mean_p_{name}"]) for name in CLASSES]
    assert sum(means) == pytest.approx(1)
    assert row["evidence_glioma"] == "#2..#3|#6"
    assert row["evidence_no_tumor"] == "#1|#4"
    assert row["evidence_pituitary"] == ""
    assert "diagnos" not in text


def test_a_slice_that_was_not_read_ends_a_run_and_is_counted() -> None:
    """Of its neighbours nobody knows whether the class goes on between them."""
    unread: Status = "error"
    (one,) = book(*[
        said(f"v#{k}", Place(series="v", number=k), *((None, 0.0, unread) if 3 <= k <= 5 else ()))
        for k in range(1, 8)
    ]).summaries()  # fmt: skip
    row = one.row()
    assert row["evidence_glioma"] == "#1..#2|#6..#7"
    counts = [row[name] for name in ("slices", "ok", "uncertain", "refused", "error")]
    assert counts == [7, 4, 0, 0, 3]
    assert row["mean_p_glioma"] == pytest.approx(0.7), "over those that were given a class"
    assert one.in_words() == "v: a series of 7 slices: 4 glioma, 3 not read"


def test_a_series_of_refused_slices_has_no_probabilities() -> None:
    refused = [said(f"v#{k}", Place(series="v", number=k), None, status="refused") for k in (1, 2)]
    (one,) = book(*refused).summaries()
    assert one.row()["mean_p_glioma"] is None
    assert one.row()["strongest_glioma"] is None
    assert one.in_words() == "v: a series of 2 slices: none classified"


def test_files_are_named_within_their_folder() -> None:
    (one,) = book(*files(1.0, 2.0, 3.0)).summaries()
    assert one.row()["evidence_glioma"] == "0.dcm..2.dcm"


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_evidence_is_a_formula_to_a_spreadsheet(first: str) -> None:
    place, link = Place(series="a"), f'{first}HYPERLINK("x").dcm'
    text = book(said(f"scans/{link}", place), said("scans/b.dcm", place, "meningioma")).to_csv()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["evidence_glioma"] == f"./{link}"
    assert row["strongest_glioma"] == f"scans/{link}", "a path is as it stands in the predictions"


def test_of_uploads_that_lie_in_no_folder_no_cell_is_a_formula() -> None:
    place = Place(series="a")
    (one,) = book(said("=a.zip/1.dcm", place), said("=a.zip/2.dcm", place)).summaries()
    row = one.row()
    assert (row["path"], row["strongest_glioma"]) == ("./=a.zip", "./=a.zip/1.dcm")


def test_a_carriage_return_in_a_name_does_not_tear_its_row() -> None:
    place = Place(series="a")
    text = book(said("x/a\rb.dcm", place), said("x/c.dcm", place)).to_csv()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["strongest_glioma"] == "x/a\rb.dcm"


def test_a_slice_that_was_given_twice_counts_once_whatever_its_file_is_called() -> None:
    a, b, copy = (
        replace(said(f"{name}.dcm", Place(series="s", along=along)), sha256=sha256)
        for name, along, sha256 in (("a", 1.0, "11"), ("b", 0.0, "22"), ("copy-of-a", 1.0, "11"))
    )
    (one,) = book(a, a, b, copy).summaries()
    assert [slice_.path for slice_ in one.slices] == ["b.dcm", "a.dcm"]
    assert one.row()["slices"] == one.row()["ok"] == 2
    assert book(a, a, copy).summaries() == []


def test_the_slices_of_one_file_are_all_of_the_same_bytes_and_differ() -> None:
    frames = [
        replace(said(f"v.dcm#{number}", Place(series="v", number=number)), sha256="11")
        for number in (1, 2, 1)
    ]
    (one,) = book(*frames).summaries()
    assert [slice_.path for slice_ in one.slices] == ["v.dcm#1", "v.dcm#2"]


def test_of_files_that_were_not_read_those_of_one_name_are_one() -> None:
    unread: Status = "error"
    told = [said(f"{name}.dcm", Place(series="s"), None, status=unread) for name in "aabc"]
    (one,) = book(*told).summaries()
    assert [slice_.path for slice_ in one.slices] == ["a.dcm", "b.dcm", "c.dcm"]
