"""The last layers of both networks: what each place of a slice speaks for, and where to look.

Two linear maps read the features at every place: `evidence`, four numbers that speak for the
classes, and `where`, which tells how much the place looks like a lesion. The logits are the mean
of the evidence, weighted by where (attention pooling; Ilse, Tomczak & Welling, Attention-based
Deep Multiple Instance Learning, ICML 2018), and so the class activation maps are exact: their mean
is the logit. A floor under the weights lets a slice without a lesion be read as a whole.
"""

from __future__ import annotations

from typing import Any

# Weight of a place where no lesion is seen, beside 1 for one where it is certain. A lesion of a
# twentieth of the head then holds half of the vote.
FLOOR = 0.05
# The layers that are made here, by the beginnings of their names: cheap, and to be exact.
HEAD = (
    *("evidence", "where", "lesion", "floor", "mean_weight", "divide", "maps", "logits"),
    *("weighted", "embedding"),
)


def attend(features: Any, *, dropout: float) -> Any:
    """Features (n, h, w, d) -> logits (n, 4), through the layers `evidence`, `where`, `maps`.

    Args:
        features: Keras tensor.
        dropout: share of the features' channels dropped in training, 0 to 1.
    """
    from keras import layers

    x = layers.Activation("linear", dtype="float32", name="features")(features)
    kept = layers.SpatialDropout2D(dropout, dtype="float32", name="drop")(x)
    evidence = layers.Conv2D(4, 1, dtype="float32", name="evidence")(kept)
    # Most of a slice is no lesion: to begin with that saves the first epochs.
    where = layers.Conv2D(1, 1, bias_initializer=_minus_two(), dtype="float32", name="where")(kept)
    maps = layers.Multiply(dtype="float32", name="maps")([weights_of(where), evidence])
    return layers.GlobalAveragePooling2D(dtype="float32", name="logits")(maps)


def weights_of(where: Any) -> Any:
    """How much each place counts: (n, h, w, 1) of any size -> (n, h, w, 1), mean 1."""
    from keras import layers, ops

    lesion = layers.Activation("sigmoid", dtype="float32", name="lesion")(where)
    raised = layers.Rescaling(1.0, offset=FLOOR, dtype="float32", name="floor")(lesion)
    mean = layers.GlobalAveragePooling2D(keepdims=True, dtype="float32", name="mean_weight")(raised)
    return ops.divide(raised, mean)


def places(model: Any) -> Any:
    """The network as it is trained: image -> evidence and where at every place, (n, h, w, 5)."""
    import keras

    joined = keras.layers.Concatenate(dtype="float32", name="places")(
        [model.get_layer("evidence").output, model.get_layer("where").output]
    )
    return keras.Model(model.input, joined, name=f"{model.name}_places")


def places_of(model: Any) -> tuple[int, int]:
    """Height and width of the network's features."""
    _, height, width, _ = model.get_layer("where").output.shape
    return height, width


def _minus_two() -> Any:
    import keras

    return keras.initializers.Constant(-2.0)
