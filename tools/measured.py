"""What benchmarks wrote: the file, and in words the machine that they ran on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from marks import ROOT

RESULTS = ROOT / "results" / "performance"
# A core busy with something else makes every ratio doubtful.
QUIET = 0.5


def measured(file: Path) -> dict[str, Any] | None:
    """What a benchmark wrote; None where nobody has measured yet."""
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


def machine(found: dict[str, Any]) -> list[str]:
    """The lines that say where it was measured, and whether to believe it."""
    one = found["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in one["versions"].items() if number)
    lines = [
        f"Measured on {one['processor']}, {one['cores']} cores, {one['memory_gib']:g} GiB, "
        f"{one['system']}, Python {one['python']}; {versions}."
    ]
    if found.get("small"):
        lines += [
            "",
            "**Only a try of the programs with a few pictures: no number means anything.**",
        ]
    if one["load"] > QUIET:
        lines += [
            "",
            f"**The machine was not quiet** (load {one['load']:.1f} at the start): times are "
            "longer than they should be and ratios are doubtful. Measure again.",
        ]
    return lines
