"""What a DICOM header says of itself: MRI, head, T1-weighted, contrast agent."""

from __future__ import annotations

import re
from typing import Any

import pytest
from made_dicom import SECRETS, dataset, saved
from pydicom.dataset import Dataset

from braintumor.files import sha256_bytes
from braintumor.images import tags
from braintumor.images.decode import ImageError, RefusedError, read_slice
from braintumor.images.tags import notes, refusal

T1_GD = {"SeriesDescription": "T1 SE", "ContrastBolusAgent": "Gadovist"}


def item(**elements: Any) -> Dataset:
    ds = Dataset()
    for name, value in elements.items():
        setattr(ds, name, value)
    return ds


class TestRefusal:
    @pytest.mark.parametrize(
        ("modality", "name"),
        [
            ("CT", "computed tomography"),
            ("PT", "positron emission"),
            ("CR", "radiograph"),
            ("SR", "structured report"),
            ("Doe^Jane", "another modality"),
        ],
    )
    def test_other_modalities_by_name(self, modality: str, name: str) -> None:
        data = saved(dataset(Modality=modality))
        with pytest.raises(RefusedError, match=name) as caught:
            read_slice(data, name="x.dcm")
        assert caught.value.sha256 == sha256_bytes(data)
        assert "Doe" not in str(caught.value)

    def test_a_missing_modality_is_told_by_the_class_of_the_object(self) -> None:
        assert "CT" in str(refusal(dataset(Modality="", SOPClassUID="1.2.840.10008.5.1.4.1.1.2")))
        assert refusal(dataset(Modality="")) is None
        assert notes(dataset(Modality="", **T1_GD)) == ("its tags do not say that it is MRI",)

    def test_a_modality_is_read_however_it_is_written(self) -> None:
        for written in ("mr", "MR ", "MR\0"):
            assert refusal(dataset(Modality=written)) is None
        assert "computed tomography" in str(refusal(dataset(Modality="ct")))

    def test_the_directory_of_a_medium(self) -> None:
        assert "DICOMDIR" in str(refusal(dataset(SOPClassUID="1.2.840.10008.1.3.10")))
        told_before = dataset()
        told_before.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
        assert "DICOMDIR" in str(refusal(told_before))

    @pytest.mark.parametrize(
        ("part", "name"),
        [
            ("ABDOMEN", "the abdomen"), ("KNEE", "the knee"), ("CSPINE", "the spine"),
            ("SHOULDER", "the shoulder"), ("EXTREMITY", "a limb"), ("NECK", "the neck"),
            ("Schulter rechts", "the shoulder"), ("Hüfte", "the hip"),
        ],
    )  # fmt: skip
    def test_other_body_parts_by_name(self, part: str, name: str) -> None:
        assert name in str(refusal(dataset(BodyPartExamined=part)))

    @pytest.mark.parametrize(
        "part",
        ["HEAD", "BRAIN", "SKULL", "HEADNECK", "Schädel", "Tête", "", "UNKNOWN", "Doe^Jane"],
    )
    def test_heads_and_what_is_not_known_pass(self, part: str) -> None:
        assert refusal(dataset(BodyPartExamined=part)) is None

    @pytest.mark.parametrize(
        ("elements", "refused"),
        [
            ({"StudyDescription": "SHOULDER"}, True),
            ({"StudyDescription": "abdomen^liver"}, True),
            ({"ProtocolName": "MRT Knie nativ"}, True),
            ({"StudyDescription": "MR BRAIN AND CERVICAL SPINE"}, False),
            ({"StudyDescription": "cranial MRI", "SeriesDescription": "t1 arm"}, False),
            ({"BodyPartExamined": "HEAD", "StudyDescription": "abdomen"}, False),
            ({"BodyPartExamined": "KNEE", "StudyDescription": "brain"}, True),
            ({"StudyDescription": "Handicap of an army necklace"}, False),
            ({"StudyDescription": "hippocampus, legacy protocol"}, False),
            ({"SeriesDescription": "T1 KNEE"}, True),
            ({"RequestedProcedureDescription": "MRI of the pelvis"}, True),
            ({"PerformedProcedureStepDescription": "MRI of the pelvis"}, True),
            ({"StudyDescription": "GBM TRIAL ARM B", "SeriesDescription": "T1 GD"}, False),
            ({"StudyDescription": "GBM ARM 2"}, False),
            ({"StudyDescription": "MRI ARM L"}, True),
        ],
    )
    def test_descriptions_count_where_the_coded_tag_is_silent(
        self, elements: dict[str, str], refused: bool
    ) -> None:
        assert (refusal(dataset(**elements)) is not None) == refused

    def test_coded_anatomy_of_the_file_and_of_its_frames(self) -> None:
        region = [item(AnatomicRegionSequence=[item(CodeMeaning="Abdomen")])]
        assert "abdomen" in str(
            refusal(dataset(AnatomicRegionSequence=region[0][0x0008, 0x2218].value))
        )
        shared = [item(FrameAnatomySequence=region)]
        assert "abdomen" in str(refusal(dataset(SharedFunctionalGroupsSequence=shared)))


