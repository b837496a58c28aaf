"""A head without its rim: what is taken away, what stays, and whose mask moves with it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from braintumor.networks import rim as rims
from braintumor.networks.augmentation import Augmentation, draw
from braintumor.networks.rim import Rim, draw_rim

SIDE = 96
BRAIN, SCALP, LESION = 70, 230, 140
BARE = Rim(depth=0.25, left=0.0, waves_seed=1)
FILLED = Rim(depth=0.25, left=0.0, filled=True, waves_seed=1)
DIMMED = Rim(depth=0.25, left=0.3, waves_seed=1)

ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
RADIUS = np.hypot(ROWS, COLUMNS)


def without_rim(pixels: np.ndarray, mask: np.ndarray, rim: Rim) -> tuple[np.ndarray, np.ndarray]:
    """Where whatever is lit is the head."""
    depth = distance_transform_edt(np.pad(pixels > 0, 1))[1:-1, 1:-1]
    return rims.without_rim(pixels, mask, (depth / depth.max()).astype(np.float32), rim)


def disc(row: float, column: float, radius: float) -> np.ndarray:
    return np.asarray(np.hypot(ROWS - row, COLUMNS - column) < radius)


@pytest.fixture
def head() -> np.ndarray:
    """A dark brain with a lesion right of its middle, in a bright scalp that sets the window."""
    picture = np.zeros((SIDE, SIDE), np.uint8)
    picture[RADIUS < 46] = SCALP
    brain = RADIUS < 38
    picture[brain] = BRAIN + (5 * np.sin(ROWS) + 5 * np.cos(COLUMNS))[brain]
    picture[disc(0, 12, 7)] = LESION
    picture[disc(-18, 0, 7)] = 4  # as dark as fluid is
    return picture


@pytest.fixture
def mask() -> np.ndarray:
    return np.asarray(disc(0, 12, 7) * 255, np.uint8)


def test_the_scalp_goes_and_the_brain_becomes_as_bright_as_its_own_window_has_it(
    head: np.ndarray, mask: np.ndarray
) -> None:
    found, same = without_rim(head, mask, BARE)
    assert not found[RADIUS > 41].any()
    assert (found[disc(0, 12, 5)] == 255).all(), "nothing is brighter than the lesion now"
    assert found[RADIUS < 20].min() < 20
    np.testing.assert_array_equal(same, mask)


def test_a_brain_that_fills_the_canvas_takes_its_lesions_mask_along(
    head: np.ndarray, mask: np.ndarray
) -> None:
    found, moved = without_rim(head, mask, FILLED)
    assert found[:, 0].any()
    assert found[0].any()
    assert (moved > 127).sum() > 1.3 * (mask > 127).sum()
    assert np.mean((found > 200) == (moved > 127)) > 0.98


def test_fat_suppression_leaves_the_scalp_darker_and_the_head_whole(
    head: np.ndarray, mask: np.ndarray
) -> None:
    found, _ = without_rim(head, mask, DIMMED)
    scalp, brain = found[(RADIUS > 40) & (RADIUS < 44)].mean(), found[disc(0, -12, 7)].mean()
    assert scalp > 0, "it is not taken away"
    assert scalp / brain < 0.5 * SCALP / BRAIN


def test_a_lesion_at_the_rim_keeps_it(head: np.ndarray) -> None:
    """A slice whose tumour was cut away would be learnt under a label that is no longer true."""
    at_the_rim = np.asarray(disc(0, 40, 5) * 255, np.uint8)
    found, same = without_rim(head, at_the_rim, FILLED)
    assert found is head
    assert same is at_the_rim


def test_what_is_too_small_stays_as_it_is() -> None:
    """Two thirds of the depth of a narrow head would leave a strip."""
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[:, 30:60] = 90
    found, _ = without_rim(pixels, np.zeros_like(pixels), Rim(depth=0.9, left=0.0))
    assert found is pixels


def test_the_edge_waves_with_its_seed(head: np.ndarray, mask: np.ndarray) -> None:
    one, other = (without_rim(head, mask, Rim(depth=0.3, left=0, waves_seed=k)) for k in (1, 2))
    assert not np.array_equal(one[0], other[0])
    again = without_rim(head, mask, Rim(depth=0.3, left=0, waves_seed=1))
    np.testing.assert_array_equal(one[0], again[0])


def test_so_many_are_changed_and_most_of_these_lose_their_rim() -> None:
    random = np.random.default_rng(0)
    drawn = [draw_rim(random, 0.4) for _ in range(2000)]
    changed = [rim for rim in drawn if rim != Rim()]
    assert len(changed) / len(drawn) == pytest.approx(0.4, abs=0.04)
    assert np.mean([rim.left == 0 for rim in changed]) == pytest.approx(0.6, abs=0.05)
    assert all(draw_rim(random, 0.0) == Rim() for _ in range(99))
    assert all(rim.depth < 0.35 and rim.left <= 0.6 for rim in changed)


def test_without_it_everything_else_is_drawn_as_it_was() -> None:
    """Older recipes draw the same pictures as before."""
    with_it = draw(Augmentation(rim=1.0, scanner=0.5), seed=1, epoch=2, image=3)
    without = draw(Augmentation(scanner=0.5), seed=1, epoch=2, image=3)
    assert with_it.rim != Rim()
    assert without.rim == Rim()
    assert with_it.scan == without.scan
    assert with_it.gamma == without.gamma
