"""Operating points: the probability from which a class is called, chosen for a purpose.

One class against the rest: it is called where p >= threshold. A threshold is chosen on some slices
and judged on others, and both are shown, because where it was chosen it tends to look better.

Knows arrays, and of the table only which rows may be judged by which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation import crossfit, rates, resampling
from braintumor.evaluation.rates import Estimate
from braintumor.evaluation.tables import PredictionsError

if TYPE_CHECKING:
    from braintumor.evaluation.predictions import Predictions

Floats = NDArray[np.float64]
SENSITIVITY, SPECIFICITY = 0.95, 0.95
# What a missed slice costs, in false alarms.
MISS_COST = 10.0
# Name of a rule -> what it chooses.
RULES: dict[str, str] = {
    "sensitivity": f"sensitivity {SENSITIVITY:.0%}",
    "specificity": f"specificity {SPECIFICITY:.0%}",
    "f1": "best F1",
    "cost": f"a miss costs {MISS_COST:.0f} false alarms",
}


@dataclass(frozen=True)
class Outcome:
    """What a threshold does on some slices; shares with intervals over patients."""

    sensitivity: Estimate
    specificity: Estimate
    ppv: Estimate
    f1: float
    cost: float
    n: int


@dataclass(frozen=True)
class OperatingPoint:
    """One class, one rule.

    Attributes:
        name: class.
        rule: of `RULES`.
        threshold: called where p >= it; above 1 the class is never called.
        chosen: on the slices that it was chosen on, with the probabilities that it was chosen by.
        applied: on others; None where there are none.
    """

    name: str
    rule: str
    threshold: float
    chosen: Outcome
    applied: Outcome | None


@dataclass(frozen=True)
class _Steps:
    """Every threshold that makes a difference, falling, and the calls it leads to.

    Attributes:
        score: (m,) scores that occur, highest first; before them stands one that calls nothing.
        tp, fp: (m,) calls that are right and wrong at p >= score.
        positives, negatives: rows of the class and of the others.
    """

    score: Floats
    tp: Floats
    fp: Floats
    positives: int
    negatives: int


def thresholds(
    y_true: ArrayLike,
    y_prob: ArrayLike,
    *,
    sensitivity: float = SENSITIVITY,
    specificity: float = SPECIFICITY,
    miss_cost: float = MISS_COST,
) -> dict[str, tuple[float, ...]]:
    """The thresholds of every class by every rule of `RULES`.

    Args:
        y_true: (n,) class indices of the slices to choose on.
        y_prob: (n, 4) calibrated probabilities that were not fitted on them.
        sensitivity, specificity: wanted, 0 to 1.
        miss_cost: what a missed slice costs, in false alarms.

    Returns:
        rule -> (4,) thresholds; NaN where the class, or every other, is absent.
    """
    truth, prob = np.asarray(y_true, np.int64), np.asarray(y_prob, np.float64)
    found: dict[str, list[float]] = {rule: [] for rule in RULES}
    for label in range(len(CLASSES)):
        steps = _steps(truth == label, prob[:, label])
        for rule, chosen in _choose(steps, sensitivity, specificity, miss_cost).items():
            found[rule].append(_between(steps, chosen))
    return {rule: tuple(values) for rule, values in found.items()}


class Calls(Protocol):
    """What is fitted on some rows to call others."""

    @property
    def thresholds(self) -> Mapping[str, tuple[float, ...]]:
        """Rule -> (4,) thresholds."""

    @property
    def chosen_by(self) -> Floats:
        """(n, 4) the probabilities that they were chosen by, of the rows fitted on, in order."""

    def probabilities(self, rows: Predictions) -> Floats:
        """(n, 4) what is held against them."""


@dataclass(frozen=True)
class _AsTheyStand:
    """Thresholds on a table's own probabilities."""

    thresholds: Mapping[str, tuple[float, ...]]
    chosen_by: Floats

    def probabilities(self, rows: Predictions) -> Floats:
        return rows.y_prob


