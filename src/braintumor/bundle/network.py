"""One network of a bundle, ready to be asked; and the opening of a bundle or an ensemble.

Knows card, preparation and graph, and keeps them together, so that a graph is only ever fed with
its own preparation. Does not know what the answers mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.bundle.card import (
    AnyCard,
    BundleError,
    Card,
    EnsembleCard,
    read_bundle,
    read_card,
    read_card_and_hash,
    read_gate,
)
from braintumor.bundle.decision import calibrated, combined
from braintumor.bundle.gate import Gate
from braintumor.bundle.parts import Member
from braintumor.bundle.runtime import CPU, Answer, Runtime
from braintumor.images.prepare import Prepared, prepare, prepare_each


@dataclass(frozen=True, eq=False)
class Network:
    """A card, its compiled graph and its gate.

    Attributes:
        card: of this one network.
        runtime: its graph, compiled.
        gate: None where the card has none.
    """

    card: Card
    runtime: Runtime
    gate: Gate | None = None

    @classmethod
    def load(cls, folder: Path, *, cache_dir: Path | None = None, device: str = CPU) -> Network:
        """Open a bundle of one network.

        Raises:
            BundleError: no bundle, or one damaged, changed or of another version; or the device
                is not there or cannot run it.
        """
        card, graph = read_bundle(folder)
        runtime = Runtime(
            graph,
            size=card.preparation_of_slices().size,
            name=str(folder / card.graph.file),
            precision=card.precision,
            cache_dir=cache_dir,
            device=device,
        )
        return cls(card, runtime, read_gate(folder, card))

    def prepare(self, pixels: NDArray[Any]) -> Prepared:
        """A grey slice as this network wants it."""
        return prepare(pixels, self.card.preparation_of_slices())

    def alone(self, answer: Answer) -> NDArray[np.float64]:
        """(n, 4) probabilities that this network gives by itself, calibrated by its own card."""
        return calibrated(combined([answer.logits]), self.card.calibration)


def prepared_for(networks: Sequence[Network], pixels: NDArray[Any]) -> tuple[Prepared, ...]:
    """A grey slice as each of the networks wants it."""
    return prepare_each(pixels, [one.card.preparation_of_slices() for one in networks])


def open_networks(
    folder: Path, *, cache_dir: Path | None = None, device: str = CPU
) -> tuple[AnyCard, tuple[Network, ...]]:
    """Open a bundle, or an ensemble with all its members.

    Returns:
        The folder's card and its networks: one, or an ensemble's members in their order.

    Raises:
        BundleError: no bundle, or one damaged, changed or of another version; an ensemble that
            lacks a member or has another one than it was made with; a device that is not there.
    """
    card = read_card(folder)
    if isinstance(card, Card):
        return card, (Network.load(folder, cache_dir=cache_dir, device=device),)
    places = member_folders(folder, card)
    opened = (Network.load(place, cache_dir=cache_dir, device=device) for place in places)
    return card, tuple(opened)


def check_bundle(folder: Path) -> AnyCard:
    """Read a bundle or an ensemble wholly, every hash of it, and run nothing.

    Raises:
        BundleError: as for `open_networks`, but for graphs that cannot be run.
    """
    card = read_card(folder)
    places = [folder] if isinstance(card, Card) else member_folders(folder, card)
    for place in places:
        member, _ = read_bundle(place)
        read_gate(place, member)
    return card


def member_folders(folder: Path, card: EnsembleCard) -> list[Path]:
    """Where an ensemble's members lie, each checked to be the one that it was made with.

    Raises:
        BundleError: a member that is missing, changed, or an ensemble itself.
    """
    return [_member_folder(folder, member) for member in card.members]


def _member_folder(folder: Path, member: Member) -> Path:
    place = folder / member.folder
    if not place.is_dir():
        raise BundleError(
            f"{folder} asks the bundle {member.name}, which does not lie at {place}: copy it "
            f"there, or make the ensemble again"
        )
    card, sha256 = read_card_and_hash(place)
    if not isinstance(card, Card):
        raise BundleError(f"{place} is an ensemble itself and cannot be a member of {folder}")
    if sha256 != member.card_sha256:
        raise BundleError(
            f"{place} is not the bundle that the ensemble {folder} was made with: make the "
            f"ensemble again"
        )
    return place
