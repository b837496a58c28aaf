"""A series on the page: one entry to choose, a slider to scroll, the classes along it."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from made_dicom import dataset, saved
from page_helpers import encode, stripes, upload, words
from tiny_bundle import striped

from braintumor.app import charts, session, stacks, verdicts
from braintumor.bundle.series import SeriesBook
from braintumor.classes import CLASSES
from braintumor.images.decode import Place
from braintumor.images.read import read_slices

OpenPage = Any
KINDS = ("upright", "upright", "level", "even", "checked")
NAMES = ("Glioma", "Glioma", "Meningioma", "No tumour", "Pituitary tumour")


def volume() -> bytes:
    """Five axial slices from the bottom up; the screen's axes run against NIfTI's."""
    voxels = np.stack([striped(kind)[::-1, ::-1].T for kind in KINDS], axis=2)
    return gzip.compress(nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes(), mtime=0)


def series() -> dict[str, bytes]:
    """The same as DICOM files whose names are not in the order of the body."""
    more = {"SeriesInstanceUID": "1.2.3", "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "SeriesDescription": "T1 +C"}  # fmt: skip
    return {
        f"IM{9 - k}": saved(dataset(striped(kind), ImagePositionPatient=[0, 0, 5 * k], **more))
        for k, kind in enumerate(KINDS)
    }


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"study/{name}", data)
    return out.getvalue()


UPLOADS = {
    "volume": {"head.nii.gz": volume()},
    "files": series(),
    "archive": {"study.zip": zipped(series())},
}


def scroll(page: Any, to: int) -> Any:
    (slider,) = (one for one in page.slider if one.label.startswith("Slice"))
    return slider.set_value(to).run()


@pytest.mark.parametrize("kind", UPLOADS)
def test_a_series_is_scrolled_in_the_order_of_the_body(
    open_page: OpenPage, tiny: Path, kind: str
) -> None:
    page = upload(open_page(tiny), UPLOADS[kind])
    assert not page.exception
    assert "series of 5 slices" in words(page)
    assert "2 glioma, 1 meningioma, 1 no tumour and 1 pituitary tumour" in words(page)
    for number, name in enumerate(NAMES, start=1):
        scroll(page, number)
        assert not page.exception
        assert f"tiny: {name}" in words(page)


def test_a_volume_can_be_cut_in_another_plane(open_page: OpenPage, tiny: Path) -> None:
    page = upload(open_page(tiny), {"head.nii.gz": volume()})
    page.radio(key="plane").set_value("sagittal").run()
    assert not page.exception
    assert "series of 96 slices" in words(page)
    page.radio(key="plane").set_value("axial").run()
    assert "2 glioma, 1 meningioma, 1 no tumour and 1 pituitary tumour" in words(page)


def test_a_volume_of_a_single_slice_in_its_plane_has_a_heat_map(
    open_page: OpenPage, tiny: Path
) -> None:
    voxels = striped("upright")[None, ::-1, ::-1]  # one sagittal slice, and 96 axial ones
    data = bytes(nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes())
    page = upload(open_page(tiny), {"head.nii": data})
    assert "series of 96 slices" in words(page)
    page.radio(key="plane").set_value("sagittal").run()
    assert not page.exception
    assert not page.error
    assert "series of" not in words(page)
    assert len(page.session_state["explanations"]) == 2, "one in each plane"
    page.radio(key="plane").set_value("axial").run()
    assert "series of 96 slices" in words(page)


def test_planes_are_offered_for_volumes_only(open_page: OpenPage, tiny: Path) -> None:
    page = upload(open_page(tiny), stripes("even") | series())
    assert not page.radio


def test_another_series_of_the_same_name_has_a_slider_of_its_own(
    open_page: OpenPage, tiny: Path
) -> None:
    page = upload(open_page(tiny), {"head.nii.gz": volume()})
    scroll(page, 5)
    voxels = np.stack([striped("even")] * 2, axis=2)
    short = nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes()
    upload(page, {"head.nii.gz": bytes(short)})
    assert not page.exception
    assert "series of 2 slices" in words(page)


def test_it_stands_beside_single_pictures_in_the_list(open_page: OpenPage, tiny: Path) -> None:
    files = {"head.nii.gz": volume()} | stripes("even")
    page = upload(open_page(tiny), files)
    assert page.selectbox[0].options == [
        "1 of 2: head.nii.gz (series of 5 slices)",
        "2 of 2: even.png",
    ]
    assert list(page.dataframe[0].value["Image"]) == [
        "head.nii.gz (series of 5 slices)",
        "even.png",
    ]
    page.selectbox[0].set_value(1).run()
    assert not [one for one in page.slider if one.label.startswith("Slice")]
    assert "tiny: No tumour" in words(page)


def offered(monkeypatch: pytest.MonkeyPatch, what: Any) -> list[str]:
    """The texts of every CSV file that is offered from now on."""
    texts: list[str] = []
    real = what.to_csv
    monkeypatch.setattr(what, "to_csv", lambda given: texts.append(real(given)) or texts[-1])
    return texts


def test_a_file_that_was_dropped_twice_counts_once_in_its_series(
    open_page: OpenPage, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = offered(monkeypatch, verdicts)
    first, *rest = series().items()
    page = upload(open_page(tiny), dict([first, *rest, ("copy", first[1])]))
    assert "series of 5 slices" in words(page)
    assert "2 glioma, 1 meningioma" in words(page)
    assert len(tables[-1].splitlines()) == 1 + 6, "each file has its row"


def test_copies_of_one_slice_are_no_series(open_page: OpenPage, tiny: Path) -> None:
    data = series()["IM9"]
    page = upload(open_page(tiny), {"a.dcm": data, "b.dcm": data})
    assert page.selectbox[0].options == ["1 of 2: a.dcm", "2 of 2: b.dcm"]
    assert "series" not in words(page)


def test_it_is_never_called_a_diagnosis_and_its_summary_can_be_saved(
    open_page: OpenPage, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = offered(monkeypatch, SeriesBook)
    page = upload(open_page(tiny), {"head.nii.gz": volume()})
    assert "no diagnosis" in words(page)
    assert "head.nii.gz#1..#2" not in texts[-1]
    assert ",#1..#2,#3,#4,#5," in texts[-1]


def test_a_rerun_reads_and_asks_nothing_again(
    open_page: OpenPage, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = upload(open_page(tiny), {"head.nii.gz": volume()})

    def explode(*_: object, **__: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr("braintumor.app.session.read_slices", explode)
    monkeypatch.setattr("braintumor.bundle.classifier.Classifier.predict_many", lambda *_, **__: ())
    scroll(page, 2)
    assert not page.exception


def test_a_refused_file_and_a_damaged_slice_have_their_sentence(
    open_page: OpenPage, tiny: Path
) -> None:
    ct = saved(dataset(striped("even"), Modality="CT"))
    study = zipped({"bad.png": b"\x89PNG no", "good.png": encode(striped("even"))})
    files = {"ct.dcm": ct, "study.zip": study}
    page = upload(open_page(tiny), files)
    assert not page.exception
    assert "This file was refused: it is computed tomography (CT)" in words(page)
    page.selectbox[0].set_value(1).run()
    assert "This file could not be read" in words(page)
    page.selectbox[0].set_value(2).run()
    assert "tiny: No tumour" in words(page)


def test_a_slice_that_cannot_be_read_lies_between_its_neighbours(
    open_page: OpenPage, tiny: Path
) -> None:
    voxels = np.stack([striped(kind)[::-1, ::-1].T for kind in KINDS], axis=2).astype(np.float32)
    voxels[..., 1] = np.nan
    page = upload(open_page(tiny), {"head.nii": nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes()})

    assert "series of 5 slices" in words(page)
    scroll(page, 2)
    assert not page.exception
    assert "head.nii#2" in words(page)
    assert "could not be read" in words(page)
    scroll(page, 3)
    assert "tiny: Meningioma" in words(page)


def test_only_so_many_slices_are_taken(
    open_page: OpenPage, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MAX_PICTURES", 3)
    page = upload(open_page(tiny), {"head.nii.gz": volume()})
    assert "series of 3 slices" in words(page)
    assert "only the first 3" in words(page)


def test_a_small_file_of_many_pixels_does_not_fill_the_memory(
    open_page: OpenPage, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []

    def counted(*given: Any, **more: Any) -> Iterator[Any]:
        for one in read_slices(*given, **more):
            decoded.append(one.name)
            yield one

    monkeypatch.setattr("braintumor.app.session.read_slices", counted)
    pixels = striped("even")
    monkeypatch.setattr(session, "MAX_HELD_BYTES", 4 * pixels.nbytes)
    study = zipped({f"{k}.png": encode(pixels) for k in range(20)})
    page = upload(open_page(tiny), {"study.zip": study})
    assert not page.exception
    assert "only the first 4 are shown" in words(page)
    assert len(decoded) == 5, "one more than is held, to know that there are more"


def test_explanations_of_large_slices_are_forgotten_sooner(
    open_page: OpenPage, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = striped("even")
    monkeypatch.setattr(session, "MAX_HELD_BYTES", 2 * 5 * pixels.nbytes)  # 4 for the heat
    page = upload(open_page(tiny), {"head.nii": volume()})
    for number in range(1, 6):
        scroll(page, number)
    assert not page.exception
    assert len(page.session_state["explanations"]) == 2


def test_the_chart_has_every_class_and_marks_the_slice_on_view() -> None:
    shares: dict[str, list[float | None]] = {name: [0.1, None, 0.3] for name in CLASSES}
    chart = charts.along_stack(shares, 2).to_dict()
    tables = list(chart["datasets"].values())
    assert [{"slice": 2}] in tables
    (lines,) = (table for table in tables if len(table) == 12)
    assert {row["name"] for row in lines} == {
        "Glioma", "Meningioma", "No tumour", "Pituitary tumour",
    }  # fmt: skip


def test_the_chart_counts_slices_in_whole_numbers() -> None:
    chart = charts.along_stack({name: [0.1, 0.3] for name in CLASSES}, 1).to_dict()
    axes = [layer["encoding"]["x"]["axis"] for layer in chart["layer"]]
    assert axes == [{"tickMinStep": 1, "format": "d"}] * 3


def test_pictures_alone_are_no_stack(tiny: Path) -> None:
    from braintumor.bundle.classifier import Classifier

    found = Classifier.load(tiny).predict([striped("even"), striped("level")])
    assert [one.is_stack for one in stacks.items(found, ["a", "b"])] == [False, False]


@pytest.mark.parametrize("along", [0.0, None], ids=["told", "not-told"])
def test_an_order_of_the_body_is_claimed_only_where_files_tell_it(
    tiny: Path, along: float | None
) -> None:
    """Pages of a TIFF are in the order of the file."""
    from braintumor.bundle.classifier import Classifier

    found = [
        replace(one, place=Place(series="s", number=number, along=along))
        for number, one in enumerate(Classifier.load(tiny).predict([striped("even")] * 3), start=1)
    ]
    (item,) = stacks.items(found, ["a#1", "a#2", "a#3"])
    assert item.in_body is (along is not None)
