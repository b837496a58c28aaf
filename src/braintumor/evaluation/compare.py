"""Several models on the same images, row by row.

Rows are matched by the SHA-256 of the image's bytes, or by path where a table has no hashes; only
images that every table has judged are compared. Pairs are tested by McNemar's exact test, which
takes images as independent; they are not where a patient gave several, and the words say so.
Knows tables only: no figures, no pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor import __version__
from braintumor.classes import CLASSES, split_from_name
from braintumor.errors import BraintumorError
from braintumor.evaluation import words
from braintumor.evaluation.metrics import Metrics, without_nan
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import RunTables, read_run

# Below this p-value a difference is said to be rarely chance.
LEVEL = 0.05


@dataclass(frozen=True)
class Pair:
    """Two models on the same images.

    Attributes:
        a, b: their names.
        both, only_a, only_b, neither: images that both, one or none judged rightly.
        p: McNemar's exact p-value, two-sided.
    """

    a: str
    b: str
    both: int
    only_a: int
    only_b: int
    neither: int
    p: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "a": self.a,
            "b": self.b,
            "both_right": self.both,
            "only_a_right": self.only_a,
            "only_b_right": self.only_b,
            "neither_right": self.neither,
            "mcnemar_exact_p": self.p,
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """What two or more tables say of the same images.

    Attributes:
        runs: model name -> where its table comes from.
        rows: model name -> its rows of the common images, all in the same order.
        metrics: model name -> of these rows.
        split: the split compared; "" for all rows.
        joined_by: "sha256" or "path".
        only_in: model name -> images of the split that not every table has judged.
        left_out: model name -> its rows of the split that could not be judged, by reason.
        pairs: every two models.
    """

    runs: Mapping[str, RunTables]
    rows: Mapping[str, Predictions]
    metrics: Mapping[str, Metrics]
    split: str
    joined_by: str
    only_in: Mapping[str, int]
    left_out: Mapping[str, Mapping[str, int]]
    pairs: tuple[Pair, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The models, in the order given."""
        return tuple(self.rows)

    @property
    def n(self) -> int:
        """Number of common images."""
        return len(next(iter(self.rows.values())))

    @property
    def phantom(self) -> bool:
        """Whether any of the runs is one of drawn pictures."""
        return any(run.phantom for run in self.runs.values())

    @property
    def right(self) -> NDArray[np.bool_]:
        """(n, models) whether the model judged the image rightly."""
        return np.column_stack([rows.y_pred == rows.y_true for rows in self.rows.values()])

    def only(self, name: str) -> NDArray[np.int64]:
        """Positions of the images that this model alone judged rightly, the surest first."""
        column = self.names.index(name)
        right = self.right
        alone = right[:, column] & (right.sum(axis=1) == 1)
        return self._surest(np.flatnonzero(alone), name)

    def none(self) -> NDArray[np.int64]:
        """Positions of the images that no model judged rightly, the first model's surest first."""
        return self._surest(np.flatnonzero(~self.right.any(axis=1)), self.names[0])

    def path(self, row: int) -> str:
        """What to call an image: its path in the first table that names it, else its hash."""
        for rows in self.rows.values():
            if rows.frame["path"].iloc[row]:
                return str(rows.frame["path"].iloc[row])
        return str(next(iter(self.rows.values())).frame["sha256"].iloc[row])

    def to_dict(self) -> dict[str, Any]:
        """The content of compare.json: plain JSON values."""
        plain: dict[str, Any] = without_nan(
            {
                "split": self.split or "all",
                "joined_by": self.joined_by,
                "images": self.n,
                "only_in": dict(self.only_in),
                "left_out": {name: dict(counts) for name, counts in self.left_out.items()},
                "models": dict(self.metrics),
                "pairs": [pair.to_dict() for pair in self.pairs],
                "all_right": int(self.right.all(axis=1).sum()),
                "none_right": [self.path(int(row)) for row in self.none()],
                "only_right": {
                    name: [self.path(int(row)) for row in self.only(name)] for name in self.names
                },
                "words": sentences(self),
                "phantom": self.phantom,
                "made_with": f"braintumor {__version__}",
            }
        )
        return plain

    def _surest(self, positions: NDArray[np.int64], name: str) -> NDArray[np.int64]:
        confidence = self.rows[name].confidence[positions]
        return positions[np.argsort(-confidence, kind="stable")]


