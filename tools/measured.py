"""What benchmarks wrote: the file, and in words the machine that they ran on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from marks import ROOT

RESULTS = ROOT / "results" / "performance"
# A core busy with something else makes every ratio doubtful.
QUIET = 0.5
_DIGITS = 12  # of a commit


def measured(file: Path) -> dict[str, Any] | None:
    """What a benchmark wrote; None where nobody has measured yet."""
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


def machine(found: dict[str, Any]) -> list[str]:
    """On which machine, with which versions, and whether the numbers mean anything; lines."""
    where, commit = found["machine"], found.get("commit", "")
    versions = ", ".join(f"{name} {one}" for name, one in where["versions"].items() if one)
    lines = [
        f"Measured on {where['processor']}, {where['cores']} cores, "
        f"{where['memory_gib']:g} GiB, {where['system']}, Python {where['python']}; "
        f"{versions}{_commit(commit)}."
    ]
    if found.get("small"):
        lines += [
            "",
            "**Only a try of the programs with a few pictures: no number means anything.**",
        ]
    if where["load"] > QUIET:
        lines += [
            "",
            f"**The machine was not quiet** (load {where['load']:.1f} at the start): times are "
            "longer than they should be and ratios are doubtful. Measure again.",
        ]
    return lines


def _commit(commit: str) -> str:
    """As `revision` gives it; files from before it was written down have none."""
    if not commit:
        return ""
    return f"; commit {commit[:_DIGITS]}{' with changes' if commit.endswith('+') else ''}"
