"""The settings of runs: every one under its name, and those in which two runs differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from braintumor.evaluation.run_tables import RunTables

# Settings that came later, and the value at which a network trains as it did before them.
_BEFORE = {
    "balance": 0.0,
    "keep": "best",
    "patient_balance": 0.0,
    "augmentation.rim": 0.0,
    "augmentation.sharpen": 0.0,
}
# A setting that every recipe has which was not written by hand.
_ALWAYS = "learning_rate"
# What a run on all slices has of its own beside one that was judged: which weights it keeps, after
# how many epochs, and what the machine made of it.
_ITS_OWN = ("seed", "keep", "epochs", "patience", "precision", "deterministic")
# Settings of the resnet50 that change nothing of a cnn.
_RESNET50 = ("tune_from", "variants", "head_epochs", "head_learning_rate")
_FURTHER, _START = "folders of further slices", "begun with another run"


def recipe_rows(recipe: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every setting of a recipe under its dotted name, records of the run after it."""
    return [(name, _text(value)) for name, value in _values(recipe).items()]


def _values(recipe: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in recipe.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{key}": one for key, one in _values(value).items()}
        else:
            found[name] = value
    return found


def _text(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else str(value)


def unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Settings by which two networks came about in different ways, as far as both recipes tell.

    Seed, length, weights kept and arithmetic are of no account: a run on all slices has its own,
    and is by the same recipe all the same. Of a `cnn` nor are those of the resnet50.

    Args:
        one, other: settings of recipes, tables within them as mappings.

    Returns:
        Name, and its value in each, in the order of the first recipe.
    """
    first, second = (_values(recipe) for recipe in (one, other))
    first, second = ((_BEFORE if _ALWAYS in told else {}) | told for told in (first, second))
    idle = _RESNET50 if "cnn" in (one.get("network"), other.get("network")) else ()
    return [
        (name, _text(first[name]), _text(second[name]))
        for name in first
        if name in second and first[name] != second[name] and name not in (*_ITS_OWN, *idle)
    ]


def differing(first: RunTables, second: RunTables) -> list[tuple[str, str, str]]:
    """Settings of two recipes that are not the same, and what else was learnt from: name, and
    its value in each."""
    one, two = (_settings(run) | _materials(run) for run in (first, second))
    names = [*one, *(name for name in two if name not in one)]
    return [
        (name, one.get(name, "–"), two.get(name, "–"))
        for name in names
        if one.get(name) != two.get(name)
    ]


def beside_the_seed(first: RunTables, second: RunTables) -> list[str]:
    """Names of all but the seed in which two runs differ; of what they learnt from, the hashes
    decide, as far as the records tell."""
    judged_here = ("seed", _START, _FURTHER)
    found = [name for name, *_ in differing(first, second) if name not in judged_here]
    one, two = (run.recipe.get("record", {}) for run in (first, second))
    if "dataset" in one and "dataset" in two and one["dataset"] != two["dataset"]:
        found.append("data set")
    if len({record["masks_sha256"] for record in (one, two) if "masks_sha256" in record}) > 1:
        found.append("masks")
    if one.get("start_sha256", "") != two.get("start_sha256", ""):
        found.append(_START)
    if _further(one, two) != _further(two, one):
        found.append(_FURTHER)
    return found


def _further(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """What a record says of further slices that can be held against the other's.

    Where the seed deals who is held back, it deals which of the slices are learnt from, too: then
    only what was given can be the same.
    """
    if "extra_given_sha256" in one and "extra_given_sha256" in other:
        return str(one["extra_given_sha256"])
    digests = str(one.get("extra_sha256", ""))
    if one.get("catalog_sha256", "") == other.get("catalog_sha256", ""):
        return digests
    return str(len(digests.split()))


def _settings(run: RunTables) -> dict[str, str]:
    return dict(recipe_rows(_BEFORE | _values(run.recipe.get("recipe", {}))))


def _materials(run: RunTables) -> dict[str, str]:
    """What a run learnt from beside the slices of its split."""
    record = run.recipe.get("record", {})
    given = record.get("extra_given_sha256", "")  # over folds it stands alone
    return {
        _FURTHER: str(len(str(given or record.get("extra_sha256", "")).split())),
        "masks": "yes" if record.get("masks") else "no",
        _START: "yes" if record.get("start_sha256") else "no",
    }
