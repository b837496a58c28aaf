"""MATLAB v7.3 files as the collection of Cheng et al. has them, made here from drawn pixels."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray


def mat_slice(
    label: int, patient: str, image: NDArray[Any], mask: NDArray[Any], *, cell: bool = False
) -> bytes:
    """One `N.mat`.

    Args:
        label: 1 meningioma, 2 glioma, 3 pituitary.
        patient: PID.
        image, mask: (height, width) as MATLAB shows them.
        cell: whether PID is a cell, which HDF5 holds as a reference.
    """
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=512) as file:
        group = file.create_group("cjdata")
        codes = np.array([[ord(letter)] for letter in patient], np.uint16)
        if cell:
            file.create_group("#refs#").create_dataset("a", data=codes)
            pid = group.create_dataset("PID", (1, 1), dtype=h5py.ref_dtype)
            pid[0, 0] = file["#refs#/a"].ref
        else:
            group.create_dataset("PID", data=codes)
        group.create_dataset("label", data=np.array([[float(label)]]))
        group.create_dataset("image", data=image.T, compression="gzip")
        group.create_dataset("tumorMask", data=mask.T.astype(np.uint8))
        group.create_dataset("tumorBorder", data=np.zeros((1, 8)))
    return buffer.getvalue()


def mat_folds(folds: list[int]) -> bytes:
    """`cvind.mat` in format v7.3: folds counted from 1."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=512) as file:
        file.create_dataset("cvind", data=np.array([folds], float))
    return buffer.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    """A ZIP archive with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()
