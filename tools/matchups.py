"""Where the two networks meet: the same slices, judged by both, under one name for documents.

Read from results/labeled-mri-given and results/labeled-mri-grouped, whatever of it is there; the
ensemble stands beside where it was published too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from splits import GIVEN, GROUPED, RESULTS, how_judged, judged

from braintumor.classes import CLASSES
from braintumor.evaluation import resampling
from braintumor.evaluation.decision import fit_decision
from braintumor.evaluation.intervals import FEWEST_UNITS
from braintumor.evaluation.matching import match
from braintumor.evaluation.metrics import Metrics
from braintumor.evaluation.paired import Paired, paired
from braintumor.evaluation.predictions import Predictions, PredictionsError
from braintumor.evaluation.rates import Estimate, share
from braintumor.evaluation.run_tables import RunTables, read_run
from results import ENSEMBLE, NETWORKS, TIES, unseen

# Of the surest nine in ten slices.
SUREST = 0.9


@dataclass(frozen=True, eq=False)
class Matchup:
    """The networks on the same slices.

    Attributes:
        split: GIVEN or GROUPED.
        name: the slices, as a heading.
        where: the same within a sentence.
        rows: model -> its rows, all of the same slices in the same order; two networks, and the
            ensemble where it was published.
        calibrated: the same with probabilities calibrated on other rows (validation, or the other
            folds).
    """

    split: str
    name: str
    where: str
    rows: Mapping[str, Predictions]
    calibrated: Mapping[str, Predictions]

    @property
    def n(self) -> int:
        """How many slices."""
        return len(self.rows[NETWORKS[0]])

    @property
    def whole(self) -> bool:
        """Whether it has groups enough, and slices of every class, to be judged under any mix."""
        counts = np.bincount(self.rows[NETWORKS[0]].y_true, minlength=len(CLASSES))
        return self.tests.units >= FEWEST_UNITS and bool(counts.all())

    @cached_property
    def metrics(self) -> dict[str, Metrics]:
        """Model -> metrics with intervals."""
        return {name: rows.metrics(intervals=True) for name, rows in self.rows.items()}

    @cached_property
    def tests(self) -> Paired:
        """The two networks, tested."""
        return self.test(*NETWORKS)

    def test(self, first: str, second: str, *, calibrated: bool = False) -> Paired:
        """Any two of the models, tested with groups as the units."""
        rows = self.calibrated if calibrated else self.rows
        one, two = rows[first], rows[second]
        return paired(one.y_true, one.y_prob, two.y_prob, list(one.frame["group"]))

    @cached_property
    def calibrated_tests(self) -> Paired:
        """The two networks' calibrated probabilities, tested."""
        return self.test(*NETWORKS, calibrated=True)

    def surest(self, model: str) -> Estimate:
        """Accuracy on the nine in ten slices that a model is surest of."""
        rows = self.calibrated[model]
        order = surest_of(rows)
        group = resampling.group_numbers(rows)
        return share((rows.y_pred == rows.y_true)[order], group[order])


def surest_of(rows: Predictions) -> NDArray[np.intp]:
    """Which rows are the nine in ten of the highest confidence, the surest first."""
    return (-rows.confidence).argsort(kind="stable")[: round(SUREST * len(rows))]


def matchups(results: Path = RESULTS) -> list[Matchup]:
    """Every setting that was published for both networks, the kindest first."""
    found = []
    if runs := _published(results / GIVEN):
        whole = _matchup(GIVEN, "Published split, test", "on the published test slices", runs)
        found.append(whole)
        chosen = unseen(whole.rows[NETWORKS[0]], results / GIVEN / TIES).frame["path"]
        if len(chosen):
            found.append(
                _part(
                    whole, set(chosen), "Of these, nothing of their group in train",
                    "on the test slices of whose group nothing is in train",
                )
            )  # fmt: skip
    if runs := _published(results / GROUPED):
        how = how_judged(runs[0])
        where = f"on {how}" if "folds" in how else "on the test slices of a grouped split"
        found.append(_matchup(GROUPED, f"{how[0].upper()}{how[1:]}", where, runs))
    return found


def _published(folder: Path) -> list[RunTables]:
    """The networks, and the ensemble; none where a network is lacking."""
    if not all((folder / name / "predictions.csv").is_file() for name in NETWORKS):
        return []
    names = [*NETWORKS, ENSEMBLE]
    return [read_run(folder / n) for n in names if (folder / n / "predictions.csv").is_file()]


def _matchup(split_name: str, name: str, where: str, runs: list[RunTables]) -> Matchup:
    split = "test" if all("test" in run.predictions.splits for run in runs) else None
    rows = match(runs, split=split).rows
    fitted = {run.model: _calibrated(run) for run in runs}
    calibrated = {
        model: in_order(fitted[model], list(table.frame["path"])) for model, table in rows.items()
    }
    return Matchup(split_name, name, where, rows, calibrated)


def _calibrated(run: RunTables) -> Predictions:
    """A run's rows, each calibrated by rows that it is not among; raw where that is impossible."""
    try:
        return fit_decision(run.predictions).table
    except PredictionsError:
        return judged(run)


def in_order(table: Predictions, paths: Sequence[str]) -> Predictions:
    """The rows of these paths, in their order."""
    position = {path: row for row, path in enumerate(table.frame["path"])}
    return table.take([position[path] for path in paths])


def _part(whole: Matchup, paths: set[str], name: str, where: str) -> Matchup:
    def of(tables: Mapping[str, Predictions]) -> dict[str, Predictions]:
        return {
            model: table.take(table.frame["path"].isin(paths).to_numpy(bool))
            for model, table in tables.items()
        }

    return Matchup(whole.split, name, where, of(whole.rows), of(whole.calibrated))
