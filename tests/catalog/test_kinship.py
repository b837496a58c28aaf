"""File names that share a source are kin; numbers and coincidence make none."""

from __future__ import annotations

from pathlib import Path

import pytest

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.kinship import kin, stem_of


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("test/glioma/Tr-gl_0016_jpg.rf.99746694ea97fe0b73108832b462d48e.jpg", "Tr-gl_0016"),
        ("a.b_png.rf.0123456789abcdef.png", "a.b"),
        ("scan - Copy.jpg", "scan"),
        ("scan - Copy (2).jpg", "scan"),
        ("scan copy.png", "scan"),
        ("scan_copy3.png", "scan"),
        ("plain.jpg", "plain"),
        ("photocopy.jpg", "photocopy"),
        ("image(12).jpg", "image(12)"),
        ("slice_12.dcm", "slice_12"),
        ("Copy.jpg", "Copy"),
    ],
)
def test_the_source_of_a_name(path: str, stem: str) -> None:
    assert stem_of(path) == stem


def test_kin_are_rows_of_one_class_and_one_source() -> None:
    paths = ["a/x_jpg.rf.00000001.jpg", "b/y.jpg", "b/x_jpg.rf.00000002.jpg", "b/x.jpg"]
    assert kin(paths, ["glioma"] * 4) == (("x", (0, 2, 3)),)
    assert kin(paths, ["glioma", "glioma", "pituitary", "no_tumor"]) == ()


def test_files_merely_called_the_same_are_no_kin() -> None:
    assert kin(["train/glioma/1.jpg", "test/glioma/1.jpg"], ["glioma", "glioma"]) == ()


@pytest.mark.shared
def test_stems_of_the_labelled_set(shared: Path) -> None:
    table = Catalog.from_folder(shared / "data" / "labeled-mri").table
    families = kin(list(table["path"]), list(table["label"]))
    across = [one for one in families if table["split"].iloc[list(one.rows)].nunique() > 1]
    assert abs(len(families) - 352) <= 3
    assert abs(len(across) - 164) <= 3
