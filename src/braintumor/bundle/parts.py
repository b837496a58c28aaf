"""The parts of a card, each a small typed piece of JSON: graph, training, calibration, sets.

Knows forms and bounds of values; reads no file and computes nothing.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    PositiveInt,
    field_validator,
    model_validator,
)

from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError

CARD_FILE = "card.json"
GRAPH_FILE = "model.onnx"
GATE_FILE: Final = "gate.npz"
GRAPH_INPUT: Final = "image"
GRAPH_OUTPUTS = ("logits", "embedding", "maps")

Precision = Literal["float32", "bfloat16", "int8"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}"
Name = Annotated[str, Field(pattern=rf"^{_NAME}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
_PositiveFloat = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
_FourScales = tuple[_PositiveFloat, _PositiveFloat, _PositiveFloat, _PositiveFloat]
_FourNumbers = tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]
FourShares = tuple[Share, Share, Share, Share]


class Part(BaseModel):
    """A piece of a card: no unknown field, and no change once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Graph(Part):
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
    sha256: Sha256
    opset: PositiveInt
    input: Literal["image"] = GRAPH_INPUT
    outputs: tuple[str, ...] = GRAPH_OUTPUTS

    @field_validator("outputs")
    @classmethod
    def _all_outputs(cls, outputs: tuple[str, ...]) -> tuple[str, ...]:
        if sorted(outputs) != sorted(GRAPH_OUTPUTS):
            raise ValueError(f"must be {', '.join(GRAPH_OUTPUTS)}")
        return outputs


class TrainedOn(Part):
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


class Calibration(Part):
    """Makes probabilities believable: p = softmax(scale * log q + bias).

    q are the probabilities that the network itself gives (of an ensemble, the normalised
    geometric mean of its members'). All scales equal is temperature scaling (Guo et al., On
    Calibration of Modern Neural Networks, ICML 2017), scales and biases per class its vector
    form. The defaults change nothing.

    Attributes:
        scale, bias: one a class, in the order of `CLASSES`.
        method: how they were fitted.
        fitted_on: which predictions they were fitted on.
    """

    scale: _FourScales = (1.0, 1.0, 1.0, 1.0)
    bias: _FourNumbers = (0.0, 0.0, 0.0, 0.0)
    method: str = "none"
    fitted_on: str = ""


class Conformal(Part):
    """Class-conditional prediction sets: class k is in the set iff 1 - p_k <= quantiles[k].

    Of slices like those that the quantiles come from, a share of at least 1 - alpha of each class
    has its own class in the set (Vovk, Conditional validity of inductive conformal predictors,
    ACML 2012).

    Attributes:
        alpha: the error rate asked for.
        quantiles: one a class; 1 lets the class into every set.
        fitted_on: which predictions they come from.
    """

    alpha: float = Field(gt=0.0, lt=1.0)
    quantiles: FourShares
    fitted_on: str = ""


class GateStatistics(Part):
    """What the gate knows of brain slices; how it is used stands in `bundle/gate.py`.

    Attributes:
        file: beside the card: tables of numbers, no pickle.
        sha256: of that file.
        checks: version of the image checks that the tables belong to.
        refuse_above: the score above which no class is given.
        doubt_above: the score above which a person should look.
        evidence: refusals by kind of picture, on pictures that the gate was not fitted on.
        fitted_on: which pictures it was fitted on.
    """

    file: Literal["gate.npz"] = GATE_FILE
    sha256: Sha256
    checks: PositiveInt
    refuse_above: FiniteFloat
    doubt_above: FiniteFloat
    evidence: dict[str, JsonValue] = Field(default_factory=dict)
    fitted_on: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _doubts_first(self) -> GateStatistics:
        if self.doubt_above > self.refuse_above:
            raise ValueError("must doubt before it refuses")
        return self


class Member(Part):
    """A bundle that an ensemble asks.

    Attributes:
        name: of the bundle.
        folder: relative to the ensemble's own: a neighbour (`../cnn`) or inside (`cnn`).
        card_sha256: of the member's card.json, byte for byte; the card in turn holds its graph's.
    """

    name: Name
    folder: str = Field(pattern=rf"^(\.\./)?{_NAME}$")
    card_sha256: Sha256


def require_name(name: str) -> None:
    """Refuse what no bundle can be called, before one is made.

    Raises:
        BraintumorError: it is no `Name`.
    """
    if not re.fullmatch(_NAME, name):
        raise BraintumorError(
            f"a bundle cannot be called {name!r}: use letters, digits, '.', '-' and '_', at most 64"
        )


def class_names(classes: tuple[str, ...]) -> tuple[str, ...]:
    """The classes, if they are ours in our order.

    Raises:
        ValueError: they are not.
    """
    if classes != CLASSES:
        raise ValueError(f"must be {', '.join(CLASSES)}, in this order")
    return classes
