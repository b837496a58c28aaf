"""A gate and eight bits are fitted to no slice that the network is judged on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_training import untrained_run
from small_folders import data_set

pytest.importorskip("keras", reason="SKIPPED FOR WANT OF the extra [train]")

from braintumor.bundle.card import read_card
from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.training.export import GateData, PrecisionData, export_run
from braintumor.training.run import RunFolder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(tmp_path_factory.mktemp("run"), {"catalog_sha256": "a" * 64})


@pytest.fixture(scope="module")
def bundle(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_run(trained, tmp_path_factory.mktemp("out") / "bundle")


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be given a catalogue."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture
def data(tmp_path: Path) -> Catalog:
    return Catalog.open(data_set(tmp_path / "data"))


@pytest.fixture
def fitted_to(monkeypatch: pytest.MonkeyPatch) -> list[Catalog]:
    """What was given to both, which do nothing here."""
    given: list[Catalog] = []

    def change_precision(_bundle: Path, _wanted: str, data: Catalog, **_: Any) -> None:
        given.append(data)

    def add_gate(_bundle: Path, slices: Catalog, **_: Any) -> None:
        given.append(slices)

    monkeypatch.setattr("braintumor.training.quantise.change_precision", change_precision)
    monkeypatch.setattr("braintumor.training.gate.add_gate", add_gate)
    return given


@pytest.fixture
def drawn(data: Catalog) -> Catalog:
    """The data set by another split than its own, as `train --split grouped` draws one."""
    splits = [("train", "test", "valid")[k % 3] for k in range(len(data))]
    return replace(data, table=data.table.assign(split=splits))


def of(bundle: Path, place: Path, digest: str) -> Path:
    """A copy of a bundle that was trained on the catalogue of this digest."""
    copy = Path(shutil.copytree(bundle, place))
    card = read_card(copy)
    trained_on = card.trained_on.model_copy(update={"catalog_sha256": digest})
    card.model_copy(update={"trained_on": trained_on}).write(copy)
    return copy


def exported(source: Path, data: Catalog) -> None:
    export_run(
        source,
        source.parent / "fitted",
        gate=GateData(data.root),
        precision=PrecisionData("int8", data.root),
    )


def test_a_run_says_which_they_are(
    run: Path, data: Catalog, drawn: Catalog, fitted_to: list[Catalog]
) -> None:
    drawn.write(RunFolder(run).catalog)
    exported(run, data)
    splits = list(drawn.table["split"])
    assert splits != list(data.table["split"])
    assert [list(one.table["split"]) for one in fitted_to] == [splits] * 2


def test_of_a_run_that_held_nothing_back_the_data_set_says_it(
    run: Path, data: Catalog, fitted_to: list[Catalog]
) -> None:
    everything = replace(data, table=data.table.assign(split="train"))
    everything.write(RunFolder(run).catalog)
    exported(run, data)
    splits = list(data.table["split"])
    assert [list(one.table["split"]) for one in fitted_to] == [splits] * 2


def test_of_a_bundle_the_data_set_says_it_where_its_split_is_that_of_the_run(
    bundle: Path, data: Catalog, fitted_to: list[Catalog], tmp_path: Path
) -> None:
    """Or where the run held nothing back, or the card does not tell."""
    everything = replace(data, table=data.table.assign(split="train"))
    for number, digest in enumerate((data.digest(), everything.digest(), "")):
        exported(of(bundle, tmp_path / str(number), digest), data)
    splits = list(data.table["split"])
    assert [list(one.table["split"]) for one in fitted_to] == [splits] * 6


def test_of_a_bundle_of_another_split_the_runs_catalogue_says_it_and_else_nothing(
    bundle: Path,
    data: Catalog,
    drawn: Catalog,
    fitted_to: list[Catalog],
    tmp_path: Path,
) -> None:
    own = of(bundle, tmp_path / "own", drawn.digest())
    gate, precision = GateData(data.root), PrecisionData("int8", data.root)
    for asked in ({"gate": gate}, {"precision": precision}):
        with pytest.raises(BraintumorError, match="was trained by another split") as stop:
            export_run(own, tmp_path / "fitted", **asked)  # type: ignore[arg-type]
    assert not (tmp_path / "fitted").exists()
    assert fitted_to == []

    assert f"copy that run's catalog.csv into {data.root} and name the copy" in str(stop.value)
    copy = data.root / "catalog.csv"
    drawn.write(copy)
    gate, precision = GateData(copy), PrecisionData("int8", copy)
    export_run(own, tmp_path / "fitted", gate=gate, precision=precision)
    splits = list(drawn.table["split"])
    assert [list(one.table["split"]) for one in fitted_to] == [splits] * 2


def test_a_run_whose_catalogue_has_gone_says_it_no_more_than_its_bundle(
    run: Path, data: Catalog, fitted_to: list[Catalog]
) -> None:
    with pytest.raises(BraintumorError, match=r"another split .* put catalog\.csv back into it"):
        exported(run, data)
    assert fitted_to == []


def test_whose_slices_are_whose_a_run_says_whatever_it_held_back(
    run: Path, data: Catalog, fitted_to: list[Catalog]
) -> None:
    groups = [f"person-{k // 3}" for k in range(len(data))]
    named = data.table.assign(group=groups)
    for table in (named.assign(split="train"), named):
        replace(data, table=table).write(RunFolder(run).catalog)
        exported(run, data)
    assert [list(one.table["group"]) for one in fitted_to] == [groups] * 4
