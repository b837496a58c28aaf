"""One thing that an audit found, how bad it is, and what to do about it.

What it does not know: how anything is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from braintumor.images.decode import printable

Severity = Literal["wrong", "doubtful", "note"]
SEVERITIES: tuple[Severity, ...] = ("wrong", "doubtful", "note")
_SHOWN = 3

# Kind of finding -> what to do about it. The kinds are names that people script against.
REMEDIES: dict[str, str] = {
    "unreadable": "Copy or download the files again, or remove them.",
    "name": "Rename the files.",
    "empty_class": "Put images in, or remove the folder.",
    "unknown_folder": "Rename the folders after a class or a split, or move them out.",
    "stray": "Move the images into a class folder.",
    "link": "Replace the links by what they point to.",
    "not_image": "Nothing: they are passed over.",
    "blank": "Remove the files: there is nothing to learn from them.",
    "tiny": "Look for a larger original.",
    "large": "Nothing: they are scaled down; smaller copies are read faster.",
    "coloured": "Look at them: colours are overlays, maps or screenshots.",
    "mixed_modes": "Nothing: all become grey. Ask why the files differ.",
    "missing_split": "Split with  braintumor train --split grouped.",
    "absent_class": "Add images of the class: no network learns one that it never sees.",
    "missing_class": "Add images of the class, or split with  --split grouped.",
    "unbalanced": "Report balanced accuracy and each class's sensitivity, not accuracy alone.",
    "split": "Nothing, but say so where results are reported.",
    "copies_across_splits": "Split by group (--split grouped), or write a cleaned list (--fix).",
    "copies_across_classes": "Find out which label is right; until then leave all of them out.",
    "copies": "Keep one of each (--fix does), or count them as one.",
    "stems_across_splits": "Split by group: images of one source belong on one side.",
    "stems": "Nothing, while each source stays on one side of the split.",
    "patients_across_splits": "Split by patient: --split grouped, with the patients file if any.",
    "groups_across_splits": "Split by group: --split grouped, with the patients file if any.",
    "patients_unknown": "Name them in a patients file: copies and names alone group them now.",
    "patient_suffixes": "Ask whoever made the ids: is each family one patient? --merge-suffixes "
    "takes it for one.",
    "label_conflicts": "Have the labels decided by somebody who can, or leave the images out.",
    "shortcuts": "Quote these beside every accuracy: a network is worth what it adds.",
    "shortcuts_unknown": "Nothing: there is too little to measure.",
    "telltale_file": "Bring all images to one size, mode and compression, whatever their class.",
    "telltale": "Normalise it away, or augment it, and test on images of another source.",
    "no_head": "Look at them, and remove what is no brain MRI.",
    "label_errors": "Look at them, the first most; a person decides, not the model.",
    "label_errors_unknown": "Judge rows that were not trained on: valid, test or folds.",
}


@dataclass(frozen=True)
class Finding:
    """One thing found.

    Attributes:
        kind: a stable name for scripts, one of `REMEDIES`.
        severity: "wrong" (to be mended before training), "doubtful" (a person should look) or
            "note".
        sentence: what was found, for a person.
        paths: the files concerned, relative to the data set's root.
        pairs: of these files, those to be looked at side by side.
    """

    kind: str
    severity: Severity
    sentence: str
    paths: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return REMEDIES[self.kind]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "sentence": self.sentence,
            "remedy": self.remedy,
            "paths": list(self.paths),
            "pairs": [list(pair) for pair in self.pairs],
        }


class Part(Protocol):
    """One part of an audit."""

    @property
    def findings(self) -> Sequence[Finding]:
        """What was found."""

    def to_dict(self) -> dict[str, Any]:
        """The part's own keys of audit.json, as plain JSON values."""


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The worst first, otherwise in the order given."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def listed(paths: Sequence[str]) -> str:
    """How many, and the first few by name, fit for a terminal."""
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{len(paths)} ({', '.join(map(printable, paths[:_SHOWN]))}{more})"
