"""Facts of a run: each with the file that says it, and none that nobody says."""

from __future__ import annotations

from pathlib import Path

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
