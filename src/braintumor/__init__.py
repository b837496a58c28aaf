"""Classify brain MRI slices as glioma, meningioma, no tumour or pituitary tumour.

Research use only; not a medical device. The public names are imported when first used, so that
`import braintumor` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from braintumor.classes import CLASSES
from braintumor.privacy import silence_telemetry

if TYPE_CHECKING:
    from braintumor.bundle.classifier import Classifier
    from braintumor.bundle.predicted import Predicted
    from braintumor.catalog.catalog import Catalog
    from braintumor.evaluation.predictions import Predictions

__version__ = "0.2.0"
__all__ = ["CLASSES", "Catalog", "Classifier", "Predicted", "Predictions", "__version__"]

_HOMES = {
    "Catalog": "braintumor.catalog.catalog",
    "Classifier": "braintumor.bundle.classifier",
    "Predicted": "braintumor.bundle.predicted",
    "Predictions": "braintumor.evaluation.predictions",
}

silence_telemetry()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'braintumor' has no attribute {name!r}")
