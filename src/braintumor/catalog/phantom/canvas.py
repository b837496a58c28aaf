"""A picture in the making: signal per pixel, and where in the head each pixel lies.

Knows shapes and soft edges; does not know which organ it is painting.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np

from braintumor.catalog.phantom.geometry import (
    Grid,
    Plane,
    Point,
    Window,
    capsule,
    ellipsoid,
    inside,
)


@dataclass(frozen=True)
class Push:
    """Mass effect: what a growing lesion pushes aside.

    A point at distance d from the centre shows what lay at d * (1 - force / (1 + (d/reach)^4)).
    """

    centre: Point
    reach: float
    force: float


class Canvas:
    """Signal of one slice, painted from the outside inwards.

    Attributes:
        plane: where the picture lies.
        signal: (height, width) float32; 0 is air, about 1 is fat.
        x, y, z: place of every pixel in the head, each like `signal`.
        pushed: the same for brain that a lesion pushes aside.
        edge: width of a soft edge, a little over a pixel.
    """

    def __init__(self, plane: Plane, bend: tuple[Grid, Grid], push: Push | None) -> None:
        """Start black.

        Args:
            bend: displacement of x and of y in every pixel: no head is a perfect ellipsoid.
            push: mass effect on what `ball` and `rod` paint with `soft=True`.
        """
        self.plane = plane
        x, y, z = plane.coordinates()
        self.x, self.y, self.z = x + bend[0], y + bend[1], z - bend[0]
        self.pushed = _pushed((self.x, self.y, self.z), push)
        self._grace = 0.08 if push is None else 0.08 + push.force * push.reach
        self.signal = np.zeros(plane.shape, np.float32)
        self.edge = 1.3 * plane.pixel

    def crop(self, window: Window) -> Canvas:
        """A part of the canvas; what is painted on it is painted on the whole."""
        part = copy(self)
        part.plane = self.plane.crop(window)
        part.x, part.y, part.z = self.x[window], self.y[window], self.z[window]
        x, y, z = self.pushed
        part.pushed = x[window], y[window], z[window]
        part.signal = self.signal[window]
        return part

    def blend(self, share: Grid, value: float | Grid) -> None:
        """Move the signal towards value by the share (0 to 1) of every pixel."""
        self.signal += share * (value - self.signal)

    def ball(
        self,
        centre: Point,
        radii: Point,
        value: float,
        *,
        twin: bool = False,
        soft: bool = False,
        share: float = 1.0,
        blur: float = 1.0,
    ) -> None:
        """Paint an ellipsoid.

        Args:
            twin: paint its mirror image on the other side of the head too.
            soft: it is brain, and moves where a lesion pushes.
            share: how much of the old signal is covered, 0 to 1.
            blur: width of its edge, in usual edges.
        """
        for middle in _twins(centre, twin):
            window = self.plane.window(middle, max(radii) + self._grace)
            if window is None:
                continue
            x, y, z = (grid[window] for grid in self._place(soft))
            cover = inside(ellipsoid(x, y, z, middle, radii), self.edge * blur) * share
            self.signal[window] += cover * (value - self.signal[window])

    def rod(
        self,
        start: Point,
        stop: Point,
        radii: tuple[float, float],
        value: float,
        *,
        twin: bool = False,
        soft: bool = False,
        share: float = 1.0,
    ) -> None:
        """Paint a rod from start to stop whose radius goes from the first to the second."""
        for first, last in zip(_twins(start, twin), _twins(stop, twin), strict=True):
            middle = tuple((a + b) / 2 for a, b in zip(first, last, strict=True))
            half = sum((a - b) ** 2 for a, b in zip(first, last, strict=True)) ** 0.5 / 2
            window = self.plane.window(
                (middle[0], middle[1], middle[2]), half + max(radii) + self._grace
            )
            if window is None:
                continue
            x, y, z = (grid[window] for grid in self._place(soft))
            cover = inside(capsule(x, y, z, first, last, radii), self.edge) * share
            self.signal[window] += cover * (value - self.signal[window])

    def _place(self, soft: bool) -> tuple[Grid, Grid, Grid]:
        return self.pushed if soft else (self.x, self.y, self.z)


def _twins(point: Point, twin: bool) -> list[Point]:
    return [point, (-point[0], point[1], point[2])] if twin else [point]


def _pushed(place: tuple[Grid, Grid, Grid], push: Push | None) -> tuple[Grid, Grid, Grid]:
    if push is None:
        return place
    away = [grid - middle for grid, middle in zip(place, push.centre, strict=True)]
    square = sum(a * a for a in away) * (1 / push.reach**2)
    keep = 1 - push.force / (1 + square * square)
    x, y, z = (middle + a * keep for a, middle in zip(away, push.centre, strict=True))
    return x, y, z
