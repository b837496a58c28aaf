"""Shows the shipped gates pictures that none was fitted on, and counts what they refuse.

A gate is asked as `Classifier` asks it: the network's embedding and the image checks make a score,
and what counts is how far that lies above the bound for refusing. Of an ensemble it is the
sternest member's. Every picture is shown by its pixels alone: what tags say must not help.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.bundle.checks import image_checks, is_blank, is_drawn
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.network import Network, prepared_for
from braintumor.bundle.shipped import shipped
from braintumor.catalog import foreign
from braintumor.catalog.catalog import Catalog
from braintumor.evaluation.auc import auc_covariance
from braintumor.images import conditions
from braintumor.images.decode import ImageError, Slice, read_slice
from braintumor.images.read import read_slices
from braintumor.progress import track

# No gate is fitted on pictures of this seed.
SEED = 77
SEVEREST = 3
# A brain and what lies over it: millimetres beneath the top of the head.
IN_VIEW = (10.0, 130.0)
# What the rows of such slices are called after their folder.
IN_VIEW_ROW = ", brain in view"
# The top of the head: the first slice from above in which this share of the pixels is brighter
# than this share of what is bright in the volume.
_SHARE, _LEVEL, _BRIGHT = 0.01, 0.2, 0.99
_BATCH = 16
# Of what scikit-image's wheel holds, what is a picture: arrays are not.
_SUFFIXES = (".gif", ".jpg", ".png", ".tif")
Pixels = NDArray[Any]
Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Margins:
    """How the gates of some networks see n pictures.

    Attributes:
        refuse: (n, networks) log odds above each network's bound for refusing; what is above 0 is
            refused, and infinite where nothing is to be seen in the picture.
        doubt: (n, networks) the same for the bound for doubting.
    """

    refuse: NDArray[np.float64]
    doubt: NDArray[np.float64]

    def row(self, members: Sequence[int], brains: Margins | None = None) -> Row:
        """What is kept of these pictures for a bundle.

        Args:
            members: numbers of its networks; the sternest speaks.
            brains: what the pictures are told from, where they are foreign.

        Returns:
            `shown`, `refused`, `doubted` (and not refused), and with `brains` `auroc`: the chance
            that a picture looks more foreign than one of them.
        """
        said = self.refuse[:, members].max(axis=1)
        refused = said > 0
        doubted = ~refused & (self.doubt[:, members] > 0).any(axis=1)
        row: Row = {
            "shown": len(said),
            "refused": int(refused.sum()),
            "doubted": int(doubted.sum()),
        }
        if brains is not None and len(said):
            both = np.concatenate([said, brains.refuse[:, members].max(axis=1)])
            area, _ = auc_covariance(np.arange(len(both)) < len(said), both)
            row["auroc"] = round(float(area[0]), 6)
        return row


def margins(networks: Sequence[Network], pictures: Iterable[Pixels]) -> Margins:
    """Show pictures to every network's gate."""
    waiting, seen = iter(pictures), [np.zeros((2, 0, len(networks)))]
    while batch := list(islice(waiting, _BATCH)):
        found = np.full((2, len(batch), len(networks)), np.inf)
        plain = [k for k, pixels in enumerate(batch) if not (is_blank(pixels) or is_drawn(pixels))]
        if plain:
            prepared = [prepared_for(networks, batch[k]) for k in plain]
            for number, network in enumerate(networks):
                assert network.gate is not None
                mine = [of[number] for of in prepared]
                checks = [image_checks(batch[k], one) for k, one in zip(plain, mine, strict=True)]
                answer = network.runtime.run(np.stack([one.pixels for one in mine]))
                score = network.gate.score(answer.embedding, np.stack(checks))
                bounds = network.gate.statistics
                found[0, plain, number] = score - bounds.refuse_above
                found[1, plain, number] = score - bounds.doubt_above
        seen.append(found)
    return Margins(*np.concatenate(seen, axis=1))


