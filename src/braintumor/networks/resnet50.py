"""ResNet50 (He et al. 2016) with ImageNet weights: top replaced, cut in two for fine-tuning.

The trunk, frozen, can be run once per image and its output kept; the tail, trained, starts from
that output. Batch normalisation is held at its ImageNet statistics throughout: batches of a few
dozen slices of few patients would only blur them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

SIZE = 224
# Means of ImageNet's blue, green and red channels, which these weights were trained to expect
# subtracted (keras.applications, mode "caffe").
_MEANS = (103.939, 116.779, 123.68)


def build(*, size: int = SIZE, weights: Path | None = None, dropout: float = 0.4) -> Any:
    """Build the network, 23.6 million parameters.

    Args:
        size: side of the input, pixels; a multiple of 32.
        weights: ImageNet weights from `imagenet.find_weights`; None leaves them random.
        dropout: share of pooled features dropped in training, 0 to 1.

    Returns:
        keras.Model: float32 (n, size, size, 1) in 0 to 255 -> logits (n, 4).
    """
    import keras
    from keras import layers

    image = layers.Input((size, size, 1), name="image")
    x = layers.Concatenate(dtype="float32", name="grey_to_colour")([image] * 3)
    x = layers.Rescaling(
        1.0, offset=[-mean for mean in _MEANS], dtype="float32", name="imagenet_means"
    )(x)
    backbone = keras.applications.ResNet50(include_top=False, weights=None, input_tensor=x)
    if weights is not None:
        from braintumor.networks import imagenet

        imagenet.load_into(backbone, weights)
    x = layers.Activation("linear", dtype="float32", name="features")(backbone.output)
    x = layers.GlobalAveragePooling2D(dtype="float32", name="pool")(x)
    x = layers.Dropout(dropout, dtype="float32", name="drop")(x)
    logits = layers.Dense(4, dtype="float32", name="logits")(x)
    model = keras.Model(image, logits, name="resnet50")
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    return model


def cut(model: Any, at: str) -> tuple[Any, Any]:
    """Cut the network at a layer into trunk and tail, which share its weights.

    Args:
        model: made by `build`.
        at: name of the last layer of the trunk, for example `conv4_block6_out`.

    Returns:
        (trunk, tail): the trunk maps images to a dict of `features` (the cut layer's output)
        and `pooled` (n, 2048), the latter for training the head alone; the tail maps the cut
        layer's output to logits.

    Raises:
        ValueError: no such layer.
    """
    import keras

    seam = model.get_layer(at).output
    trunk = keras.Model(
        model.input,
        {"features": seam, "pooled": model.get_layer("pool").output},
        name="trunk",
    )
    tail = keras.Model(seam, model.output, name="tail")
    return trunk, tail


def head(model: Any) -> Any:
    """The last layers alone, sharing weights: pooled features (n, 2048) to logits (n, 4)."""
    import keras

    pooled = model.get_layer("pool").output
    return keras.Model(pooled, model.output, name="head")
