"""The custom network: trained from scratch, small, made for grey slices of 160 pixels a side.

Convolution, max pooling and dropout stages down to a thirty-second of a side, so that a place knows
the whole head; then up again by two steps, so that it knows its own tissue (Lin et al., Feature
Pyramid Networks, CVPR 2017). The layers before the last are dense ones that act on each place (a
dense layer there is a 1 x 1 convolution). The second convolution of a stage is residual (He et
al. 2016).
"""

from __future__ import annotations

from typing import Any

from braintumor.networks.where import attend

SIZE = 160
_STEM = 32
_STAGES = (64, 128, 176, 176)
_DENSE = 160


def build(*, size: int = SIZE, dropout: float = 0.25) -> Any:
    """Build the network, about 1.4 million parameters.

    Args:
        size: side of the input, pixels; a multiple of 32.
        dropout: share of the last features dropped in training, 0 to 1. Whole feature maps are
            dropped after each stage at a third of that rate (Tompson et al. 2015).

    Returns:
        keras.Model: float32 (n, size, size, 1) in 0 to 255 -> logits (n, 4).
    """
    import keras
    from keras import layers

    image = layers.Input((size, size, 1), name="image")
    # float32, or a bfloat16 policy would round the grey levels before the first convolution.
    x = layers.Rescaling(1 / 127.5, offset=-0.6, dtype="float32", name="rescale")(image)
    x = _convolve(x, _STEM, 5, strides=2, name="stem")
    stages = []
    for number, width in enumerate(_STAGES, start=1):
        x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
        x = _convolve(x, width, 3, name=f"stage{number}a")
        x = _convolve(x, width, 3, residual=True, name=f"stage{number}b")
        x = layers.SpatialDropout2D(dropout / 3, name=f"drop{number}")(x)
        stages.append(x)
    x = _convolve(stages[3], _DENSE, 1, name="dense4")
    for number in (3, 2):
        x = layers.UpSampling2D(2, name=f"up{number}")(x)
        x = layers.Concatenate(name=f"join{number}")([x, stages[number - 1]])
        x = _convolve(x, _DENSE, 1, name=f"dense{number}")
    return keras.Model(image, attend(x, dropout=dropout), name="cnn")


def _convolve(
    x: Any, width: int, kernel: int, *, strides: int = 1, residual: bool = False, name: str
) -> Any:
    """Convolution, batch normalisation, the input added where residual, ReLU."""
    from keras import layers

    y = layers.Conv2D(
        width, kernel, strides=strides, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    y = layers.BatchNormalization(name=f"{name}_bn")(y)
    if residual:
        y = layers.Add(name=f"{name}_add")([y, x])
    return layers.Activation("relu", name=f"{name}_relu")(y)
