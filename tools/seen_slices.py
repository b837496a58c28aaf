"""The slices that the networks of a fold have not learnt from, as they are seen.

Simple properties of each picture, as it is and as prepared for each network, and what each network
makes of it: embedding and class. For `embeddings`, which asks what can be told from them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from braintumor.bundle.network import Network, prepared_for
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.greylevels import grey_statistics, histogram, roughness
from braintumor.catalog.thumbnails import thumbnail
from braintumor.errors import BraintumorError
from braintumor.files import sha256_of
from braintumor.images.decode import read_slice
from braintumor.training.export import export_run
from braintumor.training.run import RunFolder

# Side of the thumbnails, pixels: where bright and dark lie, and no more.
SIDE = 16
_BATCH = 32
PATIENTS = ("split", "class", "file", "patient_id", "source_label")
GREY, THUMB, EMBEDDING = "grey levels and grain", "thumbnail", "embedding"
_CLASS = "class"
RAW = "as it is"


@dataclass(eq=False)
class Fold:
    """The test slices of one fold, as they are seen.

    Attributes:
        table: `label`, `group` and `patient_id` of n slices.
        seen: (what it is, of which picture or by which network) -> (n, d), for probes.
        predicted: network -> (n,) class indices.
        networks: network -> SHA-256 of what its run learnt, as its predictions name it.
    """

    table: pd.DataFrame
    seen: dict[tuple[str, str], NDArray[Any]] = field(default_factory=dict)
    predicted: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    networks: dict[str, str] = field(default_factory=dict)


def owners(patients: Path) -> pd.DataFrame:
    """`patient_id` and `source_label` of each slice, by its path in the data set.

    Raises:
        BraintumorError: a column of `PATIENTS` is missing.
    """
    table = pd.read_csv(patients, dtype=str, keep_default_na=False)
    missing = [name for name in PATIENTS if name not in table]
    if missing:
        raise BraintumorError(f"{patients} has no column {missing[0]}: give the table of patients")
    path = table["split"] + "/" + table["class"] + "/" + table["file"]
    return table.set_index(path)[["patient_id", "source_label"]]


def fold_of(data: Path, names: pd.DataFrame, runs: Sequence[Path]) -> Fold:
    """Show a fold's test slices to its networks.

    Args:
        data: the folder of images.
        names: of `owners`.
        runs: the fold's run of each network, with the same test slices.

    Returns:
        What is seen of them, but for those whose label their source contradicts.

    Raises:
        BraintumorError: runs that hold back other slices; a slice that `names` lacks.
    """
    catalogs = [Catalog.read(RunFolder(run).catalog, root=data).subset("test") for run in runs]
    table = catalogs[0].table
    for run, catalog in zip(runs, catalogs, strict=True):
        if list(catalog.table["path"]) != list(table["path"]):
            raise BraintumorError(f"{run} holds back other slices than {runs[0]}: give twins")
    unknown = ~table["path"].isin(names.index)
    if unknown.any():
        raise BraintumorError(f"The table of patients lacks {int(unknown.sum())} of the slices")
    owned = names.loc[table["path"]].reset_index(drop=True)
    # A label that its source contradicts does not say what the slice shows.
    kept = (owned["source_label"] == "") | (owned["source_label"] == table["label"])
    told = table[["path", "label", "group"]].assign(patient_id=owned["patient_id"])[kept]
    with tempfile.TemporaryDirectory() as spare:
        networks = [
            Network.load(export_run(run, Path(spare) / str(number)))
            for number, run in enumerate(runs)
        ]
    fold = _shown(told.reset_index(drop=True), data, networks)
    for run, network in zip(runs, networks, strict=True):
        fold.networks[network.card.name] = sha256_of(RunFolder(run).model)
    return fold


def _shown(table: pd.DataFrame, data: Path, networks: Sequence[Network]) -> Fold:
    fold, parts = Fold(table), []
    for start in range(0, len(table), _BATCH):
        pixels = [read_slice(data / path).pixels for path in table["path"][start : start + _BATCH]]
        prepared = [[one.pixels for one in prepared_for(networks, each)] for each in pixels]
        part = {(kind, RAW): x for kind, x in properties(pixels).items()}
        for number, network in enumerate(networks):
            canvases = [each[number] for each in prepared]
            answer = network.runtime.run(np.stack(canvases))
            name = network.card.name
            part |= {(kind, name): x for kind, x in properties(canvases).items()}
            part |= {
                (EMBEDDING, name): answer.embedding,
                (_CLASS, name): answer.logits.argmax(axis=1),
            }
        parts.append(part)
    for key in parts[0]:
        whole = np.concatenate([part[key] for part in parts])
        if key[0] == _CLASS:
            fold.predicted[key[1]] = whole
        else:
            fold.seen[key] = whole
    return fold


def properties(pictures: Sequence[NDArray[Any]]) -> dict[str, NDArray[np.float64]]:
    """What can be said of uint8 pictures without anatomy, and with next to none: (n, d) each."""
    greys = grey_statistics(np.stack([histogram(each) for each in pictures]))
    grain = np.array([[roughness(each)] for each in pictures])
    small = np.stack([thumbnail(each, SIDE).ravel() for each in pictures])
    return {GREY: np.hstack([greys, grain]), THUMB: small.astype(np.float64)}
