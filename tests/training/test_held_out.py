"""Eight bits are judged by networks that have not seen what they are asked, or it is said."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_bundle import make_tiny_bundle, striped

from braintumor.bundle.card import Card, read_bundle, read_card
from braintumor.catalog.catalog import Catalog
from braintumor.classes import CLASSES
from braintumor.cli.main import run as braintumor
from braintumor.errors import BraintumorError

pytest.importorskip("keras", reason="SKIPPED FOR WANT OF the extra [train]")
pytest.importorskip("nncf", reason="SKIPPED FOR WANT OF the extra [train]")
from braintumor.training import held_out, quantise
from braintumor.training.export import PrecisionData, export_run
from braintumor.training.held_out import fold_bundles, learnt_all
from braintumor.training.run import RunFolder

STRIPES = dict(zip(CLASSES, ("upright", "level", "even", "checked"), strict=True))
RECIPE = "[recipe]\nnetwork = 'cnn'\n[record]\nfolds = 2\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stripes that the tiny bundle knows: eight slices to train on, eight to judge by."""
    root, random = tmp_path_factory.mktemp("stripes"), np.random.default_rng(0)
    for split in ("train", "valid"):
        for label, kind in STRIPES.items():
            for number in range(2):
                pixels = np.clip(striped(kind) + random.integers(0, 20, (96, 96)), 0, 255)
                path = root / split / label / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels.astype(np.uint8)).save(path)
    return root


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Of a network that nobody has judged, as of one that learnt from all slices."""
    folder = make_tiny_bundle(tmp_path / "bundle")
    Card(**{**dict(card_of(folder)), "evidence": {}}).write(folder)
    return folder


def folded(data: Path, fold: int) -> Catalog:
    """Four slices of another kind in each fold's test split than in the other's."""
    catalog = Catalog.open(data)
    test = (catalog.table["split"] == "valid") & (np.arange(len(catalog)) % 2 == fold)
    return replace(catalog, table=catalog.table.assign(split=np.where(test, "test", "train")))


@pytest.fixture
def judged(tmp_path: Path, data: Path) -> Path:
    """A judged run over two folds whose folders hold networks, which nothing here reads."""
    run = tmp_path / "judged"
    for fold in (0, 1):
        place = RunFolder(run / f"fold-{fold}")
        place.root.mkdir(parents=True)
        place.model.write_bytes(b"a network")
        place.recipe.write_text(RECIPE)
        folded(data, fold).write(place.catalog)
    RunFolder(run).recipe.write_text(RECIPE)
    RunFolder(run).metrics.write_text('{"splits": {"test": {"n": 8}}}')
    return run


@pytest.fixture
def folds_lose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folds are tiny bundles of their own, which say another class in eight bits; what is
    exported loses nothing."""
    turned = (make_tiny_bundle(tmp_path / "turned", turn=1) / "model.onnx").read_bytes()
    monkeypatch.setattr(
        held_out, "export_run", lambda run, out: make_tiny_bundle(out, turn=2, name=run.name)
    )
    whole = read_bundle(make_tiny_bundle(tmp_path / "whole"))[1]
    monkeypatch.setattr(quantise, "quantised", lambda graph, _: graph if graph == whole else turned)
    monkeypatch.setattr(quantise, "costliest", lambda *_: [])


