"""Who may say what another precision costs: networks that have not learnt from what they are asked.

A network that learnt from everything inherits the verdict over the folds of its recipe. Knows runs
and catalogues; not how a graph is quantised.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from braintumor.bundle.card import read_card
from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.training.export import export_run
from braintumor.training.predict import as_trained
from braintumor.training.run import RunFolder


def fold_bundles(run: Path, root: Path, spare: Path) -> tuple[tuple[Path, Catalog], ...]:
    """A run's folds as bundles in float32, each with what its network has not seen.

    Args:
        run: a run over folds, whose folders hold their networks (`fold-*/model.keras`).
        root: the data set's folder, from which the paths of their catalogues start.
        spare: folder for the bundles, which must live as long as they are wanted.

    Returns:
        As `quantise.change_precision` takes them, in the folds' order; none where no fold holds a
        network, as where a run has no folds.

    Raises:
        BraintumorError: some folds hold a network or a catalogue and others do not, or one cannot
            be exported.
    """
    folds = RunFolder(run).folds
    found = [fold for fold in folds if RunFolder(fold).model.is_file()]
    if not found:
        return ()
    for fold in folds:
        for file in (RunFolder(fold).model, RunFolder(fold).catalog):
            if not file.is_file():
                raise BraintumorError(
                    f"{file} is missing, and all folds of {run} decide together about another "
                    "precision: put it back, or finish the run with  braintumor train --resume"
                )
    return tuple(
        (
            export_run(fold, spare / fold.name),
            Catalog.read(RunFolder(fold).catalog, root=root),
        )
        for fold in folds
    )


def learnt_all(data: Catalog, run: Path | None, bundle: Path, *, split: str = "valid") -> bool:
    """Whether a network learnt from every slice of a split, as far as run or card tell.

    Args:
        data: with the splits that it is to be calibrated and judged by.
        run: that it was trained in; None where it is known by its bundle alone.
        bundle: its folder.
        split: the one that judges.
    """
    if run is None:
        everything = replace(data, table=data.table.assign(split="train"))
        return bool(read_card(bundle).trained_on.catalog_sha256 == everything.digest())
    met = as_trained(data, RunFolder(run)).table["split"][data.table["split"] == split]
    return bool(len(met) and (met == "train").all())
