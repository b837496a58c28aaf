"""What is said of one image: the row of a predictions table, typed.

Knows the columns of the contract; not how they came about, and not pandas.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from braintumor.classes import CLASSES

if TYPE_CHECKING:
    from braintumor.images.decode import Place

Status = Literal["ok", "uncertain", "refused", "error"]

COLUMNS: tuple[str, ...] = (
    "path",
    "sha256",
    "group",
    "label",
    "status",
    "reason",
    "predicted",
    "confidence",
    "set",
    *(f"p_{name}" for name in CLASSES),
    "split",
    "fold",
    "model",
    "model_sha256",
)


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a classifier says of one image.

    Attributes:
        path: name of the image as it was given; empty for an array.
        sha256: of the file's bytes; empty for an array or a file that could not be read.
        status: `ok`; `uncertain`, a person should look; `refused`, not a brain MRI slice;
            `error`, could not be read.
        reason: why, one sentence; empty for `ok`.
        predicted: class, or None where refused or in error.
        confidence: calibrated probability of that class, 0 to 1, or None.
        set: the prediction set, classes in the order of `CLASSES`, none of which can be ruled
            out at the error rate on the bundle's card; may be empty. None where there is none.
        probabilities: of every class, 0 to 1, summing to 1; empty where refused or in error.
        model: name on the bundle's card.
        model_sha256: of its graph; of an ensemble, of its members' cards.
        place: of the slice in its series, for summaries; not a column.
    """

    path: str
    sha256: str
    status: Status
    reason: str = ""
    predicted: str | None = None
    confidence: float | None = None
    set: tuple[str, ...] | None = None
    probabilities: dict[str, float] = field(default_factory=dict)
    model: str
    model_sha256: str
    place: Place | None = None

    def row(self) -> dict[str, str | float | None]:
        """The prediction as a row of `predictions.csv`, in the order of `COLUMNS`.

        What does not apply or is not known is None: an empty field in a table.
        """
        known: dict[str, str | float | None] = {
            "path": self.path,
            "sha256": self.sha256 or None,
            "status": self.status,
            "reason": self.reason or None,
            "predicted": self.predicted,
            "confidence": self.confidence,
            "set": None if self.set is None else "|".join(self.set),
            "model": self.model,
            "model_sha256": self.model_sha256,
        }
        known |= {f"p_{name}": value for name, value in self.probabilities.items()}
        return {column: known.get(column) for column in COLUMNS}
