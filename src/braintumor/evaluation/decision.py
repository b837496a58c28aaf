"""From raw out-of-fold predictions to what is shipped: calibrator, prediction sets, thresholds.

Two things come of one table. The table itself in the contract's form, with calibrated
probabilities, sets and statuses, each row by what was fitted without its fold: that is what a
report may be made of. And the final fit on all rows, which travels with the model in
`calibration.json`. Within each fit the quantiles again see only probabilities from calibrators
that did not see them. Works on predictions alone; no model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation import (
    calibration,
    conformal,
    crossfit,
    operating,
    repeats,
    resampling,
)
from braintumor.evaluation.calibration import Calibrator
from braintumor.evaluation.conformal import Quantiles
from braintumor.evaluation.metrics import without_nan
from braintumor.evaluation.predictions import Predictions, PredictionsError
from braintumor.evaluation.tables import PROBABILITIES, require_probabilities
from braintumor.files import write_text

JUDGED_FILE = "calibration.json"
# The method of calibration by what it is fitted on. Validation slices have chosen the network, and
# in public splits many are copies of training slices: one number is all that they can bear.
METHOD_FOR = {"validation": "temperature", "out-of-fold": "vector"}
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rules:
    """What turns raw probabilities into an answer.

    Attributes:
        calibrator: raw probabilities -> calibrated ones.
        quantiles: calibrated probabilities -> prediction set.
        thresholds: rule of `operating.RULES` -> (4,) threshold on each class's calibrated
            probability.
        chosen_by: (n, 4) calibrated probabilities of the rows fitted on, each by a calibrator that
            did not see it (raw ones of a single group): quantiles and thresholds come from them,
            and from those of other trainings where there are any.
    """

    calibrator: Calibrator
    quantiles: Quantiles
    thresholds: Mapping[str, tuple[float, ...]]
    chosen_by: Floats

    def probabilities(self, rows: Predictions) -> Floats:
        """(n, 4) calibrated probabilities, for which the thresholds are."""
        return self.calibrator.apply(rows.y_prob)

    def apply(self, predictions: Predictions) -> Predictions:
        """A table of raw probabilities with calibrated ones, sets and statuses in their place."""
        found, k = _answers(self, predictions), len(CLASSES)
        return answered(predictions, found[:, :k], found[:, k:] > 0)


@dataclass(frozen=True, eq=False)
class Decision:
    """What `fit_decision` finds.

    Attributes:
        rules: fitted on all rows; these are shipped.
        table: the rows with cross-fitted probabilities, sets and statuses; of a table with the
            splits valid and test, the test rows by what was fitted on the validation rows.
        n, units: scored rows that `rules` were fitted on, and patients (or rows of unknown
            patient) among them.
        fitted_on: the same in words.
    """

    rules: Rules
    table: Predictions
    n: int
    units: int
    fitted_on: str

    def to_dict(self) -> dict[str, Any]:
        """The content of `calibration.json`, as a bundle takes it over; plain JSON values."""
        quantiles = self.rules.quantiles
        plain: dict[str, Any] = without_nan(
            {
                "calibration": {**self.rules.calibrator.to_dict(), "fitted_on": self.fitted_on},
                "conformal": {
                    "alpha": quantiles.alpha,
                    "quantiles": list(quantiles.value),
                    "fitted_on": self.fitted_on,
                },
                "operating_points": {
                    rule: dict(zip(CLASSES, value, strict=True))
                    for rule, value in self.rules.thresholds.items()
                },
            }
        )
        return plain

    def write(self, path: Path) -> None:
        """Write `calibration.json` atomically."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        write_text(path, text + "\n")


def fit_decision(
    predictions: Predictions,
    *,
    alpha: float = conformal.ALPHA,
    method: str | None = None,
    seed: int = 0,
) -> Decision:
    """Fit everything on out-of-fold predictions with raw probabilities.

    Args:
        predictions: either out-of-fold rows with the column `fold` filled, in which no group lies
            in two folds, and what other trainings say of them is fitted on, too; or a table with
            the splits valid and test.
        alpha: error rate asked of the prediction sets.
        method: of calibration, one of `calibration.METHODS`; that of `METHOD_FOR` where None.
        seed: of the folds dealt where the table has none.

    Raises:
        PredictionsError: neither folds nor the splits valid and test, no labelled row to fit on
            or to judge, or rows that are no probabilities; one sentence.
    """
    require_scored(predictions)
    rows = crossfit.plan(predictions)
    # Whoever asks wants the answers judged; the labels of a test split are not always public.
    require_scored(rows.judge, "to judge the fit on")
    chosen = method or METHOD_FOR[rows.kind]

    def fit(on: Predictions) -> Rules:
        require_scored(on)
        return fit_rules(on.scored(), alpha=alpha, method=chosen, seed=seed)

    answers = crossfit.apart(rows, fit, _answers)
    k = len(CLASSES)
    table = answered(rows.judge, answers[:, :k], answers[:, k:] > 0)
    fitted_on = rows.fit.scored()
    units = int(resampling.group_numbers(fitted_on).max()) + 1
    of = f"of {units} patients or near-copy groups"
    if not (fitted_on.frame["group"] != "").any():
        of = "of patients who are not known"
    told = f"{len(fitted_on)} {rows.kind} slices {of}"
    if fitted_on.repeats:
        told += f", by {len(fitted_on.repeats) + 1} trainings of one recipe"
    return Decision(fit(rows.fit), table, len(fitted_on), units, told)


