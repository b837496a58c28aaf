"""The check on 200 made tables of each kind, half of them sound: how many it finds, how many it
accuses. Of each kind at least 99 of 100 are found, and of sound tables at most 1 in 100 is accused.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from made_tables import BROKEN, Made, as_people_write_it, sound

from braintumor.evaluation import foreign
from braintumor.evaluation.check import check

CASES = 100


def is_accused(made: Made, rng: np.random.Generator) -> bool:
    reading = foreign.interpret(as_people_write_it(made, rng), "made.csv")
    return check(reading.predictions, notes=reading.notes).wrong


@cache
def accused(kind: str) -> int:
    """How many of the sound tables drawn beside one kind are called wrong."""
    rng = np.random.default_rng([sorted(BROKEN).index(kind), 0])
    return sum(is_accused(sound(rng), rng) for _ in range(CASES))


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_broken_is_found(kind: str) -> None:
    rng = np.random.default_rng([sorted(BROKEN).index(kind), 1])
    found = sum(is_accused(BROKEN[kind](rng), rng) for _ in range(CASES))
    assert found >= 0.99 * CASES


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_sound_is_not_accused(kind: str) -> None:
    assert accused(kind) <= 0.01 * CASES


def test_of_all_sound_tables_less_than_one_in_two_hundred_is_accused() -> None:
    assert sum(accused(kind) for kind in BROKEN) <= 0.005 * CASES * len(BROKEN)