class TestNotes:
    @pytest.mark.parametrize(
        "elements",
        [
            T1_GD,
            {"SeriesDescription": "AX T1 +C"},
            {"SeriesDescription": "AX T1 C+"},
            {"SeriesDescription": "t1_mprage_sag_KM"},
            {"SeriesDescription": "COR T1 POST GAD"},
            {"SeriesDescription": "AX T1 POST GD NON FS", "ContrastBolusAgent": "Gadavist"},
            {"SeriesDescription": "T1 GD no fat sat"},
            {"SeriesDescription": "AX T1 POST", "ProtocolName": "BRAIN W/O AND W CONTRAST"},
            {"SeriesDescription": "AX T1 +C", "ProtocolName": "T2 FLAIR DWI T1"},
            {"ProtocolName": "t1_mprage_km"},
            {"SequenceName": "t1_se", "ContrastBolusAgent": "Gadovist"},
            {"PulseSequenceName": "T1 SE", "ContrastBolusTotalDose": "10"},
            {"SeriesDescription": "T1 FLAIR", "ContrastBolusVolume": "7.5"},
            {"AcquisitionContrast": "T1", "ContrastBolusAgentSequence": [item(CodeMeaning="Gd")]},
            {"ScanningSequence": "SE", "RepetitionTime": "500", "EchoTime": "12",
             "ContrastBolusAgent": "10 ml"},
            {"ScanningSequence": ["GR", "IR"], "RepetitionTime": "2300", "EchoTime": "2.9",
             "ContrastBolusAgent": "10 ml"},
        ],
    )  # fmt: skip
    def test_t1_after_contrast_agent_needs_none(self, elements: dict[str, Any]) -> None:
        assert notes(dataset(**elements)) == ()

    @pytest.mark.parametrize(
        "elements",
        [
            {"SeriesDescription": "anat-T1w"},
            {"SeriesDescription": "T1 SE", "ContrastBolusAgent": "NO"},
            {"SeriesDescription": "T1 pre GD"},
            {"SeriesDescription": "T1 PRE NON FS", "ContrastBolusAgent": "Gadavist"},
            {"SeriesDescription": "T1 NON CE"},
            {"SeriesDescription": "T1 without contrast"},
            {"SeriesDescription": "T1 post op"},
            {"SeriesDescription": "AX T1 PRE", "ProtocolName": "BRAIN W CONTRAST"},
            {"SeriesDescription": "AX T1", "ProtocolName": "BRAIN W/O AND W CONTRAST"},
            {"SeriesDescription": "AX T1", "ProtocolName": "BRAIN W/O CONTRAST",
             "ContrastBolusAgent": "Gadovist"},
        ],
    )  # fmt: skip
    def test_t1_without_agent(self, elements: dict[str, Any]) -> None:
        assert notes(dataset(**elements)) == (
            "it is T1-weighted, but its tags name no contrast agent",
        )

    @pytest.mark.parametrize(
        ("elements", "weighting"),
        [
            ({"SeriesDescription": "AX T2 TSE"}, "T2-weighted"),
            ({"SeriesDescription": "t2_tirm_tra_dark-fluid"}, "FLAIR"),
            ({"SeriesDescription": "FLAIR"}, "FLAIR"),
            ({"SeriesDescription": "AX FLAIR", "ProtocolName": "T1 T2 FLAIR POST GD"}, "FLAIR"),
            ({"SeriesDescription": "T1 POST SUBTRACTION"}, "a subtraction"),
            ({"SeriesDescription": "ep2d_diff_3scan_trace"}, "diffusion"),
            ({"SeriesDescription": "axial T2*"}, r"T2\*"),
            ({"SeriesDescription": "localizer"}, "localiser"),
            ({"AcquisitionContrast": "FLUID_ATTENUATED"}, "FLAIR"),
            ({"AcquisitionContrast": "Diffusion"}, "diffusion"),
            ({"ImageType": ["DERIVED", "PRIMARY", "ADC"]}, "diffusion"),
            ({"ScanningSequence": "SE", "RepetitionTime": "4000", "EchoTime": "90"}, "T2-weighted"),
            ({"ScanningSequence": ["SE", "IR"], "RepetitionTime": "9000", "EchoTime": "120",
              "InversionTime": "2500"}, "FLAIR"),
            ({"ScanningSequence": "GR", "RepetitionTime": "600", "EchoTime": "20"}, r"T2\*"),
        ],
    )  # fmt: skip
    def test_another_weighting_is_named(self, elements: dict[str, Any], weighting: str) -> None:
        (note,) = notes(dataset(**elements, ContrastBolusAgent="Gadovist"))
        assert re.search(weighting, note)
        assert "not T1-weighted after contrast agent" in note

    @pytest.mark.parametrize(
        ("kinds", "repetition", "echo", "inversion", "weighting"),
        [
            ("SE", 1000, 35, None, "T1"),
            ("SE", 1001, 35, None, None),
            ("SE", 1000, 36, None, None),
            (["SE", "IR"], 1700, 35, 300, "T1"),
            (["SE", "IR"], 1700, 35, 1400, "T1"),
            (["SE", "IR"], 1700, 35, 299, None),
            (["SE", "IR"], 1700, 35, 1401, None),
            ("SE", 1799, 35, None, None),
            ("SE", 1800, 35, None, "proton-density-weighted"),
            ("SE", 1800, 36, None, None),
            ("SE", 4000, 59, None, None),
            ("SE", 4000, 60, None, "T2-weighted"),
            (["SE", "IR"], 9000, 60, 1499, "T2-weighted"),
            (["SE", "IR"], 9000, 60, 1500, "fluid-attenuated (FLAIR)"),
            ("GR", 3000, 12, None, "T1"),
            ("GR", 3001, 12, None, None),
            ("GR", 3001, 13, None, "T2*-weighted"),
            (["SE", "GR"], 4000, 90, None, "T2-weighted"),
        ],
    )
    def test_where_nothing_else_tells_echo_and_repetition_time_do(
        self, kinds: Any, repetition: int, echo: int, inversion: int | None, weighting: str | None
    ) -> None:
        ds = dataset(ScanningSequence=kinds, ContrastBolusAgent="Gadovist")
        ds.RepetitionTime, ds.EchoTime, ds.InversionTime = repetition, echo, inversion
        told = {
            "T1": (),
            None: ("its tags do not say that it is T1-weighted",),
        }
        other = (f"its tags say that it is {weighting}, not T1-weighted after contrast agent",)
        assert notes(ds) == told.get(weighting, other)

    def test_silence_is_said(self) -> None:
        (note,) = notes(dataset())
        assert note == "its tags do not say that it is T1-weighted after contrast agent"
        (note,) = notes(dataset(ContrastBolusAgent="Gadovist"))
        assert note == "its tags do not say that it is T1-weighted"

    def test_enhanced_objects_say_it_for_their_frames(self) -> None:
        timing = item(RepetitionTime=500.0)
        echo = item(EffectiveEchoTime=12.0)
        shared = item(MRTimingAndRelatedParametersSequence=[timing], MREchoSequence=[echo])
        ds = dataset(SharedFunctionalGroupsSequence=[shared], ContrastBolusAgent="Gd")
        assert notes(ds) == ()

    @pytest.mark.parametrize("group", ["Shared", "PerFrame"])
    def test_whichever_of_their_groups_says_it(self, group: str) -> None:
        told = item(MRImageFrameTypeSequence=[item(AcquisitionContrast="T1")])
        ds = dataset(ContrastBolusAgent="Gd", **{f"{group}FunctionalGroupsSequence": [told]})
        assert notes(ds) == ()


