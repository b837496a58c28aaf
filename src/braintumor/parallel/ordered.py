"""A map over work items whose results come in the items' order, whatever does the work.

No more items are under way than the pool wants, so that neither items nor results pile up. A
process that dies takes nothing with it: what it worked on is tried again alone, and if that kills
again, the caller says what becomes of it. Knows nothing of what the items are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from braintumor.parallel.worker import Make

T = TypeVar("T")
R = TypeVar("R")
T_contra = TypeVar("T_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)
Ask = Callable[[T], R]


class WorkerDiedError(Exception):
    """The process that worked on an item died, again and again: killed, or crashed."""


class Pool(Protocol[T_contra, R_co]):
    """Whatever does the work.

    Attributes:
        ahead: how many items are to be under way at once.
    """

    ahead: int

    def submit(self, item: T_contra) -> Callable[[], R_co]:
        """Begin with an item; calling what is given back waits for its result.

        The call raises `WorkerDiedError`, or whatever the function raised.
        """
        ...

    def alone(self, item: T_contra) -> R_co:
        """Do one item where its death takes no other with it.

        Raises:
            WorkerDiedError: it died of this item.
        """
        ...

    def close(self) -> None:
        """Take nothing more; what is under way may end or be given up, and nobody gets it."""
        ...


class InProcess(Generic[T, R]):
    """No pool: each item is done here, when its turn comes."""

    ahead = 1

    def __init__(self, make: Make[T, R]) -> None:
        """Take what makes the function; it is called for the first item."""
        self._make = make
        self._function: Callable[[T], R] | None = None

    def submit(self, item: T) -> Callable[[], R]:
        """See `Pool`; the work is done when the result is asked for."""
        return lambda: self.alone(item)

    def alone(self, item: T) -> R:
        """See `Pool`."""
        if self._function is None:
            self._function = self._make()
        return self._function(item)

    def close(self) -> None:
        """See `Pool`."""


def ordered(
    pool: Pool[T, R], items: Iterable[T], rescue: Callable[[T, Ask[T, R]], R]
) -> Iterator[R]:
    """Work through the items and give their results in the items' order.

    Args:
        pool: does the work.
        items: taken as they are needed.
        rescue: says what becomes of an item whose worker died; it is given the item and a
            function that does an item alone, and may so try parts of it.
    """
    under_way: deque[tuple[T, Callable[[], R]]] = deque()

    def oldest() -> R:
        item, result = under_way.popleft()
        try:
            return result()
        except WorkerDiedError:
            return rescue(item, pool.alone)

    for item in items:
        under_way.append((item, pool.submit(item)))
        if len(under_way) >= pool.ahead:
            yield oldest()
    while under_way:
        yield oldest()
