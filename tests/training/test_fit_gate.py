"""The gate is fitted on slices against drawn pictures, and tells of what it was not fitted on."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from tiny_bundle import make_tiny_bundle

from braintumor.bundle.card import Card, read_bundle, read_card
from braintumor.bundle.checks import COUNT
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.gate import Gate
from braintumor.catalog.catalog import Catalog
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
    names = np.array(["beside:a scanner", "kind 3", "phantom:1", "phantom:2"] * 10)
    statistics, _ = fit_gate(heads, others, Seen(odd.embedding, odd.checks, names))

    sources = statistics.evidence["brain_slices"]
    assert isinstance(sources, dict)
    assert {name: one["n"] for name, one in sources.items()} == {
        "data set": 240,
        "beside:a scanner": 10,
        "processed": 10,
        "drawn heads": 20,
    }
    assert sources["data set"]["refused"] <= 0.01


def test_too_few_patients_are_refused() -> None:
    with pytest.raises(BraintumorError, match="at least 4 groups"):
        fit_gate(seen(40, shift=0.0, kinds=3), seen(40, shift=4.0, kinds=8))


def test_too_few_kinds_of_other_pictures_are_refused() -> None:
    with pytest.raises(BraintumorError, match="foreign pictures of at least 4 kinds"):
        fit_gate(seen(40, shift=0.0, kinds=8), seen(40, shift=4.0, kinds=3))


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms") / "data"
    return make_phantoms(folder, patients_per_class=3, slices_per_patient=2, size=96)


@pytest.mark.slow
def test_the_command_gives_a_bundle_its_gate(
    phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "braintumor.training.gate.foreign_pictures",
        lambda catalog, drawn, seed, _foreign: (
            (kind, draw(kind, number, seed=seed))
            for kind in ("limb", "text_page", "noise", "scene")
            for number in range(8)
        ),
    )
    monkeypatch.setattr(
        "braintumor.training.gate.further_slices",
        lambda catalog, *_: islice(fitting.brain_slices(catalog, 2, 0), 4),
    )
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


@pytest.mark.parametrize("option", ["--gate-beside", "--gate-foreign"])
def test_pictures_for_a_gate_without_one_are_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    bundle = make_tiny_bundle(tmp_path / "bundle")
    with pytest.raises(SystemExit) as end:
        braintumor(["export", str(bundle), "--out", str(tmp_path / "g"), option, str(tmp_path)])
    assert end.value.code == 2
    assert "--gate-beside and --gate-foreign need --gate" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_gate(tmp_path: Path) -> None:
    heads, others = seen(80, shift=0.0, kinds=20), seen(64, shift=4.0, kinds=8)
    for name in ("a", "b"):
        fitting.gates.write_gate_file(tmp_path / name, fit_gate(heads, others)[1])

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("option", ["beside", "foreign"])
def test_a_folder_without_pictures_is_told_before_anything_is_looked_at(
    tmp_path: Path, phantoms: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setattr(fitting, "look", lambda *_: pytest.fail("minutes were spent"))
    (tmp_path / "others").mkdir()
    with pytest.raises(BraintumorError, match="others holds no picture"):
        add_gate(make_tiny_bundle(tmp_path / "b"), phantoms, **{option: [tmp_path / "others"]})


@pytest.mark.parametrize("kept", [0, 3])
def test_too_few_patients_outside_the_test_split_are_told_before_anything_is_looked_at(
    tmp_path: Path, phantoms: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(fitting, "look", lambda *_: pytest.fail("minutes were spent"))
    catalog = Catalog.from_folder(phantoms)
    table = catalog.table.assign(split="test", group=[f"g{k}" for k in range(len(catalog))])
    table.loc[: kept - 1, "split"] = "train"
    with pytest.raises(BraintumorError, match="at least 4 groups"):
        add_gate(make_tiny_bundle(tmp_path / "b"), replace(catalog, table=table))


def test_a_bundle_of_one_network_is_wanted(tmp_path: Path, phantoms: Path) -> None:
    with pytest.raises(BraintumorError, match="no bundle"):
        add_gate(tmp_path / "nowhere", phantoms)
    assert isinstance(read_card(make_tiny_bundle(tmp_path / "b")), Card)
