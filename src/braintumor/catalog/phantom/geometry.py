"""Planes through a head, shapes in it, and smooth random fields: the drawing tools.

Every length is in head units, in which the head is about 1.5 wide and 1.9 long; x runs from one
ear to the other, y to the nose, z to the crown. Shapes are signed distances (negative inside),
exact enough for soft edges a pixel wide. Arrays are float32, and whatever might round differently
on another machine (sines, sums of waves) is computed in float64 first, so that a seed gives the
same picture everywhere.

This module does not know what a head looks like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.floating[Any]]  # float32 throughout; numpy's stubs say float64 too often
Point = tuple[float, float, float]
Window = tuple[slice, slice]

# Per plane: the directions of a picture's columns and rows, and the axis that it is cut across.
_ACROSS = {"axial": (1.0, 0.0, 0.0), "coronal": (1.0, 0.0, 0.0), "sagittal": (0.0, -1.0, 0.0)}
_DOWN = {"axial": (0.0, -1.0, 0.0), "coronal": (0.0, 0.0, -1.0), "sagittal": (0.0, 0.0, -1.0)}
AXIS = {"axial": 2, "coronal": 1, "sagittal": 0}
# The point of the head that lies in the middle of an untilted picture.
_MIDDLE = {"axial": (0.0, 0.02, 0.0), "coronal": (0.0, 0.0, -0.18), "sagittal": (0.0, 0.06, -0.18)}


@dataclass(frozen=True)
class Plane:
    """A square picture's place in the head, or a rectangle cut out of one.

    Attributes:
        name: axial, coronal or sagittal.
        size: pixels a side of the whole picture.
        origin: the point in the middle of the whole picture.
        across, down: steps in the head per pixel to the right and per pixel downwards.
        rows, columns: the part of the whole picture that this is.
    """

    name: str
    size: int
    origin: NDArray[np.float64]
    across: NDArray[np.float64]
    down: NDArray[np.float64]
    rows: slice
    columns: slice

    @classmethod
    def through(
        cls,
        name: str,
        point: Point,
        *,
        size: int,
        field_of_view: float,
        turn: NDArray[np.float64],
        stretch: NDArray[np.float64],
        shift: tuple[float, float] = (0.0, 0.0),
    ) -> Plane:
        """The plane of that name that holds the point, in a head that is turned and stretched.

        Args:
            field_of_view: side of the picture in head units.
            turn: (3, 3) rotation of the head in the scanner.
            stretch: (3,) the head's size along x, y, z against the model's.
            shift: move the head right and down, in shares of the picture's side.
        """
        pixel = field_of_view / size
        across = turn @ np.asarray(_ACROSS[name]) / stretch * pixel
        down = turn @ np.asarray(_DOWN[name]) / stretch * pixel
        origin = np.asarray(_MIDDLE[name]) - size * (shift[0] * across + shift[1] * down)
        normal = np.cross(across, down)
        axis = np.eye(3)[AXIS[name]]
        origin = origin + axis * (normal @ (np.asarray(point) - origin)) / (normal @ axis)
        return cls(name, size, origin, across, down, slice(0, size), slice(0, size))

    @property
    def pixel(self) -> float:
        """A pixel's side in head units, the mean of both directions."""
        return float(np.linalg.norm(self.across) + np.linalg.norm(self.down)) / 2

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def steps(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Positions of rows and of columns, counted from the middle of the whole picture."""
        middle = (self.size - 1) / 2
        rows = np.arange(self.rows.start, self.rows.stop) - middle
        return rows, np.arange(self.columns.start, self.columns.stop) - middle

    def coordinates(self) -> tuple[Grid, Grid, Grid]:
        """x, y and z of every pixel, each of the picture's shape."""
        rows, columns = self.steps()
        x, y, z = (
            (o + rows[:, None] * d + columns[None, :] * a).astype(np.float32)
            for o, d, a in zip(self.origin, self.down, self.across, strict=True)
        )
        return x, y, z

    def crop(self, window: Window) -> Plane:
        """The part of this picture in the window."""
        rows, columns = (
            slice(whole.start + part.start, whole.start + part.stop)
            for whole, part in zip((self.rows, self.columns), window, strict=True)
        )
        return replace(self, rows=rows, columns=columns)

    def box(self, low: Point, high: Point) -> Window:
        """The part of the picture that a box in the head can touch, at least one pixel."""
        *steps, _ = self._frame
        spans = []
        for step, whole in zip(steps, (self.rows, self.columns), strict=True):
            middle = (self.size - 1) / 2 - whole.start
            ends = [
                [s * (corner - o) for corner in corners]
                for s, corners, o in zip(
                    step, zip(low, high, strict=True), self.origin, strict=True
                )
            ]
            first = middle + sum(min(pair) for pair in ends)
            last = middle + sum(max(pair) for pair in ends)
            length = whole.stop - whole.start
            start = min(max(0, int(first) - 1), length - 1)
            spans.append(slice(start, max(start + 1, min(length, int(last) + 2))))
        return spans[0], spans[1]

    @cached_property
    def _frame(self) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
        """Rows of the matrix from head units to pixels down, pixels right, and distance."""
        normal = np.cross(self.across, self.down)
        normal /= np.linalg.norm(normal)
        rows = [step / (step @ step) for step in (self.down, self.across)]
        down, across, off = ([float(v) for v in row] for row in (*rows, normal))
        return tuple(down), tuple(across), tuple(off)

    def window(self, centre: Point, reach: float) -> Window | None:
        """The part of the picture that a ball can touch; None where it touches none."""
        away = [float(a - b) for a, b in zip(centre, self.origin, strict=True)]
        *steps, normal = self._frame
        if abs(sum(a * n for a, n in zip(away, normal, strict=True))) > reach:
            return None
        spans = []
        for step, whole in zip(steps, (self.rows, self.columns), strict=True):
            middle = sum(a * s for a, s in zip(away, step, strict=True))
            middle += (self.size - 1) / 2 - whole.start
            # A tilted and stretched picture's axes are not quite square: some grace.
            half = 1.1 * reach * sum(s * s for s in step) ** 0.5 + 2
            start, stop = (
                max(0, int(middle - half)),
                min(whole.stop - whole.start, int(middle + half) + 1),
            )
            if start >= stop:
                return None
            spans.append(slice(start, stop))
        return spans[0], spans[1]


@dataclass(frozen=True)
class Field:
    """A smooth random field in space: a sum of plane waves of about one wavelength.

    On a plane each wave is a product of a column and a row, so a whole picture of it is one
    matrix product. Values have mean 0 and standard deviation 1 over all phases.
    """

    waves: NDArray[np.float64]
    phases: NDArray[np.float64]

    @classmethod
    def draw(
        cls, rng: np.random.Generator, wavelength: float, *, count: int = 24, spread: float = 0.25
    ) -> Field:
        """Draw `count` waves of random direction and phase; `spread` widens the wavelengths."""
        directions = rng.standard_normal((count, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        numbers = 2 * np.pi / (wavelength * rng.uniform(1 - spread, 1 + spread, (count, 1)))
        return cls(directions * numbers, rng.uniform(0, 2 * np.pi, count))

    def on(self, plane: Plane) -> Grid:
        """The field's values in every pixel of the plane."""
        down, across = plane.steps()
        rows = down[:, None] * (self.waves @ plane.down)
        columns = across[:, None] * (self.waves @ plane.across)
        columns += self.phases + self.waves @ plane.origin
        # cos(a + b), summed over the waves, as one product of two matrices.
        left = np.hstack((np.cos(rows), -np.sin(rows)))
        right = np.hstack((np.cos(columns), np.sin(columns)))
        total = left @ right.T * np.sqrt(2 / len(self.phases))
        return np.asarray(total, np.float32)


def ellipsoid(x: Grid, y: Grid, z: Grid, centre: Point, radii: Point) -> Grid:
    """Signed distance to an ellipsoid, to first order (exact for a ball)."""
    inner, outer = np.zeros_like(x), np.full_like(x, 1e-12)
    for values, middle, radius in zip((x, y, z), centre, radii, strict=True):
        square = values - middle
        square *= square
        square *= 1 / radius**2
        inner += square
        square *= 1 / radius**2
        outer += square
    level = np.sqrt(inner)
    return np.asarray((inner - level) / np.sqrt(outer), np.float32)


def capsule(x: Grid, y: Grid, z: Grid, start: Point, stop: Point, radii: Sequence[float]) -> Grid:
    """Signed distance to a rod whose radius goes from radii[0] at start to radii[1] at stop."""
    along = [b - a for a, b in zip(start, stop, strict=True)]
    length = sum(a * a for a in along)
    away = [values - a for values, a in zip((x, y, z), start, strict=True)]
    share = sum(v * a for v, a in zip(away, along, strict=True)) * (1 / length)
    share = np.clip(share, 0, 1)
    square = sum((v - share * a) ** 2 for v, a in zip(away, along, strict=True))
    return np.asarray(np.sqrt(square) - (radii[0] + (radii[1] - radii[0]) * share), np.float32)


def join(first: Grid, second: Grid, blend: float) -> Grid:
    """Union of two shapes, rounded where they meet within `blend`."""
    share = np.clip(0.5 + (second - first) * (0.5 / blend), 0, 1)
    return np.asarray(second + (first - second) * share - blend * share * (1 - share), np.float32)


def inside(distance: Grid, edge: float) -> Grid:
    """1 inside a shape, 0 outside, with a straight ramp `edge` wide across its surface."""
    return np.asarray(np.clip(0.5 - distance * (1 / edge), 0, 1), np.float32)


def turn_by(degrees: tuple[float, float, float]) -> NDArray[np.float64]:
    """(3, 3) rotation about x, then y, then z."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        step = np.eye(3)
        step[i, i] = step[j, j] = np.cos(angle)
        step[i, j], step[j, i] = -np.sin(angle), np.sin(angle)
        matrix = step @ matrix
    return matrix
