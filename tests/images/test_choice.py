"""Which slices of a volume are wanted, as a person types it."""

from __future__ import annotations

import pytest

from braintumor.errors import BraintumorError
from braintumor.images.choice import Choice, choose


@pytest.mark.parametrize(
    ("typed", "every", "numbers"),
    [
        ("", 1, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("", 4, [1, 5, 9]),
        ("3-6", 1, [3, 4, 5, 6]),
        ("3-6", 2, [3, 5]),
        (" 7 - ", 1, [7, 8, 9]),
        ("7-100", 1, [7, 8, 9]),
        ("5", 1, [5]),
        ("10-20", 1, []),
    ],
)
def test_ranges_and_steps(typed: str, every: int, numbers: list[int]) -> None:
    assert list(choose(slices=typed, every=every).numbers(9)) == numbers


def test_all_axial_slices_unless_told_otherwise() -> None:
    assert choose() == Choice()
    assert Choice().plane == "axial"
    assert list(Choice().numbers(3)) == [1, 2, 3]


@pytest.mark.parametrize("typed", ["0-4", "6-3", "a", "-3", "1,2", "3-4-5", "1e9"])
def test_what_is_no_range_is_one_sentence(typed: str) -> None:
    with pytest.raises(BraintumorError, match="no range of slices"):
        choose(slices=typed)


def test_planes_and_steps_that_do_not_exist() -> None:
    with pytest.raises(BraintumorError, match="axial, coronal, sagittal"):
        choose("oblique")
    with pytest.raises(BraintumorError, match="1 or more"):
        choose(every=0)
