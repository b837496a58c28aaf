"""Repeats: the same training with several seeds, each a run of its own in `seed-N`.

A repeat is what the same training with that seed alone would be; how far their scores lie apart is
what a seed does, and `evaluation.spread` tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.evaluation.run_tables import seed_folder, seed_runs
from braintumor.training.recipe import Recipe
from braintumor.training.run import RunFolder
from braintumor.training.several import Plan, require_new


def repeats(
    catalogs: Mapping[int, Catalog],
    recipe: Recipe,
    out: Path,
    make: Callable[[Catalog, Recipe, Path], Plan],
    *,
    resume: bool = False,
) -> list[Plan]:
    """Plan a training, or a cross-validation, with each of several seeds.

    Args:
        catalogs: seed -> the images, in the order of training; they differ where the seed draws
            the split.
        recipe: of all; the seeds take the place of its own.
        out: folder of the folders `seed-N`; new or empty unless resuming, where other seeds may
            join those that are there.
        make: catalogue, recipe and folder -> the plan of one seed.
        resume: go on in `out`.

    Raises:
        BraintumorError: as `make` does; and `out` is in use, is a run itself, or holds repeats by
            another recipe.
    """
    require_new(out, resume=resume)
    if RunFolder(out).begun is not None or RunFolder(out).folds:
        raise BraintumorError(f"{out} is a run itself: choose another folder for several seeds")
    _require_same(out, recipe)
    return [
        make(catalog, recipe.changed(seed=seed), out / seed_folder(seed))
        for seed, catalog in catalogs.items()
    ]


def _require_same(out: Path, recipe: Recipe) -> None:
    """Refuse to put a repeat beside runs by another recipe."""
    for seed, folder in seed_runs(out).items():
        begun = RunFolder(folder).begun
        if begun is not None and Recipe.read(begun) != recipe.changed(seed=seed).resolved():
            raise BraintumorError(
                f"{folder} was begun with another recipe: resume without changing settings"
            )
