"""Shapes with wobbly outlines, textures and noise: the tools with which foreign pictures are drawn.

Places are shares of the picture's sides, 0 to 1, x to the right and y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Grid = NDArray[np.float32]


@dataclass
class Brush:
    """A picture in the making.

    Attributes:
        signal: (height, width) float32, about 0 to 1.
        random: every choice comes from it.
    """

    signal: Grid
    random: np.random.Generator

    @classmethod
    def blank(cls, random: np.random.Generator, height: int, width: int, level: float = 0.0) -> Any:
        """An even picture."""
        return cls(np.full((height, width), level, np.float32), random)

    @property
    def columns(self) -> Grid:
        """(1, width): how far to the right each pixel lies."""
        width = self.signal.shape[1]
        return np.arange(width, dtype=np.float32)[None] / np.float32(width)

    @property
    def rows(self) -> Grid:
        """(height, 1): how far down each pixel lies."""
        height = self.signal.shape[0]
        return np.arange(height, dtype=np.float32)[:, None] / np.float32(height)

    def blob(
        self,
        x: float,
        y: float,
        across: float,
        down: float,
        *,
        wobble: float = 0.08,
        turn: float = 0.0,
        harmonics: int = 6,
    ) -> Grid:
        """A mask with a soft edge: an ellipse whose radius wobbles with the angle.

        Args:
            x, y: its centre.
            across, down: its half axes.
            wobble: how far the radius departs from the ellipse's, as a share of it.
            turn: of its axes, radians.
            harmonics: how fine the wobble is.

        Returns:
            (height, width) float32, 0 outside to 1 inside.
        """
        height, width = self.signal.shape
        left, up = self.columns - np.float32(x), self.rows - np.float32(y)
        right = left * np.cos(turn) + up * np.sin(turn)
        below = up * np.cos(turn) - left * np.sin(turn)
        right, below = right / across, below / down
        radius = np.hypot(right, below) + np.float32(1e-6)
        # cos(k * angle + phase) for every harmonic by powers of one rotation.
        turned = ((right + 1j * below) / radius).astype(np.complex64)
        power = np.ones_like(turned)
        edge = np.ones_like(radius)
        for k in range(1, harmonics + 1):
            power = power * turned
            strength = wobble * self.random.normal() / k
            phase = np.complex64(strength * np.exp(1j * self.random.uniform(0, 2 * np.pi)))
            edge += (power * phase).real
        softness = 1.5 / (min(across * width, down * height) + 1e-6)
        return np.asarray(np.clip(0.5 + (edge - radius) / softness, 0, 1), np.float32)

    def paint(self, mask: Grid, level: float, texture: float = 0.05, scale: float = 3.0) -> None:
        """Lay a level over the mask, with a texture as a share of it."""
        shade = level * (1 + texture * self.field(scale)) if texture else level
        self.signal += mask * (shade - self.signal)

    def field(self, scale: float) -> Grid:
        """A smooth random field of mean 0 and spread 1; `scale` is its grain in pixels."""
        height, width = self.signal.shape
        rows, columns = max(2, round(height / scale)), max(2, round(width / scale))
        small = self.random.normal(size=(rows, columns)).astype(np.float32)
        large = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        grid = np.asarray(large, np.float32)
        return np.asarray((grid - grid.mean()) / (grid.std() + 1e-6), np.float32)

    def finish(
        self, *, noise: float = 0.02, blur: float = 0.6, shade: float = 0.15
    ) -> NDArray[Any]:
        """What a scanner makes of it: coil shading, blur, Rician noise, 8 bits.

        Returns:
            (height, width) uint8.
        """
        height, width = self.signal.shape
        signal = np.maximum(self.signal * (1 + shade * self.field(max(height, width) / 2)), 0)
        top = float(np.percentile(signal, 99.7)) or 1.0
        grey = Image.fromarray((np.clip(signal / top, 0, 1) * 255).astype(np.uint8))
        soft = np.asarray(grey.filter(ImageFilter.GaussianBlur(blur)), np.float32) / 255
        one, two = self.random.normal(0, noise, (2, height, width))
        return np.asarray(np.round(np.clip(np.hypot(soft + one, two), 0, 1) * 255), np.uint8)
