"""The predictions table: one row an image, and the only thing that metrics are computed from.

Every row bears its own path, label and probabilities, written in one pass, so that labels and
predictions cannot get out of step. This module reads, checks, writes and slices that table. It
does not know models, images or where the numbers came from; whether they can be *true* is the
business of `check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from braintumor.classes import CLASSES, SPLITS, split_from_name
from braintumor.evaluation import intervals as interval
from braintumor.evaluation import table_files, tables
from braintumor.evaluation.metrics import Metrics, measure
from braintumor.evaluation.tables import PredictionsError

__all__ = ["Predictions", "PredictionsError"]


@dataclass(frozen=True, eq=False)
class Predictions:
    """A predictions table in the contract's form.

    Attributes:
        frame: one row an image, index 0 to n - 1, the columns `tables.COLUMNS`. Text columns hold
            "" where unknown; `confidence` and `p_*` are float64, NaN where empty. Not to be
            changed in place.
        source: what messages call the table: its file name, or "the table".
        repeats: what other trainings of the same recipe say of the rows, out of fold: (n, 4) raw
            probabilities each, NaN where nothing that may be used. To fit on, never to judge; see
            `evaluation.repeats`. No file of predictions holds them.
    """

    frame: pd.DataFrame
    source: str = "the table"
    repeats: tuple[NDArray[np.float64], ...] = ()

    @classmethod
    def read(cls, path: Path | str) -> Predictions:
        """Read a table from `.csv`, `.jsonl` or `.parquet` (extra `[parquet]`).

        Foreign tables may lack any column but `label` and the four `p_*`; what they lack is
        filled in (`predicted` and `confidence` from the largest probability, `status` = ok).
        Labels may be spelled as any alias of `classes.class_from_name`.

        Raises:
            PredictionsError: no such file, not a table, or a value that cannot be; one sentence
                that names file, row (counted from 1, without the header) and column.
        """
        path = Path(path)
        return cls(tables.normal(table_files.read(path), path.name), path.name)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, *, source: str = "the table") -> Predictions:
        """The same from a DataFrame; the frame is copied and may lack what a file may lack."""
        return cls(tables.normal(frame.reset_index(drop=True), source), source)

    @classmethod
    def from_rows(
        cls, rows: Iterable[Mapping[str, Any]], *, source: str = "the table"
    ) -> Predictions:
        """The same from one mapping a row, as `Prediction.row()` gives them."""
        return cls.from_frame(pd.DataFrame(list(rows), columns=list(tables.COLUMNS)), source=source)

    @classmethod
    def from_arrays(
        cls,
        paths: Sequence[str],
        y_true: ArrayLike,
        y_prob: ArrayLike,
        *,
        split: str | Sequence[str] = "",
        group: str | Sequence[str] = "",
        fold: str | int | Sequence[Any] = "",
        sha256: str | Sequence[str] = "",
        model: str = "",
        model_sha256: str = "",
    ) -> Predictions:
        """Make a table from arrays that are in step.

        Args:
            paths: n paths, relative to the data set's root.
            y_true: (n,) class indices in the order of `CLASSES`, -1 where unknown.
            y_prob: (n, 4) probabilities in the order of `CLASSES`.
            split, group, fold, sha256: one value for all rows, or n of them.
            model, model_sha256: what made the predictions.

        Raises:
            ValueError: lengths that differ, or a class index outside -1 to 3.
        """
        truth = np.asarray(y_true, dtype=np.int64)
        prob = np.asarray(y_prob, dtype=np.float64)
        n = len(paths)
        if truth.shape != (n,) or prob.shape != (n, len(CLASSES)):
            raise ValueError(
                f"{n} paths need y_true of shape ({n},) and y_prob of shape ({n}, {len(CLASSES)}); "
                f"got {truth.shape} and {prob.shape}"
            )
        if n and (truth.min() < -1 or truth.max() >= len(CLASSES)):
            raise ValueError(f"y_true must lie between -1 and {len(CLASSES) - 1}")
        names = np.array([*CLASSES, ""], dtype=object)
        columns: dict[str, Any] = {"path": list(paths), "label": names[truth]}
        columns.update({f"p_{name}": prob[:, i] for i, name in enumerate(CLASSES)})
        columns.update(split=split, group=group, fold=fold, sha256=sha256)
        columns.update(model=model, model_sha256=model_sha256)
        return cls.from_frame(pd.DataFrame(columns, index=range(n)))

    def write(self, path: Path | str) -> None:
        """Write the table, whole or not at all; the suffix chooses the form as in `read`.

        Numbers are written with 9 significant digits, which keeps every float32 exactly.
        """
        table_files.write(self.frame, Path(path))

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def y_true(self) -> NDArray[np.int64]:
        """(n,) class index of the label in the order of `CLASSES`, -1 where unknown."""
        return _indices(self.frame["label"])

    @cached_property
    def y_prob(self) -> NDArray[np.float64]:
        """(n, 4) probabilities in the order of `CLASSES`, NaN where the row has none."""
        prob: NDArray[np.float64]
        prob = self.frame[list(tables.PROBABILITIES)].to_numpy(np.float64, copy=True)
        prob.flags.writeable = False
        return prob

    @cached_property
    def y_pred(self) -> NDArray[np.int64]:
        """(n,) index of the largest probability (the first of equals), -1 where there is none.

        Metrics use this and never the column `predicted`; `check` compares the two.
        """
        known = ~np.isnan(self.y_prob).any(axis=1)
        return np.where(known, np.argmax(np.nan_to_num(self.y_prob, nan=-np.inf), axis=1), -1)

    @cached_property
    def y_said(self) -> NDArray[np.int64]:
        """(n,) class index of the column `predicted`, -1 where it is empty."""
        return _indices(self.frame["predicted"])

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """(n,) the largest probability, NaN where there is none."""
        return np.asarray(self.y_prob.max(axis=1), dtype=np.float64)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that occur, in the order train, valid, test."""
        present = set(self.frame["split"].unique())
        return tuple(name for name in SPLITS if name in present)

    def take(self, rows: ArrayLike) -> Predictions:
        """The rows that a boolean mask or an array of positions names, in that order."""
        index = np.asarray(rows)
        if index.dtype == bool:
            index = np.flatnonzero(index)
        index = index.astype(np.int64)
        frame = self.frame.iloc[index].reset_index(drop=True)
        return Predictions(frame, self.source, tuple(prob[index] for prob in self.repeats))

    def in_groups(self, groups: Sequence[str] | pd.Series[str]) -> Predictions:
        """The same rows with another column `group`."""
        return replace(self, frame=self.frame.assign(group=groups))

    def split(self, name: str) -> Predictions:
        """The rows of one split (`train`, `valid`, `test` or an alias); may be none."""
        return self.take((self.frame["split"] == (split_from_name(name) or name)).to_numpy(bool))

    @cached_property
    def is_answered(self) -> NDArray[np.bool_]:
        """(n,) True where a row has probabilities and was neither refused nor failed."""
        given: NDArray[np.bool_]
        given = self.frame["status"].isin(["ok", "uncertain"]).to_numpy(bool)
        return given & (self.y_pred >= 0)

    @cached_property
    def is_scored(self) -> NDArray[np.bool_]:
        """(n,) True where a row has label and probabilities and was not refused."""
        return self.is_answered & (self.y_true >= 0)

    def scored(self) -> Predictions:
        """The rows that can be judged: label and probabilities known, status ok or uncertain."""
        return self if bool(self.is_scored.all()) else self.take(self.is_scored)

    def left_out(self) -> dict[str, int]:
        """How many rows `scored()` leaves out, by reason: refused, error, unlabelled.

        Leaving the hard images out would make any model look better, so the counts stand
        beside the metrics.
        """
        status = self.frame["status"]
        given = status.isin(["ok", "uncertain"]).to_numpy(bool)
        return {
            "refused": int((status == "refused").sum()),
            "error": int((status == "error").sum()),
            "unlabelled": int((given & (self.y_true < 0)).sum()),
        }

    def metrics(self, *, intervals: bool = False, seed: int = 0) -> Metrics:
        """Every metric of `metrics.measure` over the scored rows, and `left_out`.

        Args:
            intervals: add `intervals`, the 95 % interval of every score, by the column `group`
                (see `intervals.Intervals.to_dict`).
            seed: of the bootstrap over groups.

        Raises:
            PredictionsError: no scored row, or a row whose p_* are no probabilities.
        """
        rows = self.scored()
        if not len(rows):
            raise PredictionsError(
                f"{self.source} holds no row with both a label and probabilities, so there is "
                "nothing to measure."
            )
        tables.require_probabilities(rows.y_prob, rows.frame["path"], self.source)
        metrics = measure(rows.y_true, rows.y_prob)
        metrics["left_out"] = self.left_out()
        if intervals:
            groups = rows.frame["group"].to_numpy(object)
            found = interval.intervals(rows.y_true, rows.y_prob, groups, seed=seed)
            metrics["intervals"] = found.to_dict()
        return metrics


def _indices(names: pd.Series[str]) -> NDArray[np.int64]:
    order = {name: i for i, name in enumerate(CLASSES)}
    indices: NDArray[np.int64]
    indices = names.map(order).fillna(-1).to_numpy(np.int64, copy=True)
    indices.flags.writeable = False
    return indices
