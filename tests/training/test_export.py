"""A run becomes a bundle that answers as Keras does; nothing half-made is ever left behind."""

from __future__ import annotations

import builtins
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_training import untrained_run

from braintumor.bundle.card import read_bundle, read_card
from braintumor.bundle.classifier import Classifier
from braintumor.classes import CLASSES
from braintumor.cli.main import run as braintumor
from braintumor.errors import BraintumorError, MissingExtraError
from braintumor.evaluation.decision import fit_decision
from braintumor.evaluation.predictions import Predictions
from braintumor.images.prepare import Preparation

keras = pytest.importorskip("keras", reason="SKIPPED FOR WANT OF the extra [train]")
from braintumor.networks import build, serving_model  # noqa: E402 - these need the extra
from braintumor.training import onnx_graph  # noqa: E402
from braintumor.training.export import export_run  # noqa: E402
from braintumor.training.recipe import default_recipe  # noqa: E402

SIZE = 32
METRICS = {"splits": {"test": {"accuracy": 0.9, "n": 10}}, "model": "cnn"}
RECORD = {
    "dataset": "scans",
    "phantom": True,
    "catalog_sha256": "a" * 64,
    "images": {"train": 70, "valid": 15, "test": 15},
    "best_val_loss": 0.25,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = untrained_run(tmp_path_factory.mktemp("run"), RECORD, size=SIZE)
    (run / "metrics.json").write_text(json.dumps(METRICS))
    return run


@pytest.fixture(scope="module")
def bundle(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_run(trained, tmp_path_factory.mktemp("out") / "bundle")


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run, free to be damaged."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_bundle_is_a_graph_and_a_card(bundle: Path) -> None:
    assert files(bundle) == ["card.json", "model.onnx"]
    assert files(bundle.parent) == ["bundle"]
    read_bundle(bundle)


def test_the_bundle_answers_as_keras_does(bundle: Path, trained: Path) -> None:
    model = keras.saving.load_model(trained / "model.keras")
    slice_ = np.random.default_rng(0).integers(0, 255, (90, 80)).astype(np.uint8)
    explanation = Classifier.load(bundle).explain(slice_)
    canvas = explanation.prepared.pixels[None, :, :, None].astype(np.float32)

    logits = np.asarray(model(canvas), np.float64)[0]
    expected = np.exp(logits) / np.exp(logits).sum()
    found = list(explanation.prediction.probabilities.values())
    np.testing.assert_allclose(found, expected, atol=1e-6)
    maps = np.asarray(serving_model(model)(canvas)["maps"])[0]
    np.testing.assert_allclose(explanation.maps, maps, atol=1e-5)


def test_the_card_tells_what_the_network_learnt_from_and_is_worth(bundle: Path) -> None:
    card = read_card(bundle)

    assert (card.name, card.network) == ("cnn", "cnn")
    assert card.preparation_of_slices() == Preparation(size=SIZE)
    assert card.graph.opset == 18
    learnt = card.trained_on
    assert (learnt.dataset, learnt.phantom, learnt.images) == ("scans", True, 70)
    assert learnt.catalog_sha256 == "a" * 64
    settings = learnt.recipe["recipe"]
    assert isinstance(settings, dict)
    assert settings["learning_rate"] == default_recipe("cnn").learning_rate
    assert card.evidence == METRICS
    assert {"braintumor", "keras"} <= card.created_with.keys()


def test_predictions_go_along_only_when_asked_for(run: Path, tmp_path: Path) -> None:
    (run / "predictions.csv").write_text("path,label\nMr_Smith.png,glioma\n")
    assert files(export_run(run, tmp_path / "without")) == ["card.json", "model.onnx"]
    folder = export_run(run, tmp_path / "with", with_predictions=True)
    assert files(folder) == ["card.json", "model.onnx", "predictions.csv"]
    # Exporting again replaces them; without the wish for them they go.
    assert files(export_run(run, folder)) == ["card.json", "model.onnx"]


def test_the_table_beside_a_graph_is_calibrated_as_its_answers_are(
    run: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(240) % 4
    prob = rng.dirichlet(np.ones(4), 240) * 0.2
    prob[np.arange(240), truth] += 0.8  # always right, and never sure enough
    prob /= prob.sum(axis=1, keepdims=True)
    names = [f"{i}.png" for i in range(240)]
    folds = [str(i // 4 % 3) for i in range(240)]
    raw = Predictions.from_arrays(names, truth, prob, fold=folds, group=names, split=["test"] * 240)
    raw.write(run / "predictions.csv")
    fit_decision(raw).write(run / "calibration.json")
    found = Predictions.read(
        export_run(run, tmp_path / "b", with_predictions=True) / "predictions.csv"
    )
    assert found.confidence.mean() > raw.confidence.mean() + 0.05
    assert {*CLASSES} <= set(found.frame["set"])
    # Asked again, a bundle keeps its table: it is not calibrated twice.
    again = export_run(tmp_path / "b", tmp_path / "c", with_predictions=True)
    assert (again / "predictions.csv").read_bytes() == (
        tmp_path / "b" / "predictions.csv"
    ).read_bytes()


def test_a_name_can_be_given(run: Path, tmp_path: Path) -> None:
    assert read_card(export_run(run, tmp_path / "b", name="mine-2.1")).name == "mine-2.1"


@pytest.mark.parametrize("name", ["../x", "two words", "x" * 65, "-x", "näh", "a\n"])
def test_a_name_that_cannot_be_is_refused(
    run: Path, bundle: Path, tmp_path: Path, name: str
) -> None:
    for source in (run, bundle):
        with pytest.raises(BraintumorError, match="cannot be called"):
            export_run(source, tmp_path / "b", name=name)


def test_a_run_that_was_not_evaluated_gives_a_bundle_without_evidence(
    run: Path, tmp_path: Path
) -> None:
    (run / "metrics.json").unlink()

    assert read_card(export_run(run, tmp_path / "b")).evidence == {}


def test_the_same_run_gives_the_same_bundle(bundle: Path, trained: Path, tmp_path: Path) -> None:
    again = export_run(trained, tmp_path / "again")

    for name in files(bundle):
        assert (again / name).read_bytes() == (bundle / name).read_bytes()


def test_a_bundle_that_stands_there_is_replaced(run: Path, tmp_path: Path) -> None:
    out = export_run(run, tmp_path / "b", name="old")
    export_run(run, out, name="new")

    assert read_card(out).name == "new"
    assert files(tmp_path) == ["b", "run"]


def test_an_empty_folder_is_filled(run: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()

    assert files(export_run(run, tmp_path / "b")) == ["card.json", "model.onnx"]


def test_a_folder_with_anything_else_in_it_is_left_alone(run: Path, tmp_path: Path) -> None:
    out = export_run(run, tmp_path / "b")
    (out / "thesis.doc").write_text("the only copy")
    (tmp_path / "file").write_text("x")

    for place in (out, run, tmp_path / "file"):
        with pytest.raises(BraintumorError, match="choose"):
            export_run(run, place)
    assert (out / "thesis.doc").exists()


@pytest.mark.parametrize("missing", ["model.keras", "recipe.toml"])
def test_a_run_that_is_not_finished_is_refused(run: Path, tmp_path: Path, missing: str) -> None:
    (run / missing).unlink()

    with pytest.raises(BraintumorError, match="no finished run"):
        export_run(run, tmp_path / "b")


@pytest.mark.parametrize(
    ("damaged", "content"),
    [
        *((name, b"\x80 damaged") for name in ("model.keras", "metrics.json", "recipe.toml")),
        *(("metrics.json", content) for content in (b"[1]", b"5", b"[" * 100_000)),
    ],
)
def test_a_damaged_run_is_one_sentence(
    run: Path, tmp_path: Path, damaged: str, content: bytes
) -> None:
    (run / damaged).write_bytes(content)

    with pytest.raises(BraintumorError, match="cannot be read") as refused:
        export_run(run, tmp_path / "b")
    assert damaged in str(refused.value)
    assert files(tmp_path) == ["run"]


def test_a_graph_that_answers_otherwise_is_never_put_in_place(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = export_run(run, tmp_path / "b", name="old")
    right = onnx_graph.onnx_graph

    def slightly_wrong(model: Any) -> Any:
        graph = right(model)
        weight = next(w for w in graph.graph.initializer if w.name.startswith("stage3b"))
        values = np.frombuffer(weight.raw_data, np.float32) * np.float32(1.01)
        weight.raw_data = values.tobytes()
        return graph

    monkeypatch.setattr(onnx_graph, "onnx_graph", slightly_wrong)
    with pytest.raises(BraintumorError, match="differ from those of Keras"):
        export_run(run, out, name="new")
    assert read_card(out).name == "old"
    assert files(tmp_path) == ["b", "run"]


def test_a_run_of_mixed_precision_is_held_against_float32(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    build("cnn", size=SIZE, precision="mixed_bfloat16").save(tmp_path / "run" / "model.keras")
    default_recipe("cnn", preparation=Preparation(size=SIZE)).write(
        tmp_path / "run" / "recipe.toml"
    )

    assert not read_card(export_run(tmp_path / "run", tmp_path / "b")).trained_on.phantom


@pytest.mark.parametrize("missing", ["keras", "onnx"])
def test_a_missing_extra_is_one_sentence_with_its_remedy(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    honest = builtins.__import__

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name.partition(".")[0] == missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return honest(name, *arguments, **options)

    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[train\]'"):
        export_run(trained, tmp_path / "b")


class TestCommand:
    def test_it_prints_where_the_bundle_is(
        self, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "b"
        with pytest.raises(SystemExit) as end:
            braintumor(["export", str(trained), "--out", str(out), "--json"])

        assert end.value.code == 0
        result = json.loads(capsys.readouterr().out)
        assert result["bundle"] == str(out)
        assert result["graph_sha256"] == read_card(out).graph.sha256
        assert result["graph_bytes"] == (out / "model.onnx").stat().st_size

    def test_bad_input_is_exit_status_1_and_no_traceback(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as end:
            braintumor(["export", str(tmp_path), "--out", str(tmp_path / "b")])

        assert end.value.code == 1
        assert capsys.readouterr().err.startswith("braintumor: ")
