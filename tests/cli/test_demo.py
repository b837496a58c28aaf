"""The demo: every step told in order, resumed, kept to its own folder, without weights too."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

import braintumor.demo as demo
from braintumor.cli.main import cli, run
from braintumor.demo import Settings, tell
from braintumor.errors import BraintumorError, InUseError

TINY = Settings(
    patients_per_class=3,
    slices_per_patient=1,
    size=64,
    side=32,
    cnn={"epochs": 1, "batch_size": 4, "warmup_epochs": 0, "mixup": 0.0, "patience": 1},
    resnet50={"epochs": 1, "batch_size": 4, "variants": 1, "head_epochs": 1, "patience": 1},
)


class Rooms:
    """Stand-ins for the rooms that need Keras or minutes, each noting that it was called."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.weights: Callable[..., Path] = lambda log: Path("weights.h5")
        self.train: Callable[..., None] = self.write_run

    def write_run(self, catalog: Any, recipe: Any, out: Path, **_: Any) -> None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "trained").write_text(recipe.network)

    def modules(self) -> dict[str, ModuleType | SimpleNamespace]:
        def note(name: str, result: Callable[..., Any]) -> Callable[..., Any]:
            def called(*arguments: Any, **options: Any) -> Any:
                self.calls.append(name)
                return result(*arguments, **options)

            return called

        class NoWeightsError(BraintumorError):
            pass

        self.no_weights = NoWeightsError
        metrics = {"accuracy": 0.5, "macro_auc": 0.75, "macro_f1": 0.4}
        judgement = SimpleNamespace(headline=SimpleNamespace(metrics=metrics))
        answer = SimpleNamespace(
            predicted="glioma", confidence=0.7, probabilities={"glioma": 0.7, "no_tumor": 0.3}
        )
        return {
            "braintumor.networks.imagenet": SimpleNamespace(
                WeightsNotFoundError=NoWeightsError, find_weights=lambda log: self.weights(log)
            ),
            "braintumor.training.fit": SimpleNamespace(
                train=lambda c, r, out, **o: (
                    self.calls.append(f"train {r.network}"),
                    self.train(c, r, out, **o),
                )
            ),
            "braintumor.training.recipe": SimpleNamespace(
                default_recipe=lambda network, **changes: SimpleNamespace(
                    network=network, **changes
                )
            ),
            "braintumor.evaluation.judgement": SimpleNamespace(judge=lambda run: judgement),
            "braintumor.evaluation.run_tables": SimpleNamespace(read_run=lambda run: run),
            "braintumor.evaluation.written": SimpleNamespace(
                write_judged=note(
                    "report", lambda j, run: SimpleNamespace(report=run / "report.html")
                )
            ),
            "braintumor.evaluation.compare": SimpleNamespace(
                compare=note("compare", lambda runs: runs),
                sentences=lambda runs: [f"{len(runs)} networks differ by chance."],
            ),
            "braintumor.evaluation.compare_report": SimpleNamespace(
                write_comparison=lambda c, out: (out / "compare.json", out / "compare.html")
            ),
            "braintumor.training.export": SimpleNamespace(
                export_run=note("export", lambda run, out, **_: out)
            ),
            "braintumor.bundle.classifier": SimpleNamespace(
                Classifier=SimpleNamespace(
                    load=lambda folder: SimpleNamespace(predict=note("predict", lambda i: answer))
                )
            ),
        }


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> Rooms:
    stand_ins = Rooms()
    for name, module in stand_ins.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(demo, "require", lambda *_, **__: None)
    return stand_ins


def told(out: Path, **options: Any) -> str:
    lines: list[str] = []
    tell(out, say=lines.append, settings=TINY, **options)
    return "\n".join(lines)


def test_every_step_is_told_in_order_with_what_and_why(rooms: Rooms, tmp_path: Path) -> None:
    text = told(tmp_path / "demo")
    titles = [line for line in text.splitlines() if line.startswith("Step ")]
    assert [title.split(": ")[1] for title in titles] == [
        "Draw phantom images",
        "Audit the images",
        "Train the cnn",
        "Train the resnet50",
        "Evaluate",
        "Compare",
        "Export",
        "Predict one image",
    ]
    assert titles[0].startswith("Step 1 of 8")
    assert rooms.calls == [
        "train cnn",
        "train resnet50",
        *("report", "report"),
        "compare",
        *("export", "export"),
        *("predict", "predict"),
    ]
    assert "12 images can be read, 0 left out" in text
    audit = json.loads((tmp_path / "demo" / "audit" / "audit.json").read_text())
    assert audit["phantom"] is True
    assert "2 networks differ by chance" in text
    assert str((tmp_path / "demo" / "compare" / "compare.html").resolve()) in text
    assert "make app" in text
    assert "not a medical device" in text
    assert max(map(len, (line for line in text.splitlines() if str(tmp_path) not in line))) <= 92


