"""Volumes in two other formats as NIfTI, as far as the packages of `heads` need it."""

from __future__ import annotations

import gzip
import json

import nibabel
import numpy as np

_TYPES = {"short": "<i2", "int": "<i4"}


def minc(header: bytes, voxels: bytes) -> nibabel.Nifti1Image:
    """A MINC volume, its header in JSON, as NIfTI (MINC's world is that of NIfTI, in mm)."""
    told = json.loads(header)
    order = told["order"]
    shape = [int(told[axis]["space_length"]) for axis in order]
    axes = ("xspace", "yspace", "zspace")
    grid = np.frombuffer(voxels, np.uint8).reshape(shape).transpose([order.index(a) for a in axes])
    affine = np.eye(4)
    for column, axis in enumerate(axes):
        cosines = np.array(told[axis]["direction_cosines"])
        affine[:3, column] = float(told[axis]["step"]) * cosines
        affine[:3, 3] += float(told[axis]["start"]) * cosines
    return nibabel.Nifti1Image(np.ascontiguousarray(grid), affine)


def nrrd(data: bytes) -> nibabel.Nifti1Image:
    """A volume in NRRD, gzipped and little-endian, as NIfTI (whose world is turned: RAS, not LPS).

    Raises:
        ValueError: another kind of NRRD.
    """
    header, _, packed = data.partition(b"\n\n")
    lines = (line.partition(": ") for line in header.decode("ascii").splitlines())
    told = {key: value for key, _, value in lines}
    whole = (told["encoding"], told["endian"], told["space"])
    if whole != ("gzip", "little", "left-posterior-superior"):
        raise ValueError(f"a NRRD that this does not read: {whole}")
    shape = [int(size) for size in told["sizes"].split()]
    values = np.frombuffer(gzip.decompress(packed), _TYPES[told["type"]])
    affine = np.eye(4)
    affine[:3, :3] = np.transpose([_vector(one) for one in told["space directions"].split()])
    affine[:3, 3] = _vector(told["space origin"])
    return nibabel.Nifti1Image(
        values.reshape(shape, order="F").astype(np.int16), np.diag([-1, -1, 1, 1]) @ affine
    )


def _vector(text: str) -> list[float]:
    return [float(number) for number in text.strip("()").split(",")]
