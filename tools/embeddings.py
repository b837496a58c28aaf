"""Can the source of a slice be told from what the networks see? A part of docs/data.md.

    python tools/embeddings.py measure DATA PATIENTS.csv RUN RUN ...
    python tools/embeddings.py [--write]

`measure` takes runs over the same folds. Of each fold's test slices, which its network has not
learnt from, it asks a linear probe (`probe`) for the source inside one class: from simple
properties of the picture and a thumbnail, raw and as prepared for each network, and from each
network's embedding. Embeddings of two folds' networks mean different things, so every fold has
probes of its own, fitted in folds within it, and the areas are averaged; properties of the picture
are measured in the same way, so that the rows can be compared. Results go to
results/embeddings.json, and the document's part is made of that file alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import marks
import numpy as np
import pandas as pd
from marks import ROOT, Part
from probe import Rows, Told, fitted, judged, tell
from seen_slices import EMBEDDING, RAW, Fold, fold_of, owners

from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.evaluation import words
from braintumor.evaluation.rates import share
from braintumor.files import write_text
from braintumor.progress import track

RESULTS = ROOT / "results" / "embeddings.json"
NONE_YET = "Nobody has asked yet."
# So often the sources are dealt among the groups anew, to see what chance gives.
SHUFFLES = 20


@dataclass(frozen=True)
class Question:
    """Which two sources are to be told apart, among which slices.

    Attributes:
        name: of the question.
        own, other: names of the sources.
        rows: of a table with `label` and `patient_id`: which it is asked of.
        is_own: which of them are of `own`.
    """

    name: str
    own: str
    other: str
    rows: Callable[[pd.DataFrame], pd.Series[Any]]
    is_own: Callable[[pd.DataFrame], pd.Series[Any]]


def _inside(label: str) -> Callable[[pd.DataFrame], pd.Series[Any]]:
    return lambda table: table["label"] == label


def _nameless(table: pd.DataFrame) -> pd.Series[Any]:
    return table["patient_id"] == ""


SOURCES = "meningioma"
CLASSES_APART = "no_tumor"
QUESTIONS = (
    Question(SOURCES, "elsewhere", "the collection", _inside("meningioma"), _nameless),
    Question("pituitary", "elsewhere", "the collection", _inside("pituitary"), _nameless),
    Question(
        "glioma", "numbers alone", "numbers after MR", _inside("glioma"),
        lambda table: ~table["patient_id"].str.startswith("MR"),
    ),
    Question(
        CLASSES_APART, "no tumour", "a tumour", lambda table: table["label"] != "",
        _inside("no_tumor"),
    ),
)  # fmt: skip


def measure(data: Path, patients: Path, runs: Sequence[Path]) -> dict[str, Any]:
    """Everything that the document says.

    Args:
        data: the labelled set, as it was trained on.
        patients: whose slices are whose, with the columns `seen_slices.PATIENTS`.
        runs: over the same folds, each of another network.

    Raises:
        BraintumorError: a run without folds, or folds of other slices than the first run's; a
            table that lacks a column or a slice.
    """
    names = owners(patients)
    counts = {run: len(list(run.glob("fold-*"))) for run in runs}
    if not min(counts.values()) or len(set(counts.values())) > 1:
        raise BraintumorError(
            "The runs have not the same number of folds: give runs of  braintumor train --folds"
        )
    folds = [
        fold_of(data, names, [run / f"fold-{number}" for run in runs])
        for number in track(range(counts[runs[0]]), total=counts[runs[0]], what="Looking at folds")
    ]
    return asked_of(folds)


def rows_of(fold: Fold, question: Question, seen: tuple[str, str]) -> Rows:
    """What a probe is asked about."""
    asked = question.rows(fold.table).to_numpy(bool)
    own = question.is_own(fold.table).to_numpy(bool)
    return Rows(fold.seen[seen][asked], own[asked], fold.table["group"].to_numpy()[asked])


def asked_of(folds: Sequence[Fold], *, shuffles: int = SHUFFLES) -> dict[str, Any]:
    """Put every question to every fold."""
    every = pd.concat([fold.table for fold in folds])
    keys = list(folds[0].seen)
    found: dict[str, Any] = {
        "networks": {name: [fold.networks[name] for fold in folds] for name in folds[0].networks},
        "slices": len(every),
        "groups": int(every["group"].nunique()),
        "folds": len(folds),
        "questions": {},
        "answers": _answers(folds),
    }
    for question in track(QUESTIONS, total=len(QUESTIONS), what="Asking for the sources"):
        asked = every[question.rows(every)]
        own = question.is_own(asked)
        found["questions"][question.name] = {
            side: {"slices": len(rows), "groups": int(rows["group"].nunique())}
            for side, rows in (("own", asked[own]), ("other", asked[~own]))
        } | {"seen": [_asked(question, folds, key, shuffles) for key in keys]}
    return found


def _asked(
    question: Question, folds: Sequence[Fold], key: tuple[str, str], shuffles: int
) -> dict[str, Any]:
    """One question, asked with one kind of numbers."""
    parts = [rows_of(fold, question, key) for fold in folds]
    row: dict[str, Any] = {"seen": key[0], "of": key[1], "numbers": parts[0].x.shape[1]}
    row["folds"] = _plain(tell(parts))
    if question.name == SOURCES:
        row["chance"] = chance(parts, shuffles)
        row["carried"] = _plain(carried(question, folds, key))
    # Numbers of a picture mean the same in every fold; those of an embedding do not.
    if key[0] != EMBEDDING and question.name != CLASSES_APART:
        columns = zip(*((part.x, part.own, part.groups) for part in parts), strict=True)
        row["whole"] = _plain(tell([Rows(*map(np.concatenate, columns))]))
    return row


def chance(parts: Sequence[Rows], shuffles: int) -> dict[str, float] | None:
    """Mean and highest area where the sources are dealt among the groups by lot."""
    found = [
        told.auc
        for seed in range(shuffles)
        if (told := tell([part.shuffled(seed) for part in parts], repeats=1, seed=seed))
    ]
    if not found:
        return None
    return {"mean": round(float(np.mean(found)), 3), "highest": round(max(found), 3)}


def carried(question: Question, folds: Sequence[Fold], key: tuple[str, str]) -> Told | None:
    """The probe for the sources inside one class, asked of others: of slices without a tumour
    against the glioma and pituitary slices of the collection."""
    parts = []
    for fold in folds:
        mine, table = rows_of(fold, question, key), fold.table
        if not mine.enough:
            continue
        healthy = (table["label"] == "no_tumor").to_numpy(bool)
        tumours = (table["label"].isin(["glioma", "pituitary"]) & ~_nameless(table)).to_numpy(bool)
        asked = healthy | tumours
        other = Rows(fold.seen[key][asked], healthy[asked], table["group"].to_numpy()[asked])
        parts.append((other, fitted(mine.x, mine.own).decision_function(other.x)))
    return judged(parts)


def _answers(folds: Sequence[Fold]) -> dict[str, Any]:
    """What each network makes of meningiomas from either source."""
    question = next(one for one in QUESTIONS if one.name == SOURCES)
    tables = [fold.table[question.rows(fold.table)] for fold in folds]
    every = pd.concat(tables)
    own, codes = question.is_own(every).to_numpy(bool), pd.factorize(every["group"])[0]
    found = {}
    for network in folds[0].predicted:
        said = np.concatenate(
            [fold.predicted[network][of.index] for fold, of in zip(folds, tables, strict=True)]
        )
        found[network] = {
            side: {
                name: [round(float(end), 4) for end in (told.value, told.low, told.high)]
                for name in (SOURCES, "no_tumor")
                for told in [share(said[rows] == CLASSES.index(name), codes[rows])]
            }
            for side, rows in (("own", own), ("other", ~own))
        }
    return found


def _plain(told: Told | None) -> dict[str, Any] | None:
    return None if told is None else told.to_dict()


def section(results: Path = RESULTS) -> str:
    """The document's part in Markdown."""
    if not results.is_file():
        return NONE_YET
    found = json.loads(results.read_text(encoding="utf-8"))
    asked = found["questions"]
    lines = [*_sources(asked[SOURCES]), "", *_elsewhere(asked), "", *_called(found["answers"])]
    return "\n".join(lines).replace(words.NBSP, " ")


