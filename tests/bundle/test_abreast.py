"""Work side by side: results in order, nothing begun too early, errors in their places."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from braintumor.bundle.abreast import abreast, batches


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


def test_results_come_in_the_order_of_the_items(pool: ThreadPoolExecutor) -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.02 * (number % 3 == 0))
        return number * number

    found = list(abreast(slow_first, range(30), pool=pool, ahead=5))
    assert found == [number * number for number in range(30)]


def test_the_work_is_done_side_by_side(pool: ThreadPoolExecutor) -> None:
    meeting = threading.Barrier(4, timeout=30)  # opens only once four are there
    assert len(list(abreast(lambda _: meeting.wait(), range(8), pool=pool, ahead=4))) == 8


def test_no_more_items_are_taken_than_are_wanted_ahead(pool: ThreadPoolExecutor) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = abreast(lambda number: number, items(), pool=pool, ahead=6)
    assert next(results) == 0
    assert len(taken) == 7
    results.close()


def test_no_more_are_begun_than_may_weigh_together(pool: ThreadPoolExecutor) -> None:
    """Five of weight 3 are too many for 14, and light ones make no difference."""
    taken: list[int] = []

    def items() -> Iterator[int]:
        for weight in [3] * 20 + [0] * 50 + [99] + [3] * 20:
            taken.append(weight)
            yield weight

    results = abreast(lambda one: one, items(), pool=pool, ahead=30, weight=int, most=14)
    assert next(results) == 3
    assert len(taken) == 5
    rest = list(results)
    assert rest == [3] * 19 + [0] * 50 + [99] + [3] * 20
    results.close()


def test_one_alone_may_weigh_more(pool: ThreadPoolExecutor) -> None:
    assert list(abreast(abs, [7, 8], pool=pool, ahead=9, weight=int, most=1)) == [7, 8]


def test_an_error_comes_in_its_place_and_ends_the_rest(pool: ThreadPoolExecutor) -> None:
    done: list[int] = []

    def work(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        done.append(number)
        time.sleep(0.01)
        return number

    results = abreast(work, range(1000), pool=pool, ahead=20)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert len(done) < 40


def test_batches_are_full_but_for_the_last() -> None:
    assert list(batches(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batches([], 3)) == []
