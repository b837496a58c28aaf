"""The table of a stress test: predictions of every image under every condition, by every model.

The contract's columns with four more: `condition` ("clean" for the untouched slice), `severity`
(0 for clean, 1 to 5), `in_training` ("true" where the model has met the condition in training,
"" where nobody knows) and `phantom`. Reads it, checks that it is whole, and lays it out as arrays.
Knows no model and no image, and not what the conditions are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation import groups, table_files, tables
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.tables import PredictionsError

CLEAN = "clean"
EXTRA: tuple[str, ...] = ("condition", "severity", "in_training", "phantom")
COLUMNS: tuple[str, ...] = (*tables.COLUMNS, *EXTRA)
State = tuple[str, int]


@dataclass(frozen=True, eq=False)
class Answers:
    """What one model said: rows are images, columns are states (condition, severity).

    Attributes:
        predicted: (n, s) index of the class in `CLASSES`, -1 where none was given.
        confidence: (n, s) its probability, NaN where none was given.
        status: (n, s) one of `tables.STATUSES`.
        met: conditions that the model has met in training; None where nobody knows.
        clean: the untouched slices as a predictions table, for the class mixes.
    """

    predicted: NDArray[np.int64]
    confidence: NDArray[np.float64]
    status: NDArray[np.str_]
    met: frozenset[str] | None
    clean: Predictions


@dataclass(frozen=True, eq=False)
class StressTable:
    """A stress test of one or more models on the same pictures.

    Attributes:
        answers: model -> what it said.
        states: (condition, severity) of each column, ("clean", 0) first, then as in the table.
        truth: (n,) class of each image.
        group: n names of patients or clusters, "" where no model's rows know; those of every
            `Answers.clean`, too.
        phantom: the images were drawn by code.
        left_out: images that not every model has judged in every state.
        source: what messages call the table.
    """

    answers: Mapping[str, Answers]
    states: tuple[State, ...]
    truth: NDArray[np.int64]
    group: tuple[str, ...]
    phantom: bool
    left_out: int
    source: str

    @property
    def models(self) -> tuple[str, ...]:
        """The models, in the order given."""
        return tuple(self.answers)

    @property
    def graded(self) -> tuple[str, ...]:
        """Conditions with several severities, in the order of the table."""
        names = [name for name, _ in self.states]
        return tuple(dict.fromkeys(name for name in names if names.count(name) > 1))

    @property
    def switches(self) -> tuple[str, ...]:
        """Conditions that are on or off."""
        names = [name for name, _ in self.states if name != CLEAN]
        return tuple(name for name in names if names.count(name) == 1)

    @property
    def class_shares(self) -> NDArray[np.float64]:
        """(4,) share of each class of the images, in the order of `CLASSES`."""
        return np.bincount(self.truth, minlength=len(CLASSES)) / len(self.truth)

    def columns(self, condition: str) -> list[int]:
        """Positions of a condition's states, severities rising."""
        return [i for i, (name, _) in enumerate(self.states) if name == condition]


def is_stress_table(path: Path) -> bool:
    """Whether a table says under which condition each row was judged.

    Raises:
        PredictionsError: no such file, or not a table.
    """
    return "condition" in table_files.read(path).columns


def read_stress(paths: Sequence[Path]) -> StressTable:
    """Read the tables of one or more stress tests of the same images.

    Raises:
        PredictionsError: not such a table, one image judged twice in a state, two labels for one
            image, or none that every model has judged in every state.
    """
    source = " and ".join(path.name for path in paths)
    frame = pd.concat([_read(path) for path in paths], ignore_index=True)
    frame = frame.reset_index(drop=True)
    states = _states(frame)
    if (CLEAN, 0) not in states:
        raise PredictionsError(
            f"{source} has no rows of the untouched slices (condition {CLEAN}, severity 0)."
        )
    models = _by_model(frame)
    images = _common(models, states, source)
    answers = {name: _answers(rows, states, images, source) for name, rows in models.items()}
    group = groups.in_common([given.clean for given in answers.values()])
    return StressTable(
        answers={name: _in_groups(given, group) for name, given in answers.items()},
        states=states,
        truth=next(iter(answers.values())).clean.y_true,
        group=tuple(group),
        phantom=bool((frame["phantom"].str.lower() == "true").any()),
        left_out=frame["image"].nunique() - len(images),
        source=source,
    )


def _in_groups(answers: Answers, group: NDArray[np.object_]) -> Answers:
    """The same with these groups, n names, so that all models and mixes have the same units."""
    clean = answers.clean
    return replace(answers, clean=Predictions(clean.frame.assign(group=group), clean.source))


