"""What a check finds: one finding, and the verdict over all of them.

Knows words and severities; not how anything is found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from braintumor.evaluation.metrics import without_nan

Severity = Literal["wrong", "improbable", "note"]
_ORDER: tuple[Severity, ...] = ("wrong", "improbable", "note")


@dataclass(frozen=True)
class Finding:
    """One thing found.

    Attributes:
        kind: a stable name for scripts.
        severity: "wrong" (cannot be true, or must not be reported), "improbable" (a person should
            look) or "note".
        sentence: what was found and why it matters, for a person.
        numbers: the same as JSON values.
    """

    kind: str
    severity: Severity
    sentence: str
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What `check` found in a table of `rows` rows, of which `judged` could be scored."""

    source: str
    rows: int
    judged: int
    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> bool:
        """Whether any finding is of severity "wrong"."""
        return any(finding.severity == "wrong" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        plain: dict[str, Any] = without_nan({"wrong": self.wrong, **asdict(self)})
        return plain


def weightiest_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, what is wrong before what is improbable, else in the order given."""
    return tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.severity)))


def sentence(text: str) -> str:
    """The text with a capital letter at its head."""
    return text[0].upper() + text[1:]
