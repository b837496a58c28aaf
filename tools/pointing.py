"""Where the networks looked, class by class: for docs/evaluation.md.

    python tools/pointing.py [--write]

From the localisation.csv of the published folds, a row a slice: every map is of a network that had
not seen the slice's group, and it is that of the slice's true class. What looks at nothing is in
localisation.json beside it, and so is all of it where a run's rows were not published.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import marks
import pandas as pd
from marks import Part
from splits import GROUPED, RESULTS

from braintumor.evaluation import words
from braintumor.evaluation.localisation import by_class
from braintumor.evaluation.run_tables import LOCALISATION_ROWS, read_run
from results import NETWORKS

NOT_YET = "No heat maps of the folds have been published yet."
_BASES = {"centre": "the middle of the head", "random": "any place in the head"}


def section(results: Path = RESULTS) -> str:
    """The table: a row a network and class, then the two that look at nothing; and how often the
    maps hit that are shown to somebody."""
    rows, base, every = [], [], {}
    for name in NETWORKS:
        folder = results / GROUPED / name
        found = read_run(folder).localisation if folder.is_dir() else None
        if found is None:
            continue
        classes = found["classes"]
        own = by_class(read_rows(folder)) if (folder / LOCALISATION_ROWS).is_file() else classes
        rows += [[f"`{name}`", *_row(label, of, of["maps"])] for label, of in own.items()]
        every[name] = own["all"]
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
    lines = [*marks.table(heads, [*rows, *base]), "", where_named(every)]
    return "\n".join(lines).strip().replace(words.NBSP, " ")


def where_named(networks: Mapping[str, Mapping[str, Any]]) -> str:
    """A sentence on whose map it is, and how often it hits where it is the one that is shown: where
    the network names the slice's class. "" where that was not counted.

    Args:
        networks: name -> the `all` of its localisation.
    """
    if not networks or not all(of.get("maps_if_right") for of in networks.values()):
        return ""
    shown = {name: of["maps_if_right"]["pointing"] for name, of in networks.items()}
    hit = [
        f"in {words.percent(share)} of {networks[name]['right']:,} slices with `{name}`"
        for name, share in shown.items()
    ]
    return (
        "The map is that of the slice's true class, and the one that is shown that of the class "
        "which the network names: where these are the same (before calibration), it hits "
        f"{words.listed(hit)}."
    )


def read_rows(folder: Path) -> pd.DataFrame:
    """The rows of a published network."""
    return pd.read_csv(folder / LOCALISATION_ROWS, dtype={"group": str}, keep_default_na=False)


def _row(label: str, of: Mapping[str, Any], maps: Mapping[str, float]) -> list[str]:
    """Cells of one class; with the interval, which is the maps' own, where it is theirs."""
    hit, *shares = (words.percent(maps[key]) for key in ("pointing", "pointing_exact", "energy"))
    if maps is of["maps"]:
        hit += f" ({words.span(of['interval'], True)})"
    return [label, f"{of['n']:,}", hit, *shares, words.number(maps["iou"], 2)]


PARTS = (Part("docs/evaluation.md", "maps", section),)

if __name__ == "__main__":
    marks.command(PARTS, __doc__)
