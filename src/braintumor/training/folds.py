"""Cross-validation: K runs, each judged on a part it never saw, and their answers in one table.

No group is on two sides: not between the folds, nor between what a fold trains on and the slices
that its best epoch is chosen by. Each fold is a run of its own in `fold-K`, so that a killed
cross-validation goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.splits import grouped
from braintumor.errors import BraintumorError
from braintumor.evaluation.predictions import Predictions
from braintumor.training.begun import CALLED, begun_with_other, is_finished
from braintumor.training.recipe import Recipe, read_record
from braintumor.training.run import RunFolder
from braintumor.training.several import Training, require_new

_CHOOSING = 0.1  # share of what a fold learns from by which its best epoch is chosen
# What folds have in common besides recipe and images, as their records call it.
_ALIKE = (
    "masks",
    "masks_sha256",
    "extra_given_sha256",
    "start_sha256",
    "imagenet_weights_sha256",
)
# Each fold has its own.
_OWN = (
    "best_epoch",
    "best_val_loss",
    "cpu_seconds",
    "extra_sha256",
    "groups_sha256",
    "images",
    "lesions_sha256",
)


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
    return replace(catalog, table=table.assign(split=splits), drawn=True)


class Folds:
    """The plan of a cross-validation, see `several.Plan`.

    Its run's predictions.csv has every image (of the folds trained, now or before) once, with its
    fold; it has no model.keras of its own.
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
            BraintumorError: a row without a group, a fold that is none or would be empty, a folder
                in use, or a fold in it that was trained by another recipe or on other images.
        """
        self._chosen = sorted(set(only)) or list(range(count))
        if not 0 <= self._chosen[0] <= self._chosen[-1] < count:
            raise BraintumorError(
                f"folds are counted from 0 to {count - 1}, and "
                f"{', '.join(map(str, self._chosen))} asked for"
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
        self._before()  # what cannot be joined is refused before anything is trained

    def trainings(self) -> list[Training]:
        """See `several.Plan`."""
        return [
            Training(self._own(fold), self._recipe, self._run.fold(fold), self._trunk)
            for fold in self._chosen
        ]

    def _own(self, fold: int) -> Catalog:
        # Where the last epoch is kept, there is nothing to choose and nothing to hold back.
        choosing = 0.0 if self._recipe.keep == "last" else _CHOOSING
        return fold_catalog(self._folded, fold, seed=self._recipe.seed, choosing=choosing)

    def _before(self) -> dict[int, RunFolder]:
        """Fold -> its run, of the folds that were finished before and are not asked for now.

        Raises:
            BraintumorError: one of them is none of this cross-validation. Those asked for are
                looked at by `fit.train`.
        """
        others = sorted(set(range(self._count)) - set(self._chosen))
        runs = {fold: RunFolder(self._run.fold(fold)) for fold in others}
        before = {fold: own for fold, own in runs.items() if is_finished(own)}
        for fold, own in before.items():
            self._require_same(fold, own)
        return before

    def _require_same(self, fold: int, own: RunFolder) -> None:
        if Recipe.read(own.recipe) != self._recipe.resolved():
            raise BraintumorError(
                f"{own.root} was begun with another recipe: resume without changing settings"
            )
        if read_record(own.recipe).get("catalog_sha256") != self._own(fold).digest():
            raise begun_with_other("catalog_sha256", own, self._folded)

    def finish(self, runs: Sequence[RunFolder]) -> RunFolder:
        """See `several.Plan`."""
        parts: list[pd.DataFrame] = []
        records: list[dict[str, Any]] = []
        began: dict[str, Any] = {}
        trained = self._before() | dict(zip(self._chosen, runs, strict=True))
        for fold, own in sorted(trained.items()):
            frame = Predictions.read(own.predictions).split("test").frame
            parts.append(frame.assign(fold=str(fold)))
            records.append(read_record(own.recipe))
            _require_alike(began, records[-1], own)
        run, table = self._run, self._folded.table
        self._folded.write(run.catalog)
        by_path = pd.concat(parts).set_index("path", drop=False)
        judged = table["path"][table["fold"].isin(list(trained))]
        whole = by_path.loc[list(judged)].reset_index(drop=True)
        facts = {"catalog_sha256": self._folded.digest(), "folds": self._count}
        record = _of_all(records, judged=len(whole)) | facts
        self._recipe.resolved().write(run.recipe, record=record)
        Predictions.from_frame(whole).write(run.predictions)
        run.clear_checkpoint()
        return run


def _of_all(records: Sequence[dict[str, Any]], *, judged: int) -> dict[str, Any]:
    """What may be said of all folds at once: that in which they are alike, and sums.

    How many images a network learnt from is a mean over the folds.

    Args:
        records: of each fold.
        judged: images that were judged, each by one fold.
    """
    said = {key: value for key, value in records[-1].items() if key not in _OWN}
    seconds = [record["seconds"] for record in records]
    said |= {"seconds": round(sum(seconds), 1), "seconds_by_fold": seconds}
    processor = [record["cpu_seconds"] for record in records if "cpu_seconds" in record]
    if len(processor) == len(records):  # of all folds, as the seconds are, or of none
        said["cpu_seconds"] = round(sum(processor), 1)
    if all("images" in record for record in records):
        learnt = mean(record["images"]["train"] for record in records)
        said["images"] = {"train": round(learnt), "test": judged}
    if any("extra_images" in record for record in records):
        said["extra_images"] = round(mean(record.get("extra_images", 0) for record in records))
    return said


def _require_alike(began: dict[str, Any], record: dict[str, Any], own: RunFolder) -> None:
    """Refuse to join folds that learnt from other things than images of their own.

    Args:
        began: what the folds before said; what this one adds is put there.
        record: of this fold.
        own: its run.
    """
    for key in _ALIKE:
        if began.setdefault(key, record.get(key)) != record.get(key):
            raise BraintumorError(
                f"{own.root} was trained with other {CALLED[key]} than the folds before it: train "
                "it into a new folder together with the others, or leave it out"
            )