def operating_points(
    predictions: Predictions,
    *,
    fit: Callable[[Predictions], Calls] = lambda rows: _AsTheyStand(
        thresholds(rows.y_true, rows.y_prob), rows.y_prob
    ),
    draws: int = resampling.DRAWS,
) -> list[OperatingPoint]:
    """Every class's thresholds, and what they do where chosen and where they are applied.

    Of a table with folds each row is called by the thresholds of the other folds; of one with
    validation and test, the test rows by those of validation; of any other, nothing is applied.

    Args:
        predictions: its scored rows are used.
        fit: thresholds, and the probabilities that they are for, from the rows to choose on; on
            the table's own probabilities by default.
        draws: of the intervals.
    """
    try:
        rows = crossfit.plan(predictions.scored())
    except PredictionsError:
        rows = None
    base = predictions.scored() if rows is None else rows.fit
    whole = fit(base)
    found = whole.thresholds
    called = {rule: whole.chosen_by >= np.asarray(values) for rule, values in found.items()}
    chosen, applied = _outcomes(base, called, draws), None
    if rows is not None:
        answers = crossfit.apart(rows, fit, _calls)
        by_rule = dict(zip(RULES, np.moveaxis(answers, 1, 0) > 0, strict=True))
        applied = _outcomes(rows.judge, by_rule, draws)
    return [
        OperatingPoint(
            name, rule, values[label], chosen[rule][label],
            None if applied is None else applied[rule][label],
        )
        for label, name in enumerate(CLASSES)
        for rule, values in found.items()
    ]  # fmt: skip


def _calls(found: Calls, rows: Predictions) -> Floats:
    """(n, rules, 4) one where a class is called."""
    prob = found.probabilities(rows)
    calls = [prob >= np.asarray(found.thresholds[rule]) for rule in RULES]
    return np.stack(calls, axis=1).astype(np.float64)


def _outcomes(
    rows: Predictions, called: Mapping[str, NDArray[np.bool_]], draws: int
) -> dict[str, list[Outcome]]:
    group = resampling.group_numbers(rows)
    return {
        rule: [outcome(rows.y_true == i, by[:, i], group, draws=draws) for i in range(len(CLASSES))]
        for rule, by in called.items()
    }


def outcome(
    positive: NDArray[np.bool_],
    called: NDArray[np.bool_],
    group: NDArray[np.int64],
    *,
    draws: int = resampling.DRAWS,
) -> Outcome:
    """What some calls are worth.

    Args:
        positive: (n,) whether a row belongs to the class.
        called: (n,) whether it was called.
        group: (n,) number of each row's group.
        draws: of the intervals.
    """
    n, tp = len(positive), float((positive & called).sum())
    missed, false = float((positive & ~called).sum()), float((~positive & called).sum())
    return Outcome(
        sensitivity=rates.share(called[positive], group[positive], draws=draws),
        specificity=rates.share(~called[~positive], group[~positive], draws=draws),
        ppv=rates.share(positive[called], group[called], draws=draws),
        f1=2 * tp / (2 * tp + missed + false) if tp + missed + false else np.nan,
        cost=(MISS_COST * missed + false) / n if n else np.nan,
        n=n,
    )


def _steps(positive: NDArray[np.bool_], score: Floats) -> _Steps:
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    keep = np.flatnonzero(np.diff(ranked, append=-np.inf) != 0)
    hits = np.cumsum(positive[order])[keep]
    return _Steps(
        score=np.concatenate([[np.inf], ranked[keep]]),
        tp=np.concatenate([[0.0], hits]),
        fp=np.concatenate([[0.0], keep + 1 - hits]),
        positives=int(positive.sum()),
        negatives=int((~positive).sum()),
    )


def _choose(
    steps: _Steps, sensitivity: float, specificity: float, miss_cost: float
) -> dict[str, int | None]:
    """The step that each rule takes; None where the class, or every other, is absent."""
    if not steps.positives or not steps.negatives:
        return dict.fromkeys(RULES)
    found = steps.tp / steps.positives
    cleared = 1 - steps.fp / steps.negatives
    missed = steps.positives - steps.tp
    f1 = 2 * steps.tp / (steps.tp + steps.fp + steps.positives)
    return {
        "sensitivity": int(np.flatnonzero(found >= sensitivity)[0]),
        "specificity": int(np.flatnonzero(cleared >= specificity)[-1]),
        "f1": int(np.argmax(f1)),
        "cost": int(np.argmin(miss_cost * missed + steps.fp)),
    }


def _between(steps: _Steps, chosen: int | None) -> float:
    """The threshold in the middle between the chosen step's score and the next one below.

    Any threshold in between does the same on these slices; the middle errs least on others.
    """
    if chosen is None:
        return float("nan")
    below = float(steps.score[chosen + 1]) if chosen + 1 < len(steps.score) else 0.0
    if chosen == 0 and below >= 1:
        return float(np.nextafter(1.0, 2.0))
    return (min(float(steps.score[chosen]), 1.0) + below) / 2
