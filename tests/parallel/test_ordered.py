"""Results come in the items' order, few items are under way, and no death loses one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from braintumor.parallel.ordered import InProcess, WorkerDiedError, ordered


class Fake:
    """A pool that doubles numbers when asked for the result, and dies of some."""

    def __init__(self, ahead: int, deadly: tuple[int, ...] = ()) -> None:
        self.ahead = ahead
        self.deadly = deadly
        self.under_way = 0
        self.most = 0

    def submit(self, item: int) -> Callable[[], int]:
        self.under_way += 1
        self.most = max(self.most, self.under_way)

        def result() -> int:
            self.under_way -= 1
            return self.alone(item)

        return result

    def alone(self, item: int) -> int:
        if item in self.deadly:
            raise WorkerDiedError
        return 2 * item

    def close(self) -> None:
        pass


def never(item: int, alone: Callable[[int], int]) -> int:
    raise AssertionError(f"{item} needed no rescue")


@pytest.mark.parametrize("ahead", [1, 3, 100])
def test_results_are_in_the_order_of_the_items(ahead: int) -> None:
    assert list(ordered(Fake(ahead), range(10), never)) == list(range(0, 20, 2))


def test_no_more_are_under_way_than_the_pool_wants() -> None:
    pool = Fake(3)

    assert len(list(ordered(pool, range(50), never))) == 50
    assert pool.most == 3


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            taken.append(len(taken))
            yield taken[-1]

    results = ordered(Fake(4), endless(), never)
    next(results)

    assert len(taken) == 4


def test_the_item_of_a_worker_that_died_is_rescued_in_its_place() -> None:
    def rescue(item: int, alone: Callable[[int], int]) -> int:
        with pytest.raises(WorkerDiedError):
            alone(item)
        return -alone(item + 1)

    assert list(ordered(Fake(2, deadly=(1,)), range(4), rescue)) == [0, -4, 4, 6]


def test_in_this_process_the_function_is_made_once_and_when_needed() -> None:
    made: list[str] = []

    def make() -> Callable[[int], int]:
        made.append("once")
        return lambda item: item + 1

    pool = InProcess(make)
    assert made == []
    assert list(ordered(pool, range(3), never)) == [1, 2, 3]
    assert made == ["once"]
