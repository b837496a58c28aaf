"""Multi-frame and enhanced DICOM objects: a slice a frame, each with its values and its place."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from made_dicom import SECRETS, dataset, saved
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from braintumor.images import dicom
from braintumor.images.choice import Choice
from braintumor.images.decode import ImageError, Limits, RefusedError, Slice
from braintumor.images.read import read_slices

SIDES = np.add.outer(np.arange(40) * 9, np.arange(48) * 13)
STACK = np.stack([SIDES + 1000 * k for k in range(4)]).astype(np.uint16)


def frames_of(stack: np.ndarray = STACK, **more: Any) -> Dataset:
    ds = dataset(stack[0], **more)
    ds.NumberOfFrames = len(stack)
    ds.PixelData = stack.tobytes()
    return ds


def read(data: bytes | Dataset, **options: Any) -> list[Slice | ImageError]:
    data = saved(data) if isinstance(data, Dataset) else data
    options = {"name": "x.dcm", "limits": Limits(), "choice": Choice()} | options
    return list(dicom.slices(data, **options))


def good(data: bytes | Dataset, **options: Any) -> list[Slice]:
    found = read(data, **options)
    assert all(isinstance(one, Slice) for one in found)
    return [one for one in found if isinstance(one, Slice)]


def item(**elements: Any) -> Dataset:
    ds = Dataset()
    for name, value in elements.items():
        setattr(ds, name, value)
    return ds


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEG2000Lossless])
def test_a_slice_a_frame_named_by_its_number(syntax: str | None) -> None:
    ds = frames_of()
    if syntax:
        ds.compress(syntax)
    found = good(ds)
    assert [one.name for one in found] == ["x.dcm#1", "x.dcm#2", "x.dcm#3", "x.dcm#4"]
    for one, pixels in zip(found, STACK, strict=True):
        np.testing.assert_array_equal(one.pixels, pixels)
    places = [one.place for one in found if one.place]
    assert [place.number for place in places] == [1, 2, 3, 4]
    assert len({place.series for place in places}) == 1


@pytest.mark.parametrize("syntax", [None, RLELossless])
def test_some_of_the_frames(syntax: str | None) -> None:
    ds = frames_of()
    if syntax:
        ds.compress(syntax)
    found = good(ds, choice=Choice(first=2, every=2))
    assert [one.name for one in found] == ["x.dcm#2", "x.dcm#4"]
    np.testing.assert_array_equal(found[1].pixels, STACK[3])


def test_a_single_frame_keeps_its_name() -> None:
    (only,) = good(dataset(SeriesInstanceUID="1.2.3", InstanceNumber="7"))
    assert only.name == "x.dcm"
    assert only.place is not None
    assert (only.place.number, only.place.instance) == (0, 7)
    assert "1.2.3" not in repr(only.place)


def test_enhanced_objects_give_each_frame_its_values_window_and_position() -> None:
    ds = frames_of()
    ds.SharedFunctionalGroupsSequence = [
        item(PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, -1, 0])])
    ]
    ds.PerFrameFunctionalGroupsSequence = [
        item(
            PixelValueTransformationSequence=[item(RescaleSlope="2", RescaleIntercept=str(k))],
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 30 - 5 * k])],
            FrameVOILUTSequence=[item(WindowCenter=str(2000 * k + 100), WindowWidth="101")],
        )
        for k in range(4)
    ]
    found = good(ds)
    for k, one in enumerate(found):
        # stored with the back of the head up, so turned over
        np.testing.assert_array_equal(one.pixels, STACK[k][::-1] * 2.0 + k)
        assert one.window == (2000 * k + 49.5, 2000 * k + 149.5)
        assert one.place is not None
        assert one.place.along == pytest.approx(30 - 5 * k)


def test_enhanced_objects_say_for_each_frame_how_large_its_pixels_are() -> None:
    ds = frames_of()
    ds.SharedFunctionalGroupsSequence = [
        item(PixelMeasuresSequence=[item(PixelSpacing=[1.0, 1.0])])
    ]
    ds.PerFrameFunctionalGroupsSequence = [
        item(PixelMeasuresSequence=[item(PixelSpacing=[2.0 if k == 1 else 1.0, 1.0])])
        for k in range(4)
    ]
    rows, columns = STACK[0].shape
    tall = [one.pixels.shape == (2 * rows, columns) for one in good(ds)]
    assert tall == [False, True, False, False]


def test_three_planes_in_one_series_are_three_stacks() -> None:
    planes = ([1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1])
    stacks = {
        one.place.series
        for plane in planes
        for one in good(dataset(SeriesInstanceUID="1.2", ImageOrientationPatient=plane))
        if one.place
    }
    assert len(stacks) == 3


def series_of(ds: Dataset, **options: Any) -> str:
    """Of the first slice."""
    place = good(ds, **options)[0].place
    assert place is not None
    return place.series


def test_a_series_is_of_one_study_and_one_patient() -> None:
    """Some who take the names out of files give those of all patients the same UID."""
    same = {"SeriesInstanceUID": "1.2", "StudyInstanceUID": "1.3", "PatientID": "7"}
    others: list[dict[str, Any]] = [
        {"SeriesInstanceUID": "1.4"}, {"StudyInstanceUID": "1.4"}, {"PatientID": "8"},
        {"PatientID": None}, {"PatientID": "1.3", "StudyInstanceUID": "7"},
    ]  # fmt: skip
    keys = {series_of(dataset(**(same | other))) for other in ({}, *others)}
    assert len(keys) == 1 + len(others)
    assert series_of(dataset(**same), name="y.dcm") == series_of(dataset(**same)) in keys
    assert not any(secret in key for secret in (*SECRETS, "1.2", "1.3") for key in keys)


def test_a_damaged_id_of_the_patient_costs_no_slice() -> None:
    more = {"syntax": ImplicitVRLittleEndian, "SeriesInstanceUID": "1.2"}
    long = "\\".join(["1"] * 40_000)
    assert series_of(dataset(PatientID=long, **more)) == series_of(dataset(PatientID=None, **more))


def test_a_copy_of_a_file_of_several_frames_is_a_series_of_its_own() -> None:
    ds = frames_of(SeriesInstanceUID="1.2")
    assert series_of(ds, name="a.dcm") == series_of(ds, name="a.dcm")
    assert series_of(ds, name="a.dcm") != series_of(ds, name="b.dcm")
    others = frames_of(STACK + 1, SeriesInstanceUID="1.2")
    assert series_of(ds, name="a.dcm") != series_of(others, name="a.dcm"), "of another folder"


def test_a_damaged_frame_is_an_error_and_the_others_are_read() -> None:
    ds = frames_of()
    ds.compress(JPEG2000Lossless)
    parts = list(pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=4))
    parts[2] = parts[2][:40] + bytes(60)
    ds.PixelData = pydicom.encaps.encapsulate(parts)
    found = read(ds)
    assert [isinstance(one, Slice) for one in found] == [True, True, False, True]
    assert "x.dcm#3 cannot be used: its compressed pixels are damaged" in str(found[2])


def test_a_frame_without_a_value_is_an_error_and_the_others_are_read() -> None:
    values = STACK.astype(np.float32)
    values[2] = np.nan
    ds = frames_of()
    del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    ds.BitsAllocated, ds.FloatPixelData = 32, values.tobytes()
    found = read(ds)
    assert [one.name for one in found] == ["x.dcm#1", "x.dcm#2", "x.dcm#3", "x.dcm#4"]
    assert [isinstance(one, Slice) for one in found] == [True, True, False, True]
    assert str(found[2]) == "x.dcm#3 cannot be used: it holds no finite value."


def test_what_cannot_be_read_has_the_place_that_its_slice_would_have() -> None:
    """Its neighbours in the body are else taken for each other's."""
    places = [
        item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 5 * k])]) for k in range(4)
    ]
    lie = item(PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])])
    whole = frames_of(PerFrameFunctionalGroupsSequence=places, SharedFunctionalGroupsSequence=[lie])
    whole.compress(RLELossless)
    damaged = pydicom.dcmread(io.BytesIO(saved(whole)))
    parts = list(pydicom.encaps.generate_frames(damaged.PixelData, number_of_frames=4))
    damaged.PixelData = pydicom.encaps.encapsulate([*parts[:2], bytes(64), parts[3]])

    found = read(damaged)
    assert isinstance(found[2], ImageError)
    told = [one.place for one in found if one.place is not None]
    assert [(one.number, one.along) for one in told] == [
        (one.place.number, one.place.along) for one in good(whole) if one.place is not None
    ]
    assert len({one.series for one in told}) == 1


