"""The card of a bundle: what the graph beside it expects, answers, learnt from and is worth.

A bundle is a folder of plain files, `card.json` and the graph that the card names; that of an
ensemble holds a card alone, which names its members and their hashes. Reading one checks form,
version and hash, so that a graph can neither be fed wrongly nor be swapped unnoticed. There is no
pickle and no code in a bundle, and none is ever run.

This module does not know how the graph is run, nor how it was trained.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, JsonValue, ValidationError, field_validator

from braintumor.bundle import checks
from braintumor.bundle.gate import Gate, read_gate_file
from braintumor.bundle.parts import (
    CARD_FILE,
    GRAPH_FILE,
    Calibration,
    Conformal,
    FourShares,
    GateStatistics,
    Graph,
    Member,
    Name,
    Part,
    Precision,
    TrainedOn,
    class_names,
)
from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.files import sha256_bytes, write_text
from braintumor.images.prepare import Preparation

FORMAT: Final = "braintumor-bundle"
ENSEMBLE_FORMAT: Final = "braintumor-ensemble"
# Version 2 added calibration, sets, gate, precision and parity, version 3 engines and attribution;
# an older card is one without them.
VERSION: Final = 3
_READABLE = (1, 2, 3)
# A card is a page or two of text; whatever is larger is something else.
_MAX_CARD_BYTES = 4 * 1024 * 1024
_MAX_GATE_BYTES = 16 * 1024 * 1024
# The larger of the two networks takes 94 MB.
_MAX_GRAPH_BYTES = 1024 * 1024 * 1024


class BundleError(BraintumorError):
    """A folder that is no bundle, or one that is damaged or of another version."""


class _AnyCard(Part):
    """What the card of a bundle and that of an ensemble have in common.

    Attributes:
        name: what the bundle calls itself; the `model` column of predictions.
        classes: order of the graph's last axis; always `braintumor.CLASSES`.
        calibration, conformal: how probabilities and prediction sets come about; see there.
            Without quantiles, no set is given.
        thresholds: for each class the lowest calibrated probability at which it is given without
            asking for a person; None for no such bound.
        operating_points: for each rule of choosing one, the threshold on each class's calibrated
            probability; a record for who needs one, which changes no answer.
        trained_on: see there.
        evidence: metrics of the network, as `metrics.json` of its run holds them.
        licence: under which the bundle may be used.
        attribution: whose the data and weights are that it was made from, and under which licences;
            goes along with every copy, and is empty where nobody told.
        created_with: software that made the bundle, name and version.
    """

    name: Name
    classes: tuple[str, ...] = CLASSES
    calibration: Calibration = Calibration()
    thresholds: FourShares | None = None
    conformal: Conformal | None = None
    operating_points: dict[str, JsonValue] = Field(default_factory=dict)
    trained_on: TrainedOn
    evidence: dict[str, JsonValue] = Field(default_factory=dict)
    licence: str
    attribution: str = ""
    created_with: dict[str, str]

    _known_classes = field_validator("classes")(class_names)

    def write(self, folder: Path) -> None:
        """Write `card.json` into the bundle's folder."""
        write_text(folder / CARD_FILE, self.model_dump_json(indent=2) + "\n")


class Card(_AnyCard):
    """Everything about a bundle that is not the graph itself; see `_AnyCard` too.

    Attributes:
        network: which of the two architectures.
        preparation: parameters of `images.prepare.Preparation`, every one of them.
        graph: see there.
        heat_map_layer: the layer whose places the class activation maps speak of.
        precision: of the graph's arithmetic. `float32` is that of the training;`bfloat16` rounds
            to 8 bits of mantissa where the processor has the units; `int8` is a quantised graph.
        gate: statistics by which pictures of anything else are turned away; None where every
            picture gets a class.
        parity: what the precision costs, measured against float32 on slices of known class;
            `folds` in it is the sum over networks of the same recipe that had not seen theirs, and
            `judged_on` says where the slices of the rest had been learnt from, or may have been.
        engines: what runs graphs and gave Keras's answers when the run was exported, in float32,
            name and version; empty where nobody wrote it down.
    """

    format: Literal["braintumor-bundle"] = FORMAT
    version: Literal[3] = VERSION
    network: Literal["cnn", "resnet50"]
    preparation: dict[str, JsonValue]
    graph: Graph
    heat_map_layer: str = "features"
    precision: Precision = "float32"
    gate: GateStatistics | None = None
    parity: dict[str, JsonValue] = Field(default_factory=dict)
    engines: dict[str, str] = Field(default_factory=dict)

    @field_validator("preparation")
    @classmethod
    def _whole_preparation(cls, values: dict[str, JsonValue]) -> dict[str, JsonValue]:
        missing = Preparation().to_dict().keys() - values.keys()
        if missing:  # a default of today must not stand in for what the network was trained on
            raise ValueError(f"lacks {', '.join(sorted(missing))}")
        return dict(_preparation(values).to_dict())

    def preparation_of_slices(self) -> Preparation:
        """The one preparation with which this graph may be fed."""
        return _preparation(self.preparation)

    @property
    def identity(self) -> str:
        """What predictions are traced back to, `model_sha256`: the hash of the graph."""
        return self.graph.sha256


