"""Published results: files under results/, and the documents that quote them.

    python tools/results.py publish runs/cnn results/labeled-mri-given/cnn --patients FILE
    python tools/results.py publish runs/cnn-folds results/labeled-mri-grouped/cnn
    python tools/results.py publish runs/cnn runs/resnet50 results/labeled-mri-given/ensemble \\
        --patients FILE
    python tools/results.py [--write]

`publish` takes a run's predictions, recipe and history, and computes metrics, calibration, curves
and a report without any picture of a slice; of several runs it takes the pooled answers. The run
may be judged on the publisher's split, on a grouped split or on folds. Without it, the table of
README.md and the numbers of docs/why-auc-was-half.md are printed or written, from committed files
alone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import marks
import numpy as np
import pandas as pd
from marks import ROOT, Part

from braintumor.catalog.audit import AUDIT_FILE
from braintumor.classes import CLASSES
from braintumor.evaluation import words
from braintumor.evaluation.decision import as_answered
from braintumor.evaluation.ensemble import combined, where_they_differ
from braintumor.evaluation.judgement import judge
from braintumor.evaluation.out_of_step import demonstrate, draw, sentence
from braintumor.evaluation.patients import read_patients
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import (
    LOCALISATION_FILE,
    LOCALISATION_ROWS,
    RunTables,
    read_run,
)
from braintumor.evaluation.sections.curves import part_figures
from braintumor.evaluation.sections.training import learning_figures
from braintumor.evaluation.written import write_judged
from braintumor.files import write_text
from braintumor.training.recipe import read_record

RESULTS = ROOT / "results" / "labeled-mri-given"
NETWORKS = ("cnn", "resnet50")
ENSEMBLE = "ensemble"
# For every valid and test slice: 1 where train holds a copy of it, 1 where train holds a slice of
# its patient (or a copy of it, or a slice of its cluster of near copies).
TIES = "ties.csv"
# How groups are called whose patient is known.
PATIENT = "pat_"


def publish(runs: list[Path], out: Path, patients: Path | None = None) -> None:
    """Put a run's evidence under results/: tables, metrics and curves, no picture of a slice.

    Args:
        runs: one, or several whose answers are pooled as those of an ensemble.
        out: results/DATASET-SPLIT/NETWORK.
        patients: says which slices are unseen on the publisher's split; writes `TIES` beside.
    """
    out.mkdir(parents=True, exist_ok=True)
    tables = read_run(runs[0]) if len(runs) == 1 else pooled(runs, out)
    if len(runs) == 1:
        _copy(runs[0], out)
    judgement = judge(tables, patients=read_patients(patients) if patients else None)
    judgement.run.predictions.write(out / "predictions.csv")
    write_judged(judgement, out, images=False)
    curves = [*part_figures(judgement.headline), *learning_figures(tables)]
    for number, figure in enumerate(curves, start=1):
        write_text(out / "curves" / f"{number:02d}.svg", str(figure.svg))
    if patients and as_published(judgement.run.predictions):
        paths = list(judgement.run.predictions.frame["path"])
        known = pd.read_csv(patients, dtype=str).fillna("")
        write_text(out.parent / TIES, ties(known, paths, audited(out.parent)))


def pooled(runs: list[Path], out: Path) -> RunTables:
    """Several runs as one: the pooled answers, with no recipe and no history of their own."""
    members = [read_run(run) for run in runs]
    table = pool([member.predictions for member in members])
    first = members[0].recipe.get("record", {})
    record = {key: first[key] for key in ("dataset", "catalog_sha256", "folds") if key in first}
    record["members"] = [member.model for member in members]
    recipe = {"record": record}
    path = out / "predictions.csv"
    return RunTables(None, path, table, recipe=recipe, catalog=members[0].catalog)


def pool(tables: list[Predictions]) -> Predictions:
    """The pooled answers of several networks, `uncertain` where they prefer different classes."""
    answers = [as_answered(table) for table in tables]
    # Of the splits valid and test the test rows alone are answered; what is fitted there, one
    # temperature, changes no class.
    whole = [a if len(a) == len(t) else t for a, t in zip(answers, tables, strict=True)]
    return where_they_differ(combined(tables, name=ENSEMBLE), whole)


def _copy(run: Path, out: Path) -> None:
    """What a run wrote down of itself; of a run over folds the histories of the folds."""
    shutil.copyfile(run / "recipe.toml", out / "recipe.toml")
    for name in ("history.csv", LOCALISATION_FILE, LOCALISATION_ROWS):
        (out / name).unlink(missing_ok=True)  # an earlier network's says nothing of this one
        if (run / name).is_file():
            shutil.copyfile(run / name, out / name)
    for history in sorted(run.glob("fold-*/history.csv")):
        shutil.copyfile(history, out / f"history-{history.parent.name}.csv")


def as_published(predictions: Predictions) -> bool:
    """Whether every slice is of the split whose folder it lies in."""
    frame = predictions.frame
    return bool((frame["path"].str.split("/").str[0] == frame["split"]).all())


def audited(results: Path = RESULTS) -> list[dict[str, Any]]:
    """Pairs that the audit published there takes for copies; none where there is no audit."""
    path = results / AUDIT_FILE
    if not path.is_file():
        return []
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["copies"]
    return found


def ties(patients: pd.DataFrame, paths: list[str], copies: Sequence[Mapping[str, Any]]) -> str:
    """CSV text of `TIES` for these paths, from a patients file and the audit's copies.

    A copy is what is of the same source slice (or cluster of near copies) by the patients file, or
    what the audit takes for one by its pixels.
    """
    train = patients[patients["split"] == "train"]
    slices, groups = set(train["source_slice"]) - {""}, set(train["group"])
    key = patients["split"] + "/" + patients["class"] + "/" + patients["file"]
    named = patients.set_index(key).loc[paths]
    grouped = named["group"].isin(groups)
    copied = named["source_slice"].isin(slices) | ((named["source_slice"] == "") & grouped)
    copied |= named.index.isin(_with_copy_in(set(key[train.index]), copies))
    found = pd.DataFrame({"copy_in_train": copied, "group_in_train": grouped | copied}).astype(int)
    return str(found.rename_axis("path").to_csv(lineterminator="\n"))


def _with_copy_in(train: set[str], copies: Sequence[Mapping[str, Any]]) -> set[str]:
    pairs = [(copy["first"], copy["second"]) for copy in copies]
    return {one for pair in pairs for one, other in (pair, pair[::-1]) if other in train}


def row(network: str, results: Path = RESULTS) -> list[str]:
    """One network's cells, computed from its committed predictions and recipe."""
    folder = results / network
    predictions = Predictions.read(folder / "predictions.csv")
    tie = pd.read_csv(results / TIES, index_col="path")
    test, valid = predictions.split("test"), predictions.split("valid")
    found = tie.loc[list(test.frame["path"])]
    trained = "of the others"
    if network != ENSEMBLE:
        trained = f"{read_record(folder / 'recipe.toml')['seconds'] / 60:.0f} min"
    cells = [f"`{network}`", trained, _score(valid)]
    cells.append(_score(test))
    for column in ("copy_in_train", "group_in_train"):
        cells.append(_score(test.take(np.flatnonzero(found[column].to_numpy() == 0))))
    return cells


