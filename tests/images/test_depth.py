"""How deep in the head a pixel lies, and what conditions do to the head's rim by it."""

from __future__ import annotations

import numpy as np
import pytest

from braintumor.catalog.phantom.dataset import sample_phantoms
from braintumor.images.conditions import GRADED, apply
from braintumor.images.depth import head_depth

SIDE = 200
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
RADIUS = np.hypot(ROWS, COLUMNS)
SLICE = sample_phantoms()["glioma"]


@pytest.mark.parametrize("scale", [1, 7.5])
def test_depth_grows_evenly_from_the_outline_to_the_middle(scale: float) -> None:
    head = np.where(RADIUS < 80, 120.0, 0.0) * scale
    depth = head_depth(head.astype(np.float32))
    assert depth.shape == head.shape
    assert not depth[RADIUS > 84].any()
    assert np.abs(depth - np.clip(1 - RADIUS / 80, 0, 1)).max() < 0.05


def test_depth_is_measured_in_the_slices_own_pixels() -> None:
    """However wide the picture is, of which the head is looked for on a square copy."""
    head = np.where(RADIUS < 80, np.uint8(120), np.uint8(0))
    wide = head_depth(np.pad(head, ((0, 0), (300, 0))))
    assert np.abs(wide[:, 300:] - head_depth(head)).max() < 0.08


def test_without_a_head_the_pictures_own_middle_is_meant() -> None:
    depth = head_depth(np.full((50, 50), 9, np.uint8))
    assert depth[25, 25] > 0.95
    assert depth[0, 0] < 0.1


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_fat_suppression_darkens_the_rim_and_nothing_else(severity: int) -> None:
    found, depth = apply(SLICE, "fat_suppressed", severity), head_depth(SLICE)
    left = GRADED["fat_suppressed"]["left"][severity - 1]
    rim, inside = (depth > 0.02) & (depth < 0.13), depth > 0.15
    np.testing.assert_array_equal(found[inside], SLICE[inside])
    assert found[rim].mean() == pytest.approx(left * SLICE[rim].mean(), rel=0.1)


def test_a_stripped_head_is_the_brain_alone() -> None:
    found, depth = apply(SLICE, "skull_stripped", 1), head_depth(SLICE)
    assert (found[depth < 0.18] <= SLICE.min()).all()
    np.testing.assert_array_equal(found[depth > 0.22], SLICE[depth > 0.22])
