"""The audit: everything that can be said against a data set before anything is trained on it.

Puts the parts together: readability, leaks (copies and kin), ownership (patients and second
labels), and what is measured and suspected. `audit.json` is what `to_dict` gives.

What it does not know: models; how any part finds what it finds.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from braintumor import __version__
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.copies import find_copies
from braintumor.catalog.findings import SEVERITIES, Finding, Part, by_severity
from braintumor.catalog.fix import cleaned
from braintumor.catalog.groups import with_groups
from braintumor.catalog.heads import without_head
from braintumor.catalog.kinship import kin
from braintumor.catalog.leaks import Leaks
from braintumor.catalog.ownership import Ownership, owners_of
from braintumor.catalog.readability import Readability, audit_readability
from braintumor.catalog.shortcuts import find_shortcuts
from braintumor.catalog.suspicions import Heads, Measured, Suspected
from braintumor.catalog.thumbnails import Thumbnails, thumbnails
from braintumor.evaluation.patients import Patients
from braintumor.evaluation.predictions import Predictions
from braintumor.files import write_text

AUDIT_FILE = "audit.json"
# What must not lie on both sides of a split, the worst first.
_SIDES = ("patients", "groups", "copies")


@dataclass(frozen=True)
class Audit:
    """What was found.

    Attributes:
        catalog: the images, with `group` filled.
        pictures: a thumbnail of each, for the page.
        readability, leaks, ownership, measured, heads, suspected: the parts.
    """

    catalog: Catalog
    pictures: Thumbnails
    readability: Readability
    leaks: Leaks
    ownership: Ownership
    measured: Measured
    heads: Heads
    suspected: Suspected

    @property
    def parts(self) -> tuple[Part, ...]:
        """In the order in which their findings stand within one severity."""
        return (
            self.ownership,
            self.leaks,
            self.readability,
            self.suspected,
            self.measured,
            self.heads,
        )

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found, the worst first."""
        return by_severity(finding for part in self.parts for finding in part.findings)

    @property
    def sound(self) -> bool:
        """Whether nothing is of severity "wrong"."""
        return not self.counted["wrong"]

    @property
    def counted(self) -> dict[str, int]:
        """Severity -> number of findings."""
        counts = Counter(finding.severity for finding in self.findings)
        return {severity: counts[severity] for severity in SEVERITIES}

    @property
    def verdict(self) -> str:
        """What to make of it, in a sentence or two."""
        kinds = {finding.kind for finding in self.findings if finding.severity == "wrong"}
        leaks = [what for what in _SIDES if f"{what}_across_splits" in kinds]
        if leaks:
            return (
                f"This split leaks: {leaks[0]} lie on both sides of it, so an accuracy measured on "
                "it says little about new patients."
            )
        if kinds:
            return "Mend what is severe before training on these images."
        if self.counted["doubtful"]:
            return "Nothing severe found; some of it a person should look at."
        return "Nothing wrong found, which proves nothing."

    def to_dict(self) -> dict[str, Any]:
        """The content of audit.json, as plain JSON values."""
        groups = self.catalog.table["group"]
        content: dict[str, Any] = {
            "made_with": f"braintumor {__version__}",
            "verdict": self.verdict,
            "sound": self.sound,
            "severities": self.counted,
        }
        for part in (self.readability, *self.parts):
            content |= part.to_dict()
        content["groups"] = {"count": groups.nunique(), "largest": int(groups.value_counts().max())}
        content["findings"] = [finding.to_dict() for finding in self.findings]
        return content

    def cleaned(self, *, seed: int = 0) -> Catalog:
        """A catalogue without copies and conflicts, split by group; see `fix.cleaned`."""
        return cleaned(
            self.readability.catalog,
            self.leaks.copies,
            patients=self.ownership.patients,
            together=self.ownership.groups,
            conflicts=[path for path, _, _ in self.ownership.conflicts],
            seed=seed,
        )


def audit(
    data: Path | str,
    *,
    patients: Patients | None = None,
    predictions: Predictions | None = None,
    merge_suffixes: bool = False,
    seed: int = 0,
) -> Audit:
    """Look for everything that is wrong with a data set.

    Args:
        data: a folder, or a catalogue in its place; see `Catalog.open`.
        patients: whose the slices are, where a file says it.
        predictions: of a model on these images: their out-of-fold rows judge the labels.
        merge_suffixes: take patient ids that differ by a suffix alone for one patient.
        seed: of the split, where the folder has none, and of what is measured.

    Raises:
        FolderError: no data set, or nothing in it that can be used.
        BraintumorError: a file that is no catalogue; a patients file or a table of predictions
            that is of none of the images.
    """
    readability = audit_readability(data, seed=seed)
    catalog = readability.catalog
    ownership = owners_of(catalog, patients, merge_suffixes=merge_suffixes)
    pictures = thumbnails(catalog)
    copies = find_copies(pictures)
    families = kin(catalog.table["path"].tolist(), catalog.table["label"].tolist())
    grouped = with_groups(catalog, ownership.patients, together=ownership.groups, copies=copies)
    headless = catalog.table["path"][without_head(pictures.fine)]
    return Audit(
        catalog=grouped,
        pictures=pictures,
        readability=readability,
        leaks=Leaks(catalog, copies, families),
        ownership=ownership,
        measured=Measured(find_shortcuts(grouped, pictures, seed=seed)),
        heads=Heads(tuple(headless)),
        suspected=Suspected.by(predictions, catalog),
    )


def write_audit(found: Audit, folder: Path) -> Path:
    """Write audit.json atomically and return its path."""
    path = folder / AUDIT_FILE
    text = json.dumps(found.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")
    return path
