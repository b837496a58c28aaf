"""The gate is fitted on slices against drawn pictures, and tells of what it was not fitted on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_bundle import make_tiny_bundle

from braintumor.bundle.card import Card, read_bundle, read_card
from braintumor.bundle.checks import COUNT
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.gate import Gate
from braintumor.catalog.foreign import draw
from braintumor.catalog.phantom.dataset import make_phantoms
from braintumor.cli.main import run as braintumor
from braintumor.errors import BraintumorError
from braintumor.training import gate as fitting
from braintumor.training.gate import Seen, add_gate, fit_gate


def seen(count: int, *, shift: float, kinds: int, dimensions: int = 12) -> Seen:
    """Made-up pictures; those of one kind lie a little closer together."""
    random = np.random.default_rng(int(shift * 10))
    kind = np.arange(count) % kinds
    centres = random.normal(0, 0.3, (kinds, dimensions))
    embedding = shift + centres[kind] + random.normal(size=(count, dimensions))
    checks = random.normal(size=(count, COUNT))
    names = np.array([f"kind {k}" for k in kind])
    return Seen(embedding.astype(np.float32), checks.astype(np.float32), names)


def test_a_gate_tells_apart_what_lies_apart_kinds_unseen_too() -> None:
    statistics, numbers = fit_gate(seen(240, shift=0.0, kinds=40), seen(96, shift=4.0, kinds=8))

    heads = statistics.evidence["brain_slices"]
    assert isinstance(heads, dict)
    assert heads["data set"]["refused"] <= 0.01
    assert statistics.evidence["auroc"] > 0.99
    gate = Gate(statistics, numbers)
    fresh = seen(100, shift=4.2, kinds=10)
    assert (gate.score(*fresh.vectors) > statistics.refuse_above).mean() > 0.95


def test_where_nothing_sets_them_apart_hardly_anything_is_refused() -> None:
    """The bound comes from slices that were not fitted on, so it holds although the fit is vain."""
    statistics, _ = fit_gate(seen(240, shift=0.0, kinds=40), seen(96, shift=0.1, kinds=8))

    found = statistics.evidence["foreign"]
    assert isinstance(found, dict)
    assert np.mean([one["refused"] for one in found.values()]) < 0.05


def test_slices_beside_the_data_set_do_not_move_the_bound() -> None:
    heads, others = seen(240, shift=0.0, kinds=40), seen(96, shift=6.0, kinds=8)
    odd = seen(40, shift=3.0, kinds=2)
    beside = Seen(
        np.concatenate([heads.embedding, odd.embedding]),
        np.concatenate([heads.checks, odd.checks]),
        np.concatenate([heads.names, np.char.add("beside:", odd.names)]),
    )
    statistics, _ = fit_gate(beside, others)

    sources = statistics.evidence["brain_slices"]
    assert isinstance(sources, dict)
    assert set(sources) == {"data set", "beside:kind 0", "beside:kind 1"}
    assert sources["data set"]["refused"] <= 0.01


def test_too_few_patients_are_refused() -> None:
    with pytest.raises(BraintumorError, match="at least 4 groups"):
        fit_gate(seen(40, shift=0.0, kinds=3), seen(40, shift=4.0, kinds=8))


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms") / "data"
    return make_phantoms(folder, patients_per_class=3, slices_per_patient=2, size=96)


@pytest.mark.slow
def test_the_command_gives_a_bundle_its_gate(
    phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = fitting.foreign.draw
    monkeypatch.setattr(
        "braintumor.training.gate._foreign_pictures",
        lambda drawn, seed: (
            (kind, drawing(kind, number, seed=seed))
            for kind in ("limb", "text_page", "noise", "scene")
            for number in range(8)
        ),
    )
    monkeypatch.setattr("braintumor.training.gate._slices_beside", lambda *_: iter(()))
    bundle = make_tiny_bundle(tmp_path / "bundle")
    with pytest.raises(SystemExit) as end:
        braintumor(["export", str(bundle), "--out", str(tmp_path / "g"), "--gate", str(phantoms)])

    assert end.value.code == 0
    card, graph = read_bundle(tmp_path / "g")
    assert graph == (bundle / "model.onnx").read_bytes()
    assert card.gate is not None
    assert card.gate.fitted_on["foreign_pictures"] == 32
    assert json.loads((bundle / "card.json").read_text())["gate"] is None
    classifier = Classifier.load(tmp_path / "g")
    assert classifier.predict(draw("text_page", 99)).status == "refused"


def test_slices_come_as_they_are_stressed_and_turned(phantoms: Path) -> None:
    from braintumor.catalog.catalog import Catalog

    catalog = Catalog.from_folder(phantoms)
    pictures = list(fitting._brain_slices(catalog, 8, seed=0))

    used = {name for name, _ in pictures}
    assert 16 <= len(pictures) <= 24
    assert not used & set(catalog.table[catalog.table["split"] == "test"]["path"])


def test_slices_beside_come_from_every_plane_of_a_volume_but_its_empty_ends(
    tmp_path: Path,
) -> None:
    nibabel = pytest.importorskip("nibabel")
    across, down, along = np.mgrid[-1:1:36j, -1:1:40j, -1:1:48j]
    ball = (np.sqrt(across**2 + down**2 + along**2) < 0.7) * 500.0
    nibabel.save(nibabel.Nifti1Image(ball.astype(np.float32), np.eye(4)), tmp_path / "v.nii.gz")
    (tmp_path / "notes.txt").write_text("no picture")
    pictures = list(fitting._slices_beside([tmp_path], 0, seed=0))

    assert {name for name, _ in pictures} == {"beside:v.nii.gz"}
    assert {pixels.shape for _, pixels in pictures} == {(40, 36), (48, 36), (48, 40)}
    assert all(pixels.max() > 0 for _, pixels in pictures)


def test_the_same_seed_gives_the_same_gate(tmp_path: Path) -> None:
    heads, others = seen(80, shift=0.0, kinds=20), seen(64, shift=4.0, kinds=8)
    for name in ("a", "b"):
        fitting.gates.write_gate_file(tmp_path / name, fit_gate(heads, others)[1])

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_bundle_of_one_network_is_wanted(tmp_path: Path, phantoms: Path) -> None:
    with pytest.raises(BraintumorError, match="no bundle"):
        add_gate(tmp_path / "nowhere", phantoms)
    assert isinstance(read_card(make_tiny_bundle(tmp_path / "b")), Card)
