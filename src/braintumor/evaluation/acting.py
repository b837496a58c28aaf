"""What may be done with a table's probabilities: believed, abstained from, acted on, moved.

Gathers what the report shows of them. Whatever is fitted is fitted apart from the rows it is
judged on (`crossfit`); a table with neither folds nor validation and test is judged as it stands.
Computes nothing itself and draws nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation import conformal, crossfit, probability_scores, resampling, selective
from braintumor.evaluation.calibration import METHODS
from braintumor.evaluation.conformal import ClassCoverage
from braintumor.evaluation.decision import METHOD_FOR, Decision, fit_decision, fit_rules
from braintumor.evaluation.decision_curves import DecisionCurve, decision_curve
from braintumor.evaluation.metrics import without_nan
from braintumor.evaluation.mixes import Mixes, mixes
from braintumor.evaluation.operating import OperatingPoint, operating_points
from braintumor.evaluation.predictions import Predictions, PredictionsError
from braintumor.evaluation.probability_scores import ClassReliability, ProbabilityScores
from braintumor.evaluation.selective import RiskCoverage


@dataclass(frozen=True, eq=False)
class Sets:
    """Prediction sets and how they keep their promise.

    Attributes:
        alpha: the error rate asked for; None for sets that the table came with.
        coverage: of each class, then of all.
        uncertain: share of the rows that are left to a person: of the status `uncertain`, or with
            a set that is not exactly the predicted class.
        remarks: where the promise is empty.
    """

    alpha: float | None
    coverage: tuple[ClassCoverage, ...]
    uncertain: float
    remarks: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Acting:
    """Everything that the report says of the probabilities.

    Attributes:
        rows: the scored rows that are judged.
        fitted_on: what was fitted on: "out-of-fold" rows of the other folds, "validation" rows,
            or "" where nothing could be fitted.
        methods: method of calibration -> scores of the probabilities it gives, "none" first: the
            table's own.
        reliability: class -> reliability of the table's own probabilities.
        decision: what travels with the model; None where nothing could be fitted, or where the
            table came with sets and so with calibrated probabilities.
        sets: those of the table, else those of `decision`; None where there are neither.
        risk: risk against coverage by the table's own confidence.
        points: operating points, of calibrated probabilities where something could be fitted, as
            those that travel with the model are.
        curves: class -> decision curve, of the same.
        mixes: the same rows under other mixes of classes, calibrated where something could be
            fitted: only calibrated probabilities can be adapted to a mix.
        remarks: where "judged apart" means less than it says.
    """

    rows: Predictions
    fitted_on: str
    methods: Mapping[str, ProbabilityScores]
    reliability: Mapping[str, ClassReliability]
    decision: Decision | None
    sets: Sets | None
    risk: RiskCoverage
    points: tuple[OperatingPoint, ...]
    curves: Mapping[str, DecisionCurve]
    mixes: Mixes
    remarks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; of curves only what they come to."""
        told_mixes = self.mixes.to_dict()
        del told_mixes["curves"]
        plain: dict[str, Any] = without_nan(
            {
                "n": len(self.rows),
                "fitted_on": self.fitted_on,
                "remarks": list(self.remarks),
                "calibration": {name: asdict(scores) for name, scores in self.methods.items()},
                "shipped": None if self.decision is None else _shipped_as_dict(self.decision),
                "sets": None if self.sets is None else _sets_as_dict(self.sets),
                "risk_coverage": {
                    "aurc": asdict(self.risk.aurc),
                    "best": self.risk.best,
                    "excess": self.risk.excess,
                },
                "operating_points": [asdict(point) for point in self.points],
                "decision_curves": {name: curve.useful for name, curve in self.curves.items()},
                "class_mixes": told_mixes,
            }
        )
        return plain


def acting(predictions: Predictions, headline: Predictions) -> Acting:
    """Judge the probabilities of a table.

    Args:
        predictions: the whole table; the scored rows of it that can be judged apart are.
        headline: scored rows to judge where none can be judged apart.
    """
    try:
        plan: crossfit.Plan | None = crossfit.plan(predictions)
        decisions = {method: fit_decision(predictions, method=method) for method in METHODS[1:]}
    except PredictionsError:  # neither folds nor validation and test, or one of them unlabelled
        plan, decisions = None, {}
    rows = headline if plan is None else plan.judge.scored()
    truth, prob, group = rows.y_true, rows.y_prob, resampling.group_numbers(rows)
    own = _own_sets(rows, group)
    decision = None if plan is None or own else decisions[METHOD_FOR[plan.kind]]
    answers = rows if decision is None else decision.table.scored()
    given = {"none": rows} | {name: found.table.scored() for name, found in decisions.items()}
    return Acting(
        rows=rows,
        fitted_on="" if plan is None else plan.kind,
        methods={
            name: probability_scores.probability_scores(table.y_true, table.y_prob)
            for name, table in given.items()
        },
        reliability=probability_scores.class_reliability(truth, prob, group),
        decision=decision,
        sets=own or _fitted_sets(decision),
        risk=selective.risk_coverage(rows.confidence, rows.y_pred == truth, group),
        points=tuple(_points(predictions, rows, plan, decision)),
        curves={
            name: decision_curve(truth == label, answers.y_prob[:, label], group)
            for label, name in enumerate(CLASSES)
        },
        mixes=mixes(answers),
        remarks=() if plan is None else _remarks(plan),
    )


def _remarks(plan: crossfit.Plan) -> tuple[str, ...]:
    """That patients are judged by what was fitted on their own other slices, where some are."""
    shared, judged = plan.shared_groups
    if not shared:
        return ()
    return (
        f"{shared} of {judged} judged patients also have slices in validation, so what is shown "
        "of calibration, sets and thresholds flatters: it promises new patients too much.",
    )


def _points(
    predictions: Predictions,
    rows: Predictions,
    plan: crossfit.Plan | None,
    decision: Decision | None,
) -> list[OperatingPoint]:
    if plan is None or decision is None:
        return operating_points(rows if plan is None else predictions)
    method = decision.rules.calibrator.method
    return operating_points(predictions, fit=lambda on: fit_rules(on, method=method))


def _own_sets(rows: Predictions, group: NDArray[np.int64]) -> Sets | None:
    """The sets that the table came with; a row without one, among others with, has an empty one."""
    cells = rows.frame["set"]
    if not (cells != "").any():
        return None
    inside = np.array([[name in cell.split("|") for name in CLASSES] for cell in cells])
    kept = conformal.coverage(rows.y_true, rows.y_prob, inside, group)
    # The status says it of our own tables; others may have sets and no word of doubt.
    unsure = (rows.frame["status"] == "uncertain") | (cells != np.asarray(CLASSES)[rows.y_pred])
    return Sets(None, tuple(kept), float(unsure.mean()), ())


def _fitted_sets(found: Decision | None) -> Sets | None:
    if found is None:
        return None
    rows, quantiles = found.table.scored(), found.rules.quantiles
    made = _own_sets(rows, resampling.group_numbers(rows))
    if made is None:
        return None
    remarks = conformal.remarks(quantiles, list(made.coverage))
    return replace(made, alpha=quantiles.alpha, remarks=tuple(remarks))


def _shipped_as_dict(decision: Decision) -> dict[str, Any]:
    return {"method": decision.rules.calibrator.method, "fitted_on": decision.fitted_on}


def _sets_as_dict(sets: Sets) -> dict[str, Any]:
    return {
        "alpha": sets.alpha,
        "coverage": [asdict(part) for part in sets.coverage],
        "uncertain": sets.uncertain,
        "remarks": list(sets.remarks),
    }
