"""DICOM files of one patient are told to be of one, and nobody learns whose."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import FileMetaDataset

from braintumor.images.dicom_patient import patient_key, study_key


def written(path: Path, patient: str | None, issuer: str = "") -> Path:
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    if patient is not None:
        dataset.PatientID = patient
    if issuer:
        dataset.IssuerOfPatientID = issuer
    dataset.PatientName = "Doe^Jane"
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_equal_for_one_patient_and_different_for_two(tmp_path: Path) -> None:
    one = patient_key(written(tmp_path / "1.dcm", "4711"))
    assert patient_key(written(tmp_path / "2.dcm", "4711 ")) == one
    assert patient_key(written(tmp_path / "3.dcm", "4712")) != one
    # Two hospitals may number their patients alike.
    assert patient_key(written(tmp_path / "4.dcm", "4711", "elsewhere")) != one


def test_nothing_of_the_patient_can_be_read_in_it(tmp_path: Path) -> None:
    key = patient_key(written(tmp_path / "1.dcm", "4711"))
    assert key is not None
    assert "4711" not in key
    assert "Doe" not in key


def test_without_an_id_or_a_dicom_file_there_is_none(tmp_path: Path) -> None:
    assert patient_key(written(tmp_path / "1.dcm", None)) is None
    assert patient_key(written(tmp_path / "2.dcm", "")) is None
    (tmp_path / "3.dcm").write_bytes(b"\x00" * 300)
    assert patient_key(tmp_path / "3.dcm") is None
    assert patient_key(tmp_path / "gone.dcm") is None


@pytest.mark.parametrize(
    "patient",
    ["ANONYMOUS", "anonymized", "Anonymised ", "ANON", "Anon^^^^", "UNKNOWN", "None", "NA", "n/a",
     "0", "0000"],
)  # fmt: skip
def test_a_word_that_stands_for_nobody_is_no_patient(tmp_path: Path, patient: str) -> None:
    assert patient_key(written(tmp_path / "1.dcm", patient)) is None
    assert patient_key(written(tmp_path / "2.dcm", patient, "elsewhere")) is None


@pytest.mark.parametrize("patient", ["ANON-0017", "anonymous_3", "10", "Nader", "UNKNOWN2"])
def test_a_pseudonym_is_a_patient(tmp_path: Path, patient: str) -> None:
    assert patient_key(written(tmp_path / "1.dcm", patient)) is not None


def test_files_of_one_study_have_one_key_in_which_it_cannot_be_read(tmp_path: Path) -> None:
    def of_study(name: str, study: str) -> str | None:
        path = written(tmp_path / name, "4711")
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID = study
        dataset.save_as(path)
        return study_key(path)

    one = of_study("1.dcm", "1.2.840.99")
    assert one is not None
    assert "1.2.840.99" not in one
    assert of_study("2.dcm", "1.2.840.99") == one
    assert of_study("3.dcm", "1.2.840.98") not in (one, None)
    assert study_key(written(tmp_path / "4.dcm", "4711")) is None
    assert study_key(tmp_path / "gone.dcm") is None
