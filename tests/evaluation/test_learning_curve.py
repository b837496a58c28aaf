"""Accuracy by the number of patients trained on: from recipes or catalogues, on common images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_page import Page
from made_run import made_run

from braintumor.cli.main import run as braintumor
from braintumor.errors import BraintumorError
from braintumor.evaluation.learning_curve import learning_curve, sentences, trained_patients
from braintumor.evaluation.learning_curve_report import write_learning_curve
from braintumor.evaluation.run_tables import read_run


def ended(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as stop:
        braintumor(arguments)
    return int(str(stop.value.code))


SIZES = {10: 1.0, 40: 2.0, 90: 4.0}


def recorded(
    folder: Path, patients: int, *, skill: float, name: str = "cnn", seed: int = 0
) -> Path:
    """A run whose recipe says how many patients it was trained on."""
    run = made_run(folder, skill=skill, name=name, seed=seed)
    recipe = (run / "recipe.toml").read_text()
    counts = f"[record.groups]\ntrain = {patients}\n[record.images]\ntrain = {3 * patients}\n"
    (run / "recipe.toml").write_text(f"{recipe}{counts}")
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    made = [recorded(folder / f"cnn-{n}", n, skill=skill) for n, skill in SIZES.items()]
    other = recorded(folder / "resnet50-40", 40, skill=3.0, name="resnet50", seed=1)
    return [made[2], other, made[0], made[1]]


def test_runs_are_ordered_by_network_and_patients(runs: list[Path]) -> None:
    curve = learning_curve([read_run(run) for run in runs])
    assert [(p.network, p.patients, p.slices) for p in curve.points] == [
        ("cnn", 10, 30),
        ("cnn", 40, 120),
        ("cnn", 90, 270),
        ("resnet50", 40, 120),
    ]
    assert (curve.split, curve.images) == ("test", 80)
    accuracy = [p.metrics["accuracy"] for p in curve.of("cnn")]
    assert accuracy == sorted(accuracy)
    said = sentences(curve)
    assert "with 10 patients" in said[0]
    assert "with 90: +" in said[0]
    assert said[1].startswith("resnet50: all runs were trained on 40 patients")


def test_the_page_and_its_json_show_every_run_with_its_interval(
    runs: list[Path], tmp_path: Path
) -> None:
    curve = learning_curve([read_run(run) for run in runs])
    found, page = write_learning_curve(curve, tmp_path)
    points = json.loads(found.read_text())["points"]
    assert [point["patients"] for point in points] == [10, 40, 90, 40]
    for point in points:
        accuracy = point["accuracy"]
        assert accuracy["low"] < accuracy["value"] <= accuracy["high"] <= 1
        assert accuracy["unreliable"] is True, "20 patients"
    shown = Page(page.read_text())
    shown.require_alone()
    shown.require_own_ids()
    (title,) = (v for v in shown.values("aria-label") if v.startswith("Accuracy by patients"))
    assert "cnn: " in title
    assert "with 90" in title
    for name in ("cnn-10", "cnn-40", "cnn-90", "resnet50"):
        assert name in shown.text


def test_without_a_record_the_catalogue_is_counted(tmp_path: Path) -> None:
    run = read_run(made_run(tmp_path / "a", train_groups=("p1", "p1", "p2")))
    assert trained_patients(run) == 2
    blank = read_run(made_run(tmp_path / "b", train_groups=("p1", "")))
    with pytest.raises(BraintumorError, match=r"does not say how many patients"):
        trained_patients(blank)


def test_the_command_writes_both(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["compare", "--learning-curve", *map(str, runs), "--out", str(tmp_path)]
    assert ended(arguments) == 0
    assert "with 10 patients" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {
        "learning-curve.json",
        "learning-curve.html",
    }
    assert ended([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["images"] == 80
