"""The networks that the page asks: the shipped bundles, and those named when it was started.

Each is loaded once for all visitors and warmed up, so that the first answer comes at once.
Knows Streamlit's cache and bundles; draws nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import streamlit as st

from braintumor.app import texts
from braintumor.bundle.card import AnyCard, EnsembleCard, fingerprint
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.shipped import default_model, find_bundle, shipped
from braintumor.errors import BraintumorError

# Folders or shipped names, a line each; set by `braintumor app --model`.
BUNDLES_VARIABLE = "BRAINTUMOR_APP_MODELS"
SEPARATOR = "\n"
# Set where `braintumor app --no-shipped` asks for the named bundles alone.
ONLY_NAMED_VARIABLE = "BRAINTUMOR_APP_ONLY_NAMED"


@dataclass(frozen=True)
class Network:
    """A loaded bundle under the name that it has on this page.

    Attributes:
        label: unique on the page; the card's name where that is enough.
        folder: of the bundle.
        classifier: ready to answer.
    """

    label: str
    folder: Path
    classifier: Classifier

    @property
    def card(self) -> AnyCard:
        """What the bundle says of itself."""
        return self.classifier.card

    @cached_property
    def key(self) -> str:
        """Of the whole card, for caches and to offer it once: the same graph answers otherwise
        with another calibration or gate."""
        return fingerprint(self.card)


@dataclass(frozen=True)
class Offer:
    """What the page can ask, and a sentence for each bundle that it cannot.

    Attributes:
        networks: every bundle that could be loaded, what is asked by default first.
        problems: sentences.
    """

    networks: tuple[Network, ...]
    problems: tuple[str, ...]

    @property
    def asked(self) -> tuple[Network, ...]:
        """The bundles that are asked about a picture: not the members of an ensemble here, for
        these speak through it."""
        spoken_for = {
            fingerprint(member.card)
            for one in self.networks
            if isinstance(one.card, EnsembleCard)
            for member in one.classifier.networks
        }
        return tuple(one for one in self.networks if one.key not in spoken_for)


def offer() -> Offer:
    """Every available bundle, the shipped ones first; the same one is offered once."""
    networks: list[Network] = []
    problems: list[str] = []
    only_named = bool(os.environ.get(ONLY_NAMED_VARIABLE))
    ours = () if only_named else shipped()
    wanted = [*sorted(ours, key=lambda name: name != default_model()), *asked_for()]
    if "cnn" not in wanted and not only_named:
        problems.append(texts.NO_SHIPPED)
    for name in wanted:
        try:
            folder = find_bundle(name)
            classifier = _load(str(folder), _stamp(folder))
        except BraintumorError as error:
            problems.append(texts.sentence(error))
            continue
        label = _label(classifier.card.name, folder, [other.label for other in networks])
        network = Network(label, folder, classifier)
        if all(network.key != other.key for other in networks):
            networks.append(network)
    return Offer(tuple(networks), tuple(problems))


def asked_for() -> tuple[str, ...]:
    """The bundles named when the page was started, in that order."""
    return tuple(filter(None, os.environ.get(BUNDLES_VARIABLE, "").split(SEPARATOR)))


def _load_and_warm(folder: str, stamp: tuple[float, ...]) -> Classifier:
    """A ready classifier; `stamp` only makes a replaced bundle load anew."""
    classifier = Classifier.load(folder)
    # The first pass through a graph takes several times as long as the second.
    classifier.explain(np.outer(np.hanning(64), np.hanning(64)))
    return classifier


_load = st.cache_resource(show_spinner="Loading the networks …", max_entries=16)(_load_and_warm)


def _stamp(folder: Path) -> tuple[float, ...]:
    return tuple(sorted(path.stat().st_mtime for path in folder.glob("*") if path.is_file()))


def _label(name: str, folder: Path, taken: list[str]) -> str:
    """The name, told apart by the folder or a number where two bundles bear the same."""
    tries = [name]
    if folder.name != name:
        tries.append(f"{name} ({folder.name})")
    tries += [f"{name} ({n})" for n in range(2, 100)]
    return next(label for label in tries if label not in taken)
