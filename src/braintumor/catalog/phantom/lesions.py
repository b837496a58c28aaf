"""Lesions of the three tumour classes: where they grow, how they look with contrast agent.

glioma: in the white matter, irregular, an uneven bright ring around a dark core, in a dark halo
of oedema that follows the white matter. meningioma: round, bright and even, broad on the dura,
with a tail along it and a dark cleft towards the brain. pituitary: a bright mass in the sella, in
the middle of the skull base. Brightness, size and position are drawn from the same wide ranges
where the class does not fix them, so that no single grey level tells a class.

These are drawings of textbook descriptions, not models of disease.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from braintumor.catalog.phantom.anatomy import SELLA, Brain, cavity_at, ventricle_at
from braintumor.catalog.phantom.canvas import Canvas, Push
from braintumor.catalog.phantom.geometry import Field, Grid, Point, ellipsoid, inside


class Lesion(Protocol):
    """What grows in a head.

    Attributes:
        centre: where it grows.
        radius: about how large it is, head units.
    """

    @property
    def centre(self) -> Point: ...

    @property
    def radius(self) -> float: ...

    def push(self) -> Push | None:
        """How it pushes the brain aside."""

    def paint(self, canvas: Canvas, brain: Brain) -> None:
        """Paint it on a painted head."""


@dataclass(frozen=True)
class Glioma:
    """An infiltrating tumour with a ring.

    Attributes:
        axes: its radii against `radius`.
        shape, patches: fields that make its outline and its ring uneven.
        ring: thickness of the enhancing rim, a share of the radius.
        enhancement, core, oedema: signals of the rim, of the dead core and of the halo, as
            shares of the white matter's.
        reach: how far the halo goes, in radii.
    """

    centre: Point
    radius: float
    axes: Point
    shape: Field
    patches: Field
    ring: float
    enhancement: float
    core: float
    oedema: float
    reach: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Glioma:
        """Grow one in the white matter of either hemisphere."""
        radius = float(rng.uniform(0.11, 0.25))
        return cls(
            centre=_in_white_matter(rng, radius),
            radius=radius,
            axes=_axes(rng, 0.78, 1.22),
            shape=Field.draw(rng, 1.5 * radius, count=14, spread=0.5),
            patches=Field.draw(rng, 0.8 * radius, count=16, spread=0.4),
            ring=float(rng.uniform(0.16, 0.34)),
            enhancement=_enhancement(rng),
            core=float(rng.uniform(0.35, 0.70)),
            oedema=float(rng.uniform(0.55, 0.75)),
            reach=float(rng.uniform(1.5, 2.1)),
        )

    def push(self) -> Push:
        """It takes room, most of it behind its edge."""
        return Push(self.centre, 1.7 * self.radius, 0.35)

    def paint(self, canvas: Canvas, brain: Brain) -> None:
        """Halo, rim, core, and islands that take up contrast agent inside the core."""
        canvas, brain = _near(canvas, brain, self.centre, 3.4 * self.radius)
        t_white, edge = brain.tissues.white, canvas.edge / self.radius
        radii = (self.axes[0] * self.radius, self.axes[1] * self.radius, self.axes[2] * self.radius)
        level = ellipsoid(canvas.x, canvas.y, canvas.z, self.centre, radii) / self.radius + 1
        shape, patches = self.shape.on(canvas.plane), self.patches.on(canvas.plane)
        rough = level + 0.13 * shape + 0.04 * patches
        halo = inside(level + 0.30 * shape + 0.12 * patches - self.reach, 0.5)
        canvas.blend(
            halo * np.clip(brain.white * 1.1 + 0.1, 0, 1) * 0.9 * brain.cover, self.oedema * t_white
        )
        room = np.clip(0.5 - (brain.cavity + 0.03) / canvas.edge, 0, 1)
        whole = inside(rough - 1, edge * 1.6) * room
        canvas.blend(whole, self.enhancement * t_white * (1 + 0.10 * patches))
        thickness = self.ring * (1 + 0.45 * patches)
        core = inside(rough - 1 + np.maximum(thickness, 0.06), edge * 1.6) * room
        canvas.blend(core, self.core * t_white * (1 + 0.15 * patches))
        islands = core * np.clip(1.4 * (patches - 1.25), 0, 0.8)
        canvas.blend(islands.astype(np.float32), self.enhancement * t_white * 0.9)


@dataclass(frozen=True)
class Meningioma:
    """A tumour of the meninges.

    Attributes:
        outward: direction of the dura that it grows on.
        shape: field that makes it slightly lobed.
        enhancement: signal, as a share of the white matter's.
        tail: length of its dural tail, in radii.
        on_falx: it sits on the falx, in the middle, rather than on the skull.
    """

    centre: Point
    radius: float
    axes: Point
    shape: Field
    enhancement: float
    tail: float
    on_falx: bool

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Meningioma:
        """Grow one inwards from the skull, or sideways from the falx."""
        radius = float(rng.uniform(0.11, 0.25))
        on_falx = bool(rng.random() < 0.25)
        return cls(
            centre=_on_falx(rng, radius) if on_falx else _on_skull(rng, radius),
            radius=radius,
            axes=_axes(rng, 0.9, 1.1),
            shape=Field.draw(rng, 1.6 * radius, count=14, spread=0.4),
            enhancement=_enhancement(rng),
            tail=float(rng.uniform(1.5, 2.1)),
            on_falx=on_falx,
        )

    def push(self) -> Push:
        """It pushes the brain before it."""
        return Push(self.centre, 1.5 * self.radius, 0.45)

    def paint(self, canvas: Canvas, brain: Brain) -> None:
        """Cleft, tail, body."""
        canvas, brain = _near(canvas, brain, self.centre, 3.0 * self.radius)
        t_white, edge = brain.tissues.white, canvas.edge / self.radius
        radii = (self.axes[0] * self.radius, self.axes[1] * self.radius, self.axes[2] * self.radius)
        level = ellipsoid(canvas.x, canvas.y, canvas.z, self.centre, radii) / self.radius + 1
        shape = self.shape.on(canvas.plane)
        lobed = level + 0.045 * shape
        room = inside(brain.cavity + 0.004, canvas.edge)
        sheet = np.abs(brain.cavity + 0.012) - 0.016
        if self.on_falx:
            side = 1.0 if self.centre[0] > 0 else -1.0
            room = room * inside(-canvas.x * side, canvas.edge)
            sheet = np.maximum(np.abs(canvas.x) - 0.010, -(canvas.z + 0.1))
        halo = inside(level + 0.25 * shape - 1.35, 0.3) * brain.white
        canvas.blend(halo * 0.5, 0.68 * t_white)
        canvas.blend(inside(lobed - 1.08, edge) * room, 0.42 * t_white)
        fade = np.clip((self.tail - level) * 2.5, 0, 1)
        canvas.blend(inside(sheet, canvas.edge) * fade * room, self.enhancement * t_white * 0.95)
        body = inside(lobed - 1, edge * 1.2) * room
        canvas.blend(body, self.enhancement * t_white * (1 + 0.025 * shape))


@dataclass(frozen=True)
class Pituitary:
    """A pituitary tumour.

    Attributes:
        rise: how far its upper part stands above the sella, in radii.
        waist: width of its upper part against the lower.
        cyst: radius of a dark cyst in it, a share of its own; 0 where it has none.
    """

    centre: Point
    radius: float
    axes: Point
    shape: Field
    enhancement: float
    rise: float
    waist: float
    cyst: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Pituitary:
        """Grow one in the sella, upwards."""
        radius = float(rng.uniform(0.085, 0.19))
        aside = rng.normal(0, 0.015)
        return cls(
            centre=(float(aside), SELLA[1] + float(rng.normal(0, 0.015)), SELLA[2] + 0.3 * radius),
            radius=radius,
            axes=_axes(rng, 0.85, 1.15),
            shape=Field.draw(rng, 1.4 * radius, count=14, spread=0.4),
            enhancement=_enhancement(rng),
            rise=float(rng.uniform(0.3, 0.9)),
            waist=float(rng.uniform(0.6, 0.9)),
            cyst=float(rng.uniform(0.25, 0.5) if rng.random() < 0.25 else 0.0),
        )

    def push(self) -> Push:
        """It lifts what lies above it."""
        return Push(self.centre, 1.4 * self.radius, 0.35)

    def paint(self, canvas: Canvas, brain: Brain) -> None:
        """Lower and upper part, the rim of cistern around it, a cyst."""
        canvas, brain = _near(canvas, brain, self.centre, 2.6 * self.radius)
        t_white = brain.tissues.white
        radii = (self.axes[0] * self.radius, self.axes[1] * self.radius, self.axes[2] * self.radius)
        upper = (self.centre[0], self.centre[1] - 0.02, self.centre[2] + self.rise * self.radius)
        narrow = (radii[0] * self.waist, radii[1] * self.waist, radii[2] * self.waist)
        place = (canvas.x, canvas.y, canvas.z)
        shape = self.shape.on(canvas.plane)
        body = np.minimum(ellipsoid(*place, self.centre, radii), ellipsoid(*place, upper, narrow))
        body = body + 0.06 * self.radius * shape
        above = np.clip((canvas.z - SELLA[2]) * 20, 0, 1)
        canvas.blend(inside(body - 0.018, canvas.edge) * above, 0.36 * t_white)
        value: Grid = self.enhancement * t_white * (1 + 0.05 * shape)
        canvas.blend(inside(body, canvas.edge * 1.2), value)
        if self.cyst:
            small = (radii[0] * self.cyst, radii[1] * self.cyst, radii[2] * self.cyst)
            canvas.ball(upper, small, 0.4 * t_white, blur=2)


def _near(canvas: Canvas, brain: Brain, centre: Point, reach: float) -> tuple[Canvas, Brain]:
    """The part of canvas and brain around a point; one pixel where the plane is far from it."""
    window = canvas.plane.window(centre, reach + 0.06) or (slice(0, 1), slice(0, 1))
    return canvas.crop(window), brain.crop(window)


def _enhancement(rng: np.random.Generator) -> float:
    """Signal with contrast agent against white matter: one range for every class."""
    return float(rng.uniform(1.25, 1.9))


def _axes(rng: np.random.Generator, low: float, high: float) -> Point:
    x, y, z = rng.uniform(low, high, 3)
    return float(x), float(y), float(z)


def _in_white_matter(rng: np.random.Generator, radius: float) -> Point:
    """A point well inside a hemisphere, not in a ventricle's middle and not in the mid-line."""
    while True:
        x, y, z = (float(v) for v in rng.uniform((-0.5, -0.6, -0.25), (0.5, 0.6, 0.6)))
        if abs(x) < 0.14 or cavity_at((x, y, z)) > -0.7 * radius - 0.06:
            continue
        below_tentorium = y < -0.15 and z < -0.08
        if not below_tentorium and ventricle_at((x, y, z)) > 0.6 * radius:
            return x, y, z


def _on_skull(rng: np.random.Generator, radius: float) -> Point:
    """A point just inside the skull, so that the tumour sits on it with a broad base."""
    direction = rng.standard_normal(3)
    direction[2] = abs(direction[2]) * 0.9 - 0.1
    direction /= np.linalg.norm(direction)
    start = np.array([0.0, 0.0, 0.08])
    low, high = 0.1, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        x, y, z = (float(v) for v in start + middle * direction)
        low, high = (middle, high) if cavity_at((x, y, z)) < 0 else (low, middle)
    x, y, z = (float(v) for v in start + (low - rng.uniform(0.35, 0.6) * radius) * direction)
    return x, y, z


def _on_falx(rng: np.random.Generator, radius: float) -> Point:
    """A point beside the falx, above the corpus callosum."""
    angle = rng.uniform(0.15, 0.85) * np.pi
    side = rng.choice([-1.0, 1.0]) * rng.uniform(0.35, 0.6) * radius
    return float(side), float(0.58 * np.cos(angle)), float(0.12 + 0.42 * np.sin(angle))
