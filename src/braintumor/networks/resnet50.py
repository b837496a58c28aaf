"""ResNet50 (He et al. 2016) with ImageNet weights: top replaced, cut in two for fine-tuning.

The trunk, frozen, can be run once per image and its output kept; the tail, trained, starts from
that output. The new top joins the last stage with the one before it, which sees twice as finely
(Lin et al., Feature Pyramid Networks, CVPR 2017). Batch normalisation of the backbone is held at
its ImageNet statistics throughout: batches of a few dozen slices of few patients would only blur
them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from braintumor.networks.where import attend, places

SIZE = 224
# Where it can be cut: behind a block, up to the end of the finer stage that the new top reads.
CUTS = tuple(
    f"conv{stage}_block{block}_out"
    for stage, blocks in ((2, 3), (3, 4), (4, 6))
    for block in range(1, blocks + 1)
)
# Last layers of the stages that the new top reads: a sixteenth and a thirty-second of a side.
_FINE, _COARSE = CUTS[-1], "conv5_block3_out"
_DENSE = 256
# Means of ImageNet's blue, green and red channels, which these weights were trained to expect
# subtracted (keras.applications, mode "caffe").
_MEANS = (103.939, 116.779, 123.68)


def build(*, size: int = SIZE, weights: Path | None = None, dropout: float = 0.3) -> Any:
    """Build the network, 24.9 million parameters.

    Args:
        size: side of the input, pixels; a multiple of 32.
        weights: ImageNet weights from `imagenet.find_weights`; None leaves them random.
        dropout: share of the last features dropped in training, 0 to 1.

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
    x = _dense(backbone.get_layer(_COARSE).output, "coarse")
    x = layers.UpSampling2D(2, name="top_up")(x)
    fine = _dense(backbone.get_layer(_FINE).output, "fine")
    x = layers.Add(name="top_add")([x, fine])
    x = layers.Conv2D(_DENSE, 3, padding="same", activation="relu", name="top_conv")(x)
    model = keras.Model(image, attend(x, dropout=dropout), name="resnet50")
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    return model


def _dense(x: Any, name: str) -> Any:
    """A dense layer at every place."""
    from keras import layers

    return layers.Conv2D(_DENSE, 1, name=f"top_{name}")(x)


def cut(model: Any, at: str) -> tuple[Any, Any]:
    """Cut the network at a layer into trunk and tail, which share its weights.

    Args:
        model: made by `build`.
        at: name of the last layer of the trunk, one of `CUTS`.

    Returns:
        (trunk, tail): the trunk maps images to the cut layer's output, the tail maps that to
        evidence and where at every place (see `where.places`).

    Raises:
        ValueError: no such layer.
    """
    import keras

    seam = model.get_layer(at).output
    trunk = keras.Model(model.input, seam, name="trunk")
    tail = keras.Model(seam, places(model).output, name="tail")
    return trunk, tail


def hold_backbone(tail: Any, held: bool) -> None:
    """Train the new top alone, or the last stages with it; batch normalisation stays held."""
    from keras import layers

    for layer in tail.layers:
        ours = layer.name.startswith("top_") or layer.name in ("evidence", "where")
        if not ours and not isinstance(layer, layers.BatchNormalization):
            layer.trainable = not held
