"""An audit as one HTML page that needs nothing else: no network, no script, no font.

Chooses what is shown; the numbers come from `audit`, the words from its findings.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from braintumor.catalog.audit import Audit
from braintumor.catalog.copies import Copy
from braintumor.catalog.findings import Finding, Severity
from braintumor.catalog.suspicions import PROBES
from braintumor.classes import CLASSES, SPLITS
from braintumor.evaluation.page import Section, render_page
from braintumor.evaluation.words import percent
from braintumor.files import write_text

PAGE_FILE = "audit.html"
_WORDS: dict[Severity, tuple[str, str]] = {
    "wrong": ("Severe", "wrong-word"),
    "doubtful": ("Look", ""),
    "note": ("Note", "note-word"),
}
# A person looks at a dozen pairs; audit.json has all of them.
_PAIRS, _SINGLES, _LISTED = 12, 24, 300
# Findings whose files are worth a look one by one.
_LOOKED_AT = ("label_conflicts", "label_errors", "no_head", "coloured", "blank", "tiny")
_QUALITY = 80


def write_page(audit: Audit, folder: Path, *, images: bool = True) -> Path:
    """Write audit.html atomically and return its path; see `render`."""
    path = folder / PAGE_FILE
    write_text(path, render(audit, images=images))
    return path


def render(audit: Audit, *, images: bool = True) -> str:
    """The page as HTML.

    Args:
        audit: what was found.
        images: show slices, 128 pixels a side. Without, no pixel of any is in the page.
    """
    sections = (_opening(audit), _shortcuts(audit), _balance(audit), _files(audit, images=images))
    title = f"{audit.readability.catalog.root.resolve().name}: can it be trusted?"
    made_from = "the images and their names" + ("" if images else ", without any picture of them")
    return render_page(title, sections, phantom=audit.catalog.phantom, made_from=made_from)


def _opening(audit: Audit) -> Section:
    values = {
        "dataset": audit.catalog.root.resolve().name,
        "verdict": audit.verdict,
        "cards": list(_cards(audit)),
        "findings": [_row(number, finding) for number, finding in enumerate(audit.findings)],
    }
    return Section("audit_opening.html", values)


def _cards(audit: Audit) -> Iterator[tuple[str, str, str]]:
    """The numbers of the first screen: (heading, value, what it means)."""
    yield "Severe findings", str(audit.counted["wrong"]), f"of {len(audit.findings)} in all"
    split = next((name for name in ("test", "valid") if audit.leaks.in_train[name]["altered"]), "")
    if split:
        total = int((audit.catalog.table["split"] == split).sum())
        copied = audit.leaks.in_train[split]["altered"]
        share = percent(copied / total)
        yield f"Copied into {split}", share, f"{copied} of {total} slices have a copy in train"
    patients = audit.ownership.in_train["test"]
    if patients["named"]:
        of = f"{patients['in_train']} of {patients['named']}"
        yield "Test patients in train", of, f"{patients['slices_in_train']} test slices"
    if audit.measured.shortcuts is not None:
        best = max(audit.measured.shortcuts.probes, key=lambda probe: probe.grouped or 0.0)
        if best.grouped is not None:
            yield "Right without anatomy", percent(best.grouped), PROBES[best.name]


def _shortcuts(audit: Audit) -> Section | None:
    found = audit.measured.shortcuts
    if found is None:
        return None
    probes = [(PROBES[p.name].capitalize(), p.given, p.grouped) for p in found.probes]
    values = {"judged": found.judged, "probes": probes, "telltales": found.telltales}
    lead = "What a network reaches is worth what it adds to these."
    return Section(
        "audit_shortcuts.html", values, heading="How far one gets by shortcuts", lead=lead
    )


def _balance(audit: Audit) -> Section:
    counts, groups = audit.readability.counts, audit.catalog.table["group"]
    rows = []
    for label in CLASSES:
        row = [counts[split][label] for split in SPLITS]
        rows.append((label, row, sum(row), sum(row) / len(audit.catalog)))
    values = {
        "splits": SPLITS,
        "rows": rows,
        "groups": groups.nunique(),
        "largest": int(groups.value_counts().max()),
        "digest": audit.readability.catalog.digest()[:16],
    }
    return Section("audit_balance.html", values, heading="What is there")


def _files(audit: Audit, *, images: bool) -> Section | None:
    findings = [
        _row(number, finding) | _details(audit, finding, images=images)
        for number, finding in enumerate(audit.findings)
        if finding.paths
    ]
    if not findings:
        return None
    return Section("audit_files.html", {"findings": findings}, heading="Where: the files")


def _row(number: int, finding: Finding) -> dict[str, Any]:
    word, style = _WORDS[finding.severity]
    return {
        "word": word,
        "style": style,
        "sentence": finding.sentence,
        "remedy": finding.remedy,
        "anchor": f"finding-{number + 1}" if finding.paths else "",
    }


def _details(audit: Audit, finding: Finding, *, images: bool) -> dict[str, Any]:
    """Files of a finding, and pictures of some of them."""
    row_of = {path: row for row, path in enumerate(audit.catalog.table["path"])}
    label_of = audit.catalog.table["label"].tolist()
    copies = {copy[:2]: copy for copy in audit.leaks.copies}

    def shown(path: str) -> dict[str, str]:
        return {"path": path, "picture": _data_uri(audit.pictures.fine[row_of[path]])}

    pairs, singles = [], []
    if images:
        for first, second in finding.pairs[:_PAIRS]:
            copy = copies[row_of[first], row_of[second]]
            labels = {label_of[copy.first], label_of[copy.second]}
            pairs.append(
                {"first": shown(first), "second": shown(second), "caption": _caption(copy, labels)}
            )
        if finding.kind in _LOOKED_AT:
            known = [path for path in finding.paths if path in row_of]
            singles = [
                shown(path) | {"caption": _said_of(audit, path)} for path in known[:_SINGLES]
            ]
    return {
        "pairs": pairs,
        "more_pairs": len(finding.pairs) - len(pairs),
        "singles": singles,
        "paths": finding.paths[:_LISTED],
        "count": len(finding.paths),
    }


def _caption(copy: Copy, labels: set[str]) -> str:
    turn = copy.orientation.replace("_", " ")
    what = f"{copy.kind.capitalize()}, {turn}, correlation {copy.correlation:.3f}"
    return what if len(labels) == 1 else f"{what}: {' or '.join(sorted(labels))}?"


def _said_of(audit: Audit, path: str) -> str:
    """What is in doubt about the image's label, where anything is."""
    for of, label, other in audit.ownership.conflicts:
        if of == path:
            return f"Filed under {label}; its source says {other}"
    suspects = audit.suspected.found.suspects if audit.suspected.found else ()
    for suspect in suspects:
        if suspect.path == path:
            sure = percent(suspect.p_suggested)
            return f"Filed under {suspect.label}; the model says {suspect.suggested}, {sure} sure"
    return ""


def _data_uri(pixels: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels)).save(buffer, format="JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
