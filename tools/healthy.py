"""Slices of other scanners: how often the shipped networks see a tumour where there is none, and
miss one where there is.

    python tools/heads.py JUDGE --judge
    python tools/healthy.py measure NAME JUDGE/* VOLUME.nii.gz SERIES/ ...
    python tools/healthy.py [--write]

`measure` asks the shipped models for every fifth slice of each volume in its three planes, and for
every slice in a folder, and writes results/healthy/NAME.csv; NAME says what is shipped, and each
row which graph answered. The part of docs/comparison.md is made from these tables alone. Nobody
knows of a tumour in any of the slices but those in folders NAME-tumour, each of which shows one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import marks
import pandas as pd
from aims import MODELS
from heads import TUMOUR
from marks import ROOT, Part

from braintumor.evaluation import words
from braintumor.images.geometry import PLANES

RESULTS = ROOT / "results" / "healthy"
EVERY = 5
# The table of what is shipped now.
SHIPPED = "with-rim"
SHOWN = "Slices of other scanners that show a tumour, which it is an error to call free of it:"
NONE_YET = "No healthy heads have been looked at yet."
COLUMNS = ["head", "plane", "slice", "model", "model_sha256", "status", "predicted", "confidence"]


def measure(name: str, heads: list[Path], results: Path = RESULTS) -> Path:
    """Ask the shipped models, and write what they say."""
    tables = [_asked(head, model) for model in MODELS for head in heads]
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"{name}.csv"
    whole = pd.concat(tables, ignore_index=True)[COLUMNS]
    whole.to_csv(path, index=False, float_format="%.4f", lineterminator="\n")
    return path


def _asked(head: Path, model: str) -> pd.DataFrame:
    """One head's slices and what a model says of each."""
    found = []
    for plane in ("axial",) if head.is_dir() else PLANES:
        with tempfile.TemporaryDirectory() as spare:
            out = Path(spare) / "out.csv"
            step = () if head.is_dir() else ("--plane", plane, "--every", str(EVERY))
            options = ("--model", model, "--out", str(out), *step)
            command = (sys.executable, "-m", "braintumor", "predict", str(head), *options)
            subprocess.run(command, check=False, capture_output=True)  # 1 where a slice is an error
            rows = pd.read_csv(out, keep_default_na=False)
        number = rows["path"].str.extract(r"#(\d+)$")[0].fillna("")
        told = {"head": head.name, "plane": plane, "slice": number, "model": model}
        found.append(rows.assign(**told))
    return pd.concat(found)


def section(results: Path = RESULTS) -> str:
    """The part of the document, in Markdown: what is shipped, and what was before, folded away."""
    names = sorted(path.stem for path in results.glob("*.csv"))
    if not names:
        return NONE_YET
    tables = {name: pd.read_csv(results / f"{name}.csv", keep_default_na=False) for name in names}
    with_tumour = {
        name: table[table["head"].str.endswith(TUMOUR)] for name, table in tables.items()
    }
    tables = {name: table.drop(with_tumour[name].index) for name, table in tables.items()}
    lines = _table({name: tables[name] for name in names if name == SHIPPED})
    seen = {name: table for name, table in with_tumour.items() if len(table)}
    if seen:
        lines += ["", SHOWN, "", *_table(seen)]
    before = {name: tables[name] for name in names if name != SHIPPED}
    if before:
        told = "What was shipped before (a head that is missing was not looked at then)"
        lines += ["", "<details>", f"<summary>{told}</summary>", "", *_table(before)]
        lines += ["", "</details>"]
    return "\n".join(lines).replace(words.NBSP, " ")


def _table(tables: dict[str, pd.DataFrame]) -> list[str]:
    """A row for each head, model and what was shipped."""
    several = len(tables) > 1
    heads = ("head", "model", *(("shipped",) if several else ()), "slices", "refused", "no tumour",
             "no tumour, but `uncertain`", "a tumour, but `uncertain`",
             "a tumour, and sure of it")  # fmt: skip
    rows = [
        [f"`{head}`", f"`{model}`", *((name,) if several else ()), *_counts(part)]
        for head in sorted(set().union(*(table["head"] for table in tables.values())))
        for model in MODELS
        for name, table in tables.items()
        if len(part := table[(table["head"] == head) & (table["model"] == model)])
    ]
    return marks.table(heads, rows)


def _counts(part: pd.DataFrame) -> list[str]:
    """How many slices there are, and what share gets which answer."""
    status, tumour = part["status"], ~part["predicted"].isin(["no_tumor", ""])
    asked = status.isin(["ok", "uncertain"])
    shares = (
        ~asked,
        ~tumour & (status == "ok"),
        ~tumour & (status == "uncertain"),
        tumour & (status == "uncertain"),
        tumour & (status == "ok"),
    )
    return [f"{len(part)}", *(words.percent(share.mean()) for share in shares)]


PARTS = (Part("docs/comparison.md", "healthy", section),)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(measure(sys.argv[2], [Path(argument) for argument in sys.argv[3:]]))
    else:
        marks.command(PARTS, __doc__)
