"""Descriptors: the same for eight orientations, and never farther apart than the pictures."""

from __future__ import annotations

import numpy as np
import pytest
from altered import phantoms
from hypothesis import given
from hypothesis import strategies as st

from braintumor.catalog.descriptors import (
    ORIENTATIONS,
    bound,
    describe,
    inverse,
    oriented,
    oriented_coefficients,
    standardised,
)
from braintumor.catalog.thumbnails import thumbnail

PICTURES = np.stack([thumbnail(pixels) for pixels in phantoms()])


def test_the_eight_orientations_are_eight() -> None:
    picture = np.arange(16, dtype=np.uint8).reshape(4, 4)
    assert len({oriented(picture, name).tobytes() for name in ORIENTATIONS}) == 8


def test_orientations_are_named_by_what_is_done() -> None:
    picture = np.array([[1, 2], [3, 4]], np.uint8)
    assert oriented(picture, "mirrored").tolist() == [[2, 1], [4, 3]]
    assert oriented(picture, "turned_90").tolist() == [[2, 4], [1, 3]]
    assert oriented(picture, "mirrored_turned_90").tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
class TestOrientations:
    def test_the_inverse_leads_back(self, orientation: str) -> None:
        there = oriented(PICTURES, orientation)
        assert np.array_equal(oriented(there, inverse(orientation)), PICTURES)

    def test_descriptors_do_not_see_them(self, orientation: str) -> None:
        plain, turned = describe(PICTURES), describe(oriented(PICTURES, orientation))
        assert np.allclose(plain.unoriented, turned.unoriented, atol=1e-4)
        assert not np.allclose(plain.unoriented[0], plain.unoriented[1], atol=0.05)

    def test_coefficients_are_turned_without_the_picture(self, orientation: str) -> None:
        turned = oriented_coefficients(describe(PICTURES).coefficients, orientation)
        expected = describe(oriented(PICTURES, orientation)).coefficients
        assert np.allclose(turned, expected, atol=1e-4)


@given(st.integers(0, 2**32 - 1), st.sampled_from(ORIENTATIONS), st.floats(0, 60))
def test_no_pair_is_brought_further_apart_than_its_correlation_allows(
    seed: int, orientation: str, noise: float
) -> None:
    random = np.random.default_rng(seed)
    picture = PICTURES[random.integers(len(PICTURES))]
    other = oriented(picture, orientation) + random.normal(0, noise, picture.shape)
    pair = np.stack([picture, np.clip(other, 0, 255).astype(np.uint8)])
    rows = standardised(np.stack([oriented(pair[0], orientation), pair[1]]))
    correlation = float(rows[0] @ rows[1])
    described = describe(pair)
    apart = float(((described.unoriented[0] - described.unoriented[1]) ** 2).sum())
    assert apart * described.length.prod() <= bound(correlation) + 1e-4


def test_blank_pictures_have_no_length() -> None:
    described = describe(np.full((2, 64, 64), 7, np.uint8))
    assert described.length.tolist() == [0, 0]
    assert np.isfinite(described.unoriented).all()
    assert len(describe(np.zeros((0, 64, 64), np.uint8)).length) == 0
