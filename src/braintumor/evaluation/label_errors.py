"""Labels that predictions call into question: confident learning.

A label is suspected where the model, which has not seen the slice in training, is surer of another
class than it usually is of slices that bear that class's label (Northcutt, Jiang and Chuang 2021,
https://doi.org/10.1613/jair.1.12125; cleanlab's implementation). Models err more often than
labels on hard slices: the list is for a person to look at. Knows the predictions table only.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from braintumor.classes import CLASSES
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.tables import require_probabilities


@dataclass(frozen=True)
class Suspect:
    """One slice whose label is called into question.

    Attributes:
        path: as in the table.
        label: its label.
        suggested: the class that the model gives.
        p_label, p_suggested: probabilities of both, 0 to 1.
    """

    path: str
    label: str
    suggested: str
    p_label: float
    p_suggested: float


@dataclass(frozen=True)
class LabelErrors:
    """What a table says of its labels.

    Attributes:
        source: the table's name.
        judged: rows that were looked at: those with label and probabilities that were predicted
            out of fold, by a model that was not fitted to them.
        suspects: those whose label is least probable first.
    """

    source: str
    judged: int
    suspects: tuple[Suspect, ...]


def find_label_errors(predictions: Predictions) -> LabelErrors:
    """Look for labels that are probably wrong.

    Args:
        predictions: any table. Rows of train without a fold are left out, because a model agrees
            with the labels that it was fitted to, right or wrong.

    Raises:
        PredictionsError: a row whose p_* are no probabilities.
    """
    scored = predictions.scored()
    require_probabilities(scored.y_prob, scored.frame["path"], predictions.source)
    fitted = (scored.frame["split"] == "train") & (scored.frame["fold"].astype(str) == "")
    rows = scored.take(~fitted.to_numpy(bool))
    if len(np.unique(rows.y_true)) < 2:
        return LabelErrors(predictions.source, len(rows), ())
    # cleanlab takes a third of a second to import, and imports from sklearn.
    from cleanlab.filter import find_label_issues

    with warnings.catch_warnings():
        # It warns of classes of a few slices, in which it may overlook something.
        warnings.simplefilter("ignore", UserWarning)
        order = find_label_issues(
            rows.y_true,
            rows.y_prob,
            filter_by="confident_learning",
            return_indices_ranked_by="self_confidence",
            n_jobs=1,
        )
    suspects = []
    for row in order:
        label, said = rows.y_true[row], rows.y_pred[row]
        p_label, p_said = (float(rows.y_prob[row, which]) for which in (label, said))
        path = str(rows.frame["path"].iloc[row]) or f"row {row + 1}"
        suspects.append(Suspect(path, CLASSES[label], CLASSES[said], p_label, p_said))
    return LabelErrors(predictions.source, len(rows), tuple(suspects))
