"""Who may say what another precision costs: networks that have not learnt from what they are asked.

A network that learnt from everything inherits the verdict over the folds of its recipe. Neither
eight bits nor a gate are fitted to what a network was judged on. Knows runs, cards and catalogues;
not how a graph is quantised.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from braintumor.bundle.card import read_card
from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.training.export import export_run
from braintumor.training.learnt import everything
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


def as_known(data: Path, source: Path, bundle: Path) -> Catalog:
    """A data set with the splits and groups that a network knows it by, so that nothing which it is
    judged on is fitted to; with its own splits where the network held nothing back.

    Args:
        data: a folder, or a catalogue.
        source: the run that the network was trained in, or a bundle.
        bundle: folder with its card, which tells where the source is no run with a catalogue.

    Raises:
        BraintumorError: the network was trained by another split than the data set's own, or on
            other images, and only a run could say by which.
    """
    catalog, run = Catalog.open(data), RunFolder(source)
    if not run.catalog.is_file():
        _require_its_split(catalog, data, source, bundle)
        return catalog
    own = Catalog.read(run.catalog, root=catalog.root)
    known = as_trained(catalog, run)
    if (own.table["split"] != "train").any():
        return known
    return replace(catalog, table=catalog.table.assign(group=known.table["group"]))


def _require_its_split(catalog: Catalog, data: Path, source: Path, bundle: Path) -> None:
    """Refuse data by whose split a network was not trained, as far as its card tells."""
    told = _told(bundle)
    if told in ("", catalog.digest(), everything(catalog).digest()):
        return
    run = RunFolder(source)
    remedy = (
        f"put {run.catalog.name} back into it"
        if run.recipe.is_file()
        else f"export its run in place of the bundle, or copy that run's {run.catalog.name} into "
        f"{catalog.root} and name the copy"
    )
    raise BraintumorError(
        f"{source} was trained by another split than that of {data}, or on other images, so that "
        f"what it was judged on could be fitted to: {remedy}"
    )


def learnt_all(data: Catalog, source: Path, bundle: Path) -> bool | None:
    """Whether a network learnt from every validation slice, as far as run or card tell.

    Args:
        data: with the splits that it is to be calibrated and judged by.
        source, bundle: as for `as_known`.

    Returns:
        None where neither tells.
    """
    run = RunFolder(source)
    if not run.catalog.is_file():
        told = _told(bundle)
        return told == everything(data).digest() if told else None
    met = as_trained(data, run).table["split"][data.table["split"] == "valid"]
    return bool(len(met) and (met == "train").all())


def _told(bundle: Path) -> str:
    """The digest of the catalogue that a network was trained on, as its card tells; "" where it
    does not."""
    return read_card(bundle).trained_on.catalog_sha256
