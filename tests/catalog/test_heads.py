"""Heads stand out from their background; chest X-rays and shoulders do not look like heads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from braintumor.catalog.heads import without_head
from braintumor.catalog.thumbnails import thumbnail
from braintumor.images.decode import read_slice


def disc(height: float, width: float) -> np.ndarray:
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    return np.where((y / height) ** 2 + (x / width) ** 2 < 1, 150, 5).astype(np.uint8)


def test_an_oval_on_black_is_taken_for_a_head() -> None:
    assert not without_head(np.stack([disc(0.8, 0.6), disc(0.95, 0.95), disc(0.4, 0.4)])).any()


def test_what_fills_the_frame_or_is_no_oval_is_not() -> None:
    full = np.full((128, 128), 120, np.uint8)
    full[40:80, 50:70] = 30
    band = np.full((128, 128), 5, np.uint8)
    band[:, 20:110] = 150
    bent = np.full((128, 128), 5, np.uint8)
    bent[10:120, 10:30] = bent[100:120, 10:120] = 150
    assert without_head(np.stack([full, band, bent])).tolist() == [True, False, True]


@pytest.mark.shared
def test_samples_that_are_no_brain(shared: Path) -> None:
    samples = shared / "data/samples"
    foreign = [*sorted((samples / "not-a-brain").iterdir()), samples / "dicom-codecs/MR2_UNCR.dcm"]
    assert without_head(np.stack([seen(file) for file in foreign])).all()


@pytest.mark.shared
def test_a_series_of_a_head(shared: Path) -> None:
    files = sorted((shared / "data/samples/dicom-head-t1").iterdir())
    assert without_head(np.stack([seen(file) for file in files])).sum() <= 1


def seen(file: Path) -> np.ndarray:
    """A picture's thumbnail, also of a file that is refused by its tags."""
    if file.suffix == ".dcm":
        return thumbnail(pydicom.dcmread(file).pixel_array, 128)
    return thumbnail(read_slice(file).pixels, 128)
