"""Names to networks, precision of arithmetic, and the form in which a network is served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from braintumor.errors import BraintumorError, require
from braintumor.networks import cnn, resnet50

NETWORKS: tuple[str, ...] = ("cnn", "resnet50")
# Both halve a side five times and join what they made on the way, which fits at these sides alone.
SIZE_STEP = 32
_SIZES = {"cnn": cnn.SIZE, "resnet50": resnet50.SIZE}


def default_size(network: str) -> int:
    """Side of the network's square input, pixels."""
    return _SIZES[_known(network)]


def build(
    network: str,
    *,
    size: int | None = None,
    precision: str = "float32",
    dropout: float | None = None,
    weights: Path | None = None,
) -> Any:
    """Build a network.

    Args:
        network: `cnn` or `resnet50`.
        size: side of the square input, pixels, a multiple of `SIZE_STEP`; the network's own default
            where None.
        precision: Keras dtype policy, `float32` or `mixed_bfloat16`. Weights, input and logits
            are float32 either way.
        dropout: share of features dropped ahead of the last layers; the default where None.
        weights: for resnet50, a file of ImageNet weights to start from. None leaves the
            weights random, which is right only if trained ones are loaded at once.

    Returns:
        keras.Model: float32 (n, size, size, 1) in 0 to 255 -> float32 logits (n, 4).
    """
    keras = require("keras", extra="train", what="Building a network")
    size = size or default_size(network)
    options: dict[str, Any] = {} if dropout is None else {"dropout": dropout}
    with _policy(keras, precision):
        if _known(network) == "cnn":
            return cnn.build(size=size, **options)
        return resnet50.build(size=size, weights=weights, **options)


def serving_model(model: Any) -> Any:
    """The network with everything that prediction needs, in one forward pass.

    Because the logits are the mean of the maps, the maps are exact class activation maps (Zhou et
    al., Learning Deep Features for Discriminative Localization, CVPR 2016).

    Args:
        model: made by `build`.

    Returns:
        keras.Model with the same input and a dict of outputs: `logits` (n, 4), `embedding`
        (n, d), the features weighted as the logits weigh them, and `maps` (n, h, w, 4), all
        float32.
    """
    keras = require("keras", extra="train", what="Serving a network")
    features, maps = model.get_layer("features").output, model.get_layer("maps")
    weights = maps.input[0]
    weighted = keras.layers.Multiply(dtype="float32", name="weighted")([weights, features])
    pooled = keras.layers.GlobalAveragePooling2D(dtype="float32", name="embedding")(weighted)
    outputs = {"logits": model.output, "embedding": pooled, "maps": maps.output}
    return keras.Model(model.input, outputs, name=f"{model.name}_serving")


def _known(network: str) -> str:
    if network not in NETWORKS:
        raise BraintumorError(f"unknown network {network!r}: choose one of {', '.join(NETWORKS)}")
    return network


@contextmanager
def _policy(keras: Any, precision: str) -> Iterator[None]:
    """Layers made in the block compute in this precision; the global setting is put back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