def _sources(asked: dict[str, Any]) -> list[str]:
    """Inside meningioma, whose two sources have enough patients for every fold."""
    heads = (
        "what the probe sees", "of the picture", "numbers", "sources told apart, within folds",
        "by lot: mean (highest)", "all slices at once", "the same probe, on no tumour or a tumour",
    )  # fmt: skip
    rows = []
    for one in asked["seen"]:
        lot = one["chance"]
        by_lot = f"{lot['mean']:.2f} ({lot['highest']:.2f})" if lot else words.NOT_DEFINED
        cells = (_area(one["folds"]), by_lot, _area(one.get("whole")), _area(one["carried"]))
        rows.append([one["seen"], _whose(one), str(one["numbers"]), *cells])
    title = (
        f"Meningioma: {_size(asked['own'])} from elsewhere, against {_size(asked['other'])} of the "
        "collection. ROC AUC with 95 % intervals by group:"
    )
    return [title, "", *marks.table(heads, rows)]


def _elsewhere(questions: dict[str, Any]) -> list[str]:
    """The other questions, a column each."""
    others = {
        "glioma: two forms of patients' ids": (questions["glioma"], "whole"),
        "pituitary: elsewhere or the collection": (questions["pituitary"], "whole"),
        "no tumour or a tumour (class and source at once), within folds": (
            questions[CLASSES_APART], "folds",
        ),
    }  # fmt: skip
    rows = []
    for number, one in enumerate(questions[SOURCES]["seen"]):
        cells = [_area(asked["seen"][number].get(how)) for asked, how in others.values()]
        rows.append([one["seen"], _whose(one), *cells])
    sizes = [f"{_size(of['own'])} against {_size(of['other'])}" for of, _ in others.values()]
    return marks.table(
        ("what the probe sees", "of the picture", *others), [["", "", *sizes], *rows]
    )


