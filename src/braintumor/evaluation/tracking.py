"""A run's judgement into MLflow: parameters, metrics, figures, documents and the model.

Into a local folder unless a server is named. The predictions table stays where it is: its paths
and groups may name patients. Needs the extra [mlflow].
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from braintumor import __version__
from braintumor.errors import BraintumorError, require
from braintumor.evaluation.judgement import METRICS_FILE, Judgement
from braintumor.evaluation.record import CHECKLIST, CHECKLIST_PAGE, MODEL_CARD
from braintumor.evaluation.report import REPORT_FILE
from braintumor.evaluation.sections import curves
from braintumor.evaluation.settings import recipe_rows

EXPERIMENT = "braintumor"
DEFAULT_FOLDER = "mlruns"
_DOCUMENTS: tuple[str, ...] = (
    *(REPORT_FILE, METRICS_FILE, MODEL_CARD, CHECKLIST, CHECKLIST_PAGE),
    *("recipe.toml", "history.csv"),
)
_MODEL = "model.keras"
# MLflow refuses longer values.
_LONGEST_VALUE = 6000


@dataclass(frozen=True)
class Logged:
    """Where a run was logged to.

    Attributes:
        uri: of the tracking store.
        run_id: MLflow's name of the run.
    """

    uri: str
    run_id: str


def log(judgement: Judgement, folder: Path, target: str = DEFAULT_FOLDER) -> Logged:
    """Log a judgement as one MLflow run of the experiment "braintumor".

    Args:
        judgement: what was judged.
        folder: where report, metrics and documents were written.
        target: a folder (made if missing), or the URI of a tracking server.

    Raises:
        MissingExtraError: MLflow is not installed.
        BraintumorError: the store cannot be written to.
    """
    uri = _uri(target)
    if uri.startswith("file:"):
        # MLflow would rather have a database; a folder is what a person can look into and copy.
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    mlflow = require("mlflow", extra="mlflow", what="Logging to MLflow")
    try:
        client = mlflow.MlflowClient(tracking_uri=uri)
        known = client.get_experiment_by_name(EXPERIMENT)
        experiment = known.experiment_id if known else client.create_experiment(EXPERIMENT)
        run_id = client.create_run(experiment, run_name=judgement.run.model).info.run_id
        _write(client, run_id, judgement, folder)
        client.set_terminated(run_id)
    except (mlflow.exceptions.MlflowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise BraintumorError(f"{target} cannot be logged to: {reason}") from error
    return Logged(uri, run_id)


def _uri(target: str) -> str:
    return target if "://" in target else Path(target).resolve().as_uri()


def _write(client: Any, run_id: str, judgement: Judgement, folder: Path) -> None:
    client.set_tag(run_id, "braintumor", __version__)
    client.set_tag(run_id, "phantom", str(judgement.run.phantom).lower())
    for setting, value in recipe_rows(judgement.run.recipe):
        client.log_param(run_id, setting, value[:_LONGEST_VALUE])
    for name, score in scores(judgement):
        client.log_metric(run_id, name, score)
    for name, loss, epoch in _history(judgement):
        client.log_metric(run_id, name, loss, step=epoch)
    for document in _DOCUMENTS:
        if (folder / document).is_file():
            client.log_artifact(run_id, str(folder / document))
    root = judgement.run.root
    if root is not None and (root / _MODEL).is_file():
        client.log_artifact(run_id, str(root / _MODEL), artifact_path="model")
    with tempfile.TemporaryDirectory() as temporary:
        for i, figure in enumerate(curves.part_figures(judgement.headline), start=1):
            (Path(temporary) / f"{i:02d}.svg").write_text(str(figure.svg), encoding="utf-8")
        client.log_artifacts(run_id, temporary, artifact_path="figures")


def _history(judgement: Judgement) -> Iterator[tuple[str, float, int]]:
    """(name, value, epoch) of the learning curves."""
    if judgement.run.history is None:
        return
    for epoch, row in enumerate(judgement.run.history.to_dict(orient="records"), start=1):
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            for _, value in _defined(name, row[name]):
                yield f"history.{name}", value, epoch


def scores(judgement: Judgement) -> Iterator[tuple[str, float]]:
    """(dotted name, value) of every defined score: "test.accuracy", "test.glioma.auc"."""
    for part in judgement.parts.values():
        for name, value in part.metrics.items():
            if isinstance(value, int | float):
                yield from _defined(f"{part.name}.{name}", value)
        per_class: Mapping[str, Mapping[str, Any]] = part.metrics["per_class"]
        for label, by_class in per_class.items():
            for name, value in by_class.items():
                yield from _defined(f"{part.name}.{label}.{name}", value)


def _defined(name: str, value: float) -> Iterator[tuple[str, float]]:
    if value == value:
        yield name, float(value)
