"""What came out so far: how many rows of which status and class, in how much time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from braintumor.bundle.prediction import Prediction
from braintumor.classes import CLASSES


@dataclass
class Tally:
    """Counts of rows.

    Attributes:
        statuses: rows by status.
        classes: rows by predicted class; those without one are in none.
        seconds: that the work took, without breaks between runs.
        skipped: files that were no images.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    skipped: int = 0

    def add(self, prediction: Prediction) -> None:
        """Count a row."""
        self.statuses[prediction.status] += 1
        if prediction.predicted is not None:
            self.classes[prediction.predicted] += 1

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.statuses.total()

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds if self.seconds else 0.0

    def in_words(self) -> list[str]:
        """One or two lines: how many said what; from a second of work on, how fast."""
        line = _count(self.rows, "image")
        if self.rows:
            line += f": {_listed(dict(sorted(self.statuses.items())))}"
        if self.skipped:
            line += f"; {_count(self.skipped, 'file')} skipped, no image{'s' * (self.skipped != 1)}"
        said = {name: self.classes[name] for name in CLASSES if self.classes[name]}
        parts = [_listed(said)] if self.rows > 1 and said else []
        if self.rows and self.seconds >= 1:
            parts.append(f"{self.seconds:,.0f} s, {self.rate:,.1f} images a second")
        return [line, "; ".join(parts)] if parts else [line]

    def to_json(self) -> str:
        """What `from_json` reads; `skipped` is counted anew in every run."""
        kept = {"statuses": self.statuses, "classes": self.classes, "seconds": self.seconds}
        return json.dumps(kept)

    @classmethod
    def from_json(cls, text: str) -> Tally:
        """A tally that was written down."""
        kept = json.loads(text)
        return cls(Counter(kept["statuses"]), Counter(kept["classes"]), float(kept["seconds"]))


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
