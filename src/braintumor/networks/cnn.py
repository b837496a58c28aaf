"""The custom network: trained from scratch, small, made for grey slices of 160 pixels a side.

Convolution, max pooling and dropout stages, then dense layers; those before the last act on each
place of the picture (a dense layer there is a 1 x 1 convolution) and are averaged after, so that
class activation maps are exact. The second convolution of a stage is residual (He et al. 2016).
"""

from __future__ import annotations

from typing import Any

SIZE = 160
_STEM = 32
_STAGES = (64, 128, 192)
_DENSE = 256


def build(*, size: int = SIZE, dropout: float = 0.3) -> Any:
    """Build the network, about 0.88 million parameters.

    Args:
        size: side of the input, pixels; a multiple of 16.
        dropout: share of pooled features dropped in training, 0 to 1. Whole feature maps are
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
    for number, width in enumerate(_STAGES, start=1):
        x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
        x = _convolve(x, width, 3, name=f"stage{number}a")
        x = _convolve(x, width, 3, residual=True, name=f"stage{number}b")
        x = layers.SpatialDropout2D(dropout / 3, name=f"drop{number}")(x)
    x = _convolve(x, _DENSE, 1, name="dense")
    x = layers.Activation("linear", dtype="float32", name="features")(x)
    x = layers.GlobalAveragePooling2D(dtype="float32", name="pool")(x)
    x = layers.Dropout(dropout, dtype="float32", name="drop")(x)
    logits = layers.Dense(4, dtype="float32", name="logits")(x)
    return keras.Model(image, logits, name="cnn")


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
