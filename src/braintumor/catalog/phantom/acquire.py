"""What a scanner and an archive make of the signal: coil shading, blur, noise, 8-bit grey.

All of it is drawn without a look at the class: no scanner knows the diagnosis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from braintumor.catalog.phantom.geometry import Field, Grid, Plane


@dataclass(frozen=True)
class Scanner:
    """One patient's examination.

    Attributes:
        shading: strength of the coil's bias field, 0 to about 0.25.
        coil: the bias field.
        blur: standard deviation of the point spread, in pixels of a 256-pixel picture.
        noise: standard deviation of the noise in either channel; fat has about 1.
        gamma: bend of the archive's grey curve.
        brightness: grey level of signal 1, out of 255.
        masked: the archive has set the air to black.
    """

    shading: float
    coil: Field
    blur: float
    noise: float
    gamma: float
    brightness: float
    masked: bool

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Scanner:
        """Draw an examination."""
        return cls(
            shading=float(rng.uniform(0.03, 0.16)),
            coil=Field.draw(rng, 3.0, count=6),
            blur=float(rng.uniform(0.45, 0.85)),
            noise=float(rng.uniform(0.008, 0.035)),
            gamma=float(rng.uniform(0.85, 1.2)),
            brightness=float(rng.uniform(150, 250)),
            masked=bool(rng.random() < 0.4),
        )

    def acquire(self, signal: Grid, plane: Plane, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Turn signal on a part of a picture into the whole picture, as it is stored.

        The noise is Rician (Gudbjartsson and Patz, 1995).
        """
        shaded = signal * (1 + self.shading * np.clip(self.coil.on(plane), -2, 2))
        seen = np.zeros((plane.size, plane.size), np.float32)
        sigma = self.blur * plane.size / 256
        seen[plane.rows, plane.columns] = ndimage.gaussian_filter(shaded, sigma, truncate=3)
        head = seen > 0
        draws = rng.standard_normal((2, *seen.shape), dtype=np.float32) * self.noise
        seen = np.sqrt((seen + draws[0]) ** 2 + draws[1] ** 2)
        if self.masked:
            seen = np.where(head, seen, 0)
        # The power is slow and rounds differently from machine to machine: by table.
        levels = np.clip(seen * np.float32(self.brightness * 16), 0, 4095).astype(np.uint16)
        curve = np.round(255 * (np.arange(4096) / 4095) ** self.gamma).astype(np.uint8)
        return np.asarray(curve[levels], np.uint8)
