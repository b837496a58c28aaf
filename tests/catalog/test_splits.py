"""Splits by group: no group on two sides, every class shared alike, and nothing else decides."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from braintumor.catalog.splits import grouped, missing_labels

SHARES = (0.7, 0.15, 0.15)

Problem = tuple[list[int], list[str], tuple[float, ...], int]


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Labels, groups, shares and a seed; a group may hold several classes."""
    count = draw(st.integers(1, 60))
    labels = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    numbers = draw(st.lists(st.integers(0, 20), min_size=count, max_size=count))
    parts = draw(st.lists(st.integers(1, 5), min_size=2, max_size=5))
    shares = tuple(part / sum(parts) for part in parts)
    return labels, [f"g{number}" for number in numbers], shares, draw(st.integers(0, 2**32 - 1))


def sides(problem: Problem) -> list[int]:
    labels, groups, shares, seed = problem
    return grouped(labels, groups, shares=shares, seed=seed).tolist()


@given(problems())
def test_no_group_is_on_two_sides(problem: Problem) -> None:
    placed = set(zip(problem[1], sides(problem), strict=True))
    assert len(placed) == len(set(problem[1]))


@given(problems())
def test_every_image_is_placed_once(problem: Problem) -> None:
    found = sides(problem)
    assert len(found) == len(problem[0])
    assert set(found) <= set(range(len(problem[2])))


@given(problems())
def test_a_seed_reproduces(problem: Problem) -> None:
    assert sides(problem) == sides(problem)


@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_makes_no_difference(problem: Problem, random: object) -> None:
    labels, groups, shares, seed = problem
    order = list(range(len(labels)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = ([labels[row] for row in order], [groups[row] for row in order], shares, seed)
    plain = sides(problem)
    assert sides(shuffled) == [plain[row] for row in order]


@given(st.lists(st.integers(3, 12), min_size=1, max_size=4), st.integers(0, 1000))
def test_a_class_with_groups_enough_is_on_every_side(counts: list[int], seed: int) -> None:
    """Groups of one class each, of 1 to 20 images."""
    sizes = np.random.default_rng(seed)
    labels, groups = [], []
    for label, count in enumerate(counts):
        for group in range(count):
            size = int(sizes.integers(1, 21))
            labels += [label] * size
            groups += [f"{label}-{group}"] * size
    found = Counter(zip(labels, sides((labels, groups, SHARES, seed)), strict=True))
    assert all(found[label, side] for label in range(len(counts)) for side in range(3))


def patients(seed: int = 0) -> tuple[list[int], list[str]]:
    """As the labelled set has them: 4 classes, 50 to 300 groups each, of 1 to 30 images."""
    random = np.random.default_rng(seed)
    labels, groups = [], []
    for label, count in enumerate((50, 160, 300, 75)):
        for group in range(count):
            size = int(random.integers(1, 31 if count < 100 else 6))
            labels += [label] * size
            groups += [f"{label}-{group}"] * size
    return labels, groups


def test_class_shares_come_as_near_as_groups_allow() -> None:
    labels, groups = patients()
    found = np.array(sides((labels, groups, SHARES, 0)))
    for label in range(4):
        of = found[np.array(labels) == label]
        shares = np.bincount(of, minlength=3) / len(of)
        assert np.abs(shares - SHARES).max() < 0.01


def test_another_seed_is_another_split() -> None:
    labels, groups = patients()
    splits = {tuple(sides((labels, groups, SHARES, seed))) for seed in range(5)}
    assert len(splits) == 5


def test_large_groups_are_not_always_trained_on() -> None:
    """Or the test would know small patients only."""
    labels, groups = patients()
    sizes = Counter(groups)
    large = {group for group, size in sizes.items() if size >= 20}
    held_out: set[str] = set()
    for seed in range(10):
        found = sides((labels, groups, SHARES, seed))
        held_out |= {group for group, side in zip(groups, found, strict=True) if side}
    assert len(held_out & large) > 0.7 * len(large)


def test_nothing_to_split() -> None:
    assert grouped([], [], shares=SHARES, seed=0).tolist() == []


def test_classes_that_a_side_has_none_of_are_named() -> None:
    found = missing_labels(["a", "b", "b", "c"], np.array([0, 0, 2, 2]), 3)
    assert found == [("c",), ("a", "b", "c"), ("a",)]