def _called(answers: dict[str, Any]) -> list[str]:
    """What the networks make of meningiomas from either source."""
    rows = [
        [f"`{network}`", where, _share(told[SOURCES]), _share(told["no_tumor"])]
        for network, of in answers.items()
        for where, told in (("elsewhere", of["own"]), ("the collection", of["other"]))
    ]
    heads = ("network", "meningiomas from", "called meningioma", "called no tumour")
    return marks.table(heads, rows)


def _area(told: dict[str, Any] | None) -> str:
    if told is None:
        return words.NOT_DEFINED
    interval = "" if told["low"] is None else f" ({told['low']:.2f}–{told['high']:.2f})"
    return f"{told['auc']:.2f}{interval}"


def _share(told: Sequence[float]) -> str:
    value, low, high = told
    return f"{words.percent(value)} ({100 * low:.1f}–{100 * high:.1f})"


def _size(side: dict[str, int]) -> str:
    return f"{side['slices']} slices of {side['groups']} groups"


def _whose(one: dict[str, Any]) -> str:
    if one["of"] == RAW:
        return RAW
    network = f"`{one['of']}`"
    return f"by {network}" if one["seen"] == EMBEDDING else f"prepared for {network}"


PARTS = (Part("docs/data.md", "sources", section),)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"] and len(sys.argv) > 4:
        data, patients, *runs = map(Path, sys.argv[2:])
        write_text(RESULTS, json.dumps(measure(data, patients, runs), indent=1) + "\n")
    else:
        marks.command(PARTS, __doc__)
