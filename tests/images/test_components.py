"""Components of masks: the answers of scipy.ndimage, on which the preparation was first built."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from braintumor.images.components import holes_filled, largest_component, opened

SQUARE = np.ones((3, 3))


def masks() -> Iterator[NDArray[np.bool_]]:
    """Specks, blots, mazes, full and empty pictures of many shapes, single rows among them."""
    random = np.random.default_rng(0)
    for number in range(300):
        shape = tuple(random.integers(1, 70, 2))
        surface = ndimage.gaussian_filter(random.normal(size=shape), random.choice([0, 0.7, 2, 5]))
        yield surface > np.quantile(surface, random.uniform())
        if number % 50 == 0:
            yield np.zeros(shape, bool)
            yield np.ones(shape, bool)


def test_opening_equals_scipys() -> None:
    for mask in masks():
        np.testing.assert_array_equal(opened(mask), ndimage.binary_opening(mask, SQUARE))


def test_filling_equals_scipys() -> None:
    for mask in masks():
        np.testing.assert_array_equal(holes_filled(mask), ndimage.binary_fill_holes(mask))


def test_the_largest_component_equals_scipys() -> None:
    for mask in masks():
        labels, count = ndimage.label(mask, SQUARE)
        largest = largest_component(mask)
        if count == 0:
            assert largest is None
        else:
            expected = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
            np.testing.assert_array_equal(largest, expected)


def test_diagonal_neighbours_are_joined_but_do_not_close_a_hole() -> None:
    diamond = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], bool)

    assert largest_component(diamond) is not None
    np.testing.assert_array_equal(largest_component(diamond), diamond)
    assert holes_filled(diamond)[1, 1]
    assert not holes_filled(np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1]], bool))[0, 2]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_pictures_without_an_inside_open_to_nothing(shape: tuple[int, int]) -> None:
    assert not opened(np.ones(shape, bool)).any()
