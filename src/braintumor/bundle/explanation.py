"""Where the networks looked: class activation maps over the slice that they were computed from.

Knows arrays, boxes and classes; runs no graph.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.bundle.heatmap import grey_levels, spread
from braintumor.bundle.prediction import Prediction
from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.images.prepare import Prepared


@dataclass(frozen=True, kw_only=True)
class Look:
    """Where one network looked.

    Attributes:
        network: name of its bundle.
        probabilities: what this network alone says, calibrated by its own card, in the order of
            `CLASSES`.
        prepared: the canvas as the network saw it, (size, size) uint8 in `prepared.pixels`,
            and the box of the slice that it shows.
        maps: (h, w, 4) class activation maps, float32, in the order of `CLASSES`.
    """

    network: str
    probabilities: dict[str, float]
    prepared: Prepared
    maps: NDArray[np.float32]

    def heat(self, label: str) -> NDArray[np.float32]:
        """The heat map of a class over the slice, (height, width) float32, 0 to 1."""
        activation = self.maps[..., CLASSES.index(label)]
        return spread(activation, self.prepared.box, self.prepared.source_shape)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Where the network, or the networks of an ensemble, looked for a class.

    Attributes:
        label: the class that the heat map speaks for.
        heat: (height, width) float32, 0 to 1, at the slice's own resolution; 1 where most
            speaks for the class, 0 where nothing does or where the network did not see. That of
            an ensemble is the mean of its members', stretched to 1.
        pixels: (height, width) the grey slice as it was read.
        window: values to show black and white, where the file asks for them.
        looks: of each network.
        prediction: what the same forward pass says of the slice.
    """

    label: str
    heat: NDArray[np.float32]
    pixels: NDArray[Any]
    looks: tuple[Look, ...]
    prediction: Prediction
    window: tuple[float, float] | None = None

    @property
    def grey(self) -> NDArray[np.uint8]:
        """The slice as grey levels to look at, (height, width) uint8."""
        return grey_levels(self.pixels, self.window)

    @property
    def prepared(self) -> Prepared:
        """What the network saw; of an ensemble, its first."""
        return self.looks[0].prepared

    @property
    def maps(self) -> NDArray[np.float32]:
        """The network's class activation maps, (h, w, 4); of an ensemble, its first's."""
        return self.looks[0].maps

    def for_label(self, label: str) -> Explanation:
        """The same slice explained for another class, without another forward pass."""
        if label not in CLASSES:
            raise BraintumorError(f"unknown class {label!r}: choose one of {', '.join(CLASSES)}")
        heat: NDArray[np.float32] = np.mean([look.heat(label) for look in self.looks], axis=0)
        highest = np.float32(heat.max(initial=0.0))
        if len(self.looks) > 1 and highest > 0.0:
            heat = heat / highest
        return replace(self, label=label, heat=heat)
