"""Pictures that are no brain, drawn by code: what the gate learns to turn away.

    >>> draw("limb", 0).dtype
    dtype('uint8')

Each depends on (seed, kind, number) alone. Drawn, because a package may not carry other people's
pictures, and because of a drawn one everybody knows what it shows.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.catalog.foreign import bodies, sections, surfaces, views

KINDS: dict[str, Callable[[np.random.Generator], NDArray[Any]]] = {
    "limb": bodies.limb,
    "joint": bodies.joint_from_the_side,
    "shoulder": bodies.shoulder,
    "abdomen": bodies.abdomen,
    "trunk": bodies.trunk_from_the_front,
    "spine": bodies.spine,
    "thighs": sections.thighs,
    "chest": sections.chest_across,
    "pelvis": sections.pelvis_from_the_front,
    "breasts": sections.breasts,
    "foot": sections.foot,
    "wrist": sections.wrist,
    "bone_radiograph": sections.bone_radiograph,
    "mammogram": sections.mammogram,
    "chest_radiograph": bodies.chest_radiograph,
    "hand": bodies.hand,
    "ultrasound": bodies.ultrasound,
    "retina": views.retina,
    "histology": views.histology,
    "face": views.face,
    "landscape": views.landscape,
    "street": views.street,
    "texture": views.texture,
    "round_thing": views.round_thing,
    "porthole": views.porthole,
    "document": surfaces.document,
    "map": surfaces.town_map,
    "mask": surfaces.mask,
    "test_pattern": surfaces.test_pattern,
    "text_page": surfaces.text_page,
    "screenshot": surfaces.screenshot,
    "chart": surfaces.chart,
    "noise": surfaces.noise,
    "clouds": surfaces.clouds,
    "leaves": surfaces.leaves,
    "scene": surfaces.scene,
    "shapes": surfaces.shapes,
    "gradient": surfaces.gradient,
}


def draw(kind: str, number: int, *, seed: int = 0) -> NDArray[Any]:
    """One picture.

    Args:
        kind: one of `KINDS`.
        number: which of its kind.
        seed: of the whole collection.

    Returns:
        (height, width) uint8.

    Raises:
        ValueError: no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}: choose one of {', '.join(KINDS)}")
    return KINDS[kind](np.random.default_rng((seed, zlib.crc32(kind.encode()), number)))
