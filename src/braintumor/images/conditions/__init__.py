"""What scanners, archives and people do to a slice: for stress tests and for fitting gates.

    >>> import numpy as np
    >>> head = np.pad(np.full((64, 64), 200, np.uint8), 32)
    >>> noisy = apply(head, "rician_noise", 3, seed=0)
    >>> noisy.shape, noisy.dtype
    ((128, 128), dtype('uint8'))

A condition is applied to the raw grey slice, before `images.prepare`, as a scanner would. What is
drawn (`draw`) is apart from how it is applied (`replay`), so that any picture can be made again.
The luck of an image (which side is cut off, how the noise falls) depends on (seed, image,
condition) alone: a higher severity is the same accident, only worse.

Knows pictures; not classes, labels, files or models. Of one slice its neighbours are unknown, so
partial volume through the plane is left out.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.images.conditions import (
    geometry,
    greys,
    kspace,
    lettering,
    rim,
    sharpness,
    signal,
)
from braintumor.images.conditions.table import (
    CONDITIONS,
    GRADED,
    SEVERITIES,
    SWITCHES,
    parameters,
    severities,
)
from braintumor.images.prepare import finite_float

__all__ = [
    "CONDITIONS",
    "GRADED",
    "SEVERITIES",
    "SWITCHES",
    "Change",
    "apply",
    "draw",
    "parameters",
    "replay",
    "severities",
]

Number = float | int
_Luck = Callable[[np.random.Generator], dict[str, Number]]


def _none(_: np.random.Generator) -> dict[str, Number]:
    return {}


# Condition -> (how it is applied, what is left to chance in it).
_TRANSFORMS: dict[str, tuple[Callable[..., NDArray[np.float32]], _Luck]] = {
    "rician_noise": (signal.rician_noise, signal.noise_luck),
    "bias_field": (signal.bias_field, signal.noise_luck),
    "ghosting": (kspace.ghosting, kspace.ghosting_luck),
    "motion": (kspace.motion, kspace.motion_luck),
    "gibbs_ringing": (kspace.gibbs_ringing, _none),
    "blur": (sharpness.blur, _none),
    "low_resolution": (sharpness.low_resolution, _none),
    "thick_slices": (sharpness.thick_slices, sharpness.thick_slices_luck),
    "contrast": (greys.contrast, _none),
    "gamma": (greys.gamma, greys.direction_luck),
    "window": (greys.window, greys.direction_luck),
    "jpeg": (greys.jpeg, _none),
    "rotation": (geometry.rotation, greys.direction_luck),
    "translation": (geometry.translation, geometry.translation_luck),
    "elastic": (geometry.elastic, signal.noise_luck),
    "crop": (geometry.crop, geometry.crop_luck),
    "cut_off": (geometry.cut_off, geometry.cut_off_luck),
    "fat_suppressed": (rim.fat_suppressed, _none),
    "mirrored": (geometry.mirrored, _none),
    "inverted": (greys.inverted, _none),
    "burnt_in_text": (lettering.burnt_in_text, signal.noise_luck),
    "skull_stripped": (rim.skull_stripped, _none),
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One image's accident: everything that is needed to do it again.

    Attributes:
        name: one of `CONDITIONS`.
        severity: 1 to 5; 1 for a switch.
        parameters: plain numbers: those of the table, and those that were drawn.
    """

    name: str
    severity: int
    parameters: Mapping[str, Number]


def draw(name: str, severity: int, *, seed: int = 0, image: int = 0) -> Change:
    """Draw what happens to one image.

    Args:
        name: one of `CONDITIONS`.
        severity: 1 to 5; 1 for a switch.
        seed: of the whole test, 0 or more.
        image: a non-negative integer that names the image, its content hash for one.

    Raises:
        ValueError: no such condition, or a severity that it does not have.
    """
    fixed = parameters(name, severity)
    random = np.random.default_rng([seed, image, zlib.crc32(name.encode())])
    return Change(
        name=name, severity=severity, parameters={**fixed, **_TRANSFORMS[name][1](random)}
    )


def replay(slice_: NDArray[Any], change: Change) -> NDArray[Any]:
    """Do to a slice what was drawn.

    Args:
        slice_: (height, width) of any real type; larger means brighter.
        change: what is done to it.

    Returns:
        (height, width): whole numbers in their own type, rounded and clipped to its range;
        others as float32.

    Raises:
        ValueError: not two-dimensional, empty, or without a finite value.
    """
    kind = np.asarray(slice_).dtype
    grey = finite_float(slice_)
    step = 2 if grey.size > 256 * 256 else 1
    dark, bright = float(grey.min()), float(np.percentile(grey[::step, ::step], 99.5))
    # An even slice has no range of its own; any will do.
    spread = bright - dark if bright > dark else 1.0
    transform = _TRANSFORMS[change.name][0]
    changed = transform((grey - dark) / np.float32(spread), **change.parameters) * spread + dark
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        return np.asarray(np.clip(np.rint(changed), limits.min, limits.max), kind)
    return changed.astype(np.float32)


def apply(
    slice_: NDArray[Any], name: str, severity: int, seed: int = 0, *, image: int = 0
) -> NDArray[Any]:
    """Put one slice into a condition: `draw` and `replay` in one; see there."""
    return replay(slice_, draw(name, severity, seed=seed, image=image))
