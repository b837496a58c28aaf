"""Whose each slice is, and what a second source says of its label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from small_folders import data_set

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.ownership import Ownership, owners_of
from braintumor.errors import BraintumorError
from braintumor.evaluation.patients import read_patients


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog.from_folder(data_set(tmp_path / "data"))


def owned(catalog: Catalog, *lines: str, merge_suffixes: bool = False) -> Ownership:
    file = catalog.root.parent / "patients.csv"
    file.write_text("\n".join(lines) + "\n")
    return owners_of(catalog, read_patients(file), merge_suffixes=merge_suffixes)


def kinds(found: Ownership) -> dict[str, str]:
    return {finding.kind: finding.severity for finding in found.findings}


def test_labels_that_their_source_contradicts(catalog: Catalog) -> None:
    found = owned(
        catalog,
        "path,patient,source_label",
        "train/glioma/img_0.png,a,Glioma tumor",
        "train/glioma/img_1.png,a,meningioma",
        "train/glioma/img_2.png,a,",
        "test/no_tumor/img_2.png,b,metastasis",
    )
    assert found.conflicts == (
        ("train/glioma/img_1.png", "glioma", "meningioma"),
        ("test/no_tumor/img_2.png", "no_tumor", "metastasis"),
    )
    assert kinds(found) == {"label_conflicts": "wrong", "patients_unknown": "note"}
    assert found.to_dict()["label_conflicts"] == 2


def test_ids_that_differ_by_a_suffix_are_a_question(catalog: Catalog) -> None:
    lines = ("path,patient", "train/glioma/img_0.png,MR1B", "test/glioma/img_0.png,MR1")
    apart = owned(catalog, *lines)
    (question,) = [f for f in apart.findings if f.kind == "patient_suffixes"]
    assert "MR1 = MR1B. Is each family one patient? They are taken for different" in (
        question.sentence
    )
    assert apart.in_train["test"]["in_train"] == 0
    together = owned(catalog, *lines, merge_suffixes=True)
    assert together.in_train["test"]["in_train"] == 1
    assert kinds(together)["patients_across_splits"] == "wrong"
    assert set(together.patients.values()) == {"MR1"}


def test_a_file_that_has_merged_them_is_asked_about_the_ids_of_the_source(
    catalog: Catalog,
) -> None:
    found = owned(
        catalog,
        "split,class,file,group,patient_id,raw_patient_id",
        "train,glioma,img_0.png,g,MR1,MR1B",
        "train,glioma,img_1.png,g,MR1,MR1C",
    )
    assert found.families == {"MR1": ("MR1B", "MR1C")}
    (question,) = [f for f in found.findings if f.kind == "patient_suffixes"]
    assert question.sentence.endswith("They are taken for one patient.")


def test_without_any_patient_that_is_said(catalog: Catalog) -> None:
    found = owners_of(catalog, None)
    assert kinds(found) == {"patients_unknown": "doubtful"}
    assert found.to_dict() == {"patients": None, "label_conflicts": None}


def test_a_file_of_other_images_is_refused(catalog: Catalog) -> None:
    with pytest.raises(BraintumorError, match=r"patients\.csv names none of the images"):
        owned(catalog, "path,patient", "other.png,a")


def test_dicom_files_name_their_patient_and_nobody_reads_it(tmp_path: Path) -> None:
    root = data_set(tmp_path)
    for place, patient in (("train", "SMITH-1"), ("test", "SMITH-1"), ("valid", "JONES-2")):
        slice_of(root / place / "glioma/scan.dcm", patient)
    found = owners_of(Catalog.from_folder(root), None)
    assert found.patients == {
        "train/glioma/scan.dcm": "dicom-0001",
        "valid/glioma/scan.dcm": "dicom-0002",
        "test/glioma/scan.dcm": "dicom-0001",
    }
    assert kinds(found)["patients_across_splits"] == "wrong"
    assert "SMITH" not in str(found.to_dict()) + str(found.findings)


def test_a_group_that_names_no_patient_is_looked_for_on_both_sides(catalog: Catalog) -> None:
    found = owned(
        catalog,
        "split,class,file,group",
        *("train,glioma,img_0.png,A", "test,glioma,img_0.png,A", "test,glioma,img_1.png,A"),
        *("train,glioma,img_1.png,B", "valid,glioma,img_0.png,C"),
    )
    assert kinds(found)["groups_across_splits"] == "wrong"
    (leak,) = [one for one in found.findings if one.kind == "groups_across_splits"]
    assert leak.sentence.startswith("Groups that are given as such and lie in test and in train: 1")
    assert leak.paths == ("test/glioma/img_0.png", "test/glioma/img_1.png")
    assert found.to_dict()["groups_in_train"] == {
        "test": {"groups": 1, "slices": 2},
        "valid": {"groups": 0, "slices": 0},
    }
    assert found.to_dict()["patients"]["test"]["named"] == 0


def test_patients_on_both_sides_are_not_told_twice(catalog: Catalog) -> None:
    """Two patients of one group, one of them in train: the other one's slice leaks by the group."""
    found = owned(
        catalog,
        "split,class,file,group,patient",
        *("train,glioma,img_0.png,A,MR1", "test,glioma,img_0.png,A,MR1"),
        "test,glioma,img_1.png,A,MR2",
    )
    assert found.groups_in_train["test"] == ("test/glioma/img_1.png",)
    assert found.in_train["test"]["slices_in_train"] == 1


