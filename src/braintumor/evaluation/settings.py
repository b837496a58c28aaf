"""The settings of runs: every one under its name, and those in which two runs differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from braintumor.evaluation.run_tables import RunTables

# Settings that came later, and the value at which a network trains as it did before them.
_BEFORE = {"balance": "0.0", "keep": "best", "patient_balance": "0.0"}


def recipe_rows(recipe: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every setting of a recipe under its dotted name, records of the run after it."""
    rows: list[tuple[str, str]] = []
    for name, value in recipe.items():
        if isinstance(value, Mapping):
            rows += [(f"{name}.{key}", text) for key, text in recipe_rows(value)]
        else:
            rows.append((name, "yes" if value is True else "no" if value is False else str(value)))
    return rows


def differing(first: RunTables, second: RunTables) -> list[tuple[str, str, str]]:
    """Settings of two recipes that are not the same, and what else was learnt from: name, and
    its value in each."""
    one, two = (
        _BEFORE | dict(recipe_rows(run.recipe.get("recipe", {}))) | _materials(run)
        for run in (first, second)
    )
    names = [*one, *(name for name in two if name not in one)]
    return [
        (name, one.get(name, "–"), two.get(name, "–"))
        for name in names
        if one.get(name) != two.get(name)
    ]


def _materials(run: RunTables) -> dict[str, str]:
    """What a run learnt from beside the slices of its split."""
    record = run.recipe.get("record", {})
    return {
        "folders of further slices": str(len(str(record.get("extra_sha256", "")).split())),
        "masks": "yes" if record.get("masks") else "no",
        "begun with another run": "yes" if record.get("start_sha256") else "no",
    }