def table(results: Path = RESULTS) -> str:
    """The table of results in Markdown: accuracy and macro AUC, with the number of slices."""
    heads = (
        "network",
        "trained in",
        "valid",
        "**test**",
        "test, no copy in train",
        "test, nothing of their group in train",
    )
    names = published(results)
    lines = marks.table(heads, [row(network, results) for network in names])
    return "\n".join([*lines, "", last_column(names[0], results)] if names else lines)


def last_column(network: str, results: Path = RESULTS) -> str:
    """What the slices of the table's last column are, for a few of one class say little."""
    test = Predictions.read(results / network / "predictions.csv").split("test")
    labels = unseen(test, results / TIES).frame["label"]
    counts = ", ".join(f"{(labels == name).sum()} {name}" for name in CLASSES)
    return f"A group is a patient, or a cluster of near copies. In the last column: {counts}."


def leaks(results: Path = RESULTS) -> str:
    """What of the test slices lies in train, and of which class the errors are, in sentences."""
    tests = [_test(name, results) for name in published(results)]
    frame = tests[0].frame
    tie = pd.read_csv(results / TIES, index_col="path").loc[list(frame["path"])]
    named = frame["group"].str.startswith(PATIENT).to_numpy(bool)
    both = int(tie["group_in_train"].to_numpy()[named].sum())
    wrong = [test.frame["label"][test.y_pred != test.y_true] for test in tests]
    errors = words.listed([str(len(labels)) for labels in wrong])
    free = words.listed([str(int(labels.eq("no_tumor").sum())) for labels in wrong])
    return (
        f"Of its {len(frame)} test slices {int(tie['copy_in_train'].sum())} have a copy in `train`,"
        " often mirrored: of the same source slice or cluster of near copies, or found by its "
        "pixels in the audit ([docs/data.md](docs/data.md)). The fifth column leaves them out. Of "
        f"{int(named.sum())} the patient is known, and `train` holds further slices of the "
        f"patients of {both}. The last column leaves these out as well; the reports, which know "
        "the patients file alone, count as unseen what has but an altered copy in `train`, too. Of "
        f"{errors} errors on `test`, in the order of the table, "
        f"{free} are slices without a tumour, of which `train` holds fewest."
    )


