"""The phantom data set on disk, and the sample pictures of the page.

Folders as any real data set has them (`train/glioma/...`), patients never in two splits; marked as
phantom three times over: `PHANTOM.txt` at the root, the file names, and a text chunk "phantom" in
every PNG. Nothing is burnt into the pixels, where it would be a shortcut.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from braintumor.catalog.phantom.patient import Patient
from braintumor.classes import CLASSES, PHANTOM_MARK, SPLITS
from braintumor.errors import BraintumorError
from braintumor.files import atomic_path, write_text
from braintumor.progress import track

VERSION = 1
_CHUNK = (
    f"Drawn by code; no patient, no scanner, no medical meaning. braintumor phantoms {VERSION}."
)
_NOTICE = """PHANTOM IMAGES - NOT PATIENTS

Every picture in this folder was drawn by a program from geometry and random numbers. No person
was ever in a scanner for it. They serve to try the software; what a network scores on them says
nothing about real images, and nothing about medicine.
"""
# Share of each class's patients; training gets the rest.
_SHARES = {"valid": 0.15, "test": 0.2}


def make_phantoms(
    out: Path | str,
    *,
    seed: int = 0,
    patients_per_class: int = 24,
    slices_per_patient: int = 8,
    size: int = 256,
) -> Path:
    """Draw a phantom data set; the same arguments give the same files, byte for byte.

    Args:
        out: its folder: new, empty, or an earlier phantom data set, which is replaced.
        seed: of everything that is random, 0 or more.
        patients_per_class: simulated patients of each class, at least 3 (one a split).
        slices_per_patient: slices of each.
        size: pixels a side, 64 to 1024.

    Returns:
        The folder: SPLIT/CLASS/phantom_pNNN_PLANE_sNN.png, PHANTOM.txt and patients.csv
        (path,patient).

    Raises:
        BraintumorError: the folder holds something else, or cannot be written.
        ValueError: a number out of range.
    """
    if patients_per_class < 3 or slices_per_patient < 1:
        raise ValueError("needs at least 3 patients a class and 1 slice a patient")
    if not 64 <= size <= 1024 or seed < 0:
        raise ValueError("size must be between 64 and 1024 pixels, and seed 0 or more")
    root = Path(out)
    _clear(root)
    try:
        # The mark comes first: not even a half made set can be taken for patients.
        write_text(root / PHANTOM_MARK, _NOTICE)
        rows = []
        total = len(CLASSES) * patients_per_class * slices_per_patient
        drawn = _draw(seed, patients_per_class, slices_per_patient, size)
        for path, patient, pixels in track(drawn, total=total, what="Drawing phantoms"):
            with atomic_path(root / path) as temporary:
                temporary.write_bytes(_png(pixels))
            rows.append((path, patient))
        _write_patients(root / "patients.csv", rows)
    except OSError as error:
        raise BraintumorError(
            f"{root} cannot be written ({error.strerror}): give another folder"
        ) from error
    return root


@lru_cache(maxsize=1)
def _samples() -> dict[str, NDArray[np.uint8]]:
    chosen = {
        "glioma": (3, "axial"),
        "meningioma": (4, "coronal"),
        "no_tumor": (2, "axial"),
        "pituitary": (3, "sagittal"),
    }
    return {
        label: Patient.draw(7, number, label).cut(plane, 0)
        for label, (number, plane) in chosen.items()
    }


def sample_phantoms() -> dict[str, NDArray[np.uint8]]:
    """One phantom slice of each class, (256, 256) uint8, keyed by class in class order."""
    return {label: pixels.copy() for label, pixels in _samples().items()}


def _draw(
    seed: int, patients_per_class: int, slices_per_patient: int, size: int
) -> Iterator[tuple[str, str, NDArray[np.uint8]]]:
    """Path below the root, patient and pixels of every slice."""
    number = 0
    for label in CLASSES:
        for split in _splits(patients_per_class):
            patient = Patient.draw(seed, number, label)
            name = f"phantom_p{number:03d}"
            for index, plane in enumerate(patient.planes(slices_per_patient)):
                path = f"{split}/{label}/{name}_{plane}_s{index:02d}.png"
                yield path, name, patient.cut(plane, index, size=size)
            number += 1


def _splits(patients: int) -> list[str]:
    """The split of each of a class's patients."""
    held = {split: max(1, round(share * patients)) for split, share in _SHARES.items()}
    counts = {"train": patients - sum(held.values()), **held}
    return [split for split in SPLITS for _ in range(counts[split])]


def _png(pixels: NDArray[np.uint8]) -> bytes:
    marks = PngInfo()
    marks.add_text("phantom", _CHUNK)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", pnginfo=marks, compress_level=2)
    return buffer.getvalue()


def _write_patients(path: Path, rows: list[tuple[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("path", "patient"))
    writer.writerows(rows)
    write_text(path, text.getvalue())


def _clear(root: Path) -> None:
    """Make way for a new set: remove an earlier one, and nothing that we did not draw."""
    if not root.exists():
        return
    if not root.is_dir() or (any(root.iterdir()) and not (root / PHANTOM_MARK).is_file()):
        raise BraintumorError(
            f"{root} holds something that is no phantom data set: give a new or empty folder"
        )
    for path in root.glob("*/*/phantom_p*.png"):
        path.unlink()
    (root / "patients.csv").unlink(missing_ok=True)