def _read(path: Path) -> pd.DataFrame:
    raw = table_files.read(path)
    missing = [name for name in ("condition", "severity") if name not in raw]
    if missing:
        raise PredictionsError(
            f"{path} lacks the column{'s' * (len(missing) > 1)} {' and '.join(missing)}: make it "
            "with  braintumor stress MODEL DATA"
        )
    frame = tables.normal(raw, path.name)
    for name in EXTRA:
        frame[name] = raw[name].fillna("").astype(str).to_numpy(object) if name in raw else ""
    severity = pd.to_numeric(frame["severity"], errors="coerce")
    wrong = (severity.isna() | ~severity.isin(range(10)) | (frame["condition"] == "")).to_numpy()
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        where = tables.place(path.name, frame["path"], row)
        raise PredictionsError(
            f"{where}: condition {frame['condition'].iloc[row]!r} with severity "
            f"{frame['severity'].iloc[row]!r} is none."
        )
    frame["severity"] = severity.astype(np.int64)
    # Both, because a data set may hold the same file twice.
    frame["image"] = frame["path"] + " " + frame["sha256"]
    return frame[(frame["label"] != "").to_numpy()]


def _states(frame: pd.DataFrame) -> tuple[State, ...]:
    """Every state that occurs; conditions as they first come, severities rising."""
    pairs = frame[["condition", "severity"]].drop_duplicates()
    order = {name: i for i, name in enumerate(dict.fromkeys([CLEAN, *pairs["condition"]]))}
    found = {(str(name), int(s)) for name, s in pairs.itertuples(index=False)}
    return tuple(sorted(found, key=lambda state: (order[state[0]], state[1])))


def _by_model(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows by model; models of one name are told apart by the start of their hash."""
    parts = list(frame.groupby(["model", "model_sha256"], sort=False))
    names = [name for (name, _), _ in parts]
    found = {}
    for (name, sha256), rows in parts:
        alone = names.count(name) == 1
        found[(name or "model") + ("" if alone else f" {sha256[:7]}")] = rows
    return found


def _common(models: Mapping[str, pd.DataFrame], states: Sequence[State], source: str) -> list[str]:
    """Images that every model has judged in every state, in the order of the table."""
    kept: list[str] = list(next(iter(models.values()))["image"].unique()) if models else []
    for name, rows in models.items():
        key = ["image", "condition", "severity"]
        twice = rows.duplicated(key).to_numpy()
        if twice.any():
            row = rows[twice].iloc[0]
            raise PredictionsError(
                f"{source}: {name} has judged {row['image'].strip()} twice under "
                f"{row['condition']}, severity {row['severity']}; keep one of the rows."
            )
        whole = rows.groupby("image").size()
        complete = set(whole.index[whole == len(states)])
        kept = [image for image in kept if image in complete]
    labels = pd.concat(list(models.values())).groupby("image")["label"].nunique()
    if (labels > 1).any():
        raise PredictionsError(f"{source} gives one image two labels: {labels.idxmax()}.")
    if not kept:
        raise PredictionsError(
            f"{source} holds no labelled image that every model has judged under every condition."
        )
    return kept


def _answers(
    rows: pd.DataFrame, states: Sequence[State], images: Sequence[str], source: str
) -> Answers:
    shape = (len(images), len(states))
    index = pd.MultiIndex.from_product([images, range(len(states))], names=["image", "state"])
    number = {state: i for i, state in enumerate(states)}
    pairs = zip(rows["condition"], rows["severity"], strict=True)
    rows = rows.assign(state=[number[pair] for pair in pairs])
    rows = rows.set_index(["image", "state"]).loc[index]
    table = Predictions(rows[list(tables.COLUMNS)].reset_index(drop=True), source)
    tables.require_probabilities(table.scored().y_prob, table.scored().frame["path"], source)
    given = rows["status"].isin(["ok", "uncertain"]).to_numpy()
    met = rows.groupby("condition", sort=False)["in_training"].first()
    known = bool((met[met.index != CLEAN] != "").any())
    return Answers(
        predicted=np.where(given, table.y_pred, -1).reshape(shape),
        confidence=np.where(given, table.confidence, np.nan).reshape(shape),
        status=rows["status"].to_numpy(str).reshape(shape),
        met=frozenset(map(str, met.index[met == "true"])) if known else None,
        clean=table.take(np.arange(len(images)) * len(states)),
    )