def as_answered(predictions: Predictions, *, method: str | None = None) -> Predictions:
    """A table of raw probabilities as the model answers: calibrated, with sets and statuses.

    Each row by what was fitted without it, so that the table may be judged; where nothing can be
    fitted apart or judged, and where the table came with sets, the rows stay as they are.

    Args:
        predictions: any table.
        method: as for `fit_decision`.
    """
    if (predictions.frame["set"] != "").any():
        return predictions
    try:
        return fit_decision(predictions, method=method).table
    except PredictionsError:  # neither folds nor validation and test, or one of them unlabelled
        return predictions


def fit_rules(
    rows: Predictions, *, alpha: float = conformal.ALPHA, method: str = "vector", seed: int = 0
) -> Rules:
    """Fit on these rows; quantiles and thresholds from cross-fitted probabilities of the rows.

    Args:
        rows: scored rows, with raw probabilities; what other trainings say of them is fitted on,
            too. Their folds are used where there are two or more; else folds are dealt to groups.
        alpha, seed: as for `fit_decision`.
        method: of calibration, one of `calibration.METHODS`.
    """
    row, prob = repeats.pooled_rows(rows)
    group = resampling.group_numbers(rows)
    try:
        fold = crossfit.fold_numbers(rows)
    except PredictionsError:
        fold = crossfit.group_folds(group, seed=seed)
    truth, group, fold = rows.y_true[row], group[row], fold[row]

    def fitted(on: NDArray[np.int64]) -> Calibrator:
        units = len(np.unique(group[on]))
        return calibration.fit(truth[on], prob[on], method=method, units=units)

    believable = (
        crossfit.cross_fitted(fold, fitted, lambda calibrator, on: calibrator.apply(prob[on]))
        if len(np.unique(fold)) > 1
        else prob
    )
    return Rules(
        fitted(np.arange(len(truth))),
        conformal.quantiles(truth, believable, group, alpha=alpha),
        operating.thresholds(truth, believable),
        believable[: len(rows)],
    )


def answered(predictions: Predictions, prob: Floats, sets: NDArray[np.bool_]) -> Predictions:
    """The table with these probabilities, and what follows from them.

    `status` is `uncertain` where the set is not exactly the predicted class, and stays so where
    it was before. Rows that were refused or failed keep status and reason, and have no class and
    no probabilities, whatever stood there before.

    Args:
        predictions: any table.
        prob: (n, 4) calibrated probabilities, NaN where a row has none.
        sets: (n, 4) the classes of each row's set.
    """
    frame = predictions.frame.copy()
    known = predictions.is_answered
    rows = np.flatnonzero(known)
    # What a foreign table gives beside a refusal is raw, and would stand among calibrated numbers.
    frame[list(PROBABILITIES)] = np.where(known[:, None], prob, np.nan)
    frame.loc[~known, ["predicted", "set"]] = ""
    frame.loc[~known, "confidence"] = np.nan
    best = np.argmax(prob[rows], axis=1)
    names = np.asarray(CLASSES, dtype=object)
    frame.loc[rows, "predicted"] = names[best]
    frame.loc[rows, "confidence"] = prob[rows, best]
    frame.loc[rows, "set"] = ["|".join(names[chosen]) for chosen in sets[rows]]
    doubt = [_doubt(sets[row], int(label)) for row, label in zip(rows, best, strict=True)]
    before = [str(text) for text in frame.loc[rows, "reason"]]
    unsure = frame.loc[rows, "status"].eq("uncertain").to_numpy(bool) | np.array(doubt, bool)
    frame.loc[rows, "status"] = np.where(unsure, "uncertain", "ok")
    frame.loc[rows, "reason"] = [
        "; ".join(filter(None, pair)) for pair in zip(before, doubt, strict=True)
    ]
    return Predictions(frame, predictions.source)


def require_scored(predictions: Predictions, purpose: str = "to fit on") -> None:
    """Refuse a table with nothing to fit on, or nothing for another purpose.

    Raises:
        PredictionsError: no labelled row with probabilities, or rows that are none.
    """
    rows = predictions.scored()
    if not len(rows):
        raise PredictionsError(
            f"{predictions.source} holds no row with both a label and probabilities {purpose}."
        )
    require_probabilities(rows.y_prob, rows.frame["path"], predictions.source)


def _doubt(chosen: NDArray[np.bool_], best: int) -> str:
    """Why a person should look; "" where the set is the predicted class alone."""
    names = [name for name, inside in zip(CLASSES, chosen, strict=True) if inside]
    if names == [CLASSES[best]]:
        return ""
    if not names:
        return "no class fits well enough"
    if len(names) > 1:
        return f"it could be {' or '.join(names)}"
    return f"the most probable class is not the one that fits its kind, {names[0]}"


def _answers(rules: Rules, rows: Predictions) -> Floats:
    """(n, 8) calibrated probabilities (NaN where no answer is), and the classes of each set."""
    known = rows.is_answered
    prob = np.full(rows.y_prob.shape, np.nan)
    prob[known] = rules.calibrator.apply(rows.y_prob[known])
    return np.hstack([prob, rules.quantiles.sets(prob)])
