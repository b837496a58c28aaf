r"""The stress test on slices whose patients no judged network has seen.

    python tools/stress_folds.py RUN_CNN RUN_RESNET50 DATA --out runs/stress [--limit 60]
    python tools/stress.py publish runs/stress/stress.csv

RUN is a run over folds (`braintumor train --folds K`). Each fold's networks are put under every
condition on slices of their own fold, then pooled as the ensemble is; probabilities are calibrated
by what was fitted on the other folds. A test that was broken off goes on within its fold.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from braintumor.bundle.classifier import Classifier
from braintumor.catalog.catalog import Catalog
from braintumor.evaluation.decision import fit_decision
from braintumor.evaluation.ensemble import combined, where_they_differ
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import read_run
from braintumor.evaluation.stress_table import COLUMNS, EXTRA
from braintumor.files import atomic_path
from braintumor.scoring.stress import TABLE, Plan, stress
from braintumor.training.export import export_run
from braintumor.training.run import RunFolder
from results import ENSEMBLE


def judge_folds(runs: Sequence[Path], data: Path, out: Path, *, limit: int) -> Path:
    """Test every fold on slices of its own, and write one table.

    Args:
        runs: runs over the same folds, one a network.
        data: folder of the images.
        out: where the table goes, and a folder a fold with what it was made of.
        limit: slices in all, as many of each fold.

    Returns:
        Path of the table: rows of each network, then of the ensemble; each counts as one model,
        whose `model_sha256` stands for those of all folds.
    """
    answers = [read_run(run).predictions for run in runs]
    judged = [*answers, combined(answers, name=ENSEMBLE)]
    folds = sorted(set(answers[0].frame["fold"]))
    parts = []
    for fold in folds:
        table = pd.read_csv(
            _tested(runs, fold, data, out / f"fold-{fold}", limit // len(folds)),
            dtype=str,
            keep_default_na=False,
        )
        parts.append(pooled_and_calibrated(table, judged, fold))
    whole = pd.concat(parts, ignore_index=True)
    with atomic_path(out / TABLE) as temporary:
        one_model_each(whole)[list(COLUMNS)].to_csv(temporary, index=False, float_format="%.9g")
    return out / TABLE


def one_model_each(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of all folds, model after model, under one hash of the hashes of each model's folds."""
    shas = rows.groupby("model", sort=False)["model_sha256"].unique()
    joined = {
        name: hashlib.sha256("".join(sorted(of)).encode()).hexdigest() for name, of in shas.items()
    }
    order = {name: k for k, name in enumerate(shas.index)}
    ranked = rows.iloc[np.argsort(rows["model"].map(order), kind="stable")]
    return ranked.assign(model_sha256=ranked["model"].map(joined)).reset_index(drop=True)


def _tested(runs: Sequence[Path], fold: str, data: Path, out: Path, limit: int) -> Path:
    """The raw answers of one fold's networks."""
    bundles = []
    uncalibrated = out / "raw.json"
    uncalibrated.parent.mkdir(parents=True, exist_ok=True)
    uncalibrated.write_text("{}")
    for run in runs:
        network = run / f"fold-{fold}"
        bundle = out / Predictions.read(network / "predictions.csv").frame["model"].iloc[0]
        bundles.append(Classifier.load(export_run(network, bundle, calibration=uncalibrated)))
    catalog = Catalog.read(RunFolder(runs[0] / f"fold-{fold}").catalog, root=data)
    return stress(bundles, catalog, out, Plan(limit=limit, split="test"))


def pooled_and_calibrated(
    raw: pd.DataFrame, judged: Sequence[Predictions], fold: str
) -> pd.DataFrame:
    """A fold's raw answers, those of the ensemble beside them, by what other folds teach.

    Args:
        raw: rows of `COLUMNS`, of every network in every state.
        judged: out-of-fold answers of each network in turn, and of the ensemble.
        fold: whose networks these are.
    """
    networks = [table.frame["model"].iloc[0] for table in judged[:-1]]
    rows = [raw[raw["model"] == name].reset_index(drop=True) for name in networks]
    tables = [_with_states_for_paths(part) for part in rows]
    met = [part["in_training"] for part in rows]
    # Both have met what one of them has.
    met.append(pd.concat(met, axis=1).max(axis=1))
    rules = [
        fit_decision(taught.take(np.flatnonzero((taught.frame["fold"] != fold).to_numpy()))).rules
        for taught in judged
    ]
    *alone, both = rules
    answers = [rule.apply(table) for rule, table in zip(alone, tables, strict=True)]
    pooled = where_they_differ(combined(tables, name=ENSEMBLE), answers)
    answers.append(both.apply(pooled))
    made = [
        # Row for row those of the first network, whose states they are.
        table.frame.assign(**rows[0][["path", *EXTRA]].assign(in_training=known))
        for table, known in zip(answers, met, strict=True)
    ]
    return pd.concat(made, ignore_index=True)


def _with_states_for_paths(rows: pd.DataFrame) -> Predictions:
    """One network's rows as a table whose paths name the state too."""
    paths = rows["path"] + "#" + rows["condition"] + "#" + rows["severity"]
    return Predictions.from_frame(rows.drop(columns=list(EXTRA)).assign(path=paths))


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs=2)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=60)
    options = parser.parse_args()
    print(judge_folds(options.runs, options.data, options.out, limit=options.limit))


if __name__ == "__main__":
    main()
