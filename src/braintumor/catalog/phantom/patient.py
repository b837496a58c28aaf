"""A simulated patient: a head, perhaps a lesion, one examination; and slices cut from it.

Everything about a patient follows from (seed, number, label), everything about a slice from that
and the slice's number. Patients without a tumour are cut where tumours of the other classes grow,
so that plane and height of a slice do not give its class away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braintumor.catalog.phantom.acquire import Scanner
from braintumor.catalog.phantom.anatomy import Head
from braintumor.catalog.phantom.geometry import AXIS, Plane, Point, turn_by
from braintumor.catalog.phantom.lesions import Glioma, Lesion, Meningioma, Pituitary
from braintumor.classes import CLASSES

_LESIONS: dict[str, type[Glioma] | type[Meningioma] | type[Pituitary]] = {
    "glioma": Glioma,
    "meningioma": Meningioma,
    "pituitary": Pituitary,
}
# Cuts further out than this show little but scalp: (lowest, highest) level of each plane.
_LEVELS = {"axial": (-0.50, 0.60), "coronal": (-0.66, 0.60), "sagittal": (-0.46, 0.46)}


@dataclass(frozen=True)
class Patient:
    """One simulated patient.

    Attributes:
        seed, number: of the data set and of the patient in it.
        label: the class.
        head, lesion, scanner: what is cut; lesion is None for no_tumor.
        target: point and radius around which slices are cut.
        turn, stretch: how the head lies in the scanner, and its size against the model's.
        field_of_view: side of a picture, head units.
    """

    seed: int
    number: int
    label: str
    head: Head
    lesion: Lesion | None
    scanner: Scanner
    target: tuple[Point, float]
    turn: NDArray[np.float64]
    stretch: NDArray[np.float64]
    field_of_view: float

    @classmethod
    def draw(cls, seed: int, number: int, label: str) -> Patient:
        """Draw a patient of a class.

        Raises:
            ValueError: no such class.
        """
        if label not in CLASSES:
            raise ValueError(f"a class is one of {', '.join(CLASSES)}; got {label!r}")
        rng = np.random.default_rng([seed, number])
        kind = label if label != "no_tumor" else str(rng.choice(sorted(_LESIONS)))
        head, scanner = Head.draw(rng), Scanner.draw(rng)
        stretch = rng.normal((1.0, 1.0, 1.0), (0.03, 0.03, 0.025)) * rng.normal(1.0, 0.02)
        angles = rng.normal(0, (3.5, 2.5, 3.5))
        lesion = _LESIONS[kind].draw(rng)
        return cls(
            seed=seed,
            number=number,
            label=label,
            head=head,
            lesion=None if label == "no_tumor" else lesion,
            scanner=scanner,
            target=(lesion.centre, lesion.radius),
            turn=turn_by((float(angles[0]), float(angles[1]), float(angles[2]))),
            stretch=stretch,
            field_of_view=float(rng.uniform(2.25, 2.6)),
        )

    def planes(self, count: int) -> list[str]:
        """The planes of the patient's slices: all that show the target well, in turn."""
        rng = np.random.default_rng([self.seed, self.number, 1])
        point, radius = self.target
        fitting = []
        for name in AXIS:
            low, high = _LEVELS[name]
            if low - 0.5 * radius <= point[AXIS[name]] <= high + 0.5 * radius:
                fitting.append(name)
        order = [str(name) for name in rng.permutation(fitting or ["axial"])]
        return [order[i % len(order)] for i in range(count)]

    def cut(self, plane: str, number: int, *, size: int = 256) -> NDArray[np.uint8]:
        """Cut slice `number` in a plane.

        Args:
            plane: axial, coronal or sagittal.
            number: of the slice; each has its own place, shift and noise.
            size: pixels a side.

        Returns:
            (size, size) uint8.
        """
        rng = np.random.default_rng([self.seed, self.number, 2, number])
        point, radius = list(self.target[0]), self.target[1]
        axis = AXIS[plane]
        level = point[axis] + rng.uniform(-0.55, 0.55) * radius
        point[axis] = float(np.clip(level, *_LEVELS[plane]))
        if plane == "sagittal" and abs(point[axis]) < 0.025:
            # Exactly in the middle there is nothing but the gap between the hemispheres.
            point[axis] = 0.025 if rng.random() < 0.5 else -0.025
        place = Plane.through(
            plane,
            (point[0], point[1], point[2]),
            size=size,
            field_of_view=self.field_of_view,
            turn=self.turn,
            stretch=self.stretch,
            shift=(float(rng.normal(0, 0.012)), float(rng.normal(0, 0.012))),
        )
        canvas, brain = self.head.paint(place, None if self.lesion is None else self.lesion.push())
        if self.lesion is not None:
            self.lesion.paint(canvas, brain)
        return self.scanner.acquire(canvas.signal, canvas.plane, rng)
