"""Thumbnails: areas averaged exactly, the same mirrored, and a hash that sees pixels only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_folders import data_set

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.thumbnails import hash_of_pixels, thumbnail, thumbnails, together

RANDOM = np.random.default_rng(0)


def noise(height: int, width: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (height, width)).astype(np.uint8)


def test_each_pixel_of_a_thumbnail_is_the_mean_of_its_part() -> None:
    pixels = noise(128, 192)
    means = pixels.reshape(64, 2, 64, 3).mean(axis=(1, 3))
    assert np.abs(thumbnail(pixels) - means).max() <= 0.5 + 1e-3


def test_parts_may_end_within_pixels() -> None:
    assert thumbnail(np.array([[0, 90, 180]], np.uint8), 2).tolist() == [[30, 150]] * 2


@pytest.mark.parametrize("shape", [(640, 640), (333, 271), (40, 30)])
def test_a_mirrored_or_turned_slice_has_a_mirrored_or_turned_thumbnail(
    shape: tuple[int, int],
) -> None:
    pixels = noise(*shape)
    mirrored = thumbnail(pixels[:, ::-1])[:, ::-1].astype(int)
    turned = np.rot90(thumbnail(np.rot90(pixels)), -1).astype(int)
    assert np.abs(mirrored - thumbnail(pixels)).max() <= 1  # where a half is rounded
    assert np.abs(turned - thumbnail(pixels)).max() <= 1


def test_other_types_use_the_whole_range() -> None:
    pixels = noise(128, 128).astype(np.float32) * 17 - 300
    small = thumbnail(pixels)
    assert small.min() == 0
    assert small.max() == 255
    assert np.corrcoef(small.ravel(), thumbnail((pixels + 300) / 17).ravel())[0, 1] > 0.9999


def test_values_that_are_no_numbers_do_no_harm() -> None:
    pixels = np.full((64, 64), np.nan, np.float32)
    pixels[:32] = 5
    assert thumbnail(pixels).max() == 255
    assert thumbnail(np.zeros((9, 9), np.float32)).max() == 0


def test_the_hash_is_of_pixels_not_of_files(tmp_path: Path) -> None:
    data_set(tmp_path, splits=("train",), count=1)
    first = tmp_path / "train/glioma/img_0.png"
    with Image.open(first) as picture:
        picture.save(tmp_path / "train/glioma/same.tif")
        picture.convert("RGB").save(tmp_path / "train/glioma/same.bmp")
        picture.save(tmp_path / "train/glioma/other.jpg")
    catalog = Catalog.from_folder(tmp_path)
    small = thumbnails(catalog)
    hashes = dict(zip(catalog.table["path"], map(bytes, small.hashes), strict=True))
    same = {hashes[f"train/glioma/{name}"] for name in ("img_0.png", "same.tif", "same.bmp")}
    assert len(same) == 1
    assert hashes["train/glioma/other.jpg"] not in same
    assert len(small) == len(catalog) == 7


def test_the_hash_sees_size_and_depth() -> None:
    pixels = noise(6, 4)
    assert hash_of_pixels(pixels) == hash_of_pixels(pixels.astype(np.uint16))
    assert hash_of_pixels(pixels) != hash_of_pixels(pixels.reshape(4, 6))
    assert hash_of_pixels(pixels) != hash_of_pixels(pixels.astype(np.uint16) + 300)


def test_they_are_made_once(tmp_path: Path, cache: Path) -> None:
    catalog = Catalog.from_folder(data_set(tmp_path / "data"))
    first = thumbnails(catalog)
    for file in (tmp_path / "data").rglob("*.png"):
        file.unlink()
    again = thumbnails(catalog)
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.fine, again.fine)
    assert len(list(cache.glob("thumbnails-*.npy"))) == 1


def test_those_of_several_catalogues_stand_in_their_order(tmp_path: Path, cache: Path) -> None:
    catalogs = [
        Catalog.from_folder(data_set(tmp_path / name, count=count))
        for name, count in (("one", 1), ("other", 2))
    ]
    first, second = map(thumbnails, catalogs)
    both = together([first, second])
    assert len(both) == len(first) + len(second)
    for name in ("pixels", "fine", "histograms", "roughness", "hashes"):
        for part, rows in ((first, slice(len(first))), (second, slice(len(first), None))):
            assert np.array_equal(getattr(both, name)[rows], getattr(part, name)), name
