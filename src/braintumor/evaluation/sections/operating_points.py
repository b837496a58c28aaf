"""Operating points: thresholds for a purpose, where they were chosen and where applied."""

from __future__ import annotations

from braintumor.evaluation.judgement import Judgement
from braintumor.evaluation.operating import RULES
from braintumor.evaluation.page import Section

_CHOSEN = {
    "out-of-fold": "Thresholds shown are those of all rows; each row is called by those of the "
    "other folds.",
    "validation": "Thresholds are chosen on the validation slices and applied to the test slices.",
    "": "There are no other slices to apply the thresholds to, so these numbers flatter them.",
}


def section(judgement: Judgement, *, images: bool) -> Section:
    """One table, a block a class."""
    found = judgement.acting
    values = {"points": found.points, "rules": RULES}
    lead = (
        "The most probable class is not always the best call. For a wanted sensitivity or "
        f"specificity a class is called from a threshold of its own. {_CHOSEN[found.fitted_on]}"
    )
    return Section("operating_points.html", values, "Operating points", lead, "Every threshold")
