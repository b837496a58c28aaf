"""Published results: files under results/, and the documents that quote them.

    python tools/results.py publish runs/cnn results/labeled-mri-given/cnn --patients FILE
    python tools/results.py table [--write]
    python tools/results.py out-of-step [--write]

`publish` takes a run's predictions, recipe and history, and computes metrics, curves and a report
without any picture of a slice. The other two read committed files alone; a test holds README.md
and docs/why-auc-was-half.md against them, so that no number is ever typed by hand.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from braintumor.evaluation.judgement import judge, write_metrics
from braintumor.evaluation.out_of_step import demonstrate, draw, sentence
from braintumor.evaluation.patients import read_patients
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.record import write_record
from braintumor.evaluation.report import write_report
from braintumor.evaluation.run_tables import read_run
from braintumor.evaluation.sections.curves import part_figures
from braintumor.evaluation.sections.training import learning_figures
from braintumor.files import write_text
from braintumor.training.recipe import read_record

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results" / "labeled-mri-given"
NETWORKS = ("cnn", "resnet50")
BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
# For every valid and test slice: 1 where train holds a copy of it, 1 where train holds a slice of
# its patient (or of its cluster of near-copies, where no patient is known).
TIES = "ties.csv"


def publish(run: Path, out: Path, patients: Path) -> None:
    """Put a run's evidence under results/: tables, metrics and curves, no picture of a slice."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("recipe.toml", "history.csv"):
        shutil.copyfile(run / name, out / name)
    tables = read_run(run)
    judgement = judge(tables, patients=read_patients(patients))
    judgement.run.predictions.write(out / "predictions.csv")
    write_metrics(judgement, out)
    write_report(judgement, out, images=False)
    write_record(judgement, out)
    curves = [*part_figures(judgement.parts["test"]), *learning_figures(tables)]
    for number, figure in enumerate(curves, start=1):
        write_text(out / "curves" / f"{number:02d}.svg", str(figure.svg))
    paths = list(judgement.run.predictions.frame["path"])
    write_text(out.parent / TIES, ties(pd.read_csv(patients, dtype=str).fillna(""), paths))


def ties(patients: pd.DataFrame, paths: list[str]) -> str:
    """CSV text of `TIES` for these paths, from a patients file."""
    train = patients[patients["split"] == "train"]
    slices, groups = set(train["source_slice"]) - {""}, set(train["group"])
    key = patients["split"] + "/" + patients["class"] + "/" + patients["file"]
    named = patients.set_index(key).loc[paths]
    grouped = named["group"].isin(groups)
    copied = named["source_slice"].isin(slices) | ((named["source_slice"] == "") & grouped)
    found = pd.DataFrame({"copy_in_train": copied, "group_in_train": grouped}).astype(int)
    return str(found.rename_axis("path").to_csv(lineterminator="\n"))


def row(network: str, results: Path = RESULTS) -> list[str]:
    """One network's cells, computed from its committed predictions and recipe."""
    folder = results / network
    predictions = Predictions.read(folder / "predictions.csv")
    tie = pd.read_csv(results / TIES, index_col="path")
    test, valid = predictions.split("test"), predictions.split("valid")
    found = tie.loc[list(test.frame["path"])]
    record = read_record(folder / "recipe.toml")
    cells = [f"`{network}`", f"{record['seconds'] / 60:.0f} min", _score(valid)]
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
        "test, neither copy nor patient in train",
    )
    lines = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    lines += ["| " + " | ".join(row(network, results)) + " |" for network in NETWORKS]
    return "\n".join(lines)


def _score(part: Predictions) -> str:
    metrics = part.metrics()
    auc = metrics["macro_auc"]
    return f"{metrics['accuracy']:.1%} / {auc:.4f} (n = {metrics['n']})"


def out_of_step(results: Path = RESULTS, figures: Path | None = None) -> str:
    """What gathering labels in another pass does to resnet50's test predictions, in a sentence.

    Args:
        results: where the committed predictions lie.
        figures: folder for the figure; none is drawn where None.
    """
    test = Predictions.read(results / "resnet50" / "predictions.csv").split("test")
    sides = demonstrate(test, seed=0)
    if figures is not None:
        draw(*sides, figures / "out-of-step.png")
    return sentence(*sides)


def replaced(text: str, content: str) -> str:
    """The document with what stands between the two marks replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{content}\n{END}{after}"


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("publish", help="put a run's evidence under results/")
    first.add_argument("run", type=Path)
    first.add_argument("out", type=Path)
    first.add_argument("--patients", type=Path, required=True)
    for name, what in (
        ("table", "the table of README.md"),
        ("out-of-step", "the numbers of docs/why-auc-was-half.md"),
    ):
        command = commands.add_parser(name, help=f"print {what}")
        command.add_argument("--write", action="store_true", help="and put it there")
    options = parser.parse_args()
    if options.command == "publish":
        publish(options.run, options.out, options.patients)
        return
    if options.command == "table":
        document, content = ROOT / "README.md", table()
    else:
        document = ROOT / "docs" / "why-auc-was-half.md"
        content = out_of_step(figures=document.parent / "figures" if options.write else None)
    print(content)
    if options.write:
        write_text(document, replaced(document.read_text(encoding="utf-8"), content))


if __name__ == "__main__":
    main()
