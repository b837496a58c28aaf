"""A simulated head, and its painting on any plane: a T1-weighted drawing with contrast agent.

Drawing random parameters (`Head.draw`) is apart from applying them (`Head.paint`), so the same
head can be cut again and again. The anatomy is a cartoon from textbook proportions: it looks like
a head to `images.prepare` and to the eye, and proves nothing about any real head.

This module does not know lesions, classes, scanners or files.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from braintumor.catalog.phantom.canvas import Canvas, Push
from braintumor.catalog.phantom.geometry import (
    Field,
    Grid,
    Plane,
    Point,
    Window,
    capsule,
    ellipsoid,
    inside,
    join,
)
from braintumor.catalog.phantom.tissues import Tissues

SELLA: Point = (0.0, 0.17, -0.36)
# The corners of a box that holds the head.
_EXTENT: tuple[Point, Point] = ((-0.92, -1.06, -4.0), (0.92, 1.16, 0.98))
CALLOSUM = ((0.02, 0.06), (0.40, 0.22))  # centre and radii of its arc, in y and z
# Path of a lateral ventricle: point and radius from the frontal horn to the occipital one.
_VENTRICLE: tuple[tuple[Point, float], ...] = (
    ((0.13, 0.40, 0.06), 0.030),
    ((0.07, 0.22, 0.12), 0.052),
    ((0.08, -0.08, 0.18), 0.048),
    ((0.20, -0.34, 0.10), 0.066),
    ((0.19, -0.58, 0.04), 0.022),
)
_TEMPORAL_HORN: tuple[tuple[Point, float], ...] = (
    ((0.24, -0.34, 0.06), 0.050),
    ((0.33, -0.12, -0.20), 0.022),
    ((0.31, 0.08, -0.26), 0.020),
)


@dataclass(frozen=True)
class Head:
    """One person's head.

    Attributes:
        tissues: signals.
        scalp, skull: thickness of each, head units.
        ventricles: width of the ventricles against the usual.
        atrophy: how wide the gaps are between brain and skull and in the sulci.
        folds: where the sulci run (its zero surfaces).
        rough: texture of face, marrow and edges.
        folia: waviness of the cerebellum's leaves.
        bend: two fields that bend the whole head out of symmetry.
        vessels: points of small enhancing vessels and their radii.
    """

    tissues: Tissues
    scalp: float
    skull: float
    ventricles: float
    atrophy: float
    folds: Field
    rough: Field
    folia: Field
    bend: tuple[Field, Field]
    vessels: tuple[tuple[Point, Point, float], ...]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Head:
        """Draw a person."""
        return cls(
            tissues=Tissues.draw(rng),
            scalp=rng.uniform(0.045, 0.085),
            skull=rng.uniform(0.055, 0.085),
            ventricles=rng.uniform(0.55, 1.5),
            atrophy=rng.uniform(0.5, 1.6),
            folds=Field.draw(rng, 0.29, count=40),
            rough=Field.draw(rng, 0.13, count=24, spread=0.6),
            folia=Field.draw(rng, 0.35, count=12),
            bend=(Field.draw(rng, 2.4, count=8), Field.draw(rng, 2.4, count=8)),
            vessels=_vessels(rng),
        )

    def paint(self, plane: Plane, push: Push | None = None) -> tuple[Canvas, Brain]:
        """Paint the head on a plane.

        Returns:
            The canvas, cropped to the head, and where on it the brain is, for what grows there.
        """
        plane = plane.crop(plane.box(*_EXTENT))
        bend = (self.bend[0].on(plane) * 0.018, self.bend[1].on(plane) * 0.018)
        canvas = Canvas(plane, bend, push)
        rough = self.rough.on(plane)
        side = np.abs(canvas.x)
        main, temporal, posterior = _fossae(side, canvas.y, canvas.z)
        cavity = _cavity(main, temporal, posterior, side, canvas.y, canvas.z)
        self._shell(canvas, cavity, rough)
        brain = self._brain(canvas, main, temporal, posterior, cavity)
        return canvas, brain

    def _shell(self, canvas: Canvas, cavity: Grid, rough: Grid) -> None:
        """Everything around the brain: skin, fat, muscle, bone, face; CSF fills the cavity."""
        t, edge = self.tissues, canvas.edge
        surface = self._surface(canvas, cavity)
        canvas.blend(inside(surface, edge), t.skin)
        canvas.blend(inside(surface + 0.014, edge), t.fat * (1 + 0.04 * rough))
        flesh = np.clip(0.3 + 0.35 * rough, 0, 1)
        deep = inside(surface + self.scalp + 0.02, edge * 2)
        canvas.blend(deep, t.muscle + (t.fat * 0.8 - t.muscle) * flesh * flesh)
        self._face(canvas)
        bone = inside(cavity - self.skull, edge)
        canvas.blend(bone, t.bone)
        middle = np.abs(cavity - self.skull * 0.52)
        diploe = inside(middle - self.skull * 0.16 - 0.008 * rough, edge)
        canvas.blend(diploe * np.clip(canvas.z * 4 + 1.6, 0, 1), t.marrow)
        self._base(canvas)
        canvas.blend(inside(cavity, edge), t.csf)

    def _surface(self, canvas: Canvas, cavity: Grid) -> Grid:
        """Signed distance to the skin."""
        x, y, z = np.abs(canvas.x), canvas.y, canvas.z
        head = cavity - (self.scalp + self.skull)
        if float(z.min()) > 0.25:  # above face and neck
            return head
        nape = ellipsoid(x, y, z, (0.0, -0.10, -0.20), (0.73, 0.86, 0.62))
        face = ellipsoid(x, y, z, (0.0, 0.30, -0.56), (0.60, 0.62, 0.64))
        neck = ellipsoid(x, y, z, (0.0, -0.20, -1.2), (0.52, 0.52, 1.2))
        surface = join(join(join(head, nape, 0.10), face, 0.14), neck, 0.2)
        nose = capsule(x, y, z, (0.0, 0.84, -0.34), (0.0, 0.98, -0.62), (0.06, 0.09))
        return join(surface, nose, 0.14)

    def _face(self, canvas: Canvas) -> None:
        """Eyes, sinuses, nose, mouth, throat, neck."""
        t = self.tissues
        canvas.ball((0.0, 0.42, -0.98), (0.30, 0.34, 0.18), t.muscle * 1.1)
        canvas.ball((0.26, 0.58, -0.66), (0.15, 0.17, 0.17), t.bone * 0.6, twin=True)
        canvas.ball((0.0, 0.62, -0.62), (0.10, 0.28, 0.18), t.muscle * 1.4)
        for place in (0.035, 0.08):
            canvas.ball((place, 0.60, -0.62), (0.012, 0.26, 0.15), 0.04, twin=True)
        canvas.ball((0.0, 0.82, 0.0), (0.13, 0.05, 0.08), 0.04)
        canvas.rod((0.0, 0.16, -0.66), (0.0, 0.10, -1.7), (0.06, 0.07), 0.03)
        canvas.ball((0.30, 0.58, -0.33), (0.18, 0.26, 0.16), t.fat * 0.95, twin=True)
        for dx, dz in ((0.0, 0.0), (0.11, 0.0), (-0.10, 0.0), (0.0, 0.10), (0.0, -0.10)):
            stop = (0.31 + dx, 0.62, -0.33 + dz)
            canvas.rod((0.14, 0.34, -0.33), stop, (0.02, 0.024), t.muscle, twin=True)
        canvas.ball((0.31, 0.68, -0.33), (0.125, 0.12, 0.125), t.muscle * 1.2, twin=True)
        canvas.ball((0.31, 0.68, -0.33), (0.105, 0.10, 0.105), t.csf * 1.2, twin=True)
        canvas.ball((0.31, 0.76, -0.33), (0.055, 0.025, 0.055), t.muscle, twin=True)
        canvas.ball((0.74, -0.14, -0.42), (0.05, 0.10, 0.14), t.fat * 0.7, twin=True)
        # Jaw muscles and vertebrae.
        canvas.ball((0.46, 0.30, -0.72), (0.08, 0.18, 0.30), t.muscle, twin=True)
        for level in (-0.80, -0.99, -1.18, -1.37, -1.56):
            canvas.ball((0.0, -0.08, level), (0.14, 0.10, 0.082), t.marrow)
        canvas.rod((0.0, -0.24, -0.75), (0.0, -0.30, -1.8), (0.11, 0.10), t.csf)

    def _base(self, canvas: Canvas) -> None:
        """The skull base: sphenoid sinus, clivus, petrous bones with their air cells."""
        t = self.tissues
        canvas.ball((0.0, 0.06, -0.56), (0.15, 0.10, 0.18), t.marrow * 0.9, blur=2)
        canvas.ball((0.0, 0.26, -0.52), (0.13, 0.13, 0.10), 0.04)
        canvas.ball((0.0, 0.44, -0.44), (0.09, 0.14, 0.09), t.bone)
        canvas.ball((0.50, -0.22, -0.52), (0.12, 0.13, 0.13), t.bone * 0.8, twin=True, blur=3)
        canvas.ball((0.30, -0.06, -0.52), (0.16, 0.10, 0.09), t.bone, twin=True, blur=3)

    def _brain(
        self, canvas: Canvas, main: Grid, temporal: Grid, posterior: Grid, cavity: Grid
    ) -> Brain:
        """Cerebrum, cerebellum, brainstem, what lies deep in them, dura and vessels."""
        t, edge = self.tissues, canvas.edge
        x, y, z = canvas.pushed
        side = np.abs(x)
        gap = 0.010 + 0.012 * self.atrophy
        cerebrum = np.minimum(main, temporal) + gap
        cerebellum = np.maximum(posterior + 0.02, cavity + gap)
        above = 0.005 - posterior  # positive inside the posterior fossa
        cerebrum = np.maximum(cerebrum, above)
        arc = _callosal_arc(y, z)
        fissure = np.where((arc > 0) & (z > -0.25), 0.006 + 0.004 * self.atrophy - side, -1.0)
        cerebrum = np.maximum(cerebrum, fissure).astype(np.float32)
        white = self._cerebrum(canvas, cerebrum, arc)
        self._cerebellum(canvas, cerebellum)
        self._stem(canvas)
        self._deep(canvas)
        self._vessels(canvas, cavity)
        depth = np.minimum(np.minimum(cerebrum, cerebellum), 0.02 - cavity)
        cover = inside(np.minimum(cerebrum, cerebellum), edge)
        return Brain(
            cavity=cavity, depth=depth.astype(np.float32), cover=cover, white=white, tissues=t
        )

    def _cerebrum(self, canvas: Canvas, cerebrum: Grid, arc: Grid) -> Grid:
        """Grey ribbon, sulci and white matter; returns the share of white matter, 0 to 1."""
        t, edge = self.tissues, canvas.edge
        fold = self.folds.on(canvas.plane)
        # |value| / slope is the distance to the zero surface, to first order.
        away = np.abs(fold) * np.float32(0.29 / (2 * np.pi))
        depth = np.clip(-cerebrum, 0, 1)
        cover = inside(cerebrum, edge)
        # A sulcus opens wide at the surface and ends about 0.2 below it.
        width = np.clip(0.20 - depth, 0, 1) * (0.05 * self.atrophy)
        ribbon = np.minimum(depth - 0.035, np.maximum(away - width - 0.024, depth - 0.24))
        inner = np.clip(0.5 + ribbon * (0.6 / edge), 0, 1)
        inner = np.maximum(
            inner, inside(np.maximum(np.abs(arc) - 0.04, np.abs(canvas.x) - 0.1), edge)
        )
        white = (cover * inner).astype(np.float32)
        canvas.blend(cover, t.grey)
        canvas.blend(white, t.white)
        sulcus = cover * inside(away - width, edge) * np.clip((0.20 - depth) * 30, 0, 1)
        sulcus = sulcus * (1 - inside(np.abs(arc) - 0.05, edge) * (np.abs(canvas.x) < 0.1))
        canvas.blend(sulcus.astype(np.float32), t.csf * 1.15)
        return np.asarray(white * (1 - sulcus), np.float32)

    def _cerebellum(self, canvas: Canvas, cerebellum: Grid) -> None:
        t, edge = self.tissues, canvas.edge
        if float(cerebellum.min()) > edge:
            return
        wave = self.folia.on(canvas.plane)
        leaves = np.sin(55 * cerebellum + 26 * canvas.z + 1.6 * wave)
        cover = inside(cerebellum, edge)
        canvas.blend(cover, t.grey * (1 + 0.16 * leaves).astype(np.float32))
        heart = np.clip((-cerebellum - 0.11) * 16, 0, 1) * np.clip(0.85 - 0.3 * wave, 0, 1)
        canvas.blend((cover * heart).astype(np.float32), t.white)

    def _stem(self, canvas: Canvas) -> None:
        white = self.tissues.white * 0.94
        canvas.rod((0.0, -0.08, -0.08), (0.0, -0.13, -0.34), (0.12, 0.13), white, soft=True)
        canvas.ball((0.0, -0.12, -0.42), (0.16, 0.13, 0.15), white, soft=True)
        canvas.rod((0.0, -0.18, -0.50), (0.0, -0.24, -0.78), (0.085, 0.062), white)
        canvas.rod((0.0, -0.24, -0.75), (0.0, -0.30, -1.8), (0.060, 0.052), white)

    def _deep(self, canvas: Canvas) -> None:
        """Basal ganglia, ventricles, Sylvian and basal cisterns, pituitary gland."""
        t, wide = self.tissues, self.ventricles
        for centre, radii, value in (
            ((0.11, -0.08, 0.03), (0.09, 0.15, 0.09), t.grey),
            ((0.29, 0.10, 0.01), (0.065, 0.19, 0.09), t.grey * 0.98),
            ((0.15, 0.22, 0.10), (0.05, 0.15, 0.07), t.grey),
        ):
            canvas.ball(centre, radii, value, twin=True, soft=True, blur=2.0)
        # The Sylvian fissure: a bent cleft from the outside to the insula.
        front: Point = (0.42, 0.30, -0.14)
        back: Point = (0.45, -0.10, -0.04)
        canvas.rod(front, back, (0.020, 0.012), t.csf, twin=True, soft=True)
        for point in (front, back):
            opening: Point = (0.62, point[1] + 0.02, point[2] - 0.03)
            canvas.rod(point, opening, (0.014, 0.02), t.csf, twin=True, soft=True)
        canvas.ball((0.0, 0.06, -0.30), (0.13, 0.13, 0.055), t.csf, soft=True)
        for path, scale in ((_VENTRICLE, wide), (_TEMPORAL_HORN, wide * 0.8)):
            for (start, first), (stop, last) in pairwise(path):
                widths = (first * scale, last * scale)
                canvas.rod(start, stop, widths, t.csf, twin=True, soft=True)
        canvas.ball((0.0, 0.04, -0.04), (0.012 + 0.012 * wide, 0.15, 0.13), t.csf, soft=True)
        canvas.ball((0.0, -0.30, -0.42), (0.05 * wide + 0.02, 0.05, 0.10), t.csf, soft=True)
        # Choroid plexus and pineal gland take up contrast agent in everyone.
        canvas.ball((0.17, -0.32, 0.10), (0.022, 0.05, 0.03), t.vessel, twin=True, soft=True)
        canvas.ball((0.0, -0.22, 0.02), (0.028, 0.03, 0.03), t.vessel * 0.9, soft=True, share=0.7)
        canvas.ball(SELLA, (0.055, 0.045, 0.035), t.vessel * 0.9, share=0.8)
        canvas.rod(SELLA, (0.0, 0.12, -0.24), (0.012, 0.012), t.vessel * 0.9, share=0.7)

    def _vessels(self, canvas: Canvas, cavity: Grid) -> None:
        """Dura, falx, venous sinuses and arteries, bright with contrast agent."""
        t, edge = self.tissues, canvas.edge
        x, y, z = canvas.x, canvas.y, canvas.z
        lining = inside(np.abs(cavity) - 0.004, edge)
        canvas.blend(lining * 0.5, t.dura)
        falx = (np.abs(x) < 0.02) & (cavity < 0) & (_callosal_arc(y, z) > 0.12) & (z > -0.1)
        if falx.any():
            sheet = inside(np.abs(canvas.pushed[0]) - 0.003, edge) * falx
            canvas.blend((sheet * 0.5).astype(np.float32), t.dura)
        outline = np.abs(cavity + 0.02)
        crest = inside(np.maximum(outline - 0.025, np.abs(x) - 0.035), edge)
        canvas.blend(
            (crest * np.clip((z - 0.05) * 20 + (y < 0) * 20, 0, 1)).astype(np.float32), t.vessel
        )
        canvas.rod((0.05, -0.78, -0.14), (0.52, -0.46, -0.26), (0.03, 0.028), t.vessel, twin=True)
        for level in (-0.32, -0.38, -0.44):
            canvas.ball((0.115, 0.15, level), (0.026, 0.04, 0.032), t.vessel, twin=True)
        canvas.rod((0.10, 0.16, -0.27), (0.38, 0.18, -0.20), (0.016, 0.012), t.vessel, twin=True)
        for start, stop, radius in self.vessels:
            canvas.rod(start, stop, (radius, radius * 0.6), t.vessel, soft=True, share=0.8)


@dataclass(frozen=True)
class Brain:
    """Where the brain is on a canvas.

    Attributes:
        cavity: signed distance to the inside of the skull.
        depth: signed distance to the brain's surface.
        cover, white: share of brain and of white matter in every pixel, 0 to 1.
        tissues: the head's signals.
    """

    cavity: Grid
    depth: Grid
    cover: Grid
    white: Grid
    tissues: Tissues

    def crop(self, window: Window) -> Brain:
        """The part of it that lies in a window of its canvas."""
        return Brain(
            cavity=self.cavity[window],
            depth=self.depth[window],
            cover=self.cover[window],
            white=self.white[window],
            tissues=self.tissues,
        )


def cavity_at(point: Point) -> float:
    """Signed distance of one point to the inside of the skull of the unbent head."""
    x, y, z = (np.full((1, 1), value, np.float32) for value in (abs(point[0]), *point[1:]))
    return float(_cavity(*_fossae(x, y, z), x, y, z)[0, 0])


def ventricle_at(point: Point) -> float:
    """Distance of one point to the mid-line of the nearer lateral ventricle."""
    x, y, z = (np.full((1, 1), value, np.float32) for value in (abs(point[0]), *point[1:]))
    return min(
        float(capsule(x, y, z, start, stop, (0.0, 0.0))[0, 0])
        for (start, _), (stop, _) in pairwise(_VENTRICLE)
    )


def _fossae(side: Grid, y: Grid, z: Grid) -> tuple[Grid, Grid, Grid]:
    """Signed distances: the main part of the cavity, the temporal and the posterior fossa."""
    main = ellipsoid(side, y, z, (0.0, 0.0, 0.10), (0.64, 0.82, 0.66))
    floor = -(z + 0.24 - 0.16 * y) * np.float32(0.98)
    main = -join(-main, -floor, 0.14)
    temporal = ellipsoid(side, y, z, (0.37, 0.13, -0.26), (0.22, 0.36, 0.22))
    posterior = ellipsoid(side, y, z, (0.18, -0.48, -0.42), (0.37, 0.33, 0.28))
    return main.astype(np.float32), temporal, posterior


def _cavity(main: Grid, temporal: Grid, posterior: Grid, side: Grid, y: Grid, z: Grid) -> Grid:
    """Signed distance to the inside of the skull, brainstem's cistern included."""
    cistern = ellipsoid(side, y, z, (0.0, -0.12, -0.40), (0.20, 0.20, 0.30))
    return join(join(join(main, temporal, 0.08), posterior, 0.08), cistern, 0.06)


def _callosal_arc(y: Grid, z: Grid) -> Grid:
    """Distance outwards from the corpus callosum's arc in the middle of the head."""
    (middle_y, middle_z), (radius_y, radius_z) = CALLOSUM
    across = (y - middle_y) * (1 / radius_y)
    up = (z - middle_z) * (1 / radius_z)
    level = np.sqrt(across * across + up * up)
    return np.asarray(np.where(z > middle_z - 0.1, (level - 1) * 0.25, -0.06), np.float32)


def _vessels(rng: np.random.Generator) -> tuple[tuple[Point, Point, float], ...]:
    """Short veins that dive from the brain's surface towards its middle."""
    found = []
    for _ in range(26):
        direction = rng.standard_normal(3)
        direction[2] = abs(direction[2]) - 0.2
        direction /= np.linalg.norm(direction)
        start = direction * (0.58, 0.75, 0.6) * rng.uniform(0.8, 1.02)
        stop = start * rng.uniform(0.7, 0.95) + rng.uniform(-0.08, 0.08, 3)
        points = [(float(p[0]), float(p[1]), float(p[2] + 0.1)) for p in (start, stop)]
        found.append((points[0], points[1], float(rng.uniform(0.006, 0.014))))
    return tuple(found)