@pytest.mark.parametrize("damage", ["refused", "truncated", "packed"])
def test_a_file_of_a_series_keeps_its_place_though_it_has_no_slice(damage: str) -> None:
    tags = {
        "SeriesInstanceUID": "1.2.3",
        "InstanceNumber": 7,
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [0, 0, 35],
    }
    ds = dataset(**tags)
    (fine,) = good(ds)
    if damage == "refused":
        ds.BodyPartExamined = "KNEE"
    elif damage == "truncated":
        ds.PixelData = ds.PixelData[:-20]
    else:
        ds.compress(RLELossless)
        ds.PixelData = pydicom.encaps.encapsulate([bytes(64)])

    (found,) = read_slices(saved(ds), name="x.dcm")
    assert isinstance(found, RefusedError if damage == "refused" else ImageError)
    assert found.place == fine.place
    assert fine.place is not None


def test_what_is_no_slice_has_no_place() -> None:
    """A file of several frames that is refused as a whole, and an object without a picture."""
    several = frames_of(SeriesInstanceUID="1.2.3", BodyPartExamined="KNEE")
    report = dataset(SeriesInstanceUID="1.2.3", Modality="SR")
    del report.PixelData
    for ds in (several, report):
        (found,) = read_slices(saved(ds), name="x.dcm")
        assert isinstance(found, RefusedError)
        assert found.place is None


def test_frames_that_are_missing_are_errors() -> None:
    ds = frames_of()
    ds.compress(RLELossless)
    ds.NumberOfFrames = 6
    found = read(ds)
    assert len(found) == 6
    assert isinstance(found[5], ImageError)
    short = frames_of()
    short.NumberOfFrames = 5
    with pytest.raises(ImageError, match="truncated"):
        read(short)


def test_more_frames_than_are_accepted_are_refused_by_the_header() -> None:
    with pytest.raises(ImageError, match="it holds 4 slices, and at most 3 are accepted"):
        read(frames_of(), limits=Limits(max_frames=3))
    ds = frames_of()
    ds.NumberOfFrames = 2_000_000_000
    with pytest.raises(ImageError, match="2000000000 slices"):
        read(ds)


def test_compressed_frames_are_no_more_than_is_accepted_together() -> None:
    """However small the file is."""
    ds = frames_of()
    ds.compress(RLELossless)
    assert len(good(ds, limits=Limits(max_volume_bytes=STACK.nbytes))) == 4
    assert len(saved(ds)) < STACK.nbytes
    with pytest.raises(ImageError, match=r"unpack to more than the .* MiB accepted: split it"):
        read(ds, limits=Limits(max_volume_bytes=STACK.nbytes - 1))
