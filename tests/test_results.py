"""The published results: every number that README.md quotes comes from committed predictions."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from braintumor.evaluation.out_of_step import demonstrate
from braintumor.evaluation.predictions import Predictions
from braintumor.training.recipe import Recipe, default_recipe

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results" / "labeled-mri-given"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    pytest.importorskip("tomli_w")
    spec = importlib.util.spec_from_file_location("results_tool", ROOT / "tools" / "results.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readmes_table_is_the_one_that_the_predictions_give(tool: ModuleType) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    quoted = readme.split(tool.BEGIN)[1].split(tool.END)[0].strip()
    assert quoted == tool.table(), "run  python tools/results.py table --write"


def test_the_document_on_auc_quotes_what_the_predictions_give(tool: ModuleType) -> None:
    text = (ROOT / "docs" / "why-auc-was-half.md").read_text(encoding="utf-8")
    assert text.split(tool.BEGIN)[1].split(tool.END)[0].strip() == tool.out_of_step()


def test_out_of_step_a_good_network_looks_useless() -> None:
    test = Predictions.read(RESULTS / "resnet50" / "predictions.csv").split("test")
    right, wrong = (side.metrics for side in demonstrate(test, seed=0))
    assert right["accuracy"] > 0.9
    assert right["macro_auc"] > 0.98
    assert 0.4 < wrong["macro_auc"] < 0.6
    assert wrong["macro_ap"] < 0.4


@pytest.mark.parametrize("network", ["cnn", "resnet50"])
def test_the_committed_metrics_are_those_of_the_committed_predictions(network: str) -> None:
    predictions = Predictions.read(RESULTS / network / "predictions.csv")
    metrics = json.loads((RESULTS / network / "metrics.json").read_text())["splits"]
    for split in ("valid", "test"):
        computed = predictions.split(split).metrics()
        for name in ("n", "accuracy", "balanced_accuracy", "macro_f1", "mcc", "macro_auc"):
            assert metrics[split][name] == pytest.approx(computed[name], abs=1e-9), name


@pytest.mark.parametrize("network", ["cnn", "resnet50"])
def test_the_default_recipe_is_the_one_that_made_the_published_results(
    tool: ModuleType, network: str
) -> None:
    used = Recipe.read(RESULTS / network / "recipe.toml")
    # Two settings are this machine's and the command line's: the README's command has the second.
    asked = {"precision": used.precision, "deterministic": used.deterministic}
    assert used == default_recipe(network, **asked)


@pytest.mark.parametrize("network", ["cnn", "resnet50"])
def test_the_tables_hold_every_valid_and_test_slice_once(network: str) -> None:
    frame = pd.read_csv(RESULTS / network / "predictions.csv")
    assert frame.groupby("split").size().to_dict() == {"test": 246, "valid": 502}
    assert frame["path"].is_unique
    assert (frame["path"].str.split("/").str[1] == frame["label"]).all()


@pytest.mark.shared
def test_the_ties_to_train_are_what_the_patients_file_says(tool: ModuleType, shared: Path) -> None:
    patients = pd.read_csv(shared / "data/labeled-mri-patients.csv", dtype=str).fillna("")
    frame = pd.read_csv(RESULTS / "cnn" / "predictions.csv")
    assert tool.ties(patients, list(frame["path"])) == (RESULTS / tool.TIES).read_text()


def test_no_picture_of_a_slice_is_published() -> None:
    names = {path.suffix for path in RESULTS.rglob("*") if path.is_file()}
    assert names <= {".csv", ".toml", ".json", ".html", ".svg", ".md"}
    for path in RESULTS.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "data:image/png" not in text
        assert "data:image/jpeg" not in text


def test_the_document_on_intervals_quotes_what_the_predictions_give() -> None:
    spec = importlib.util.spec_from_file_location("intervals_tool", ROOT / "tools/intervals.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.DOCUMENT.read_text(encoding="utf-8")
    quoted = text.split(module.BEGIN)[1].split(module.END)[0].strip()
    assert quoted == module.section(), "run  python tools/intervals.py --write"
