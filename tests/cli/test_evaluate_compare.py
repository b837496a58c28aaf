"""`braintumor evaluate` and `braintumor compare`, as a person or a script calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made_run import made_run, made_table, with_folds

from braintumor.cli.main import run as braintumor
from braintumor.evaluation.predictions import Predictions


class Ended:
    """How a call ended: its exit status, and what it printed."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures take seconds and have tests of their own; the last test here draws them all."""
    monkeypatch.setattr("braintumor.evaluation.sections.curves.part_figures", lambda part: [])
    monkeypatch.setattr("braintumor.evaluation.sections.training.learning_figures", lambda run: [])
    monkeypatch.setattr(
        "braintumor.evaluation.sections.compare_curves.figure_rows", lambda comparison: []
    )


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def called(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as stop:
            braintumor([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Ended(int(str(stop.value.code)), printed.out, printed.err)

    return called


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return made_run(tmp_path / "cnn")


def test_a_run_gets_its_metrics_and_its_report(call, run: Path) -> None:  # type: ignore[no-untyped-def]
    before = (run / "predictions.csv").read_bytes()
    ended = call("evaluate", run)
    assert ended.status == 0, ended.err
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["splits"]["test"]["n"] == 80
    assert "data:image/png" in (run / "report.html").read_text()
    assert "Test, unseen" in ended.out
    assert str(run / "report.html") in ended.out.replace("\n", "")
    assert (run / "predictions.csv").read_bytes() == before


def test_json_is_all_that_is_printed(call, run: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = json.loads(call("evaluate", run, "--json", "--out", tmp_path / "out").out)
    assert found.pop("report") == str(tmp_path / "out" / "report.html")
    assert found.pop("metrics") == str(tmp_path / "out" / "metrics.json")
    names = [Path(path).name for path in found.pop("documents")]
    assert names == ["model_card.md", "checklist.md", "checklist.html"]
    assert found.pop("mlflow") is None
    assert found.pop("localisation") is None
    assert found.pop("calibration") == str(tmp_path / "out" / "calibration.json")
    assert found.pop("repeats") is None
    assert found == json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert not (run / "metrics.json").exists()


def test_what_an_export_takes_over_is_fitted_on_validation_slices_alone(call, run: Path) -> None:  # type: ignore[no-untyped-def]
    assert call("evaluate", run).status == 0
    fitted = json.loads((run / "calibration.json").read_text())
    assert fitted["calibration"]["method"] == "temperature"
    assert fitted["calibration"]["fitted_on"].startswith("60 validation slices of 20 patients")
    assert "lie in calibration.json" in (run / "report.html").read_text()
    table = Predictions.read(run / "predictions.csv")
    label = table.frame["label"].where(table.frame["split"] == "valid", "glioma")
    Predictions.from_frame(table.frame.assign(label=label)).write(run / "predictions.csv")
    assert call("evaluate", run).status == 0
    assert json.loads((run / "calibration.json").read_text()) == fitted


def test_a_table_without_validation_slices_or_folds_leaves_no_calibration(  # type: ignore[no-untyped-def]
    call, tmp_path: Path
) -> None:
    made_table().split("test").write(tmp_path / "theirs.csv")
    found = json.loads(call("evaluate", tmp_path / "theirs.csv", "--json").out)
    assert found["calibration"] is None
    assert not (tmp_path / "theirs-evaluation" / "calibration.json").exists()


def test_other_trainings_of_the_recipe_are_fitted_on_and_kept(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    def folds(seed: int, epochs: int = 3) -> Path:
        made = made_run(tmp_path / f"seed-{seed}", seed=seed)
        with_folds(made_table(seed=seed)).write(made / "predictions.csv")
        settings = f'[recipe]\nnetwork = "cnn"\nepochs = {epochs}\nseed = {seed}\n'
        (made / "recipe.toml").write_text(settings)
        return made

    run, other = folds(1), folds(2)
    alone = json.loads(call("evaluate", run, "--json").out)
    found = json.loads(call("evaluate", run, "--repeats", other, "--json").out)
    assert found["splits"] == alone["splits"]
    assert found["probabilities"]["shipped"]["fitted_on"].endswith("by 2 trainings of one recipe")
    assert found["repeats"] == str(run / "repeats.csv")
    fitted = (run / "calibration.json").read_text()
    again = call("evaluate", run)
    assert "what another training of the recipe said" in again.out
    assert (run / "calibration.json").read_text() == fitted, "they are kept"
    out = tmp_path / "out"
    assert call("evaluate", run, "--repeats", other, "--out", out).status == 0
    assert (out / "repeats.csv").is_file()
    (run / "repeats.csv").unlink()
    assert call("evaluate", run, "--out", out).status == 0
    assert not (out / "repeats.csv").exists(), "it would be read as this evaluation's"
    ended = call("evaluate", run, "--repeats", folds(3, epochs=4))
    assert (ended.status, "differ in epochs" in ended.err) == (1, True)


def test_patients_come_before_other_trainings(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A patient whom the other's folds part is known by the patients file alone."""
    runs = []
    for seed in (1, 2):
        runs.append(made_run(tmp_path / f"seed-{seed}", seed=seed))
        table = with_folds(made_table(seed=seed)).frame.assign(group="")
        fold = table["fold"] if seed == 1 else [str(k % 3) for k in range(len(table))]
        Predictions.from_frame(table.assign(fold=fold)).write(runs[-1] / "predictions.csv")
    groups = with_folds(made_table()).frame
    groups[["path", "group"]].rename(columns={"group": "patient"}).to_csv(tmp_path / "whose.csv")
    ended = call("evaluate", runs[0], "--repeats", runs[1], "--patients", tmp_path / "whose.csv")
    assert (ended.status, "part every group" in ended.err.replace("\n", " ")) == (1, True)


def test_mlflow_takes_the_run_where_it_is_asked_to(call, run: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("mlflow", reason="SKIPPED FOR WANT OF THE EXTRA [mlflow]")
    ended = call("evaluate", run, "--mlflow", tmp_path / "runs")
    assert ended.status == 0, ended.err
    assert "MLflow: run " in ended.out
    assert list((tmp_path / "runs").rglob("checklist.html"))


def test_no_images_leaves_every_slice_out(call, run: Path) -> None:  # type: ignore[no-untyped-def]
    assert call("evaluate", run, "--no-images").status == 0
    assert "data:image" not in (run / "report.html").read_text()


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_table_alone_is_judged_into_a_folder_of_its_own(  # type: ignore[no-untyped-def]
    call, tmp_path: Path, suffix: str
) -> None:
    table = tmp_path / f"theirs{suffix}"
    made_table().write(table)
    before = table.read_bytes()
    assert call("evaluate", table).status == 0
    assert (tmp_path / "theirs-evaluation" / "report.html").is_file()
    assert {p.name for p in tmp_path.iterdir()} == {f"theirs{suffix}", "theirs-evaluation"}
    assert table.read_bytes() == before


def test_a_runs_table_means_the_run(call, run: Path) -> None:  # type: ignore[no-untyped-def]
    assert call("evaluate", run / "predictions.csv").status == 0
    assert "data:image/png" in (run / "report.html").read_text()


def patients(path: Path, table: Predictions) -> Path:
    frame = table.frame
    rows = pd.DataFrame(
        {
            "split": frame["split"],
            "class": frame["label"],
            "file": frame["path"].str.split("/").str[-1],
            "group": [f"new{i}" for i in range(len(frame))],
        }
    )
    train = pd.DataFrame(
        {"split": "train", "class": "glioma", "file": [f"t{i}.jpg" for i in range(3)]}
    ).assign(group="new139")
    pd.concat([rows, train]).to_csv(path, index=False)
    return path


def test_a_patients_file_fills_the_groups_of_a_run(call, run: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = patients(tmp_path / "patients.csv", made_table())
    assert call("evaluate", run, "--patients", file).status == 0
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["splits"]["test_unseen"]["n"] == 79
    assert metrics["unseen"]["test"]["source"] == "patients.csv"
    assert list(Predictions.read(run / "predictions.csv").frame["group"][:2]) == ["new0", "new1"]


def test_groups_that_a_patients_file_does_not_name_stay_in_the_run(  # type: ignore[no-untyped-def]
    call, run: Path, tmp_path: Path
) -> None:
    before = list(Predictions.read(run / "predictions.csv").frame["group"])
    file = patients(tmp_path / "patients.csv", made_table().take(np.arange(20)))
    assert call("evaluate", run, "--patients", file).status == 0
    after = list(Predictions.read(run / "predictions.csv").frame["group"])
    assert (after[0], after[20:]) == ("new0", before[20:])
    assert all(before)


def test_a_table_that_was_given_is_never_changed(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table = tmp_path / "predictions.csv"
    made_table().write(table)
    file = patients(tmp_path / "patients.csv", made_table())
    before = table.read_bytes()
    assert call("evaluate", table, "--patients", file).status == 0
    assert call("evaluate", table, "--patients", file, "--out", tmp_path).status == 0
    assert table.read_bytes() == before
    assert call("evaluate", table, "--patients", file, "--out", tmp_path / "out").status == 0
    assert Predictions.read(tmp_path / "out" / "predictions.csv").frame["group"].iloc[0] == "new0"


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, Path]]:
    """A stand-in for the training room, which needs Keras: it writes the made table."""
    calls: list[tuple[Path, Path]] = []

    def predict_run(run: Path, data: Path, *, out: Path | None = None) -> Path:
        calls.append((run, data))
        place = (out or run) / "predictions.csv"
        made_table(seed=5, name="again").write(place)
        return place

    module = SimpleNamespace(predict_run=predict_run)
    monkeypatch.setitem(sys.modules, "braintumor.training.predict", module)
    monkeypatch.setattr("braintumor.errors.require", lambda *_, **__: None)
    return calls


def test_data_is_predicted_first(  # type: ignore[no-untyped-def]
    call, run: Path, tmp_path: Path, predicted: list[tuple[Path, Path]]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "PHANTOM.txt").touch()
    ended = call("evaluate", run, "--data", data)
    assert ended.status == 0, ended.err
    assert predicted == [(run, data)]
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["model"] == "again"
    assert metrics["phantom"] is True
    assert "PHANTOM DATA" in ended.out
    assert "PHANTOM DATA" in (run / "report.html").read_text()


def test_with_out_the_answers_of_the_run_itself_stay(  # type: ignore[no-untyped-def]
    call, run: Path, tmp_path: Path, predicted: list[tuple[Path, Path]]
) -> None:
    (tmp_path / "data").mkdir()
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    ended = call("evaluate", run, "--data", tmp_path / "data", "--out", tmp_path / "out")
    assert ended.status == 0, ended.err
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["model"] == "again"
    assert Predictions.read(tmp_path / "out" / "predictions.csv").frame["model"].iloc[0] == "again"


def test_a_run_with_predictions_needs_no_keras(  # type: ignore[no-untyped-def]
    call, run: Path, predicted: list[tuple[Path, Path]]
) -> None:
    assert call("evaluate", run).status == 0
    assert not predicted


def test_of_repeats_every_seed_and_the_spread_are_told(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for seed in (1, 2, 3):
        made_run(tmp_path / "runs" / f"seed-{seed}", seed=seed, phantom=seed == 3)
    ended = call("evaluate", tmp_path / "runs")
    assert ended.status == 0, ended.err
    rows = {line.split()[0] for line in ended.out.splitlines() if line.strip()}
    assert {"1", "2", "3", "Mean", "SD", "Lowest", "Highest"} <= rows
    assert "Accuracy over 3 seeds" in ended.out
    assert "PHANTOM DATA" in ended.out
    assert "over 3 seeds" in (tmp_path / "runs" / "spread.html").read_text()
    ended = call("evaluate", tmp_path / "runs", "--json", "--out", tmp_path / "out")
    told = json.loads(ended.out)
    assert told["seeds"]["2"]["n"] == 80
    assert set(told["scores"]["ece"]) == {"mean", "sd", "lowest", "highest"}
    assert Path(told["spread"]).parent == tmp_path / "out"


@pytest.mark.parametrize(
    "options", [("--data", "x"), ("--patients", "x"), ("--mlflow", "x"), ("--no-images",)]
)
def test_what_is_about_one_run_is_not_asked_of_repeats(  # type: ignore[no-untyped-def]
    call, tmp_path: Path, options: tuple[str, ...]
) -> None:
    for seed in (1, 2):
        made_run(tmp_path / "runs" / f"seed-{seed}", seed=seed)
    ended = call("evaluate", tmp_path / "runs", *options)
    assert ended.status == 2
    assert "name one of the seeds" in " ".join(ended.err.replace("│", " ").split())


@pytest.mark.parametrize("asked", [("check",), ("export", "--out", "bundle")])
def test_what_is_made_of_one_run_asks_for_one_of_the_seeds(  # type: ignore[no-untyped-def]
    call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    made_run(tmp_path / "runs" / "seed-1", seed=1)
    ended = call(*asked, "runs")
    assert ended.status == 1
    assert "runs holds the repeats of a training; name one of them, as runs/seed-1." in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", "nowhere"], "nowhere does not exist"),
        (["evaluate", "empty"], "holds no predictions.csv: make it with"),
        (["evaluate", "table.csv", "--data", "empty"], "is no run folder"),
        (["evaluate", "cnn", "--data", "nowhere"], "nowhere is no folder"),
        (["evaluate", "cnn", "--patients", "nowhere.csv"], "nowhere.csv does not exist"),
        (["evaluate", "words.csv"], "words.csv lacks the columns"),
        (["compare", "cnn", "nowhere"], "nowhere does not exist"),
        (["compare", "cnn", "table.csv", "--split", "train"], "no rows of the split train"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_sentence(  # type: ignore[no-untyped-def]
    call, run: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(run.parent)
    Path("empty").mkdir()
    Path("words.csv").write_text("a,b\n1,2\n")
    made_table().write("table.csv")
    ended = call(*arguments)
    assert ended.status == 1
    assert ended.err.startswith("braintumor: ")
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert ended.out == ""


def test_without_keras_the_extra_is_named(  # type: ignore[no-untyped-def]
    call, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    ended = call("evaluate", run, "--data", run)
    assert ended.status == 1
    assert "pip install '.[train]'" in ended.err


def test_compare_writes_page_and_json(call, run: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    other = made_run(tmp_path / "resnet50", seed=1, skill=2.0, name="resnet50")
    out = tmp_path / "out"
    ended = call("compare", run, other, "--out", out)
    assert ended.status == 0, ended.err
    assert "Of the same 80 test slices, cnn gets" in ended.out
    assert "data:image/png" in (out / "compare.html").read_text()
    found = json.loads(call("compare", run, other, "--out", out, "--json", "--no-images").out)
    assert found.pop("report") == str(out / "compare.html")
    found.pop("comparison")
    assert found == json.loads((out / "compare.json").read_text())
    assert "data:image" not in (out / "compare.html").read_text()
    assert call("compare", run, other, "--out", out, "--split", "valid").status == 0
    assert json.loads((out / "compare.json").read_text())["images"] == 60


def test_one_model_is_no_comparison(call, run: Path) -> None:  # type: ignore[no-untyped-def]
    ended = call("compare", run)
    assert ended.status == 2
    assert "two runs or tables at least" in ended.err


def test_a_seed_that_no_generator_takes_is_refused(call, run: Path) -> None:  # type: ignore[no-untyped-def]
    ended = call("compare", run, run, "--seed", -1)
    assert ended.status == 2
    assert "--seed" in ended.err


def test_names_with_brackets_are_printed_as_they_are(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    name = "[red]a[/blue]"
    run = made_run(tmp_path / "x", name=name)
    assert name in call("evaluate", run).out
    assert name in call("compare", run, made_run(tmp_path / "y"), "--out", tmp_path / "o").out


def test_neither_keras_nor_tensorflow_is_loaded(run: Path, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom braintumor.cli.main import cli\n"
        f"cli.main(['evaluate', {str(run)!r}], standalone_mode=False)\n"
        f"cli.main(['compare', {str(run)!r}, {str(run)!r}, '--out', {str(tmp_path / 'o')!r}],"
        " standalone_mode=False)\n"
        "print([m for m in ('keras', 'tensorflow', 'torch', 'jax', 'onnx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