def compare(runs: Sequence[RunTables], *, split: str | None = None) -> Comparison:
    """Compare two or more models on the images that all of them judged.

    Args:
        runs: as `run_tables.read_run` reads them.
        split: the rows to compare, in tables that name splits; None for test where any table
            has it, else all rows.

    Raises:
        BraintumorError: no such split, no image in common, tables whose rows cannot be matched,
            or two labels for one image; one sentence.
    """
    if len(runs) < 2:
        raise ValueError("a comparison needs two models or more")
    named = dict(zip(_names(runs), runs, strict=True))
    chosen = _split(runs, split)
    parts = {name: _part(run.predictions, chosen) for name, run in named.items()}
    scored = {name: part.scored() for name, part in parts.items()}
    by = _key_column(scored)
    keys = {name: _keys(rows, by) for name, rows in scored.items()}
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
    return Comparison(
        runs=named,
        rows=rows,
        metrics={name: table.metrics() for name, table in rows.items()},
        split=chosen,
        joined_by=by,
        only_in={name: len(keys[name]) - len(common) for name in named},
        left_out={name: part.left_out() for name, part in parts.items()},
        pairs=tuple(_pair(a, b, rows[a], rows[b]) for a, b in combinations(named, 2)),
    )


def compare_runs(sources: Sequence[Path], out: Path, *, split: str | None = None) -> Path:
    """Read, compare, and write compare.json and compare.html into `out`; the page's path.

    Args:
        sources: run folders or predictions tables.
        out: folder; made where it is missing.
        split: as for `compare`.

    Raises:
        BraintumorError: as `run_tables.read_run` and `compare`.
    """
    from braintumor.evaluation.compare_report import write_comparison

    return write_comparison(compare([read_run(path) for path in sources], split=split), out)[1]


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Two-sided exact p-value of "each is as often right where the other is wrong".

    McNemar (1947), with the binomial distribution for its chi-square; 1 where the two never
    differ.
    """
    from scipy.stats import binomtest

    total = only_a + only_b
    return float(binomtest(only_a, total, 0.5).pvalue) if total else 1.0


def sentences(comparison: Comparison) -> list[str]:
    """What differs, in words, with the numbers it rests on."""
    where = {"test": "test slices", "valid": "validation slices", "train": "training slices"}
    noun = where.get(comparison.split, "slices")
    said = [_pair_sentence(pair, comparison.n, noun) for pair in comparison.pairs]
    said.append(
        f"One slice is {100 / comparison.n:.2f} points of accuracy here. The p-values are those of "
        "McNemar's exact test, which compares the slices that only one of the two gets right and "
        "takes slices as independent; where a patient gave several, the true p-value is mostly "
        "larger."
    )
    if len(comparison.pairs) > 1:
        said.append(
            f"There are {len(comparison.pairs)} pairs, and the p-values are not corrected for it: "
            "with many pairs some differ by chance."
        )
    return said


def _pair_sentence(pair: Pair, n: int, noun: str) -> str:
    a, b = pair.both + pair.only_a, pair.both + pair.only_b
    head = (
        f"Of the same {n} {noun}, {pair.a} gets {a} right ({words.percent(a / n)}) and {pair.b} "
        f"{b} ({words.percent(b / n)})"
    )
    if not pair.only_a + pair.only_b:
        return f"{head}; they are right and wrong on the same ones."
    apart = f"{pair.only_a} only {pair.a}, {pair.only_b} only {pair.b}"
    p = words.p_value(pair.p)
    if pair.p < LEVEL:
        return f"{head}: {apart}. Chance alone would rarely make such a difference ({p})."
    return f"{head}: {apart}. Such a difference may well be chance ({p})."


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


def _keys(rows: Predictions, by: str) -> dict[tuple[str, int], int]:
    """Key -> position. Copies of one file have one hash and are told apart by their number."""
    frame = rows.frame
    if by == "path":
        twice = frame["path"][frame["path"].duplicated()]
        if len(twice):
            raise BraintumorError(
                f"{rows.source} holds the path {twice.iloc[0]} twice; keep one of the rows."
            )
    # Copies that differ in label must meet their like in the other table.
    order = frame.sort_values(["label", "path"], kind="stable")
    number = order.groupby(by).cumcount().reindex(frame.index)
    pairs = zip(frame[by], number, strict=True)
    return {(str(key), int(copy)): row for row, (key, copy) in enumerate(pairs)}


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


def _pair(a: str, b: str, rows_a: Predictions, rows_b: Predictions) -> Pair:
    right_a, right_b = rows_a.y_pred == rows_a.y_true, rows_b.y_pred == rows_b.y_true
    only_a, only_b = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    return Pair(
        a=a,
        b=b,
        both=int((right_a & right_b).sum()),
        only_a=only_a,
        only_b=only_b,
        neither=int((~right_a & ~right_b).sum()),
        p=mcnemar_exact(only_a, only_b),
    )
