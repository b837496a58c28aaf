"""Masks of lesions: found by the patients file, and lying on the canvas where the slice lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_files import bomb
from PIL import Image

from braintumor.catalog.cache import prepared
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.lesions import Lesion, Lesions
from braintumor.errors import BraintumorError
from braintumor.evaluation.patients import read_patients
from braintumor.images.prepare import Preparation

PREPARATION = Preparation(size=64)
HEAD = (slice(30, 130), slice(50, 150))  # rows and columns of the head in the slice
LESION = (slice(40, 60), slice(60, 90))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Slices of 160 x 200 with a head off the middle; gliomas 1 and 2, the second mirrored."""
    root = tmp_path / "data"
    for label, names in (("glioma", ("a", "b", "c")), ("no_tumor", ("n", "o"))):
        for number, name in enumerate(names):
            pixels = np.zeros((160, 200), np.uint8)
            pixels[HEAD] = 100 + number
            if label == "glioma":
                pixels[LESION] = 220
            if name == "b":
                pixels = pixels[:, ::-1]
            folder = root / "train" / label
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{name}.png")
    return root


@pytest.fixture
def lesions(tmp_path: Path) -> Lesions:
    """Masks at another size than the slices, as the figshare collection has them."""
    folder = tmp_path / "masks"
    folder.mkdir()
    mask = np.zeros((80, 100), np.uint8)
    mask[20:30, 30:45] = 255
    for number in (1, 2):
        Image.fromarray(mask).save(folder / f"{number}.png")
    table = tmp_path / "patients.csv"
    table.write_text(
        "split,class,file,group,source_slice,orientation\n"
        "train,glioma,a.png,p1,1,same\ntrain,glioma,b.png,p2,2,mirrored\n"
        "train,glioma,c.png,p3,../1,same\n"
    )
    return Lesions(folder, [read_patients(table)])


def test_a_mask_lies_where_the_lesion_lies(data: Path, lesions: Lesions) -> None:
    catalog = Catalog.from_folder(data)
    masks, _ = lesions.prepared(catalog, PREPARATION)
    pixels = prepared(catalog, PREPARATION)
    for row in (0, 1):
        bright = pixels[row] > 200
        assert ((masks[row] > 127) == bright).mean() > 0.98
        assert bright.any()


def test_the_digest_tells_which_masks_were_learnt_from(lesions: Lesions) -> None:
    before = lesions.digest()
    assert lesions.digest() == before
    Image.fromarray(np.full((80, 100), 9, np.uint8)).save(lesions.folder / "2.png")
    other = lesions.digest()
    assert other != before
    (lesions.folder / "1.png").rename(lesions.folder / "3.png")
    assert lesions.digest() != other


def test_masks_that_are_of_no_image_are_an_error_that_says_what_is_lacking(
    data: Path, lesions: Lesions, tmp_path: Path
) -> None:
    """A table of groups alone names no source slices: training would learn from no mask at all."""
    catalog = Catalog.from_folder(data)
    lesions.require(catalog)
    table = tmp_path / "groups.csv"
    table.write_text("path,group\ntrain/glioma/a.png,p1\n")
    with pytest.raises(BraintumorError, match=r"source_slice and orientation"):
        Lesions(lesions.folder, [read_patients(table)]).require(catalog)


def test_what_is_known_is_said(data: Path, lesions: Lesions) -> None:
    catalog = Catalog.from_folder(data)
    masks, known = lesions.prepared(catalog, PREPARATION)
    assert list(catalog.table["label"]) == ["glioma"] * 3 + ["no_tumor"] * 2
    assert known.tolist() == [True, True, False, True, True]
    assert not masks[2:].any(), "no mask, and no way out of the folder either"


def test_a_mask_that_cannot_be_read_is_named(data: Path, lesions: Lesions) -> None:
    (lesions.folder / "1.png").write_bytes(b"no picture")
    with pytest.raises(BraintumorError, match=r"1\.png cannot be read as a mask"):
        lesions.prepared(Catalog.from_folder(data), PREPARATION)


@pytest.mark.parametrize("side", [4097, 60_000])
def test_a_mask_that_is_too_large_is_one_sentence(data: Path, lesions: Lesions, side: int) -> None:
    """The second is so large that Pillow does not open it."""
    (lesions.folder / "1.png").write_bytes(bomb(side))
    with pytest.raises(BraintumorError, match=r"1\.png is too large for the mask of a slice$"):
        lesions.prepared(Catalog.from_folder(data), PREPARATION)


@pytest.mark.parametrize("brightest", [0, 1, 127])
def test_a_mask_that_is_dark_everywhere_is_refused(
    data: Path, lesions: Lesions, brightest: int
) -> None:
    """Masks of 0 and 1 would teach that the tumours lie nowhere."""
    mask = np.zeros((80, 100), np.uint8)
    mask[20:30, 30:45] = brightest
    Image.fromarray(mask).save(lesions.folder / "1.png")
    with pytest.raises(BraintumorError, match=r"1\.png is dark everywhere: masks are 0 outside"):
        lesions.prepared(Catalog.from_folder(data), PREPARATION)


OWN = "path,patient\ntrain/glioma/a.png,P1\n"
# Of another data set whose files bear the same names.
THEIRS = "class,file,group,source_slice,orientation\nglioma,a.png,X,1,same\n"


@pytest.mark.parametrize("order", [(OWN, THEIRS), (THEIRS, OWN)], ids=["own first", "own last"])
def test_a_slice_that_its_own_file_names_takes_no_mask_from_another(
    data: Path, lesions: Lesions, tmp_path: Path, order: tuple[str, str]
) -> None:
    files = []
    for number, text in enumerate(order):
        (tmp_path / f"{number}.csv").write_text(text)
        files.append(read_patients(tmp_path / f"{number}.csv"))
    catalog = Catalog.from_folder(data)
    assert not any(Lesions(lesions.folder, files).of(catalog))


def test_a_file_without_splits_finds_its_own_slices_by_their_whole_path(
    data: Path, lesions: Lesions, tmp_path: Path
) -> None:
    """Two files know a `glioma/a.png`; only one of them means the one without a split folder."""
    (tmp_path / "own.csv").write_text(OWN)
    (tmp_path / "theirs.csv").write_text(THEIRS)
    files = [read_patients(tmp_path / name) for name in ("own.csv", "theirs.csv")]
    catalog = Catalog.from_folder(data / "train")
    (found,) = [
        lesion
        for path, lesion in zip(
            catalog.table["path"], Lesions(lesions.folder, files).of(catalog), strict=True
        )
        if path == "glioma/a.png"
    ]
    assert found == Lesion(lesions.folder / "1.png", mirrored=False)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BraintumorError, match="nowhere is no folder"):
        Lesions(tmp_path / "nowhere", [])
