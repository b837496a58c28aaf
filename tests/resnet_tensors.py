"""The variables of ResNet50's body by name, for the tests of its weights."""

from __future__ import annotations

from typing import Any

import numpy as np


def body() -> Any:
    import keras

    return keras.applications.ResNet50(include_top=False, weights=None)


def tensors_of(model: Any) -> dict[str, Any]:
    return {
        f"{layer.name}/{variable.name}": np.asarray(value)
        for layer in model.layers
        for variable, value in zip(layer.weights, layer.get_weights(), strict=True)
    }
