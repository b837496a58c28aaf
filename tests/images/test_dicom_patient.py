"""DICOM files of one patient are told to be of one, and nobody learns whose."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.dataset import FileMetaDataset

from braintumor.images.dicom_patient import patient_key


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
