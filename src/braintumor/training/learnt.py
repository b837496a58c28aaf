"""What a run has learnt from, so that one which is begun with its weights is not judged by that.

Knows run folders, catalogues and groups; not how anything is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.groups import patient_of, suffix_families
from braintumor.errors import BraintumorError
from braintumor.training.predict import finished_model
from braintumor.training.recipe import Recipe, read_record
from braintumor.training.run import RunFolder

# What a record has where more was learnt from than the run's catalogue holds.
_MORE = ("extra_sha256", "start_sha256")


def require_start(start: Path, recipe: Recipe, catalog: Catalog) -> None:
    """Refuse to begin with a run, where that cannot be done or could not be judged.

    Args:
        start: whose weights are begun with.
        recipe: of the training.
        catalog: its images, by splits; those of `valid` and `test` are held back.

    Raises:
        BraintumorError: `start` is no finished run of the recipe's network; or it has learnt from
            a file or a group that is held back and not learnt from here anyway, or does not
            tell, and something is held back.
    """
    finished_model(start)
    if Recipe.read(RunFolder(start).recipe).network != recipe.network:
        raise BraintumorError(f"{start} holds another network than this {recipe.network}")
    if (catalog.table["split"] == "train").all():
        return
    before = learnt(RunFolder(start))
    if before is None:
        raise BraintumorError(
            f"{start} lacks catalog.csv or further.csv, so it may have learnt from what is held "
            "back here: put them back, begin with another run, or train with --split all"
        )
    known = _known(catalog, before)
    if known:
        raise BraintumorError(
            f"{start} has learnt from {len(known)} of the slices that are held back here or from "
            f"their patients (one is {known[0]}): begin with a run that holds the same ones back, "
            "or train with --split all"
        )


def learnt(run: RunFolder) -> Catalog | None:
    """All images that a run's network has learnt from, those of the runs before it too.

    Their paths start from several folders: their hashes and groups are what they are told by.
    None where the run does not tell, for a file has gone or an older version wrote none.

    Raises:
        BraintumorError: a file of the run that cannot be read.
    """
    more = [run.further] if any(key in read_record(run.recipe) for key in _MORE) else []
    files = [run.catalog, *more]
    if not all(file.is_file() for file in files):
        return None
    return _joined([Catalog.read(file, root=run.root).subset("train") for file in files])


def everything(catalog: Catalog) -> Catalog:
    """The catalogue as a training learns from it that holds nothing back."""
    return replace(catalog, table=catalog.table.assign(split="train"), drawn=True)


def further(extra: Sequence[Catalog], start: Path | None) -> Catalog | None:
    """What a training learns from beside its own catalogue, to be kept in its run.

    Args:
        extra: further images.
        start: finished run that it is begun with.

    Returns:
        In the form of `learnt`; None where there is nothing, or where `start` does not tell.
    """
    before = learnt(RunFolder(start)) if start is not None else None
    if start is not None and before is None:
        return None
    parts = [*extra, *([before] if before is not None else [])]
    return _joined(parts) if parts else None


def _joined(parts: Sequence[Catalog]) -> Catalog:
    return replace(parts[0], table=pd.concat([part.table for part in parts], ignore_index=True))


def _known(catalog: Catalog, before: Catalog) -> list[str]:
    """The paths of the images held back that are among those learnt from before, or of a group of
    them.

    What the catalogue itself has on both sides (the copies and patients of a split as given) is
    the split's own, and told by the audit: the run before adds nothing to it.
    """
    parts = (catalog.table, before.table)
    names = {name for part in parts for group in part["group"] for name in _names(group)}
    # As where groups are made: ids that differ by letters at the end alone are one patient.
    family = {of: name for name, ids in suffix_families(names).items() for of in ids}

    def whose(group: str) -> set[str]:
        return {family.get(name, name) for name in (group, *_names(group)) if name}

    def told(part: Catalog) -> tuple[set[str], set[str]]:
        return set(part.table["sha256"]), set().union(*map(whose, part.table["group"]))

    (files, people), (own_files, own_people) = told(before), told(catalog.subset("train"))
    new_files, new_people = files - own_files, people - own_people
    held = catalog.table[catalog.table["split"] != "train"]
    return [
        path
        for path, file, group in zip(held["path"], held["sha256"], held["group"], strict=True)
        if file in new_files or whose(group) & new_people
    ]


def _names(group: str) -> list[str]:
    """The patients of a group, which may be several, `pat_A+B`; those of copies alone have none."""
    return patient_of(group).split("+")
