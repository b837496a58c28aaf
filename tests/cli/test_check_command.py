"""`braintumor check`: what it prints, and the exit status that a script relies on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_checks import P, drawn

from braintumor.cli.main import cli
from braintumor.evaluation.out_of_step import demonstrate


def test_the_command_passes_a_sound_table_and_a_run_folder(tmp_path: Path) -> None:
    drawn().write(tmp_path / "predictions.csv")
    for argument in (tmp_path, tmp_path / "predictions.csv"):
        result = CliRunner().invoke(cli, ["check", str(argument)])
        assert result.exit_code == 0, result.output
        assert "246 rows, 246 judged; nothing wrong found" in result.output


def test_the_command_exits_with_1_and_says_why(tmp_path: Path) -> None:
    table, claims = tmp_path / "p.csv", tmp_path / "claimed.json"
    sound = drawn()
    demonstrate(sound, 0)[1].predictions.write(table)
    claims.write_text('{"accuracy": 0.97}', encoding="utf-8")
    result = CliRunner().invoke(cli, ["check", str(table), "--metrics", str(claims)])
    assert result.exit_code == 1
    assert "Labels out of step, or a useless model" in result.output
    assert "accuracy is claimed to be 0.97, but the table gives 0.2" in result.output
    as_json = CliRunner().invoke(cli, ["check", str(table), "--metrics", str(claims), "--json"])
    assert as_json.exit_code == 1
    report = json.loads(as_json.stdout)
    assert report["wrong"] is True
    assert {f["kind"] for f in report["findings"]} == {"out_of_step", "claim_not_given"}
    assert set(report["findings"][0]) == {"kind", "severity", "sentence", "numbers"}


def test_columns_can_be_named_and_a_catalogue_given(tmp_path: Path) -> None:
    frame = drawn(split="test").frame
    odd = frame[["path", "label", *P]].rename(columns={"label": "verdict", "p_glioma": "first"})
    odd.to_csv(tmp_path / "odd.csv", index=False)
    call = ["check", str(tmp_path / "odd.csv"), "--map", "label=verdict", "--map", "glioma=first"]
    call += [f"--map={name}={name}" for name in P[1:]]
    result = CliRunner().invoke(cli, call)
    assert result.exit_code == 0, result.output
    assert "'verdict' as label" in result.output
    frame.head(3).assign(split="train").to_csv(tmp_path / "catalog.csv", index=False)
    seen = CliRunner().invoke(cli, [*call, "--catalog", str(tmp_path / "catalog.csv")])
    assert seen.exit_code == 1
    assert "3 of 246 judged rows are images that the catalogue has in training" in seen.output
    assert CliRunner().invoke(cli, [*call, "--map", "label"]).exit_code == 2


def test_the_command_line_gives_a_sentence_and_1_for_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from braintumor.cli.main import run

    with pytest.raises(SystemExit) as stop:
        run(["check", str(tmp_path / "none.csv")])
    assert stop.value.code == 1
    assert "does not exist" in capsys.readouterr().err
