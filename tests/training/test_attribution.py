"""A bundle says whose the data are that it learnt from, and so does every copy of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from small_folders import data_set
from tiny_bundle import make_tiny_bundle

from braintumor.bundle.card import read_card
from braintumor.bundle.ensemble import make_ensemble
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.manifest import MANIFEST, attribution
from braintumor.cli.main import run as braintumor

WHOSE = "Trained on: Doe, Slices, 2020. Licence: CC BY 4.0. https://example.org/slices"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set as `braintumor data` leaves it."""
    root = data_set(tmp_path / "data", count=1)
    manifest = {
        "name": "slices", "citation": "Doe, Slices, 2020.", "licence": "CC BY 4.0",
        "page": "https://example.org/slices",
    }  # fmt: skip
    (root / MANIFEST).write_text(json.dumps(manifest))
    return root


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"citation": "x"}', "null"])
def test_whose_a_fetched_data_set_is_stands_in_its_manifest(data: Path, text: str | None) -> None:
    assert attribution(data) == WHOSE
    (data / MANIFEST).unlink()
    if text is not None:
        (data / MANIFEST).write_text(text)
    assert attribution(data) == ""


def test_a_training_on_fetched_data_writes_it_down(data: Path) -> None:
    pytest.importorskip("keras", reason="SKIPPED FOR WANT OF the extra [train]")
    from braintumor.training.begun import facts_of
    from braintumor.training.recipe import default_recipe
    from braintumor.training.sources import Sources

    catalog, recipe = Catalog.open(data), default_recipe("cnn")
    assert facts_of(catalog, recipe, Sources(), None)["attribution"] == WHOSE
    (data / MANIFEST).unlink()
    assert "attribution" not in facts_of(catalog, recipe, Sources(), None)


def exported(source: Path, out: Path, *options: str) -> str:
    with pytest.raises(SystemExit) as end:
        braintumor(["export", str(source), "--out", str(out), *options])
    assert not end.value.code
    return read_card(out).attribution


def test_what_the_run_knows_or_the_user_says_is_on_the_card_and_on_copies(tmp_path: Path) -> None:
    pytest.importorskip("keras", reason="SKIPPED FOR WANT OF the extra [train]")
    from braintumor.images.prepare import Preparation
    from braintumor.networks import build
    from braintumor.training.recipe import default_recipe

    run = tmp_path / "run"
    run.mkdir()
    build("cnn", size=32).save(run / "model.keras")
    recipe = default_recipe("cnn", preparation=Preparation(size=32))
    recipe.write(run / "recipe.toml", record={"attribution": WHOSE})

    assert exported(run, tmp_path / "a") == WHOSE
    assert exported(tmp_path / "a", tmp_path / "b", "--name", "copy") == WHOSE
    assert exported(tmp_path / "a", tmp_path / "c", "--attribution", "Mine.") == "Mine."
    assert exported(run, tmp_path / "d", "--attribution", "Mine.") == "Mine."
    recipe.write(run / "recipe.toml")
    assert exported(run, tmp_path / "e") == ""


def test_an_ensemble_says_it_of_all_its_networks_once(tmp_path: Path) -> None:
    told = {"a": "First.", "b": "First. Second.", "c": "", "d": "First.", "e": "Third."}
    members = [
        make_tiny_bundle(tmp_path / name, name=name, attribution=whose)
        for name, whose in told.items()
    ]
    both = make_ensemble(members, tmp_path / "all")
    assert read_card(both).attribution == "First. Second. Third."
    shutil.rmtree(both)
    with pytest.raises(SystemExit) as end:
        braintumor(
            ["export", *map(str, members), "--out", str(both), "--ensemble", "--attribution", "x"]
        )
    assert end.value.code == 2


def test_what_is_shipped_names_the_data_and_where_weights_came_from() -> None:
    ship = pytest.importorskip("ship", reason="SKIPPED FOR WANT OF the extra [train]")

    for name, text in ship.ATTRIBUTIONS.items():
        assert "Labeled MRI Brain Tumor Dataset" in text
        assert "CC BY 4.0" in text
        assert ("ImageNet" in text) is (name == "resnet50")