def test_nothing_that_the_file_says_is_quoted() -> None:
    names = ("SeriesDescription", "StudyDescription", "ProtocolName", "ContrastBolusAgent")
    told = dict.fromkeys(names, f"T2 {SECRETS[0]}")
    for ds in (dataset(**told), dataset(**told, Modality=SECRETS[0]),
               dataset(**told, BodyPartExamined=f"KNEE {SECRETS[0]}")):  # fmt: skip
        try:
            text = " ".join(read_slice(saved(ds)).notes)
        except ImageError as error:
            text = str(error)
        assert text
        assert "Doe" not in text


def test_endless_texts_are_not_read_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each word is held against a hundred others: a quarter of a megabyte took four seconds."""
    read: list[int] = []

    def counted(text: str) -> str:
        read.append(len(text))
        return words(text)

    words = tags._words
    monkeypatch.setattr(tags, "_words", counted)
    endless = "Z " * 32_000
    regions = [item(CodeMeaning=endless) for _ in range(40)]
    names = dict.fromkeys(("SeriesDescription", "ProtocolName", "StudyDescription"), endless)
    ds = dataset(AnatomicRegionSequence=regions, **names)
    assert refusal(ds) is None
    assert notes(ds)
    assert sum(read) < 64_000
    first = dataset(AnatomicRegionSequence=[item(CodeMeaning="Abdomen"), *regions])
    assert "the abdomen" in str(refusal(first))
