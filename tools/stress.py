"""The published stress test: tables under results/, and the part of docs/evaluation.md.

    python tools/stress_folds.py runs/cnn-folds runs/resnet50-folds DATA --out runs/stress
    python tools/stress.py publish runs/stress/stress.csv
    python tools/stress.py [--write]

`publish` puts each model's rows of a test beside its other evidence, as
results/labeled-mri-grouped/MODEL/stress.parquet. Without it the document's part is printed or
written, from those files alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import marks
import pandas as pd
from marks import ROOT, Part

from braintumor.evaluation import stress_words, words
from braintumor.evaluation.mixes import standard_mixes
from braintumor.evaluation.probability_scores import ece_by_chance
from braintumor.evaluation.stress import Stress, judge_stress
from braintumor.evaluation.stress_table import COLUMNS, read_stress
from braintumor.files import atomic_path

RESULTS = ROOT / "results" / "labeled-mri-grouped"
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
        words.slices(len(table.truth), "slice"),
        words.slices(stress.groups, "group"),
    )
    heads = (f"{model}: right | kept | flips | ECE" for model in stress.models)
    lines = [
        f"{slices} of {groups}, none of which the network that judged it had seen. With so many "
        f"slices chance alone makes an ECE of {chance(stress)} of probabilities that are right.",
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


def chance(stress: Stress) -> str:
    """What a calibrated model's calibration error would be, by the models' confidence untouched."""
    found = [ece_by_chance(a.clean.confidence)[0] for a in stress.table.answers.values()]
    low, high = words.number(min(found), 2), words.number(max(found), 2)
    return low if low == high else f"{low} to {high}"


def _row(name: str, cells: list) -> str:
    told = (
        f"{words.percent(c.accuracy)} | {words.percent(c.kept)} | {words.percent(c.flips)} | "
        f"{words.number(c.ece)}"
        for c in cells
    )
    return f"| {name} | " + " | ".join(told) + " |"


PARTS = (Part("docs/evaluation.md", "stress", section),)


def main() -> None:
    """Publish, print or write."""
    if sys.argv[1:2] != ["publish"]:
        marks.command(PARTS, __doc__)
        return
    parser = argparse.ArgumentParser(description=publish.__doc__)
    parser.add_argument("publish", choices=["publish"])
    parser.add_argument("table", type=Path)
    print(*publish(parser.parse_args().table), sep="\n")


if __name__ == "__main__":
    main()