def test_a_group_that_the_list_itself_names_is_looked_for_too(catalog: Catalog) -> None:
    pair = ("train/glioma/img_0.png", "test/glioma/img_0.png")
    listed = catalog.table["path"].isin(pair).map({True: "dup_1", False: ""})
    found = owners_of(replace(catalog, table=catalog.table.assign(group=listed)), None)
    assert found.groups == dict.fromkeys(sorted(pair, reverse=True), "dup_1")
    assert found.groups_in_train["test"] == pair[1:]


def test_a_dicom_file_names_the_patient_whom_a_file_of_groups_does_not(tmp_path: Path) -> None:
    root = data_set(tmp_path / "data")
    for place in ("train", "test"):
        slice_of(root / place / "glioma/scan.dcm", "SMITH-1")
    found = owned(
        Catalog.from_folder(root), "split,class,file,group", "train,glioma,scan.dcm,cluster"
    )
    assert found.patients == dict.fromkeys(
        ("train/glioma/scan.dcm", "test/glioma/scan.dcm"), "dicom-0001"
    )
    assert found.groups["train/glioma/scan.dcm"] == "cluster"


@pytest.mark.parametrize("patient", ["ANONYMOUS", "HOSPITAL7"])
def test_what_all_dicom_files_bear_instead_of_a_name_is_no_patient(
    tmp_path: Path, patient: str
) -> None:
    root = data_set(tmp_path / "data")
    for number, place in enumerate(("train", "valid", "test")):
        slice_of(root / place / "glioma/scan.dcm", patient, study=f"1.2.{number}")
    found = owners_of(Catalog.from_folder(root), None)
    assert found.patients == {}
    assert "patients_across_splits" not in kinds(found)
    (told,) = [one.sentence for one in found.findings if one.kind == "patients_unknown"]
    assert told.endswith("The DICOM files bear no PatientID, or one for all their studies.")
    assert patient not in told


def test_a_patient_of_several_studies_stays_one_beside_others(tmp_path: Path) -> None:
    root = data_set(tmp_path / "data")
    slice_of(root / "train/glioma/scan.dcm", "SMITH-1", study="1.2.1")
    slice_of(root / "test/glioma/scan.dcm", "SMITH-1", study="1.2.2")
    catalog = Catalog.from_folder(root)
    assert owners_of(catalog, None).patients == {}
    slice_of(root / "valid/glioma/scan.dcm", "JONES-2", study="1.2.3")
    patients = owners_of(Catalog.from_folder(root), None).patients
    assert patients["train/glioma/scan.dcm"] == patients["test/glioma/scan.dcm"] == "dicom-0001"
    assert patients["valid/glioma/scan.dcm"] == "dicom-0002"


def test_a_patient_of_one_study_stays_one(tmp_path: Path) -> None:
    root = data_set(tmp_path / "data")
    for place in ("train", "test"):
        slice_of(root / place / "glioma/scan.dcm", "SMITH-1", study="1.2.1")
    assert set(owners_of(Catalog.from_folder(root), None).patients.values()) == {"dicom-0001"}


def slice_of(path: Path, patient: str, study: str | None = None) -> None:
    """A small MR slice of a head."""
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    if study is not None:
        dataset.StudyInstanceUID = study
    dataset.PatientID, dataset.Modality, dataset.BodyPartExamined = patient, "MR", "HEAD"
    dataset.Rows = dataset.Columns = 70
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    pixels = np.random.default_rng(len(path.parts[-3])).integers(0, 900, (70, 70))
    dataset.PixelData = pixels.astype(np.uint16).tobytes()
    dataset.save_as(path, enforce_file_format=True)
