"""How bright each tissue of a simulated head is, T1-weighted and with contrast agent.

Knows no shapes and no lesions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tissues:
    """Signal of each tissue; air is 0 and fat about 1."""

    fat: float
    skin: float
    muscle: float
    bone: float
    marrow: float
    csf: float
    grey: float
    white: float
    vessel: float
    dura: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Tissues:
        """A T1-weighted contrast; how far grey and white matter stand apart varies most."""
        white = rng.uniform(0.46, 0.66)
        return cls(
            fat=rng.uniform(0.82, 1.15),
            skin=rng.uniform(0.5, 0.7),
            muscle=rng.uniform(0.30, 0.44),
            bone=rng.uniform(0.04, 0.12),
            marrow=rng.uniform(0.25, 0.6),
            csf=rng.uniform(0.10, 0.20),
            grey=white * rng.uniform(0.70, 0.86),
            white=white,
            vessel=rng.uniform(0.75, 1.0),
            dura=rng.uniform(0.45, 0.8),
        )
