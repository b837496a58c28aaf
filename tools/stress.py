"""The published stress test: tables under results/, and the part of docs/evaluation.md.

    braintumor stress cnn resnet50 DATA --patients PATIENTS.csv --out runs/stress
    python tools/stress.py publish runs/stress/stress.csv
    python tools/stress.py doc [--write]

`publish` puts each model's rows of a test beside its other evidence, as
results/labeled-mri-given/MODEL/stress.parquet. `doc` reads those files alone; a test holds the
document to them, so that no number is ever typed by hand.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from braintumor.evaluation import stress_words, words
from braintumor.evaluation.mixes import standard_mixes
from braintumor.evaluation.stress import Stress, judge_stress
from braintumor.evaluation.stress_table import COLUMNS, read_stress
from braintumor.files import atomic_path, write_text

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results" / "labeled-mri-given"
DOCUMENT = ROOT / "docs" / "evaluation.md"
BEGIN, END = "<!-- stress:begin -->", "<!-- stress:end -->"
FILE = "stress.parquet"


def publish(table: Path, results: Path = RESULTS) -> list[Path]:
    """Split a test by model and store each part; a model that has no folder yet gets one."""
    read_stress([table])  # refuses what is no whole test
    frame = pd.read_csv(table, dtype=str, keep_default_na=False)
    numbers = [name for name in COLUMNS if name == "confidence" or name.startswith("p_")]
    frame[numbers] = frame[numbers].apply(pd.to_numeric)
    written = []
    for model, rows in frame.groupby("model", sort=False):
        out = results / str(model) / FILE
        with atomic_path(out) as temporary:
            rows.to_parquet(temporary, index=False, compression="zstd")
        written.append(out)
    return written


def judged(results: Path = RESULTS) -> tuple[Stress, dict[str, str]]:
    """The published tests side by side, and the titles of the class mixes."""
    table = read_stress(sorted(results.glob(f"*/{FILE}")))
    mixes = standard_mixes(table.class_shares)
    found = judge_stress(table, mixes={mix.name: mix.share for mix in mixes})
    return found, {mix.name: mix.title for mix in mixes}


def section(results: Path = RESULTS) -> str:
    """The document's part in Markdown: the answer, the findings, and the table by condition."""
    if not list(results.glob(f"*/{FILE}")):
        return "No stress test has been published yet."
    stress, titles = judged(results)
    table = stress.table
    slices, groups = (
        words.slices(len(table.truth), "test slice"),
        words.slices(stress.groups, "group"),
    )
    heads = (f"{model}: right | kept | flips | ECE" for model in stress.models)
    lines = [
        f"{slices} of {groups}.",
        "",
        *(f"**{sentence}**\n" for sentence in stress_words.answer(stress, titles)),
        *(f"- {sentence}" for sentence in stress_words.findings(stress)),
        "",
        "| condition | " + " | ".join(heads) + " |",
        "| --- |" + " --- |" * 4 * len(stress.models),
        _row("untouched", [result.clean for result in stress.models.values()]),
    ]
    for condition in (*table.graded, *table.switches):
        found = [result.conditions[condition] for result in stress.models.values()]
        star = "*" if any(one.met for one in found) else ""
        name = stress_words.condition_name(condition) + star
        lines.append(_row(name, [one.mean for one in found]))
    for severity in next(iter(stress.models.values())).by_severity:
        cells = [result.by_severity[severity] for result in stress.models.values()]
        lines.append(_row(f"**all, severity {severity}**", cells))
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def _row(name: str, cells: list) -> str:
    told = (
        f"{words.percent(c.accuracy)} | {words.percent(c.kept)} | {words.percent(c.flips)} | "
        f"{words.number(c.ece)}"
        for c in cells
    )
    return f"| {name} | " + " | ".join(told) + " |"


def write_document(document: Path = DOCUMENT) -> None:
    """Put the section between its marks."""
    text = document.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    write_text(document, f"{before}{BEGIN}\n{section()}\n{END}{after}")


def main() -> None:
    """Publish, print or write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("publish").add_argument("table", type=Path)
    commands.add_parser("doc").add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "publish":
        print(*publish(arguments.table), sep="\n")
    elif arguments.write:
        write_document()
    else:
        print(section())


if __name__ == "__main__":
    main()
