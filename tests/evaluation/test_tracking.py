"""Logging to MLflow: into a folder, complete, and without the table of patients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_run import made_run

from braintumor.errors import BraintumorError
from braintumor.evaluation import tracking
from braintumor.evaluation.judgement import judge, write_metrics
from braintumor.evaluation.record import write_record
from braintumor.evaluation.run_tables import read_run

mlflow: Any = pytest.importorskip("mlflow", reason="SKIPPED FOR WANT OF THE EXTRA [mlflow]")


def test_a_run_is_logged_with_scores_figures_documents_and_model(tmp_path: Path) -> None:
    root = made_run(tmp_path / "cnn")
    (root / "model.keras").write_bytes(b"weights")
    judgement = judge(read_run(root))
    write_metrics(judgement, root)
    write_record(judgement, root)
    logged = tracking.log(judgement, root, str(tmp_path / "runs"))
    client = mlflow.MlflowClient(tracking_uri=(tmp_path / "runs").as_uri())
    run = client.get_run(logged.run_id)
    assert run.info.status == "FINISHED"
    metrics = judgement.headline.metrics
    assert run.data.metrics["test.accuracy"] == pytest.approx(metrics["accuracy"])
    assert run.data.metrics["test.glioma.auc"] == pytest.approx(
        metrics["per_class"]["glioma"]["auc"]
    )
    assert "val_loss" in " ".join(run.data.metrics)
    assert run.data.params["recipe.network"] == "cnn"
    kept = {path.name for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    assert {"model.keras", "model_card.md", "checklist.html", "metrics.json", "01.svg"} <= kept
    assert not [name for name in kept if name.startswith("predictions")]


def test_a_store_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    judgement = judge(read_run(made_run(tmp_path / "cnn")))
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(BraintumorError, match="cannot be logged to"):
        tracking.log(judgement, tmp_path, str(tmp_path / "file"))
