"""The report of a cross-validation: what its folds kept apart, and what it may say of them."""

from __future__ import annotations

from pathlib import Path

from made_run import made_table

from braintumor.evaluation.judgement import Judgement, judge
from braintumor.evaluation.patients import read_patients
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import RunTables


def test_groups_by_which_folds_were_dealt_stay_where_they_join_what_the_file_joins(
    tmp_path: Path,
) -> None:
    table = made_table().split("test")
    paths = table.frame["path"]
    file = tmp_path / "patients.csv"
    rows = [f"{path},q{i // 2}" for i, path in enumerate(paths)]
    file.write_text("\n".join(["path,patient", *rows]))

    def units(groups: list[str]) -> int:
        frame = table.frame.assign(group=groups, fold=[str(i // 4 % 5) for i in range(len(table))])
        run = RunTables(None, Path("t.csv"), Predictions.from_frame(frame))
        found = judge(run, patients=read_patients(file)).parts["test"].metrics["intervals"]
        return int(found["units"])

    n = len(table)
    assert units([f"d{i // 4}" for i in range(n)]) == n // 4, "copies join two patients"
    assert units([f"d{i}" for i in range(n)]) == n // 2
    assert units(["d0"] * 3 + [""] * (n - 3)) == n // 2


def test_folds_that_know_no_patients_promise_nothing_of_them() -> None:
    table = made_table().split("test")
    folded = table.frame.assign(fold=[str(i % 5) for i in range(len(table))])
    known = judged_alone(
        Predictions.from_frame(folded.assign(group=[f"p{i}" for i in range(len(table))]))
    )
    assert any("nor any other of its group" in note for note in known.notes)
    bare = judged_alone(Predictions.from_frame(folded.assign(group="")))
    assert any("whether it saw its patient is not known" in note for note in bare.notes)


def judged_alone(table: Predictions) -> Judgement:
    return judge(RunTables(None, Path("table.csv"), table))