class EnsembleCard(_AnyCard):
    """Several bundles that answer as one; see `_AnyCard` too.

    Attributes:
        members: the bundles, in the order in which they are asked.
        combination: `mean_log_probability`: the members' uncalibrated probabilities are
            multiplied, the root taken and normalised (a logarithmic opinion pool; Genest and
            Zidek, Combining Probability Distributions, Statistical Science 1986), then calibrated
            by this card. Where members prefer different classes, the answer is `uncertain`.
    """

    format: Literal["braintumor-ensemble"] = ENSEMBLE_FORMAT
    version: Literal[3] = VERSION
    members: tuple[Member, ...] = Field(min_length=2, max_length=16)
    combination: Literal["mean_log_probability"] = "mean_log_probability"

    @field_validator("members")
    @classmethod
    def _different(cls, members: tuple[Member, ...]) -> tuple[Member, ...]:
        if len({member.name for member in members}) < len(members):
            raise ValueError("must have different names")
        return members

    @property
    def network(self) -> str:
        """What stands in for the architecture."""
        return "ensemble"

    @property
    def identity(self) -> str:
        """What predictions are traced back to, `model_sha256`: a hash over those of the members."""
        lines = [self.combination, *(member.card_sha256 for member in self.members)]
        return sha256_bytes("\n".join(lines).encode())


AnyCard = Card | EnsembleCard


def fingerprint(card: AnyCard) -> str:
    """A hash of all that a bundle says of itself: its graph, preparation, calibration and gate."""
    return sha256_bytes(card.model_dump_json().encode())


def read_bundle(folder: Path | str) -> tuple[Card, bytes]:
    """Read a bundle of one network and check it wholly.

    Args:
        folder: with `card.json` and the graph.

    Returns:
        The card and the bytes of the graph; these very bytes have the card's hash.

    Raises:
        BundleError: no bundle, a file missing or damaged, another version, an ensemble.
    """
    folder = Path(folder)
    card = read_card(folder)
    if not isinstance(card, Card):
        raise BundleError(f"{folder} is an ensemble, and one network is wanted: name a member")
    path = folder / card.graph.file
    graph = _read(path, _MAX_GRAPH_BYTES, folder)
    found = sha256_bytes(graph)
    if found != card.graph.sha256:
        raise BundleError(
            f"{path} is not the graph that its card describes (SHA-256 {found[:12]}… instead of "
            f"{card.graph.sha256[:12]}…): it was changed or damaged, so copy or export it again"
        )
    return card, graph


def read_gate(folder: Path | str, card: Card) -> Gate | None:
    """The gate of a bundle, checked; None where its card has none.

    Raises:
        BundleError: its file is missing, damaged or another one, or this braintumor checks
            pictures in another way.
    """
    folder = Path(folder)
    if card.gate is None:
        return None
    path = folder / card.gate.file
    data = _read(path, _MAX_GATE_BYTES, folder)
    if sha256_bytes(data) != card.gate.sha256:
        raise BundleError(
            f"{path} is not the gate that its card describes: it was changed or damaged, so copy "
            f"or export it again"
        )
    if card.gate.checks not in checks.VERSIONS:
        raise BundleError(
            f"{path} belongs to other image checks than this braintumor makes: export it again"
        )
    try:
        return read_gate_file(data, card.gate)
    except ValueError as error:
        raise BundleError(f"{path} is damaged ({error}): export it again") from error


def read_card(folder: Path | str) -> AnyCard:
    """Read a bundle's card alone; graph or members are not looked at.

    Raises:
        BundleError: no card, not a card of ours, or one of another version.
    """
    return read_card_and_hash(folder)[0]


def read_card_and_hash(folder: Path | str) -> tuple[AnyCard, str]:
    """Read a bundle's card, and the SHA-256 of its bytes.

    Raises:
        BundleError: as for `read_card`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BundleError(
            f"{folder} is no bundle: a bundle is a folder with {CARD_FILE} and {GRAPH_FILE}, "
            f"made by  braintumor export"
        )
    path = folder / CARD_FILE
    data = _read(path, _MAX_CARD_BYTES, folder)
    values = _json_object(path, data)
    kinds: dict[Any, type[AnyCard]] = {FORMAT: Card, ENSEMBLE_FORMAT: EnsembleCard}
    kind = values.get("format")
    if not isinstance(kind, str) or kind not in kinds:
        raise BundleError(f"{path} is not the card of a braintumor bundle")
    version = values.get("version")
    if isinstance(version, bool) or version not in _READABLE:
        raise BundleError(
            f"{path} has version {version!r} and this braintumor reads versions up to "
            f"{VERSION}: export the run again, or install the braintumor that made the bundle"
        )
    try:
        return kinds[kind].model_validate(values | {"version": VERSION}), sha256_bytes(data)
    except ValidationError as error:
        raise BundleError(
            f"{path} is not a valid card, {first_error(error)}; export the run again"
        ) from error


def first_error(error: ValidationError) -> str:
    """Where values are not what a card holds, and why."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "card"
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"


def _preparation(values: dict[str, Any]) -> Preparation:
    for name, usual in Preparation().to_dict().items():
        kinds = (float, int) if isinstance(usual, float) else (type(usual),)
        if isinstance(values[name], bool) or not isinstance(values[name], kinds):
            raise ValueError(f"{name} is no {'number' if float in kinds else 'whole number'}")
    try:
        return Preparation(**values)
    except TypeError as error:
        raise ValueError("holds a parameter that this braintumor does not know") from error


def _json_object(path: Path, data: bytes) -> dict[str, Any]:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is damaged: it is not JSON; copy the bundle again") from error
    if not isinstance(values, dict):
        raise BundleError(f"{path} is not the card of a braintumor bundle")
    return values


def _read(path: Path, limit: int, folder: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError as error:
        raise BundleError(
            f"{folder} is no whole bundle: {path.name} is missing; copy or export it again"
        ) from error
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}): check it") from error
    if len(data) > limit:
        raise BundleError(f"{path} is too large to be part of a bundle (over {limit} bytes)")
    return data