def exported(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as end:
        braintumor(["export", *map(str, arguments)])
    return int(end.value.code or 0)


def card_of(folder: Path) -> Card:
    card = read_card(folder)
    assert isinstance(card, Card)
    return card


def trained_by(bundle: Path, catalog: Catalog) -> Path:
    """Let a bundle's card tell that the network was trained on a catalogue."""
    card = card_of(bundle)
    trained_on = card.trained_on.model_copy(update={"catalog_sha256": catalog.digest()})
    Card(**{**dict(card), "trained_on": trained_on}).write(bundle)
    return bundle


@pytest.mark.usefixtures("folds_lose")
def test_the_command_lets_the_folds_of_the_evidence_decide(
    bundle: Path, judged: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    asked = ("--precision", "int8", "--data", data)
    assert exported(bundle, "--out", out, *asked, "--evidence", judged) == 0
    card = card_of(out)
    folds: Any = card.parity["folds"]

    assert (folds["runs"], folds["n"], folds["accepted"]) == (2, 8, False)
    assert (card.precision, card.parity["same_class"]) == ("float32", 1.0)
    assert "It stays in float32: " in capsys.readouterr().err
    # Without them the graph is judged alone, and it loses nothing.
    assert exported(bundle, "--out", out, *asked) == 0
    assert card_of(out).precision == "int8"
    assert "folds" not in card_of(out).parity


@pytest.mark.usefixtures("folds_lose")
def test_who_names_folds_or_none_is_obeyed(
    bundle: Path, judged: Path, data: Path, tmp_path: Path
) -> None:
    wanted = PrecisionData("int8", data, ())
    export_run(bundle, tmp_path / "out", evidence=judged, precision=wanted)

    assert "folds" not in card_of(tmp_path / "out").parity


@pytest.mark.usefixtures("folds_lose")
def test_folds_without_networks_say_nothing_and_some_without_are_refused(
    judged: Path, data: Path, tmp_path: Path
) -> None:
    found = fold_bundles(judged, data, tmp_path / "spare")
    assert [place.name for place, _ in found] == ["fold-0", "fold-1"]
    assert [list(part.subset("test").table["path"]) for _, part in found] == [
        list(folded(data, fold).subset("test").table["path"]) for fold in (0, 1)
    ]
    assert all(part.root == data for _, part in found)
    (judged / "fold-1" / "model.keras").unlink()
    with pytest.raises(BraintumorError, match=r"fold-1.model\.keras is missing, and all folds"):
        fold_bundles(judged, data, tmp_path / "spare")
    (judged / "fold-0" / "model.keras").unlink()
    assert fold_bundles(judged, data, tmp_path / "spare") == ()
    assert fold_bundles(tmp_path, data, tmp_path / "spare") == ()


def test_a_fold_is_a_bundle_in_float32(judged: Path, data: Path, tmp_path: Path) -> None:
    from braintumor.images.prepare import Preparation
    from braintumor.networks import build
    from braintumor.training.recipe import default_recipe

    for fold in RunFolder(judged).folds:
        build("cnn", size=32).save(RunFolder(fold).model)
        default_recipe("cnn", preparation=Preparation(size=32)).write(RunFolder(fold).recipe)

    found = fold_bundles(judged, data, tmp_path / "spare")
    assert [card_of(place).precision for place, _ in found] == ["float32", "float32"]


class TestLearnt:
    """What is judged on slices that it learnt from says so."""

    @pytest.fixture
    def everything(self, data: Path) -> Catalog:
        catalog = Catalog.open(data)
        return replace(catalog, table=catalog.table.assign(split="train"))

    @pytest.fixture
    def run(self, tmp_path: Path) -> RunFolder:
        (tmp_path / "run").mkdir()
        return RunFolder(tmp_path / "run")

    def test_a_run_tells_by_what_it_knows(
        self, run: RunFolder, data: Path, everything: Catalog, bundle: Path
    ) -> None:
        own = Catalog.open(data)
        assert learnt_all(own, run.root, bundle) is None, "nobody tells"
        own.write(run.catalog)
        assert not learnt_all(own, run.root, bundle)
        everything.write(run.catalog)
        assert learnt_all(own, run.root, bundle)
        table = everything.table.assign(
            split=["valid", *["train"] * (len(everything) - 1)], sha256=own.table["sha256"]
        )
        replace(everything, table=table[::-1]).write(run.catalog)
        assert learnt_all(own, run.root, bundle), "the one held back is none of those that judge"

    def test_a_bundle_tells_by_its_digest(
        self, data: Path, everything: Catalog, run: RunFolder, bundle: Path
    ) -> None:
        own = Catalog.open(data)
        assert learnt_all(own, bundle, bundle) is None, "its card does not"
        for catalog, learnt in ((everything, True), (own, False)):
            trained_by(bundle, catalog)
            assert learnt_all(own, bundle, bundle) is learnt
            assert learnt_all(own, run.root, bundle) is learnt, "nor does the run"

    @pytest.fixture
    def whole(self, bundle: Path, everything: Catalog) -> Path:
        """A bundle of a run that held nothing back."""
        return trained_by(bundle, everything)

    @pytest.mark.usefixtures("folds_lose")
    def test_where_nobody_tells_what_it_learnt_from_that_is_told(
        self,
        bundle: Path,
        data: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("braintumor.training.gate.add_gate", lambda *_, **__: None)
        out, doubt = tmp_path / "out", "may be among those that it was fitted on"
        asked = ("--precision", "int8", "--data", data, "--gate", data)
        assert exported(bundle, "--out", out, *asked) == 0

        assert card_of(out).parity["judged_on"] == "slices that it may have learnt from"
        told = capsys.readouterr().err
        assert "was judged on slices that it may have learnt from, which says little" in told
        assert "The card of tiny does not tell by which split it was trained" in told
        assert doubt in told
        assert exported(trained_by(bundle, Catalog.open(data)), "--out", out, *asked) == 0
        assert doubt not in capsys.readouterr().err

    @pytest.mark.usefixtures("folds_lose")
    @pytest.mark.parametrize("seen", [True, False])
    def test_the_card_keeps_it_and_the_command_tells_it(
        self,
        whole: Path,
        data: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        seen: bool,
    ) -> None:
        if not seen:
            monkeypatch.setattr(held_out, "learnt_all", lambda *_: False)
        out = tmp_path / "out"
        assert exported(whole, "--out", out, "--precision", "int8", "--data", data) == 0

        told = capsys.readouterr().err
        assert card_of(out).precision == "int8"
        assert card_of(out).parity.get("judged_on") == (
            "slices that it learnt from" if seen else None
        )
        assert ("was judged on slices that it learnt from" in told) is seen
        assert ("fold-*/model.keras" in told) is seen

    @pytest.mark.usefixtures("folds_lose")
    def test_where_folds_decide_nobody_is_warned(
        self,
        whole: Path,
        judged: Path,
        data: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        out = tmp_path / "out"
        asked = ("--precision", "int8", "--data", data, "--evidence", judged)
        assert exported(whole, "--out", out, *asked) == 0

        assert card_of(out).parity["judged_on"] == "slices that it learnt from"
        assert "learnt from" not in capsys.readouterr().err

    def test_judged_again_it_is_still_said(self, whole: Path, data: Path, tmp_path: Path) -> None:
        twin = Path(shutil.copytree(whole, tmp_path / "twin"))
        quantise.change_precision(whole, "int8", data, learnt=True)
        table = quantise.judge_again(whole, twin, data, folds=[])

        assert table["judged_on"] == "slices that it learnt from"
