"""Copies are found in all eight orientations, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.copies import ORIENTATIONS, find_copies, oriented, rows_with_copy
from braintumor.catalog.thumbnails import thumbnails


@pytest.mark.shared
def test_the_labelled_set(shared: Path) -> None:
    catalog = Catalog.from_folder(shared / "data" / "labeled-mri")
    copies = find_copies(thumbnails(catalog))
    splits = catalog.table["split"].to_numpy()
    views = {
        "upright": ("upright",),
        "mirrored": ("upright", "mirrored"),
        "any": ORIENTATIONS,
    }
    wanted = {"test": (22, 77, 80), "valid": (41, 139, 150)}
    for split, counts in wanted.items():
        for allowed, count in zip(views.values(), counts, strict=True):
            found = rows_with_copy(
                copies,
                splits == split,
                splits == "train",
                where=lambda copy, allowed=allowed: (
                    copy.orientation in allowed and copy.kind != "altered"
                ),
            )
            assert abs(int(found.sum()) - count) <= 3


def test_the_eight_orientations_are_eight() -> None:
    picture = np.arange(16).reshape(4, 4)
    assert len({oriented(picture, name).tobytes() for name in ORIENTATIONS}) == 8
