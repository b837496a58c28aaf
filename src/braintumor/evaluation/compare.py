"""Several models on the same images, row by row.

Rows are those that `matching` finds in every table. Pairs are tested with patients as the units,
as `paired` describes. Knows tables only: no figures, no pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor import __version__
from braintumor.evaluation import conclusions, groups
from braintumor.evaluation.conclusions import Pair
from braintumor.evaluation.matching import match
from braintumor.evaluation.metrics import Metrics, without_nan
from braintumor.evaluation.paired import holm, mcnemar_exact, paired
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import RunTables


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


def compare(runs: Sequence[RunTables], *, split: str | None = None, seed: int = 0) -> Comparison:
    """Compare two or more models on the images that all of them judged.

    Args:
        runs: as `run_tables.read_run` reads them.
        split: the rows to compare, in tables that name splits; None for test where any table
            has it, else all rows.
        seed: of bootstrap and permutations.

    Raises:
        BraintumorError: as for `matching.match`.
    """
    if len(runs) < 2:
        raise ValueError("a comparison needs two models or more")
    found = match(runs, split=split)
    rows = _in_the_same_groups(found.rows)
    metrics = {name: of.metrics(intervals=True, seed=seed) for name, of in rows.items()}
    return Comparison(
        runs=found.runs,
        rows=rows,
        metrics=metrics,
        split=found.split,
        joined_by=found.joined_by,
        only_in=found.only_in,
        left_out=found.left_out,
        pairs=_pairs(rows, seed),
    )


def sentences(comparison: Comparison) -> list[str]:
    """What differs and what that allows to conclude, in words; see `conclusions.sentences`."""
    return conclusions.sentences(comparison.pairs, comparison.split)


def _pairs(rows: Mapping[str, Predictions], seed: int) -> tuple[Pair, ...]:
    """Every two models, tested; p-values of the accuracies corrected over the pairs."""
    found = [_pair(a, b, rows[a], rows[b], seed) for a, b in combinations(rows, 2)]
    corrected = holm([pair.accuracy.p for pair in found])
    return tuple(replace(pair, p_holm=p) for pair, p in zip(found, corrected, strict=True))


def _pair(a: str, b: str, rows_a: Predictions, rows_b: Predictions, seed: int) -> Pair:
    right_a, right_b = rows_a.y_pred == rows_a.y_true, rows_b.y_pred == rows_b.y_true
    only_a, only_b = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    group = rows_a.frame["group"].to_numpy(object)
    tests = paired(rows_a.y_true, rows_a.y_prob, rows_b.y_prob, group, seed=seed)
    return Pair(
        a=a,
        b=b,
        both=int((right_a & right_b).sum()),
        only_a=only_a,
        only_b=only_b,
        neither=int((~right_a & ~right_b).sum()),
        p=mcnemar_exact(only_a, only_b),
        tests=tests,
        p_holm=tests.differences["accuracy"].p,
    )


def _in_the_same_groups(rows: Mapping[str, Predictions]) -> dict[str, Predictions]:
    """The tables with the same groups: what is known of an image holds for all models, and
    intervals of different units must not stand side by side."""
    known = groups.in_common(list(rows.values()))
    return {name: of.in_groups(known) for name, of in rows.items()}
