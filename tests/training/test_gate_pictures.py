"""What a gate learns from: brain slices in every state, and pictures with no brain in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from braintumor.catalog import foreign
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.phantom.dataset import make_phantoms
from braintumor.catalog.phantom.patient import Patient
from braintumor.errors import BraintumorError
from braintumor.training import gate_pictures
from braintumor.training.gate_pictures import (
    PHOTOGRAPH,
    PIECES,
    brain_slices,
    foreign_pictures,
    further_slices,
    in_pieces,
    processed,
    require_pictures,
)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = tmp_path_factory.mktemp("phantoms") / "data"
    return Catalog.open(make_phantoms(folder, patients_per_class=3, slices_per_patient=1, size=96))


@pytest.fixture(scope="module")
def head() -> NDArray[np.uint8]:
    return np.asarray(Patient.draw(0, 1, "glioma").cut("axial", 0, size=160), np.uint8)


def test_slices_come_as_they_are_stressed_and_turned(catalog: Catalog) -> None:
    pictures = list(brain_slices(catalog, 8, seed=0))

    used = {name for name, _ in pictures}
    assert 16 <= len(pictures) <= 24
    assert not used & set(catalog.table[catalog.table["split"] == "test"]["path"])


def test_further_slices_are_processed_or_drawn_and_say_so(catalog: Catalog) -> None:
    names = [name for name, _ in further_slices(catalog, 10, (), 2, seed=0)]

    assert names[4:] == ["phantom:0"] * 3 + ["phantom:1"] * 3
    assert set(names[:4]) <= set(catalog.table["path"])


def test_slices_beside_come_from_every_plane_of_a_volume_but_its_empty_ends(
    tmp_path: Path,
) -> None:
    nibabel = pytest.importorskip("nibabel")
    across, down, along = np.mgrid[-1:1:36j, -1:1:40j, -1:1:48j]
    ball = (np.sqrt(across**2 + down**2 + along**2) < 0.7) * 500.0
    nibabel.save(nibabel.Nifti1Image(ball.astype(np.float32), np.eye(4)), tmp_path / "v.nii.gz")
    (tmp_path / "notes.txt").write_text("no picture")
    pictures = list(gate_pictures._slices_beside([tmp_path]))

    assert {name for name, _ in pictures} == {"beside:v.nii.gz"}
    assert {pixels.shape for _, pixels in pictures} == {(40, 36), (48, 36), (48, 40)}
    assert all(pixels.max() > 0 for _, pixels in pictures)


def test_a_processed_slice_is_still_most_of_the_head(head: NDArray[np.uint8]) -> None:
    random = np.random.default_rng(0)
    shapes = set()
    for _ in range(40):
        found = processed(head, random)
        shapes.add(found.shape)
        assert min(found.shape) >= 16
        assert np.isfinite(found).all()
        assert (found > 0.1 * found.max()).sum() > 0.08 * found.size
    assert len(shapes) > 10


def test_pieces_keep_the_grey_levels_and_lose_the_head(head: NDArray[np.uint8]) -> None:
    random = np.random.default_rng(3)
    mixed = [in_pieces(head, random) for _ in range(20)]
    alike = [np.corrcoef(one.ravel(), np.resize(head, one.shape).ravel())[0, 1] for one in mixed]

    assert all(one.dtype == np.uint8 and one.max() > 100 for one in mixed)
    assert np.mean(np.abs(alike)) < 0.3


def test_a_slice_too_small_for_pieces_gives_nothing() -> None:
    assert not in_pieces(np.zeros((3, 3), np.uint8), np.random.default_rng(0)).any()


def test_every_kind_is_there_and_what_lies_beside_brains_twice(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "KINDS", {k: foreign.KINDS[k] for k in ("abdomen", "noise")})
    pictures = list(foreign_pictures(catalog, 3, seed=0))

    kinds = [kind for kind, _ in pictures]
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    assert counts == {"abdomen": 6, "noise": 3, PHOTOGRAPH: 9, PIECES: 6}
    again = list(foreign_pictures(catalog, 3, seed=0))
    for (_, one), (_, other) in zip(pictures, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_folder_of_real_pictures_is_a_kind_and_grows_by_altered_ones(tmp_path: Path) -> None:
    pixels = np.zeros((60, 80), np.uint8)
    pixels[10:50, 10:70] = np.arange(60) * 4
    for kind, count in (("belly", 1), ("knee", 9)):
        (tmp_path / kind).mkdir()
        for k in range(count):
            Image.fromarray(np.roll(pixels, k, axis=1)).save(tmp_path / kind / f"{k}.png")
    (tmp_path / "knee" / "notes.txt").write_text("no picture")
    (tmp_path / "README.txt").write_text("no picture either")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "0.png").write_bytes(b"no PNG")
    pictures = list(gate_pictures._real(tmp_path, 6, seed=0))
    assert [kind for kind, _ in pictures] == ["belly"] * 6 + ["knee"] * 9
    shown = [picture for _, picture in pictures]
    np.testing.assert_array_equal(shown[0], pixels)
    assert not any(np.array_equal(shown[0], other) for other in shown[1:6])
    again = [picture for _, picture in gate_pictures._real(tmp_path, 6, seed=0)]
    for one, other in zip(shown, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_folder_without_a_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kind").mkdir()
    (tmp_path / "kind" / "0.png").write_bytes(b"no PNG")
    (tmp_path / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    with pytest.raises(BraintumorError, match="holds no picture that can be read: name another"):
        require_pictures(tmp_path)
    Image.new("L", (70, 70), 9).save(tmp_path / "kind" / "1.png")
    require_pictures(tmp_path)