def test_without_imagenet_weights_it_says_so_and_goes_on_with_the_cnn_alone(
    rooms: Rooms, tmp_path: Path
) -> None:
    def nowhere(log: Callable[[str], object]) -> Path:
        log("Fetching")
        raise rooms.no_weights("no ImageNet weights for resnet50: nothing can be reached")

    rooms.weights = nowhere
    text = told(tmp_path / "demo")
    assert "Fetching" in text
    assert "no ImageNet weights for resnet50" in text
    assert "goes on with the cnn alone" in text
    assert "there is one network only" in text
    assert rooms.calls == ["train cnn", "report", "export", "predict"]
    assert str((tmp_path / "demo" / "runs" / "cnn" / "report.html").resolve()) in text


def test_the_resnet50_can_be_left_out(rooms: Rooms, tmp_path: Path) -> None:
    text = told(tmp_path / "demo", cnn_only=True)
    assert "train resnet50" not in rooms.calls
    assert "Train the resnet50" not in text
    steps = [line for line in text.splitlines() if line.startswith("Step ")]
    assert steps[-1].startswith(f"Step {len(steps)} of {len(steps)}:")


def test_a_second_demo_goes_on_with_what_the_first_has_done(rooms: Rooms, tmp_path: Path) -> None:
    told(tmp_path / "demo")
    resumed: list[bool] = []
    rooms.train = lambda *a, resume=False, **o: resumed.append(resume)
    told(tmp_path / "demo")
    assert resumed == [True, True]


def test_a_training_that_cannot_go_on_is_begun_anew_and_says_why(
    rooms: Rooms, tmp_path: Path
) -> None:
    told(tmp_path / "demo", cnn_only=True)
    run_folder = tmp_path / "demo" / "runs" / "cnn"
    (run_folder / "old").write_text("")

    def stubborn(catalog: Any, recipe: Any, out: Path, *, resume: bool = False, **_: Any) -> None:
        if resume:
            raise BraintumorError("it was begun with another recipe")
        rooms.write_run(catalog, recipe, out)

    rooms.train = stubborn
    text = told(tmp_path / "demo", cnn_only=True)
    assert "anew" in text
    assert "it was begun with another recipe" in text
    assert [p.name for p in run_folder.iterdir()] == ["trained"]


def test_a_training_of_another_demo_that_is_under_way_is_left_alone(
    rooms: Rooms, tmp_path: Path
) -> None:
    told(tmp_path / "demo", cnn_only=True)

    def busy(catalog: Any, recipe: Any, out: Path, **_: Any) -> None:
        raise InUseError("another process is training there")

    rooms.train = busy
    with pytest.raises(BraintumorError, match="another process"):
        told(tmp_path / "demo", cnn_only=True)
    assert (tmp_path / "demo" / "runs" / "cnn" / "trained").is_file()


def test_a_training_that_fails_from_its_start_is_not_tried_twice(
    rooms: Rooms, tmp_path: Path
) -> None:
    def failing(catalog: Any, recipe: Any, out: Path, **_: Any) -> None:
        out.mkdir(parents=True)
        raise BraintumorError("the disk is full")

    rooms.train = failing
    with pytest.raises(BraintumorError, match="the disk is full"):
        told(tmp_path / "demo")
    assert rooms.calls == ["train cnn"]


def test_a_folder_of_something_else_is_left_alone(rooms: Rooms, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BraintumorError, match="no demo"):
        told(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(BraintumorError, match="no demo"):
        told(tmp_path / "thesis.tex")
    assert not rooms.calls


def test_ctrl_c_says_how_to_go_on_and_ends_with_130(
    rooms: Rooms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "Settings", lambda: TINY)
    rooms.train = stopped
    with pytest.raises(SystemExit) as end:
        run(["demo", "--out", str(tmp_path / "demo")])
    assert end.value.code == 130
    assert "goes on where this stopped" in capsys.readouterr().err


def test_without_keras_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(SystemExit) as end:
        run(["demo", "--out", str(tmp_path / "demo")])
    assert end.value.code == 1
    assert "'.[train]'" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


def test_help_names_the_folder() -> None:
    result = CliRunner().invoke(cli, ["demo", "--help"])
    assert result.exit_code == 0
    assert "--out" in result.output
    assert "demo" in result.output


@pytest.mark.slow
def test_the_whole_story_with_the_real_rooms(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    lines: list[str] = []
    out = tmp_path / "demo"
    report = tell(out, say=lines.append, settings=TINY, cnn_only=True)
    assert report == out / "runs" / "cnn" / "report.html"
    assert "phantom" in report.read_text(encoding="utf-8").lower()
    metrics = json.loads((out / "runs" / "cnn" / "metrics.json").read_text())
    assert metrics["phantom"] is True
    assert metrics["splits"]["test"]["n"] == 4
    card = json.loads((out / "bundles" / "cnn" / "card.json").read_text())
    assert card["trained_on"]["phantom"] is True
    # What the report leads to, and what the bundle takes its calibration from.
    for name in ("model_card.md", "checklist.html", "calibration.json"):
        assert (out / "runs" / "cnn" / name).is_file(), name
    history = (out / "runs" / "cnn" / "history.csv").read_bytes()
    tell(out, say=lines.append, settings=TINY, cnn_only=True)
    assert (out / "runs" / "cnn" / "history.csv").read_bytes() == history
