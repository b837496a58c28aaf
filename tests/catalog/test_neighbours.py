"""Nearest neighbours: exact for few vectors, nearly so for many."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from braintumor.catalog import neighbours
from braintumor.catalog.neighbours import nearest
from braintumor.errors import MissingExtraError


def vectors(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32)


def test_few_are_compared_all_with_all() -> None:
    points = vectors(200)
    rows, distances = nearest(points, 5)
    apart = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    assert np.array_equal(rows, np.argsort(apart, axis=1)[:, :5])
    assert np.allclose(distances, np.sort(apart, axis=1)[:, :5], atol=1e-3)


def test_many_find_their_planted_partners() -> None:
    points = vectors(6000)
    random = np.random.default_rng(1)
    points[3000:] = points[:3000] + random.normal(0, 0.05, (3000, 16))
    rows, _ = nearest(points, 1, exact_up_to=100)
    partner = (np.arange(6000) + 3000) % 6000
    assert (rows[:, 0] == partner).mean() >= 0.99


def test_nobody_is_their_own_neighbour_even_among_equals() -> None:
    rows, distances = nearest(np.ones((50, 16), np.float32), 3)
    assert not (rows == np.arange(50)[:, None]).any()
    assert distances.max() == 0


def test_fewer_than_wanted_are_marked() -> None:
    rows, _ = nearest(vectors(3), 5)
    assert sorted(rows[0].tolist()) == [-1, -1, -1, 1, 2]
    assert nearest(vectors(1), 2)[0].tolist() == [[-1, -1]]
    assert nearest(vectors(0), 2)[0].shape == (0, 2)


def test_without_faiss_many_are_compared_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    points = vectors(3000)
    expected = nearest(points, 4)
    monkeypatch.setattr(neighbours, "find_spec", lambda name: None)
    # Blocks of seven rows, so that their seams are seen.
    monkeypatch.setattr(neighbours, "_BLOCK", 7 * len(points))
    rows, distances = nearest(points, 4, exact_up_to=100)

    np.testing.assert_array_equal(rows, expected[0])
    np.testing.assert_allclose(distances, expected[1], atol=1e-4)


def test_without_faiss_hundreds_of_thousands_ask_for_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neighbours, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtraError, match=r"\[large\]"):
        nearest(np.zeros((150_001, 1), np.float32), 1)
