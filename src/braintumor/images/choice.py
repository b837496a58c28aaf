"""Which slices of a file that holds many are wanted: plane, range and step.

Slices are counted from 1, as DICOM counts frames. Knows no file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from braintumor.errors import BraintumorError
from braintumor.images.geometry import PLANES, Plane


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The slices that are wanted of every file that holds several.

    Attributes:
        plane: of NIfTI volumes; what is made of slices already has its plane.
        first, last: numbers of the first and the last slice, both included; to the end where
            `last` is None. Numbers that a file does not have are no error.
        every: step; 1 for all.
    """

    plane: Plane = "axial"
    first: int = 1
    last: int | None = None
    every: int = 1

    def numbers(self, count: int) -> range:
        """Numbers of the wanted slices of a file that holds `count`."""
        last = count if self.last is None else min(self.last, count)
        return range(self.first, last + 1, self.every)


def choose(plane: str = "axial", slices: str = "", every: int = 1) -> Choice:
    """A choice from what a person types.

    >>> choose("coronal", "60-100", 4).numbers(80)
    range(60, 81, 4)

    Args:
        plane: axial, coronal or sagittal.
        slices: `60-100`, `60-` (to the end), `60` (one) or empty (all).
        every: step.

    Raises:
        BraintumorError: none of these.
    """
    if plane not in PLANES:
        raise BraintumorError(f"there is no plane {plane!r}: choose one of {', '.join(PLANES)}")
    if every < 1:
        raise BraintumorError(f"every {every}th slice cannot be taken: choose 1 or more")
    found = re.fullmatch(r"\s*(\d{1,7})\s*(?:(-)\s*(\d{1,7})?)?\s*", slices or "1-")
    first = int(found[1]) if found else 0
    last = (int(found[3]) if found[3] else None) if found and found[2] else first
    if first < 1 or (last is not None and last < first):
        raise BraintumorError(
            f"{slices!r} is no range of slices: they are counted from 1, so write 60-100, 60- or 60"
        )
    return Choice(plane=plane, first=first, last=last, every=every)
