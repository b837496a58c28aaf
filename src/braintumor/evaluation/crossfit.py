"""Fitted on the one, judged on the other: whatever is fitted to predictions never meets its own.

Fold k's calibrator, quantiles and thresholds come from the other folds. Where a table has no
folds, what is fitted on its validation split is applied to its test split. Folds that share a
patient are refused; how many patients validation and test share is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from braintumor.evaluation.tables import PredictionsError

if TYPE_CHECKING:
    from braintumor.evaluation.predictions import Predictions

Fitted = TypeVar("Fitted")
Floats = NDArray[np.float64]
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Plan:
    """Which rows are fitted on and which are judged.

    Attributes:
        fit: the rows to fit on.
        judge: the rows to judge; the same where there are folds.
        fold: (n,) number of each row's fold, and a row is judged by what was fitted on the
            others; None where `fit` and `judge` have no row in common.
    """

    fit: Predictions
    judge: Predictions
    fold: NDArray[np.int64] | None

    @property
    def kind(self) -> str:
        """What the rows fitted on are: "out-of-fold" or "validation"."""
        return "validation" if self.fold is None else "out-of-fold"

    @property
    def shared_groups(self) -> tuple[int, int]:
        """How many of the groups judged were fitted on too, and how many known ones are judged.

        Folds share none; validation and test may, for others made them.
        """
        fit, judge = (set(rows.scored().frame["group"]) - {""} for rows in (self.fit, self.judge))
        return (len(fit & judge) if self.fold is None else 0), len(judge)


def plan(predictions: Predictions) -> Plan:
    """Validation and test where the table names both, else folds.

    Raises:
        PredictionsError: neither, folds beside several splits, or folds that share a group; one
            sentence.
    """
    if set(predictions.splits) >= {"valid", "test"}:
        return Plan(predictions.split("valid"), predictions.split("test"), None)
    fold = fold_numbers(predictions)
    if not is_out_of_fold(predictions):
        raise PredictionsError(
            f"{predictions.source} names the splits {' and '.join(predictions.splits)}, so its "
            "folds do not say that each row was judged by a network that had not learnt from it: "
            "give the out-of-fold rows alone, or a table with the splits valid and test."
        )
    return Plan(predictions, predictions, fold)


def is_out_of_fold(predictions: Predictions) -> bool:
    """Whether every row was judged by the network of its fold, which had not learnt from it.

    Of a table that names several splits the folds say how slices were dealt, not that whatever
    gave the probabilities had not learnt from them.
    """
    return len(predictions.splits) < 2 and bool((predictions.frame["fold"] != "").all())


def apart(
    rows: Plan,
    fit: Callable[[Predictions], Fitted],
    apply: Callable[[Fitted, Predictions], Floats],
) -> Floats:
    """An answer for every row of `rows.judge` by what was fitted without it.

    Args:
        rows: from `plan`.
        fit: from some rows to something fitted on them.
        apply: from that and other rows to an answer a row, (m, ...).

    Returns:
        (n, ...) answers, in the order of `rows.judge`.
    """
    if rows.fold is None:
        return apply(fit(rows.fit), rows.judge)
    return cross_fitted(
        rows.fold,
        lambda on: fit(rows.fit.take(on)),
        lambda fitted, on: apply(fitted, rows.judge.take(on)),
    )


def fold_numbers(predictions: Predictions) -> NDArray[np.int64]:
    """(n,) number of each row's fold, 0 to K - 1, from the column `fold`.

    Raises:
        PredictionsError: fewer than two folds, a row without one, or a group in two folds, in
            which case the folds keep nothing apart.
    """
    import pandas as pd

    fold, group = predictions.frame["fold"], predictions.frame["group"]
    if (fold == "").any() or fold.nunique() < 2:
        raise PredictionsError(
            f"{predictions.source} does not name two folds or more in the column fold, one for "
            "every row: train with --folds, or give a table with the splits valid and test."
        )
    known = group != ""
    per_group = fold[known].groupby(group[known]).nunique()
    if (per_group > 1).any():
        raise PredictionsError(
            f"{predictions.source} has slices of {per_group[per_group > 1].index[0]} in two folds, "
            "so the folds do not keep patients apart; make them with --split grouped."
        )
    return np.asarray(pd.factorize(fold, sort=True)[0], np.int64)


def group_folds(
    group: NDArray[np.int64], *, folds: int = FOLDS, seed: int = 0
) -> NDArray[np.int64]:
    """(n,) folds dealt to groups at random, in nearly equal numbers of groups.

    Args:
        group: (n,) number of each row's group, 0 to G - 1.
        folds: how many; fewer where there are fewer groups.
        seed: of the dealing.
    """
    count = int(group.max()) + 1 if len(group) else 0
    dealt = np.random.default_rng(seed).permutation(count) % max(min(folds, count), 1)
    return np.asarray(dealt[group], np.int64)


def cross_fitted(
    fold: NDArray[np.int64],
    fit: Callable[[NDArray[np.int64]], Fitted],
    apply: Callable[[Fitted, NDArray[np.int64]], Floats],
) -> Floats:
    """For every row the answer of what was fitted on the rows of all other folds.

    Args:
        fold: (n,) number of each row's fold; at least two.
        fit: from positions of rows to something fitted on them.
        apply: from that and positions of other rows to an answer a row, (m, ...).

    Returns:
        (n, ...) answers, in the order of the rows.

    Raises:
        ValueError: a single fold.
    """
    names = np.unique(fold)
    if len(names) < 2:
        raise ValueError("cross-fitting needs two folds or more")
    answers: Floats | None = None
    for name in names:
        own = np.flatnonzero(fold == name)
        given = np.asarray(apply(fit(np.flatnonzero(fold != name)), own), np.float64)
        if answers is None:
            answers = np.full((len(fold), *given.shape[1:]), np.nan)
        answers[own] = given
    assert answers is not None
    return answers
