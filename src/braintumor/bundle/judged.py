"""What judging a network found out and its card has to carry: calibration, sets, thresholds.

A `calibration.json` is written by who judges predictions and read here, when a bundle is made.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from braintumor.bundle.parts import Calibration, Conformal, FourShares
from braintumor.errors import BraintumorError

JUDGED_FILE = "calibration.json"


class Judged(BaseModel):
    """The content of a `calibration.json`; what else stands in the file is left alone.

    Attributes:
        calibration, conformal, thresholds, operating_points: as on the card.
        evidence: metrics to put on the card; those of the run where it is empty.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    calibration: Calibration = Calibration()
    conformal: Conformal | None = None
    thresholds: FourShares | None = None
    operating_points: dict[str, JsonValue] = Field(default_factory=dict)
    evidence: dict[str, JsonValue] = Field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            BraintumorError: it cannot be read, or a value in it makes no sense.
        """
        try:
            return cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the file"
            raise BraintumorError(f"{path} cannot be used, {place}: {first['msg']}") from error
        except (OSError, ValueError, RecursionError) as error:
            raise BraintumorError(
                f"{path} cannot be read as JSON with calibration, conformal and thresholds: "
                f"make it again"
            ) from error

    def for_card(self) -> dict[str, Any]:
        """The fields of a card that this fills."""
        return {
            "calibration": self.calibration,
            "conformal": self.conformal,
            "thresholds": self.thresholds,
            "operating_points": self.operating_points,
            "evidence": self.evidence,
        }
