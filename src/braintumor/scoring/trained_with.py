"""Which scanner conditions a model has met in training, as its bundle's card remembers it.

A test under a condition that was trained on says less than one under a condition never met, so
the two are listed apart. Knows the card's record of augmentation; not how it was applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Setting of the augmentation -> conditions that it resembles. Strengths differ, and augmentation
# acts on the prepared canvas; what it resembles is no longer new to the model all the same.
_RESEMBLES: dict[str, tuple[str, ...]] = {
    "flip": ("mirrored",),
    "rotation": ("rotation",),
    "zoom": ("crop",),
    # A head of which an edge is missing is centred and scaled by the rest of it.
    "shift": ("translation", "cut_off"),
    "contrast": ("contrast",),
    "brightness": ("window",),
    "gamma": ("gamma",),
    "scanner": ("rician_noise", "bias_field", "blur", "low_resolution", "window"),
    "sharpen": ("contrast",),
    "rim": ("fat_suppressed", "skull_stripped"),
}


def conditions_met(recipe: Mapping[str, Any]) -> frozenset[str] | None:
    """The conditions that training resembled.

    Args:
        recipe: `card.trained_on.recipe`: the recipe itself, or with its record beside it.

    Returns:
        Names out of `images.conditions.CONDITIONS`; None where the card does not say how it was
        augmented, or what the run that the training began with had met.
    """
    record = recipe.get("record")
    if isinstance(record, Mapping) and record.get("start_sha256"):
        return None
    settings = recipe.get("recipe", recipe)
    augmentation = settings.get("augmentation") if isinstance(settings, Mapping) else None
    if not isinstance(augmentation, Mapping):
        return None
    used = [key for key, value in augmentation.items() if value]
    return frozenset(name for key in used for name in _RESEMBLES.get(key, ()))
