"""Drawn pictures of anything but a brain: the same each time, and each of its own kind."""

from __future__ import annotations

import numpy as np
import pytest

from braintumor.catalog.foreign import KINDS, draw


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_depends_on_seed_kind_and_number_alone(kind: str) -> None:
    picture = draw(kind, 3, seed=1)

    assert picture.dtype == np.uint8
    assert picture.ndim == 2
    assert min(picture.shape) >= 64
    np.testing.assert_array_equal(picture, draw(kind, 3, seed=1))
    for other in (draw(kind, 4, seed=1), draw(kind, 3, seed=2)):
        assert picture.shape != other.shape or (picture != other).any()


def test_every_kind_but_the_gradient_shows_something() -> None:
    for kind in KINDS.keys() - {"gradient"}:
        assert np.ptp(draw(kind, 0)) > 60, kind


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ValueError, match="unknown kind 'brain'"):
        draw("brain", 0)
