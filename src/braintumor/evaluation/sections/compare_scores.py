"""The tables of a comparison: scores side by side, each class, and who is right where."""

from __future__ import annotations

from braintumor.evaluation import words
from braintumor.evaluation.compare import Comparison
from braintumor.evaluation.page import Section


def section(comparison: Comparison, *, images: bool) -> Section:
    """Scores side by side, with notes on the rows that are compared."""
    values = {"comparison": comparison, "names": comparison.names, "notes": notes(comparison)}
    return Section("compare_scores.html", values, heading="Numbers")


def notes(comparison: Comparison) -> list[str]:
    """How the rows were matched, and which were left out."""
    by_hash = "SHA-256 of the files (slices of one file by path or number)"
    how = by_hash if comparison.joined_by == "sha256" else "path"
    notes = [f"Images matched by {how}."]
    for name in comparison.names:
        if comparison.only_in[name]:
            notes.append(
                f"{words.slices(comparison.only_in[name], 'image')} that {name} judged and not "
                "every other model did: left out."
            )
        missed = {reason: n for reason, n in comparison.left_out[name].items() if n}
        if missed:
            reasons = ", ".join(f"{n} {reason}" for reason, n in missed.items())
            notes.append(f"Not judged by {name}: {reasons}.")
    return notes
