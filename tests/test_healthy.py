"""Healthy heads: what the table says of them, and how those of other packages become slices."""

from __future__ import annotations

import json
from pathlib import Path

import heads
import healthy
import nibabel
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from braintumor.errors import BraintumorError


def test_the_table_tells_refused_right_doubted_and_wrong_apart(tmp_path: Path) -> None:
    rows = [
        ("ok", "no_tumor"), ("uncertain", "no_tumor"), ("uncertain", "glioma"), ("ok", "glioma"),
        ("refused", ""), ("refused", ""), ("error", ""), ("ok", "no_tumor"),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["status", "predicted"])
    table = table.assign(head="h.nii.gz", plane="axial", slice="1", model="cnn", confidence="")
    table[healthy.COLUMNS].to_csv(tmp_path / "now.csv", index=False)
    assert healthy.section(tmp_path).splitlines()[2:] == [
        "| `h.nii.gz` | `cnn` | now | 8 | 37.5 % | 37.5 % | 12.5 % | 12.5 % |"
    ]


def test_until_a_head_was_looked_at_it_says_so(tmp_path: Path) -> None:
    assert healthy.section(tmp_path) == healthy.NONE_YET


def test_a_volume_of_minc_lies_where_its_header_says() -> None:
    voxels = np.arange(2 * 3 * 4, dtype=np.uint8)  # x, z, y
    axes = {
        axis: {"start": start, "step": step, "space_length": n, "direction_cosines": cosines}
        for axis, start, step, n, cosines in (
            ("xspace", 10, -1, 2, [1, 0, 0]),
            ("yspace", 20, -2, 4, [0, 1, 0]),
            ("zspace", 30, 3, 3, [0, 0, 1]),
        )
    }
    header = json.dumps({"order": ["xspace", "zspace", "yspace"], **axes}).encode()
    image = heads.volume(header, voxels.tobytes())
    assert image.shape == (2, 4, 3)
    assert np.asarray(image.dataobj)[1, 2, 0] == voxels.reshape(2, 3, 4)[1, 0, 2]
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
    np.testing.assert_allclose(image.affine @ [1, 2, 1, 1], [9, 16, 33, 1])


def test_slices_are_of_the_brain_and_apart(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 900, (60, 60, 120)).astype(np.int16)
    affine = np.diag([4.0, 4.0, 2.0, 1.0])
    affine[:3, 3] = -120
    nibabel.save(nibabel.Nifti1Image(pixels, affine), tmp_path / "h.nii")
    head = heads.Head("made", lambda package, folder: None, "", "", "", "template", "")
    found = dict(heads.slices(head, tmp_path))
    axial = sorted(int(name.rsplit("axial-", 1)[1]) for name in found if "axial" in name)
    assert axial == list(range(-62, 81, 4))
    assert {image.dtype.name for image in found.values()} == {"uint8"}


def test_another_folder_is_not_overwritten(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "mine.png")
    with pytest.raises(BraintumorError, match="name another folder"):
        heads.write_slices(tmp_path)
    assert (tmp_path / "mine.png").is_file()
