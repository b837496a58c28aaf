"""The rows of several tables that are of the same images.

Rows are matched by the SHA-256 of the file's bytes, or by path where a table has no hashes; only
images that every table has judged are kept. Copies of a file have one hash, and so have all slices
of a volume: they are told apart by path, or by their number where a data set was moved. Knows
tables only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from braintumor.classes import CLASSES, split_from_name
from braintumor.errors import BraintumorError
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import RunTables

# Hash or path; what tells rows that share it apart; which of those that nothing tells apart.
Key = tuple[str, str, int]


@dataclass(frozen=True, eq=False)
class Matched:
    """Tables side by side.

    Attributes:
        runs: model name -> where its table comes from.
        rows: model name -> its rows of the common images, all in the same order.
        split: the split that the rows are of; "" for all rows.
        joined_by: "sha256" (and what tells rows of one hash apart) or "path".
        only_in: model name -> images of the split that not every table has judged.
        left_out: model name -> its rows of the split that could not be judged, by reason.
    """

    runs: Mapping[str, RunTables]
    rows: Mapping[str, Predictions]
    split: str
    joined_by: str
    only_in: Mapping[str, int]
    left_out: Mapping[str, Mapping[str, int]]


def match(runs: Sequence[RunTables], *, split: str | None = None) -> Matched:
    """Find the images that all of the tables judged.

    Args:
        runs: as `run_tables.read_run` reads them.
        split: the rows to take, in tables that name splits; None for test where any table has it,
            else all rows.

    Raises:
        BraintumorError: no such split, no image in common, tables whose rows cannot be matched,
            or two labels for one image; one sentence.
    """
    named = dict(zip(_names(runs), runs, strict=True))
    chosen = _split(runs, split)
    parts = {name: _part(run.predictions, chosen) for name, run in named.items()}
    scored = {name: part.scored() for name, part in parts.items()}
    by = _key_column(scored)
    keys = _keys_by_path(scored) if by == "path" else _keys_by_hash(parts)
    common = [
        key for key in next(iter(keys.values())) if all(key in other for other in keys.values())
    ]
    if not common:
        tables = " and ".join(str(run.table) for run in runs)
        where = f" of the split {chosen}" if chosen else ""
        what = "SHA-256" if by == "sha256" else "path"
        raise BraintumorError(
            f"{tables} have no judged image{where} in common (matched by {what}): predict the same "
            "images with both models."
        )
    rows = {
        name: scored[name].take(np.array([keys[name][key] for key in common], np.int64))
        for name in named
    }
    _require_one_truth(rows, by)
    return Matched(
        runs=named,
        rows=rows,
        split=chosen,
        joined_by=by,
        only_in={name: len(keys[name]) - len(common) for name in named},
        left_out={name: part.left_out() for name, part in parts.items()},
    )


def _names(runs: Sequence[RunTables]) -> list[str]:
    """A name for each: the model's, with its folder or file where two are called the same."""
    models = [run.model for run in runs]
    names = []
    for run in runs:
        name = run.model
        if models.count(name) > 1:
            own = run.root.resolve().name if run.root is not None else run.table.stem
            name = own if own and own not in names else f"{name} ({run.table})"
        while name in names:
            name += "'"
        names.append(name)
    return names


def _split(runs: Sequence[RunTables], asked: str | None) -> str:
    present = {name for run in runs for name in run.predictions.splits}
    if asked is None:
        return "test" if "test" in present else ""
    name = split_from_name(asked) or asked
    for run in runs:
        if run.predictions.splits and name not in run.predictions.splits:
            raise BraintumorError(f"{run.table} has no rows of the split {asked}.")
    return name if present else ""


def _part(table: Predictions, split: str) -> Predictions:
    """The rows of a split; all of a table that names none."""
    return table.split(split) if split and table.splits else table


def _key_column(scored: Mapping[str, Predictions]) -> str:
    for column in ("sha256", "path"):
        if all((rows.frame[column] != "").all() for rows in scored.values()):
            return column
    raise BraintumorError(
        "The rows cannot be matched: every row needs its sha256 in all tables, or its path in all "
        "of them."
    )


def _keys_by_path(scored: Mapping[str, Predictions]) -> dict[str, dict[Key, int]]:
    """Model name -> key -> position; a path must stand for one row."""
    for rows in scored.values():
        path = rows.frame["path"]
        twice = path[path.duplicated()]
        if len(twice):
            raise BraintumorError(
                f"{rows.source} holds the path {twice.iloc[0]} twice; keep one of the rows."
            )
    return {
        name: {(path, "", 0): row for row, path in enumerate(rows.frame["path"])}
        for name, rows in scored.items()
    }


def _keys_by_hash(parts: Mapping[str, Predictions]) -> dict[str, dict[Key, int]]:
    """Model name -> key -> position among the scored rows.

    Args:
        parts: model name -> all its rows of the split. Keys are made before any is left out, so
            that no row is taken for another because a third was refused.
    """
    places = {name: _places(part) for name, part in parts.items()}
    everywhere = set[tuple[str, str]].intersection(*(set(rows) for rows in places.values()))
    return {name: _numbered(part, places[name], everywhere) for name, part in parts.items()}


def _places(part: Predictions) -> list[tuple[str, str]]:
    """Hash and path of every row."""
    return list(zip(part.frame["sha256"], part.frame["path"], strict=True))


def _numbered(
    part: Predictions, places: Sequence[tuple[str, str]], everywhere: set[tuple[str, str]]
) -> dict[Key, int]:
    """Key -> position among the scored rows of a table.

    Args:
        part: n rows.
        places: n, hash and path of each.
        everywhere: those that every table holds.
    """
    # The number of a slice outlasts a move of the data set, and means nothing across files.
    told = [f"path {place[1]}" if place in everywhere else _slice(place[1]) for place in places]
    # What is left are copies; those that differ in label must meet their like in the other table.
    order = part.frame.assign(told=told).sort_values(["label", "path"], kind="stable")
    number = order.groupby(["sha256", "told"]).cumcount().reindex(part.frame.index)
    keys = [
        (digest, apart, int(copy))
        for (digest, _), apart, copy in zip(places, told, number, strict=True)
    ]
    return {keys[row]: position for position, row in enumerate(np.flatnonzero(part.is_scored))}


def _slice(path: str) -> str:
    """The end `#k` of the path of a volume's slice; "" of other paths."""
    found = re.search(r"#\d+$", path)
    return found.group() if found else ""


def _require_one_truth(rows: Mapping[str, Predictions], by: str) -> None:
    (first, *others) = rows.items()
    for name, table in others:
        apart = np.flatnonzero(table.y_true != first[1].y_true)
        if apart.size:
            row = int(apart[0])
            raise BraintumorError(
                f"{first[0]} and {name} give different labels to {apart.size} of "
                f"{len(table)} common images (first: {first[1].frame[by].iloc[row]}, "
                f"{CLASSES[first[1].y_true[row]]} and {CLASSES[table.y_true[row]]}): there must "
                "be one truth."
            )
