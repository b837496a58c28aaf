"""Weights of ResNet50's body that are nobody's, whole and as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from resnet_tensors import body, tensors_of


@pytest.fixture(scope="session")
def tensors() -> dict[str, Any]:
    """Every variable of the body, each filled with noise that no initialiser gives."""
    random = np.random.default_rng(5)
    return {
        name: random.uniform(0.5, 1.5, np.shape(value)).astype(np.float32)
        for name, value in tensors_of(body()).items()
    }


@pytest.fixture(scope="session")
def converted(tensors: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    from braintumor.networks import imagenet

    return imagenet.convert(tensors, tmp_path_factory.mktemp("made") / "made.weights.h5")
