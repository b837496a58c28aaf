"""The card of a bundle: what the graph beside it expects, answers, learnt from and is worth.

A bundle is a folder of two plain files, `card.json` and the graph that the card names. Reading
one checks form, version and hash, so that a graph can neither be fed wrongly nor be swapped
unnoticed. There is no pickle and no code in a bundle, and none is ever run.

This module does not know how the graph is run, nor how it was trained.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PositiveInt,
    ValidationError,
    field_validator,
)

from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.files import sha256_bytes, write_text
from braintumor.images.prepare import Preparation

FORMAT: Final = "braintumor-bundle"
VERSION: Final = 1
CARD_FILE = "card.json"
GRAPH_FILE = "model.onnx"
GRAPH_INPUT: Final = "image"
GRAPH_OUTPUTS = ("logits", "embedding", "maps")
# A card is a page or two of text; whatever is larger is something else.
_MAX_CARD_BYTES = 4 * 1024 * 1024
# The larger of the two networks takes 94 MB.
_MAX_GRAPH_BYTES = 1024 * 1024 * 1024


class BundleError(BraintumorError):
    """A folder that is no bundle, or one that is damaged or of another version."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Graph(_Part):
    """The graph file and its face.

    Attributes:
        file: name of the file inside the bundle, no folders in it.
        sha256: of its bytes, 64 hexadecimal digits in lower case.
        opset: version of ONNX's operator set.
        input: name of the input, float32 (n, size, size, 1), 0 to 255, the prepared canvas.
        outputs: names of the outputs: `logits` (n, 4), `embedding` (n, d) and `maps`
            (n, h, w, 4), where logits = mean of maps over h and w, plus a bias per class.
    """

    file: str = Field(default=GRAPH_FILE, pattern=r"^[A-Za-z0-9_\-]+\.onnx$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    opset: PositiveInt
    input: Literal["image"] = GRAPH_INPUT
    outputs: tuple[str, ...] = GRAPH_OUTPUTS

    @field_validator("outputs")
    @classmethod
    def _all_outputs(cls, outputs: tuple[str, ...]) -> tuple[str, ...]:
        if sorted(outputs) != sorted(GRAPH_OUTPUTS):
            raise ValueError(f"must be {', '.join(GRAPH_OUTPUTS)}")
        return outputs


class TrainedOn(_Part):
    """What the network learnt from.

    Attributes:
        dataset: name of the data set.
        phantom: whether it was synthetic phantom images, which show nothing about patients.
        catalog_sha256: digest of the catalogue: every file, label and split.
        images: how many images it was fitted on.
        recipe: every setting of the training.
    """

    dataset: str
    phantom: bool
    catalog_sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    images: int = Field(ge=0)
    recipe: dict[str, JsonValue] = Field(default_factory=dict)


class Card(_Part):
    """Everything about a bundle that is not the graph itself.

    Attributes:
        name: what the bundle calls itself; the `model` column of predictions.
        network: which of the two architectures.
        classes: order of the graph's last axis; always `braintumor.CLASSES`.
        preparation: parameters of `images.prepare.Preparation`, every one of them.
        graph, trained_on: see there.
        evidence: metrics of the network, as `metrics.json` of its run holds them.
        licence: under which the bundle may be used.
        created_with: software that made the bundle, name and version.
    """

    format: Literal["braintumor-bundle"] = FORMAT
    version: Literal[1] = VERSION
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}$")
    network: Literal["cnn", "resnet50"]
    classes: tuple[str, ...] = CLASSES
    preparation: dict[str, JsonValue]
    graph: Graph
    trained_on: TrainedOn
    evidence: dict[str, JsonValue] = Field(default_factory=dict)
    licence: str
    created_with: dict[str, str]

    @field_validator("classes")
    @classmethod
    def _known_classes(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        if classes != CLASSES:
            raise ValueError(f"must be {', '.join(CLASSES)}, in this order")
        return classes

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

    def write(self, folder: Path) -> None:
        """Write `card.json` into the bundle's folder."""
        write_text(folder / CARD_FILE, self.model_dump_json(indent=2) + "\n")


def read_bundle(folder: Path | str) -> tuple[Card, bytes]:
    """Read a bundle and check it wholly.

    Args:
        folder: with `card.json` and the graph.

    Returns:
        The card and the bytes of the graph; these very bytes have the card's hash.

    Raises:
        BundleError: no bundle, a file missing or damaged, another version.
    """
    folder = Path(folder)
    card = read_card(folder)
    path = folder / card.graph.file
    graph = _read(path, _MAX_GRAPH_BYTES, folder)
    found = sha256_bytes(graph)
    if found != card.graph.sha256:
        raise BundleError(
            f"{path} is not the graph that its card describes (SHA-256 {found[:12]}… instead of "
            f"{card.graph.sha256[:12]}…): it was changed or damaged, so copy or export it again"
        )
    return card, graph


def read_card(folder: Path | str) -> Card:
    """Read a bundle's card alone; the graph is not looked at.

    Raises:
        BundleError: no card, not a card of ours, or one of another version.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BundleError(
            f"{folder} is no bundle: a bundle is a folder with {CARD_FILE} and {GRAPH_FILE}, "
            f"made by  braintumor export"
        )
    path = folder / CARD_FILE
    values = _json_object(path, _read(path, _MAX_CARD_BYTES, folder))
    if values.get("format") != FORMAT:
        raise BundleError(f"{path} is not the card of a braintumor bundle")
    if values.get("version") != VERSION:
        raise BundleError(
            f"{path} has version {values.get('version')!r} and this braintumor reads version "
            f"{VERSION}: export the run again, or install the braintumor that made the bundle"
        )
    try:
        return Card.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "card"
        raise BundleError(
            f"{path} is not a valid card, {place}: {first['msg'].removeprefix('Value error, ')}; "
            f"export the run again"
        ) from error


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
