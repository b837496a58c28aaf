"""The pictures of a slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_bundle import striped

from braintumor.app.pictures import MAX_SIDE, heat_over_slice, shrink
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.explanation import Explanation


@pytest.fixture(scope="module")
def explained(tiny: Path) -> Explanation:
    return Classifier.load(tiny).explain(striped("upright"))


def test_at_strength_0_the_slice_alone_shows(explained: Explanation) -> None:
    shown = heat_over_slice(explained.grey, explained.heat, 0.0)
    assert (shown == explained.grey[..., np.newaxis]).all()


def test_more_strength_colours_more(explained: Explanation) -> None:
    plain = explained.grey[..., np.newaxis].astype(int)
    shown = [heat_over_slice(explained.grey, explained.heat, s) for s in (0.0, 0.3, 0.6, 1.0)]
    changes = [np.abs(one - plain).sum() for one in shown]
    assert changes == sorted(changes)
    assert changes[-1] > changes[1] > 0


def test_large_slices_are_brought_down_with_their_heat_map(tiny: Path) -> None:
    wide = striped("upright", shape=(900, 1800))
    explained = Classifier.load(tiny).explain(wide)
    shown = heat_over_slice(explained.grey, explained.heat, 0.5)
    assert shown.shape == (MAX_SIDE // 2, MAX_SIDE, 3)


def test_small_ones_are_left_alone() -> None:
    small = striped("even", shape=(40, 30))
    assert shrink(small) is small
