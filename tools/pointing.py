"""Where the networks looked, class by class: for docs/evaluation.md.

    python tools/pointing.py [--write]

From the localisation.json of the published folds: every map is of a network that had not seen the
slice's group.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import marks
from marks import Part
from splits import GROUPED, RESULTS

from braintumor.evaluation import words
from braintumor.evaluation.run_tables import read_run
from results import NETWORKS

NOT_YET = "No heat maps of the folds have been published yet."
_BASES = {"centre": "the middle of the head", "random": "any place in the head"}


def section(results: Path = RESULTS) -> str:
    """The table: a row a network and class, then the two that look at nothing."""
    rows, base = [], []
    for name in NETWORKS:
        folder = results / GROUPED / name
        found = read_run(folder).localisation if folder.is_dir() else None
        if found is None:
            continue
        classes = found["classes"]
        rows += [[f"`{name}`", *_row(label, of, of["maps"])] for label, of in classes.items()]
        # The same tumours, so the same for every network.
        base = [[what, *_row("all", classes["all"], classes["all"][key])] for key, what in
                _BASES.items()]  # fmt: skip
    if not rows:
        return NOT_YET
    heads = (
        "who",
        "tumours",
        "slices",
        "hit, tolerance 15 of 224 pixels",
        "hit, strictly inside",
        "heat inside",
        "best overlap (IoU)",
    )
    return "\n".join(marks.table(heads, [*rows, *base])).replace(words.NBSP, " ")


def _row(label: str, of: Mapping[str, Any], maps: Mapping[str, float]) -> list[str]:
    shares = (words.percent(maps[key]) for key in ("pointing", "pointing_exact", "energy"))
    return [label, f"{of['n']:,}", *shares, words.number(maps["iou"], 2)]


PARTS = (Part("docs/evaluation.md", "maps", section),)

if __name__ == "__main__":
    marks.command(PARTS, __doc__)
