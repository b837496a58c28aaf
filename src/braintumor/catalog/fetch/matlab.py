"""Slices of the collection of Cheng et al. as their MATLAB v7.3 files hold them.

Such a file is HDF5 with the struct `cjdata`: `PID` (characters as 16-bit codes), `label`, `image`
(16-bit, 512 x 512 or 256 x 256), `tumorMask` and `tumorBorder`. MATLAB stores columns first, so
that every matrix lies transposed in the file. Knows the files, not where they come from.

References:
    README.txt of doi:10.6084/m9.figshare.1512427, and MathWorks, "MAT-file versions" (v7.3).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.errors import BraintumorError, MissingExtraError, require

LABELS = {1: "meningioma", 2: "glioma", 3: "pituitary"}
_HDF5 = b"\x89HDF\r\n\x1a\n"
# MATLAB writes 512 bytes of its own before the HDF5 part.
_USER_BLOCK = 512
_MOST_VALUES = 4096 * 4096
_WHAT = "Reading MATLAB files"


class MatlabError(BraintumorError):
    """A MATLAB file that is not as its collection describes it."""


@dataclass(frozen=True)
class MatSlice:
    """One slice.

    Attributes:
        label: its class, one of `CLASSES`.
        patient: the source's id of the patient.
        image: (height, width) uint16, as acquired; the lowest value is moved to 0 where one is
            negative.
        mask: (height, width) bool, True inside the tumour.
    """

    label: str
    patient: str
    image: NDArray[np.uint16]
    mask: NDArray[np.bool_]


def read_mat_slice(data: bytes, name: str) -> MatSlice:
    """Read one slice from a file's bytes.

    Args:
        data: the file.
        name: what it is called in messages.

    Raises:
        MatlabError: no MATLAB v7.3 file, or not one of the collection.
        MissingExtraError: the extra [data] is not installed.
    """
    h5py = require("h5py", extra="data", what=_WHAT)
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            group = file["cjdata"]
            label = LABELS[int(_matrix(group["label"]).item())]
            patient = _text(file, group["PID"])
            image, mask = _matrix(group["image"]), _matrix(group["tumorMask"]) != 0
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise MatlabError(
            f"{name} is no slice of the collection in MATLAB's format v7.3: fetch it anew"
        ) from error
    if image.shape != mask.shape or image.ndim != 2 or not patient:
        raise MatlabError(f"{name} has an image and a mask that do not fit, or no patient")
    image = image.astype(np.int64)
    image -= min(0, int(image.min()))
    if image.max() > np.iinfo(np.uint16).max:
        raise MatlabError(f"{name} has values that 16 bits do not hold")
    return MatSlice(label, patient, image.astype(np.uint16), mask)


def read_folds(data: bytes, name: str, variable: str = "cvind") -> list[int]:
    """The fold of every slice, counted from 0, in the order of the slices' numbers.

    Args:
        data: `cvind.mat`, in MATLAB's format v7.3 or an older one: numbers from 1 to 5.
        name: what it is called in messages.
        variable: the matrix's name in it.

    Raises:
        MatlabError: it is no such file.
    """
    try:
        if data.startswith(_HDF5) or data[_USER_BLOCK:].startswith(_HDF5):
            h5py = require("h5py", extra="data", what=_WHAT)
            with h5py.File(io.BytesIO(data), "r") as file:
                values = _matrix(file[variable])
        else:
            from scipy.io import loadmat

            values = loadmat(io.BytesIO(data), variable_names=[variable])[variable]
    except MissingExtraError:
        raise
    except Exception as error:  # SciPy raises anything on files that are none
        raise MatlabError(f"{name} holds no folds named {variable}: fetch it anew") from error
    folds = np.asarray(values).ravel()
    if folds.size == 0 or folds.min() < 1 or np.any(folds != np.round(folds)):
        raise MatlabError(f"{name} holds folds that are no whole numbers from 1")
    return [int(fold) - 1 for fold in folds]


def _matrix(dataset: Any) -> NDArray[Any]:
    """A numeric matrix the way MATLAB shows it; refused before memory is set aside for giants."""
    if dataset.dtype.kind not in "iufb" or dataset.size > _MOST_VALUES:
        raise ValueError("no matrix of numbers, or a giant")
    return np.asarray(dataset).T


def _text(file: Any, dataset: Any) -> str:
    """A string: codes of characters, or a cell that refers to them, or a plain number."""
    if dataset.dtype.kind == "O":
        return _text(file, file[np.asarray(dataset).ravel()[0]])
    values = _matrix(dataset).ravel(order="F")
    if dataset.dtype.kind == "f":
        return str(int(values.item()))
    return "".join(chr(int(code)) for code in values).strip("\0 ")