def _test(network: str, results: Path) -> Predictions:
    return Predictions.read(results / network / "predictions.csv").split("test")


def unseen(rows: Predictions, ties: Path) -> Predictions:
    """The rows of the publisher's split with neither a copy nor a patient in train."""
    tie = pd.read_csv(ties, index_col="path").loc[list(rows.frame["path"])]
    return rows.take(np.flatnonzero((tie == 0).all(axis=1).to_numpy()))


def published(results: Path = RESULTS) -> list[str]:
    """The models whose predictions lie there."""
    names = (*NETWORKS, ENSEMBLE)
    return [name for name in names if (results / name / "predictions.csv").is_file()]


def _score(part: Predictions) -> str:
    metrics = part.metrics()
    auc = metrics["macro_auc"]
    return f"{metrics['accuracy']:.1%} / {auc:.4f} (n = {metrics['n']})"


def out_of_step(results: Path = RESULTS) -> str:
    """What gathering labels in another pass does to resnet50's test predictions, in a sentence."""
    return sentence(*_sides(results))


def _sides(results: Path = RESULTS):  # type: ignore[no-untyped-def]
    return demonstrate(_test("resnet50", results), seed=0)


def _draw_out_of_step() -> None:
    draw(*_sides(), ROOT / "docs" / "figures" / "out-of-step.png")


PARTS = (
    Part("README.md", "results", table),
    Part("README.md", "leaks", leaks),
    Part("docs/why-auc-was-half.md", "results", out_of_step, _draw_out_of_step),
)


def main() -> None:
    """Publish, print or write."""
    if sys.argv[1:2] != ["publish"]:
        marks.command(PARTS, __doc__)
        return
    parser = argparse.ArgumentParser(description=publish.__doc__)
    parser.add_argument("publish", choices=["publish"])
    parser.add_argument("run", type=Path, nargs="+", help="several are pooled")
    parser.add_argument("out", type=Path)
    parser.add_argument("--patients", type=Path)
    options = parser.parse_args()
    publish(options.run, options.out, options.patients)


if __name__ == "__main__":
    main()
