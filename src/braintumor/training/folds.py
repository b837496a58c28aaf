"""Cross-validation: K runs, each judged on a part it never saw, and their answers in one table.

No group is on two sides: not between the folds, nor between what a fold trains on and the slices
that its best epoch is chosen by. Each fold is a run of its own in `fold-K`, so that a killed
cross-validation goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.splits import grouped
from braintumor.errors import BraintumorError
from braintumor.evaluation.predictions import Predictions
from braintumor.parallel.ordered import ordered
from braintumor.parallel.pools import Engine, open_pool
from braintumor.training.fit import train
from braintumor.training.recipe import Recipe, read_record
from braintumor.training.run import RunFolder
from braintumor.training.sources import Materials

_CHOOSING = 0.1  # share of what a fold learns from by which its best epoch is chosen


def fold_catalog(catalog: Catalog, fold: int, *, seed: int, choosing: float = _CHOOSING) -> Catalog:
    """The catalogue as fold `fold` sees it: its own images are `test`, some others `valid`.

    Args:
        catalog: with groups and folds.
        fold: 0 to the number of folds - 1.
        seed: of the draw of `valid`.
        choosing: share of the other images that becomes `valid`, 0 to 1.
    """
    table = catalog.table
    mine = (table["fold"] == fold).to_numpy(bool)
    splits = np.where(mine, "test", "train").astype(object)
    if choosing:
        groups = table["group"][~mine].tolist()
        shares = [1 - choosing, choosing]
        sides = grouped(catalog.labels[~mine].tolist(), groups, shares=shares, seed=seed)
        splits[~mine] = np.where(sides == 0, "train", "valid")
    return replace(catalog, table=table.assign(split=splits))


def train_folds(
    catalog: Catalog,
    recipe: Recipe,
    out: Path,
    *,
    count: int,
    only: Sequence[int] = (),
    materials: Materials | None = None,
    resume: bool = False,
    weights: Path | None = None,
    trunk: Path | None = None,
    quiet: bool = False,
    engine: Engine = "local",
    address: str | None = None,
) -> RunFolder:
    """Train K networks and write their out-of-fold predictions as one run.

    Args:
        catalog: with groups.
        recipe: of every fold.
        out: the run's folder; new or empty unless resuming.
        count: K.
        only: the folds to train, from 0, for a screen; all where empty. With `resume`, the others
            may follow later.
        materials, resume, weights, trunk, quiet: as for `fit.train`; the folds share a trunk's
            folder.
        engine: `local`, one fold after the other here; `ray`, each fold a task, on computers that
            all see the run's folder and the images under the same paths.
        address: of a Ray cluster; one of this computer alone is started where None.

    Returns:
        A run folder whose predictions.csv has every image (of the folds trained) once, with its
        fold; it has no model.keras of its own.

    Raises:
        BraintumorError: as for `fit.train`, a row without a group, and a fold that is none.
    """
    chosen = sorted(set(only)) or list(range(count))
    if not 0 <= chosen[0] <= chosen[-1] < count:
        raise BraintumorError(f"folds are counted from 0 to {count - 1}, and {only} are asked for")
    run, materials = RunFolder(Path(out)), materials or Materials()
    if not resume and run.root.exists() and any(run.root.iterdir()):
        raise BraintumorError(
            f"{run.root} is not empty: choose another folder, or add --resume to go on with it"
        )
    if resume and run.recipe.exists() and read_record(run.recipe).get("folds") != count:
        raise BraintumorError(
            f"{run.root} holds no run over {count} folds: choose another folder, or resume with "
            "the --folds that it was begun with"
        )
    folded = catalog.with_folds(count, seed=recipe.seed)
    root = run.root if engine == "local" else run.root.resolve()
    # A fold whose computer died is begun again by Ray: it goes on from its last epoch.
    resume = resume or engine == "ray"
    quiet = quiet or engine == "ray"
    shared = trunk or RunFolder(root).checkpoint / "trunk"
    fold_of = _Fold(folded, recipe, root, materials, resume, weights, shared, quiet)
    parts: list[pd.DataFrame] = []
    record: dict[str, Any] = {}
    seconds: list[float] = []
    with open_pool(fold_of, engine=engine, address=address) as pool:
        for fold, folder in zip(chosen, ordered(pool, chosen, _died), strict=True):
            frame = Predictions.read(folder.predictions).split("test").frame
            parts.append(frame.assign(fold=str(fold)))
            record = read_record(folder.recipe)
            seconds.append(record["seconds"])
    folded.write(run.catalog)
    facts = {"folds": count, "seconds": round(sum(seconds), 1), "seconds_by_fold": seconds}
    recipe.resolved().write(run.recipe, record={**record, **facts})
    by_path = pd.concat(parts).set_index("path", drop=False)
    judged = folded.table["path"][folded.table["fold"].isin(chosen)]
    whole = by_path.loc[list(judged)].reset_index(drop=True)
    Predictions.from_frame(whole).write(run.predictions)
    run.clear_checkpoint()
    return run


@dataclass(frozen=True, eq=False)
class _Fold:
    """All that training any of the folds needs; it travels to where a fold is trained."""

    folded: Catalog
    recipe: Recipe
    root: Path
    materials: Materials
    resume: bool
    weights: Path | None
    trunk: Path
    quiet: bool

    def __call__(self) -> Callable[[int], RunFolder]:
        return self.train

    def train(self, fold: int) -> RunFolder:
        """Train one fold in its own folder."""
        # Where the last epoch is kept, there is nothing to choose and nothing to hold back.
        choosing = 0.0 if self.recipe.keep == "last" else _CHOOSING
        own = fold_catalog(self.folded, fold, seed=self.recipe.seed, choosing=choosing)
        return train(
            own,
            self.recipe,
            self.root / f"fold-{fold}",
            sources=self.materials.for_training(own),
            resume=self.resume,
            weights=self.weights,
            trunk=self.trunk,
            quiet=self.quiet,
        )


def _died(fold: int, alone: Callable[[int], RunFolder]) -> RunFolder:
    raise BraintumorError(
        f"the process that trained fold {fold} died again and again, most likely for want of "
        "memory: make the batches smaller, then go on with --resume"
    )
