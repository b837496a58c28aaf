"""Which DICOM files are of one patient, without saying of whom.

A patient's identity is reduced to a hash at once. It tells equal from different within one run
and must not be written anywhere: an id of few digits can be guessed from its hash.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pydicom

# Importing it silences pydicom, whose warnings may quote names of people.
from braintumor.images import dicom as _quiet  # noqa: F401

_TAGS = ["IssuerOfPatientID", "PatientID"]


def patient_key(path: Path) -> str | None:
    """A hash of PatientID and its issuer; None where the file has none or cannot be read."""
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS, force=True)
        parts = [str(dataset.get(tag) or "").strip() for tag in _TAGS]
    except Exception:  # a damaged header can make pydicom raise anything at all
        return None
    if not parts[-1]:
        return None
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