def measure(
    data: Path, heads: list[Path], others: list[Path], *, slices: int | None, drawn: int
) -> dict[str, Any]:
    """How many pictures of every sort each shipped bundle refuses.

    Args:
        data: the labelled set.
        heads: folders of slices that must pass.
        others: folders of pictures that must not.
        slices: how many test slices are shown under every condition; all where None.
        drawn: pictures of each drawn kind.
    """
    bundles = {name: Classifier.load(name) for name in shipped()}
    bundles = {
        name: one for name, one in bundles.items() if all(network.gate for network in one.networks)
    }
    # The members of an ensemble are shipped themselves: each is asked once.
    networks = {
        network.card.identity: network for one in bundles.values() for network in one.networks
    }
    catalog = Catalog.open(data).subset("test")
    paths = [catalog.root / path for path in catalog.table["path"]]
    chosen = np.random.default_rng(SEED).permutation(len(paths))[:slices]
    some = [read_slice(paths[k]).pixels for k in chosen]

    def shown(pictures: Iterable[Pixels]) -> Margins:
        return margins(list(networks.values()), pictures)

    brains = shown(read_slice(path).pixels for path in paths)
    stressed = {
        name: [
            shown(_stressed(some, name, severity))
            for severity in conditions.severities(name)
            if severity <= SEVEREST
        ]
        for name in track(
            conditions.CONDITIONS,
            total=len(conditions.CONDITIONS),
            what="Showing slices under conditions",
        )
    }
    kinds = {
        kind: shown(foreign.draw(kind, number, seed=SEED) for number in range(drawn))
        for kind in track(foreign.KINDS, total=len(foreign.KINDS), what="Showing drawn pictures")
    }
    parts = {name: shown(pixels) for folder in heads for name, pixels in head_rows(folder).items()}
    strange = {folder.name: shown(pixels_in(folder)) for folder in others}
    strange["scikit-image"] = shown(bundled_pictures())
    models = {}
    for name, one in bundles.items():
        members = [list(networks).index(network.card.identity) for network in one.networks]
        models[name] = {
            "gates": [network.card.gate.sha256 for network in one.networks if network.card.gate],
            "test": {"untouched": brains.row(members)},
            "conditions": {
                condition: [severity.row(members) for severity in found]
                for condition, found in stressed.items()
            },
            "drawn": {kind: found.row(members, brains) for kind, found in kinds.items()},
            "heads": {part: found.row(members) for part, found in parts.items()},
            "foreign": {folder: found.row(members, brains) for folder, found in strange.items()},
        }
    return {"seed": SEED, "slices": len(some), "severest": SEVEREST, "models": models}


def _stressed(some: list[Pixels], name: str, severity: int) -> Iterator[Pixels]:
    for number, pixels in enumerate(some):
        yield conditions.apply(pixels, name, severity, seed=SEED, image=number)


def slices_in(folder: Path) -> Iterator[Slice]:
    """Every slice in a folder's files; what is no picture is passed over."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            yield from (one for one in read_slices(path) if isinstance(one, Slice))
        except ImageError:
            continue


def pixels_in(folder: Path) -> Iterator[Pixels]:
    """Every picture in a folder by its pixels alone."""
    return (one.pixels for one in slices_in(folder))


def head_rows(folder: Path) -> dict[str, list[Pixels]]:
    """The slices of a folder of heads by the row that they count for.

    Returns:
        `folder` with all of them; where it holds volumes, also `folder, brain in view` and
        `folder, ends of the volumes` with the slices of these.
    """
    found = list(slices_in(folder))
    rows = {folder.name: [one.pixels for one in found]}
    for series, group in groupby(found, lambda one: one.place.series if one.place else ""):
        volume = list(group)
        if not series or len(volume) < 2:
            continue
        view = brain_in_view(volume)
        for one, inside in zip(volume, view, strict=True):
            part = IN_VIEW_ROW if inside else ", ends of the volumes"
            rows.setdefault(f"{folder.name}{part}", []).append(one.pixels)
    return rows


def brain_in_view(volume: Sequence[Slice]) -> NDArray[np.bool_]:
    """Which axial slices of a head lie `IN_VIEW` beneath its top.

    Args:
        volume: its slices, each with its place along the body.

    Returns:
        (n,); none where nothing stands out from the ground.
    """
    along = np.array([one.place.along if one.place else np.nan for one in volume], np.float64)
    bright = _LEVEL * np.quantile(np.concatenate([one.pixels.ravel() for one in volume]), _BRIGHT)
    head = np.array([(one.pixels > bright).mean() >= _SHARE for one in volume])
    if not head.any():
        return head
    depth = along[head].max() - along
    return np.asarray((depth >= IN_VIEW[0]) & (depth <= IN_VIEW[1]))


def bundled_pictures() -> Iterator[Pixels]:
    """The pictures that scikit-image's wheel holds itself; those that it would fetch are not."""
    folder = Path(str(files("skimage").joinpath("data")))
    for path in sorted(folder.iterdir()):
        if path.suffix in _SUFFIXES:
            yield from (one.pixels for one in read_slices(path) if isinstance(one, Slice))
