"""Phantom images: marked as such, repeatable, patients apart, and heads to the preparation."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.phantom import make_phantoms, sample_phantoms
from braintumor.catalog.phantom.geometry import AXIS, Field, Plane, ellipsoid, turn_by
from braintumor.catalog.phantom.patient import Patient
from braintumor.classes import CLASSES, SPLITS
from braintumor.errors import BraintumorError
from braintumor.images.prepare import head_mask, prepare

SMALL = {"patients_per_class": 4, "slices_per_patient": 3, "size": 96}


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_phantoms(tmp_path_factory.mktemp("data") / "phantoms", seed=5, **SMALL)


def files(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*.*"))}


def test_the_folders_are_those_of_any_data_set_and_read_as_a_phantom_catalogue(
    phantoms: Path,
) -> None:
    catalog = Catalog.from_folder(phantoms)
    assert catalog.phantom
    assert len(catalog) == 4 * 4 * 3
    assert not catalog.left_out
    assert set(catalog.table["split"]) == set(SPLITS)
    assert Counter(catalog.table["label"]) == dict.fromkeys(CLASSES, 12)


def test_every_picture_is_marked_as_phantom_by_name_chunk_and_notice(phantoms: Path) -> None:
    assert "NOT PATIENTS" in (phantoms / "PHANTOM.txt").read_text()
    pictures = sorted(phantoms.rglob("*.png"))
    assert len(pictures) == 48
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.mode == "L"
            assert picture.size == (96, 96)
            assert "no patient" in picture.info["phantom"]
        assert path.name.startswith("phantom_p")
        assert path.stem.split("_")[2] in AXIS


def test_no_patient_is_in_two_splits_or_has_two_classes(phantoms: Path) -> None:
    with (phantoms / "patients.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["path"] for row in rows} == {
        p.relative_to(phantoms).as_posix() for p in phantoms.rglob("*.png")
    }
    homes: dict[str, set[tuple[str, ...]]] = {}
    for row in rows:
        homes.setdefault(row["patient"], set()).add(tuple(row["path"].split("/")[:2]))
        assert Path(row["path"]).name.startswith(row["patient"] + "_")
    assert len(homes) == 16
    assert all(len(home) == 1 for home in homes.values())
    assert {split for home in homes.values() for split, _ in home} == set(SPLITS)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_pictures(
    phantoms: Path, tmp_path: Path
) -> None:
    assert files(make_phantoms(tmp_path / "again", seed=5, **SMALL)) == files(phantoms)
    other = files(make_phantoms(tmp_path / "other", seed=6, **SMALL))
    mine = files(phantoms)
    same = [name for name in other if name.endswith(".png") and mine.get(name) == other[name]]
    assert not same


def test_drawing_again_into_the_folder_replaces_the_earlier_set(tmp_path: Path) -> None:
    root = make_phantoms(tmp_path, seed=5, **SMALL)
    (root / "patients.csv").unlink()  # as after Ctrl-C half way
    (root / "note.md").write_text("mine")
    fewer = {**SMALL, "slices_per_patient": 1}
    make_phantoms(root, seed=5, **fewer)
    assert len(list(root.rglob("*.png"))) == 16
    assert (root / "patients.csv").is_file()
    assert (root / "note.md").read_text() == "mine"
    assert not list(root.rglob("*.part*"))


def test_phantoms_are_never_mixed_into_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "scan.png").write_bytes(b"real")
    with pytest.raises(BraintumorError, match="no phantom data set"):
        make_phantoms(tmp_path, **SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ["scan.png"]
    with pytest.raises(BraintumorError):
        make_phantoms(tmp_path / "scan.png", **SMALL)


@pytest.mark.parametrize(
    "wrong",
    [{"patients_per_class": 2}, {"slices_per_patient": 0}, {"size": 8}, {"seed": -1}],
)
def test_numbers_out_of_range_are_refused_before_anything_is_written(
    tmp_path: Path, wrong: dict[str, int]
) -> None:
    with pytest.raises(ValueError, match=r"at least|must be"):
        make_phantoms(tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("plane", AXIS)
@pytest.mark.parametrize("label", CLASSES)
def test_a_slice_is_a_head_to_the_preparation(label: str, plane: str) -> None:
    """One head of a plausible size, black around it, its brightest part the fat at its rim."""
    pixels = Patient.draw(0, 3, label).cut(plane, 0)
    assert pixels.shape == (256, 256)
    assert pixels.dtype == np.uint8
    mask, _ = head_mask(pixels.astype(np.float32))
    assert 0.15 < mask.mean() < 0.75
    assert pixels.max() > 100
    grey = np.asarray(Image.fromarray(pixels).resize((128, 128)), np.float32)
    rim = mask & ~ndimage.binary_erosion(mask, iterations=5)
    assert grey[rim].mean() > 5 * max(grey[~mask].mean(), 1)
    assert grey[rim].mean() > grey[mask & ~rim].mean()
    box = prepare(pixels).box
    assert box.bottom - box.top > 90
    assert box.right - box.left > 90


def test_slices_of_a_patient_differ_and_show_the_planes_in_turn() -> None:
    patient = Patient.draw(0, 1, "pituitary")
    planes = patient.planes(6)
    assert Counter(planes) == dict.fromkeys(AXIS, 2)
    pictures = {patient.cut("axial", k, size=64).tobytes() for k in range(4)}
    assert len(pictures) == 4


def _with_and_without(label: str, number: int, plane: str) -> tuple[np.ndarray, np.ndarray]:
    """Signal of one slice, with its lesion and with the same head left healthy."""
    patient = Patient.draw(0, number, label)
    assert patient.lesion is not None
    place = Plane.through(
        plane,
        patient.lesion.centre,
        size=128,
        field_of_view=2.4,
        turn=turn_by((0, 0, 0)),
        stretch=np.ones(3),
    )
    canvas, brain = patient.head.paint(place, patient.lesion.push())
    before = canvas.signal.copy()
    patient.lesion.paint(canvas, brain)
    return before, canvas.signal


@pytest.mark.parametrize("plane", AXIS)
@pytest.mark.parametrize("label", [c for c in CLASSES if c != "no_tumor"])
def test_a_tumour_takes_up_contrast_agent_in_every_plane(label: str, plane: str) -> None:
    for number in range(4):
        before, after = _with_and_without(label, number, plane)
        brighter = after - before > 0.1
        assert 10 < brighter.sum() < 0.12 * brighter.size


@pytest.mark.parametrize("label", ["meningioma", "pituitary"])
def test_only_a_glioma_has_a_dark_core_in_a_bright_ring(label: str) -> None:
    def hollow(kind: str, number: int) -> bool:
        before, after = _with_and_without(kind, number, "axial")
        bright = ndimage.binary_closing(after - before > 0.06, iterations=2)
        holes = ndimage.binary_fill_holes(bright) & ~bright
        return bool(holes.sum() > 0.1 * bright.sum())

    assert sum(hollow("glioma", n) for n in range(8)) >= 5
    assert sum(hollow(label, n) for n in range(8)) <= 2


def test_no_tumor_patients_have_no_lesion_and_are_cut_where_tumours_grow() -> None:
    healthy = [Patient.draw(0, n, "no_tumor") for n in range(40)]
    assert all(p.lesion is None for p in healthy)
    at_sella = [p for p in healthy if abs(p.target[0][0]) < 0.06 and -0.4 < p.target[0][2] < -0.2]
    assert 5 <= len(at_sella) <= 25


def test_the_mean_grey_level_alone_does_not_give_the_class_away(phantoms: Path) -> None:
    """Contrast and brightness are drawn alike in every class."""
    means = {
        label: np.mean(
            [Patient.draw(9, 100 * k + n, label).cut("axial", 0, size=64).mean() for n in range(20)]
        )
        for k, label in enumerate(CLASSES)
    }
    spread = np.std(
        [Patient.draw(9, n, "glioma").cut("axial", 0, size=64).mean() for n in range(20)]
    )
    assert max(means.values()) - min(means.values()) < 1.5 * spread


def test_the_samples_are_one_picture_a_class_in_class_order_and_may_be_changed() -> None:
    samples = sample_phantoms()
    assert tuple(samples) == CLASSES
    assert all(s.shape == (256, 256) and s.dtype == np.uint8 for s in samples.values())
    samples["glioma"][:] = 0
    assert sample_phantoms()["glioma"].any()


def test_a_field_on_a_plane_is_the_sum_of_its_waves() -> None:
    field = Field.draw(np.random.default_rng(0), 0.3)
    plane = Plane.through(
        "coronal",
        (0.0, 0.2, 0.0),
        size=20,
        field_of_view=2.0,
        turn=turn_by((5, -4, 3)),
        stretch=np.array([1.0, 1.05, 0.95]),
    ).crop((slice(3, 9), slice(4, 15)))
    places = np.stack(plane.coordinates(), -1).astype(np.float64)
    slow = np.cos(places @ field.waves.T + field.phases).sum(-1) * np.sqrt(2 / 24)
    assert field.on(plane).shape == plane.shape == (6, 11)
    np.testing.assert_allclose(field.on(plane), slow, atol=1e-4)


def test_a_window_holds_every_pixel_that_a_ball_touches() -> None:
    rng = np.random.default_rng(1)
    for name in AXIS:
        plane = Plane.through(
            name,
            (0.1, 0.0, 0.1),
            size=240,
            field_of_view=2.4,
            turn=turn_by((6, 5, -7)),
            stretch=np.array([0.92, 1.0, 1.08]),
        ).crop((slice(20, 232), slice(8, 196)))
        for _ in range(30):
            x, y, z = (float(v) for v in rng.uniform(-0.8, 0.8, 3))
            reach = float(rng.uniform(0.05, 0.4))
            touched = ellipsoid(*plane.coordinates(), (x, y, z), (reach,) * 3) < 0
            window = plane.window((x, y, z), reach)
            if window is not None:
                touched[window] = False
            assert not touched.any()
