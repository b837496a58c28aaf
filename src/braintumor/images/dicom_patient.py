"""Which DICOM files are of one patient, without saying of whom.

A patient's identity is reduced to a hash at once. It tells equal from different within one run
and must not be written anywhere: an id of few digits can be guessed from its hash.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pydicom

# Importing it silences pydicom, whose warnings may quote names of people.
from braintumor.images import dicom as _quiet  # noqa: F401

# What tools that take names out write instead: a word without a number is every patient's.
_NOBODY = re.compile(r"(?:ANON\D*|UNKNOWN|NONE|NULL|NAN?|N/A|<NA>|0*)", re.IGNORECASE)


def patient_key(path: Path) -> str | None:
    """A hash of PatientID and its issuer.

    None where the file has none, only a word that stands for nobody, or cannot be read.
    """
    said = _said(path, "IssuerOfPatientID", "PatientID")
    return None if said is None or _NOBODY.fullmatch(said[-1]) else _hashed(said)


def study_key(path: Path) -> str | None:
    """A hash of StudyInstanceUID; None where the file has none or cannot be read."""
    said = _said(path, "StudyInstanceUID")
    return None if said is None or not said[0] else _hashed(said)


def _said(path: Path, *names: str) -> list[str] | None:
    """The elements' texts; None where the file cannot be read."""
    tags: list[int | str | tuple[int, int]] = [*names]
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags, force=True)
        return [str(dataset.get(name) or "").strip() for name in names]
    except Exception:  # a damaged header can make pydicom raise anything at all
        return None


def _hashed(said: list[str]) -> str:
    return hashlib.sha256("\0".join(said).encode("utf-8", "replace")).hexdigest()
