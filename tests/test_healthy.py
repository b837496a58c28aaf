"""Healthy heads: what the table says of them, and how those of other packages become slices."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import heads
import healthy
import nibabel
import numpy as np
import pandas as pd
import pytest
import volumes
from PIL import Image

from braintumor.errors import BraintumorError


def test_the_table_tells_refused_right_doubted_and_wrong_apart(tmp_path: Path) -> None:
    rows = [
        ("ok", "no_tumor"), ("uncertain", "no_tumor"), ("uncertain", "glioma"), ("ok", "glioma"),
        ("refused", ""), ("refused", ""), ("error", ""), ("ok", "no_tumor"),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["status", "predicted"])
    table = table.assign(
        head="h.nii.gz", plane="axial", slice="1", model="cnn", model_sha256="", confidence=""
    )
    table[healthy.COLUMNS].to_csv(tmp_path / f"{healthy.SHIPPED}.csv", index=False)
    row = "| `h.nii.gz` | `cnn` | 8 | 37.5 % | 25.0 % | 12.5 % | 12.5 % | 12.5 % |"
    assert healthy.section(tmp_path).splitlines()[2:] == [row]
    # What was shipped before is folded away.
    table[healthy.COLUMNS].assign(status="ok").to_csv(tmp_path / "before.csv", index=False)
    now, before = healthy.section(tmp_path).split("<details>")
    assert row in now
    assert "| `h.nii.gz` | `cnn` | 8 | 0.0 % |" in before


def test_slices_with_a_tumour_stand_apart_from_those_without(tmp_path: Path) -> None:
    table = pd.DataFrame(
        [("a", "ok", "no_tumor"), ("a-tumour", "ok", "no_tumor"), ("a-tumour", "ok", "glioma")],
        columns=["head", "status", "predicted"],
    ).assign(plane="axial", slice="", model="cnn", model_sha256="", confidence="")
    table[healthy.COLUMNS].to_csv(tmp_path / f"{healthy.SHIPPED}.csv", index=False)
    free, shown = healthy.section(tmp_path).split(healthy.SHOWN)
    assert "| `a` | `cnn` | 1 | 0.0 % | 100.0 % |" in free
    assert "tumour`" not in free
    assert "| `a-tumour` | `cnn` | 2 | 0.0 % | 50.0 % | 0.0 % | 0.0 % | 50.0 % |" in shown


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
    image = volumes.minc(header, voxels.tobytes())
    assert image.shape == (2, 4, 3)
    assert np.asarray(image.dataobj)[1, 2, 0] == voxels.reshape(2, 3, 4)[1, 0, 2]
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
    np.testing.assert_allclose(image.affine @ [1, 2, 1, 1], [9, 16, 33, 1])


def test_slices_are_of_the_brain_and_apart(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 900, (60, 60, 120)).astype(np.int16)
    affine = np.diag([4.0, 4.0, 2.0, 1.0])
    affine[:3, 3] = -120
    nibabel.save(nibabel.Nifti1Image(pixels, affine), tmp_path / "h.nii")
    head = heads.Head("made", lambda package, folder: None, "", "", "", "", "template")
    found = dict(heads.slices(head, tmp_path))
    axial = sorted(int(name.rsplit("axial-", 1)[1]) for name in found if "axial" in name)
    assert axial == list(range(-62, 81, 4))
    assert {image.dtype.name for image in found.values()} == {"uint8"}


def test_another_folder_is_not_overwritten(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "mine.png")
    with pytest.raises(BraintumorError, match="name another folder"):
        heads.write_slices(tmp_path)
    assert (tmp_path / "mine.png").is_file()


def test_a_nrrd_volume_lies_where_its_header_says_left_and_back_turned_round() -> None:
    header = (
        "NRRD0004\n# a comment\ntype: short\ndimension: 3\nspace: left-posterior-superior\n"
        "sizes: 2 3 4\nspace directions: (0.5,0,0) (0,-2,0) (0,0,6.5)\nendian: little\n"
        "encoding: gzip\nspace origin: (-9,8,-7)"
    )
    voxels = np.arange(24, dtype="<i2")
    image = volumes.nrrd(header.encode() + b"\n\n" + gzip.compress(voxels.tobytes()))
    assert np.asarray(image.dataobj)[1, 2, 3] == 1 + 2 * 2 + 3 * 6
    np.testing.assert_allclose(image.affine @ [1, 2, 3, 1], [8.5, -4, 12.5, 1])
    with pytest.raises(ValueError, match="does not read"):
        volumes.nrrd(header.replace("gzip", "raw").encode() + b"\n\n")


def test_slices_beside_a_tumour_keep_away_from_it(tmp_path: Path) -> None:
    head = np.zeros((40, 40, 40), np.int16)
    head[5:35, 5:35, 2:38] = 500
    outline = np.zeros_like(head)
    outline[10:14, 10:14, 20:22] = 3  # 3 is the tumour, 7 something else that was outlined
    outline[20:30, 20:30, 30:34] = 7
    for pixels, name in ((head, "h.nii.gz"), (outline, "h-label.nii.gz")):
        nibabel.save(nibabel.Nifti1Image(pixels, np.diag([2.0, 2.0, 2.0, 1.0])), tmp_path / name)
    made = heads.Head("made", lambda package, folder: None, "", "", "", "", "volume", tumour=3)
    axial = {name for name, _ in heads.slices(made, tmp_path) if "axial" in name}
    places = sorted(int(name.rsplit("axial-", 1)[1]) for name in axial)
    assert places
    assert all(at < 40 - 6 or at > 42 + 6 for at in places)
    assert any(58 < at < 68 for at in places)
    assert min(places) >= 4
    assert max(places) <= 74


def test_slices_that_show_a_tumour_cut_much_of_it(tmp_path: Path) -> None:
    pixels = np.full((40, 40, 40), 500, np.int16)
    outline = np.zeros_like(pixels)
    outline[10:20, 10:20, 18:24] = 3
    outline[14:16, 14:16, 24:30] = 3  # its thin end
    outline[20:30, 20:30, 30:34] = 7
    for volume, name in ((pixels, "h.nii.gz"), (outline, "h-label.nii.gz")):
        nibabel.save(nibabel.Nifti1Image(volume, np.diag([2.0, 2.0, 2.0, 1.0])), tmp_path / name)
    places = [at for at, _ in heads._of_tumour(tmp_path / "h.nii.gz", "axial", 3)]
    assert places == [36, 42], "5 mm apart, from 36 to 46 mm"
