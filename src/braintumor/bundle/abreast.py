"""Work done by several threads at once, its results in the order of the items.

No more is begun than is asked for soon, so that memory stays flat however long the list is. Knows
nothing of what the items are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def abreast(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    pool: Executor,
    ahead: int,
    weight: Callable[[T], int] = lambda _: 0,
    most: int = 0,
) -> Iterator[R]:
    """Do the work for each item in the pool; give the results in the items' order.

    Args:
        work: called in the pool's threads; what it raises is raised here, in its place.
        items: taken in this thread, as they are needed.
        pool: that does the work; no work in it may wait for other work in it.
        ahead: how many items are begun before the first result is asked for.
        weight: of an item, in the unit of `most`; none where not given.
        most: what the items that are begun ahead may weigh together; one alone may weigh more.
    """
    under_way: deque[tuple[Future[R], int]] = deque()
    total = 0
    try:
        for item in items:
            under_way.append((pool.submit(work, item), weight(item)))
            total += under_way[-1][1]
            while len(under_way) > ahead or (total > most and len(under_way) > 1):
                oldest, freed = under_way.popleft()
                total -= freed
                yield oldest.result()
        while under_way:
            yield under_way.popleft()[0].result()
    finally:  # the caller has had enough, or was interrupted
        for one, _ in under_way:
            one.cancel()


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Put items together, `size` at a time."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
