"""The four classes and the split names, with the spellings that public data sets use.

The order of `CLASSES` is a contract: it is the order of every probability column, label index
and figure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

CLASSES: tuple[str, ...] = ("glioma", "meningioma", "no_tumor", "pituitary")
SPLITS: tuple[str, ...] = ("train", "valid", "test")
# Lies at the root of a data set or a run whose images are drawn and show no patient.
PHANTOM_MARK = "PHANTOM.txt"

_CLASS_ALIASES = {
    "glioma": "glioma",
    "meningioma": "meningioma",
    "pituitary": "pituitary",
    "pituitaryadenoma": "pituitary",
    "no": "no_tumor",
    "notumor": "no_tumor",
    "notumour": "no_tumor",
    "none": "no_tumor",
    "normal": "no_tumor",
    "healthy": "no_tumor",
}
_SPLIT_ALIASES = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
}


def disagreeing(said: Mapping[str, str]) -> str:
    """The clause by which an ensemble's answer is uncertain, wherever it is told.

    Args:
        said: name of each network -> class that it gives alone.
    """
    voices = ", ".join(f"{name} says {label}" for name, label in said.items())
    return f"its networks disagree: {voices}"


def class_from_name(name: str) -> str | None:
    """The class that a folder or label name means, or None where it means none.

    Case, blanks, hyphens and underscores do not matter, nor does a trailing "tumor":
    `Glioma_Tumor`, `no tumour` and `NOTUMOR` are all known.
    """
    plain = re.sub(r"[\s_\-.]+", "", name.lower())
    if plain in _CLASS_ALIASES:
        return _CLASS_ALIASES[plain]
    return _CLASS_ALIASES.get(re.sub(r"tumou?r$", "", plain))


def split_from_name(name: str) -> str | None:
    """The split (`train`, `valid` or `test`) that a folder name means, or None."""
    return _SPLIT_ALIASES.get(name.strip().lower())
