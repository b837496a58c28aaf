"""Cross-validation: K runs, each judged on a part it never saw, and their answers in one table.

No group is on two sides: not between the folds, nor between what a fold trains on and the slices
that its best epoch is chosen by. Each fold is a run of its own in `fold-K`, so that a killed
cross-validation goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.splits import grouped
from braintumor.errors import BraintumorError
from braintumor.evaluation.predictions import Predictions
from braintumor.training.recipe import Recipe, read_record
from braintumor.training.run import RunFolder
from braintumor.training.several import Training, require_new

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


class Folds:
    """The plan of a cross-validation, see `several.Plan`.

    Its run's predictions.csv has every image (of the folds trained) once, with its fold; it has no
    model.keras of its own.
    """

    def __init__(
        self,
        catalog: Catalog,
        recipe: Recipe,
        out: Path,
        *,
        count: int,
        only: Sequence[int] = (),
        trunk: Path | None = None,
        resume: bool = False,
    ) -> None:
        """Deal the folds.

        Args:
            catalog: with groups.
            recipe: of every fold; its seed deals them.
            out: the run's folder; new or empty unless resuming.
            count: K.
            only: the folds to train, from 0, for a screen; all where empty. With `resume`, the
                others may follow later.
            trunk: as for `fit.train`; the folds share it, and one of theirs alone where None.
            resume: go on in `out`.

        Raises:
            BraintumorError: a row without a group, a fold that is none, or a folder in use.
        """
        self._chosen = sorted(set(only)) or list(range(count))
        if not 0 <= self._chosen[0] <= self._chosen[-1] < count:
            raise BraintumorError(
                f"folds are counted from 0 to {count - 1}, and {only} are asked for"
            )
        self._run, self._recipe, self._count = RunFolder(Path(out)), recipe, count
        require_new(self._run.root, resume=resume)
        record = self._run.recipe
        if resume and record.exists() and read_record(record).get("folds") != count:
            raise BraintumorError(
                f"{self._run.root} holds no run over {count} folds: choose another folder, or "
                "resume with the --folds that it was begun with"
            )
        self._folded = catalog.with_folds(count, seed=recipe.seed)
        self._trunk = trunk or self._run.checkpoint / "trunk"

    def trainings(self) -> list[Training]:
        """See `several.Plan`."""
        # Where the last epoch is kept, there is nothing to choose and nothing to hold back.
        choosing = 0.0 if self._recipe.keep == "last" else _CHOOSING
        found = []
        for fold in self._chosen:
            own = fold_catalog(self._folded, fold, seed=self._recipe.seed, choosing=choosing)
            found.append(Training(own, self._recipe, self._run.fold(fold), self._trunk))
        return found

    def finish(self, runs: Sequence[RunFolder]) -> RunFolder:
        """See `several.Plan`."""
        parts: list[pd.DataFrame] = []
        record: dict[str, Any] = {}
        seconds: list[float] = []
        for fold, own in zip(self._chosen, runs, strict=True):
            frame = Predictions.read(own.predictions).split("test").frame
            parts.append(frame.assign(fold=str(fold)))
            record = read_record(own.recipe)
            seconds.append(record["seconds"])
        run, table = self._run, self._folded.table
        self._folded.write(run.catalog)
        facts = {
            "folds": self._count,
            "seconds": round(sum(seconds), 1),
            "seconds_by_fold": seconds,
        }
        self._recipe.resolved().write(run.recipe, record={**record, **facts})
        by_path = pd.concat(parts).set_index("path", drop=False)
        judged = table["path"][table["fold"].isin(self._chosen)]
        whole = by_path.loc[list(judged)].reset_index(drop=True)
        Predictions.from_frame(whole).write(run.predictions)
        run.clear_checkpoint()
        return run
