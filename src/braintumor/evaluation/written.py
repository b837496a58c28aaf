"""Everything that is written of a run once it is judged, in one place: the files link to each
other, so that none may be left out.

Knows how the files are written elsewhere, and no number.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from braintumor.evaluation.judgement import Judgement, write_calibration, write_metrics
from braintumor.evaluation.record import write_record
from braintumor.evaluation.repeats import write as write_repeats
from braintumor.evaluation.report import write_report


@dataclass(frozen=True)
class Written:
    """The files of a judged run.

    Attributes:
        metrics: metrics.json.
        report: report.html.
        documents: model card and checklists.
        calibration: calibration.json; None where nothing may be fitted.
        repeats: other trainings of the recipe, repeats.csv; None where there are none.
    """

    metrics: Path
    report: Path
    documents: tuple[Path, ...]
    calibration: Path | None
    repeats: Path | None

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON would have it: paths as text."""
        return {
            "metrics": str(self.metrics),
            "report": str(self.report),
            "documents": [str(path) for path in self.documents],
            "calibration": None if self.calibration is None else str(self.calibration),
            "repeats": None if self.repeats is None else str(self.repeats),
        }


def write_judged(judgement: Judgement, folder: Path, *, images: bool = True) -> Written:
    """Write every file of a judged run atomically.

    Args:
        judgement: the numbers and their run.
        folder: where the files go.
        images: whether the report shows slices; without, it holds no pixel of any.
    """
    beside = judgement.run.predictions
    # A run's own repeats.csv that could not be read is left for its owner to look at.
    unread = not beside.repeats and judgement.run.root == folder
    repeats = None if unread else write_repeats(beside, folder)
    return Written(
        metrics=write_metrics(judgement, folder),
        report=write_report(judgement, folder, images=images),
        documents=write_record(judgement, folder),
        calibration=write_calibration(judgement, folder),
        repeats=repeats,
    )
