"""Facts of a run: each with the file that says it, and none that nobody says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_run import made_run, made_table

from braintumor.evaluation.facts import facts
from braintumor.evaluation.judgement import judge
from braintumor.evaluation.run_tables import read_run


def test_a_run_tells_how_it_was_trained_and_what_it_is_worth(tmp_path: Path) -> None:
    root = made_run(tmp_path / "cnn")
    known = facts(judge(read_run(root)))
    names = {path.name for path in root.iterdir()} | {"metrics.json", "maps/"}
    assert {fact.source for fact in known.values()} <= names
    assert "cnn" in known["technology"].value
    assert "80 slices" in known["counts"].value
    assert known["failures"].value.startswith(f"{len(judge(read_run(root)).headline.errors)} error")


def test_a_bare_table_tells_nothing_of_training(tmp_path: Path) -> None:
    made_table().write(tmp_path / "foreign.csv")
    known = facts(judge(read_run(tmp_path / "foreign.csv")))
    assert not {"technology", "training", "software", "initial", "data_source"} & set(known)
    assert known["goal"].source == "foreign.csv"


def test_what_taught_beside_the_labels_is_told(tmp_path: Path) -> None:
    run = read_run(made_run(tmp_path / "cnn"))
    assert "besides" not in facts(judge(run))["training"].value
    record = {**run.recipe["record"], "masks": True, "extra_images": 1086}
    told = facts(judge(replace(run, recipe={**run.recipe, "record": record})))["training"].value
    assert "Masks of tumours" in told
    assert "1\u202f086 further slices" in told.replace("\u00a0", "\u202f")


def test_over_folds_each_learnt_from_others_and_all_were_judged(tmp_path: Path) -> None:
    """The patients of most further slices are judged, each by the fold that has not met them."""
    run = read_run(made_run(tmp_path / "cnn"))
    record = {**run.recipe["record"], "extra_images": 1086, "folds": 5}
    told = facts(judge(replace(run, recipe={**run.recipe, "record": record})))["training"].value
    assert "by each fold: about 1" in told
    assert "of nobody whom it judged" in told
    assert "nobody who was judged" not in told


def test_a_record_that_somebody_wrote_otherwise_costs_no_other_fact(tmp_path: Path) -> None:
    run = read_run(made_run(tmp_path / "cnn"))
    strange = {"start_sha256": 5, "members": [1, "two"], "extra_images": "x"}
    found = facts(judge(replace(run, recipe={**run.recipe, "record": strange})))
    assert found["initial"].value.startswith("The weights of another run (sha256 5)")
    assert found["ensemble"].value == "An ensemble of 1 and two, asked together."
    assert "besides" not in found["training"].value
    strange = {"members": "cnn"}
    found = facts(judge(replace(run, recipe={"record": strange})))
    assert "An ensemble of" not in found["ensemble"].value


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_training_is_said_to_repeat_only_where_it_does(
    tmp_path: Path, deterministic: bool
) -> None:
    run = read_run(made_run(tmp_path / "cnn"))
    recipe = {**run.recipe["recipe"], "deterministic": deterministic}
    told = facts(judge(replace(run, recipe={**run.recipe, "recipe": recipe})))["detail"].value
    assert ("repeats the training" in told) is deterministic


def test_weights_of_another_run_are_told_as_such(tmp_path: Path) -> None:
    run = read_run(made_run(tmp_path / "cnn"))
    assert "weights, seed" in facts(judge(run))["initial"].value
    record = {**run.recipe["record"], "start_sha256": "0123456789abcdef" * 4}
    told = facts(judge(replace(run, recipe={**run.recipe, "record": record})))["initial"].value
    assert told.startswith("The weights of another run (sha256 0123456789abcdef), seed")


def test_an_ensemble_names_its_members(tmp_path: Path) -> None:
    made_table().write(tmp_path / "both.csv")
    run = replace(
        read_run(tmp_path / "both.csv"), recipe={"record": {"members": ["cnn", "resnet50"]}}
    )
    assert facts(judge(run))["ensemble"].value == "An ensemble of cnn and resnet50, asked together."
