"""Copies: images that show the same picture, whatever was done to it since.

Exact copies have the same decoded pixels. Near copies correlate above 0.99 (Pearson) as grey
thumbnails of 64 x 64 in one of the eight orientations: resized, re-compressed, mirrored, turned.
Different slices of one patient reach 0.987 there. Altered copies have other grey levels
(brightened, sharpened, another window) or lost a rim: `alignment` tells them from such slices.

What it does not know: names, classes, splits, patients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from braintumor.catalog.alignment import ALTERED, compare
from braintumor.catalog.components import components
from braintumor.catalog.descriptors import (
    ORIENTATIONS,
    Descriptors,
    bound,
    describe,
    inverse,
    oriented,
    oriented_coefficients,
    standardised,
)
from braintumor.catalog.folder import workers
from braintumor.catalog.neighbours import EXACT_UP_TO, nearest
from braintumor.catalog.thumbnails import Thumbnails
from braintumor.progress import track

NEAR = 0.99
# Neighbours of each picture that are looked at; more near copies of one picture than this are
# joined through one another.
NEIGHBOURS = 32
Kind = Literal["exact", "near", "altered"]
# Of a class of exact copies, so many are paired each with each; of more, all with the first.
_ALL_PAIRS_UP_TO = 32
# A cluster of near copies is compared with so many other clusters near it, none of them farther
# (squared distance of descriptors) than this. On the labelled set altered copies are among the
# first two, and within 0.1.
_LOOKS = 5
_FARTHEST = 0.2
# Of two clusters that show the same, so many pictures each are compared with each other.
_MEMBERS = 8
# Two orientations are tried where their correlations are nearer than this.
_UNDECIDED = 0.02
_BLOCK = 2048
_BATCH = 64

Rows = NDArray[np.int64]


class Copy(NamedTuple):
    """Two rows that show the same picture.

    Attributes:
        first, second: rows, first < second.
        correlation: Pearson's, of the 64 x 64 thumbnails in that orientation, -1 to 1; of
            altered copies the likeness that `alignment.compare` found.
        orientation: how to turn the first to get the second: the first of `ORIENTATIONS` that
            makes them alike.
        kind: "exact" (the same pixels, in whatever container), "near" (correlation above
            `NEAR`) or "altered" (grey levels changed or slightly cropped).
    """

    first: int
    second: int
    correlation: float
    orientation: str
    kind: Kind


def find_copies(
    thumbnails: Thumbnails, *, altered: bool = True, exact_up_to: int = EXACT_UP_TO
) -> tuple[Copy, ...]:
    """Find the copies among images; blank pictures are nobody's copies.

    Near copies are paired each with each (with its `NEIGHBOURS` nearest at most). Altered copies
    are looked for between clusters of near copies.

    Args:
        thumbnails: of all images.
        altered: look for altered copies too.
        exact_up_to: number of images up to which the neighbours are searched exactly.

    Returns:
        The pairs, in order of their rows. The order of the images makes no difference to which
        are found.
    """
    # In order of the hashes: one picture each, and no dependence on the order of the rows.
    distinct, picture_of = np.unique(thumbnails.hashes, axis=0, return_inverse=True)
    members: list[list[int]] = [[] for _ in range(len(distinct))]
    for row, picture in enumerate(picture_of.reshape(-1).tolist()):
        members[picture].append(row)
    found = [copy for rows in members for copy in _exact_copies(thumbnails, rows)]
    first_rows = np.array([rows[0] for rows in members], np.int64)
    described = describe(thumbnails.pixels[first_rows])
    seen = np.flatnonzero(described.length > 0)
    search = _Search(thumbnails, first_rows[seen], described.of(seen), exact_up_to)
    pairs = search.near()
    if altered:
        pairs += search.altered(pairs)
    for pair in pairs:
        found += _expanded(pair, members[seen[pair.first]], members[seen[pair.second]])
    return tuple(sorted(found))


def rows_with_copy(
    copies: Sequence[Copy],
    of: NDArray[np.bool_],
    among: NDArray[np.bool_],
    *,
    where: Callable[[Copy], bool] = lambda copy: True,
) -> NDArray[np.bool_]:
    """Which rows of one kind have a copy among the rows of another kind.

    Args:
        copies: the pairs.
        of, among: (n,) masks of rows.
        where: which pairs count.

    Returns:
        (n,) mask, a part of `of`.
    """
    found = np.zeros(len(of), bool)
    for copy in copies:
        if where(copy):
            for row, other in ((copy.first, copy.second), (copy.second, copy.first)):
                found[row] |= bool(of[row] and among[other])
    return found


class _Search:
    """Finds pairs among distinct pictures; rows of a pair are places in `rows`."""

    def __init__(
        self, thumbnails: Thumbnails, rows: Rows, described: Descriptors, exact_up_to: int
    ) -> None:
        self.thumbnails, self.rows, self.described = thumbnails, rows, described
        self.neighbours, self.distances = nearest(
            described.unoriented, NEIGHBOURS, exact_up_to=exact_up_to
        )

    def near(self) -> list[Copy]:
        """Pairs that correlate above `NEAR`."""
        lengths = self.described.length
        # Descriptors are scaled to length 1, which moves two of lengths l and m apart by at most
        # the factor 1 / (l m), squared.
        reach = self.distances * lengths[:, None] * lengths[self.neighbours]
        first, place = np.nonzero((reach <= bound(NEAR) + 1e-4) & (self.neighbours >= 0))
        pairs = _ordered(first, self.neighbours[first, place])
        found: dict[tuple[int, int], Copy] = {}
        for start in range(0, len(pairs), _BLOCK):
            for copy in self._near_among(pairs[start : start + _BLOCK]):
                found.setdefault((copy.first, copy.second), copy)
        return list(found.values())

    def _near_among(self, pairs: Rows) -> Iterator[Copy]:
        first, second = self.described.coefficients[pairs[:, 0]], pairs[:, 1]
        other = self.described.coefficients[second]
        for orientation in ORIENTATIONS:
            apart = ((oriented_coefficients(first, orientation) - other) ** 2).sum(axis=(1, 2))
            likely = pairs[apart <= bound(NEAR) + 1e-4]
            a = oriented(self.thumbnails.pixels[self.rows[likely[:, 0]]], orientation)
            b = self.thumbnails.pixels[self.rows[likely[:, 1]]]
            values = (standardised(a) * standardised(b)).sum(axis=1)
            for (i, j), value in zip(likely.tolist(), values.tolist(), strict=True):
                if value > NEAR:
                    yield Copy(i, j, value, orientation, "near")

    def altered(self, near: Sequence[Copy]) -> list[Copy]:
        """Pairs that are no near copies, each between two clusters of near copies.

        One picture stands for its cluster; where two clusters show the same, all are compared.
        """
        clusters = components(len(self.rows), [(copy.first, copy.second) for copy in near])
        joined = self._altered_among(self._worth_comparing(clusters))
        members: dict[int, list[int]] = {}
        for row, cluster in enumerate(clusters.tolist()):
            members.setdefault(cluster, []).append(row)
        across = [
            (i, j)
            for copy in joined
            for i in members[int(clusters[copy.first])][:_MEMBERS]
            for j in members[int(clusters[copy.second])][:_MEMBERS]
        ]
        ends = np.array(across, np.int64).reshape(-1, 2)
        rest = self._altered_among(_ordered(ends[:, 0], ends[:, 1]))
        return list({(copy.first, copy.second): copy for copy in (*joined, *rest)}.values())

    def _altered_among(self, pairs: Rows) -> list[Copy]:
        pairs, turns = self._turned(pairs)
        batches = [slice(start, start + _BATCH) for start in range(0, len(pairs), _BATCH)]

        def likeness(batch: slice) -> NDArray[np.float32]:
            fine = self.thumbnails.fine
            first, second = self.rows[pairs[batch]].T
            names = [ORIENTATIONS[turn] for turn in turns[batch]]
            turned = [oriented(fine[row], name) for row, name in zip(first, names, strict=True)]
            return compare(fine[second], np.stack(turned)).likeness

        # Matrices so small are multiplied fastest by one thread each.
        one_each = threadpool_limits(1, user_api="blas")
        with one_each, ThreadPoolExecutor(max_workers=workers()) as pool:
            work = pool.map(likeness, batches)
            values = [*track(work, total=len(batches), what="Comparing pictures")]
        best: dict[tuple[int, int], Copy] = {}
        for (i, j), turn, value in zip(
            pairs.tolist(), turns.tolist(), np.concatenate([*values, []]).tolist(), strict=True
        ):
            kept = best.get((i, j))
            if value > ALTERED and (kept is None or value > kept.correlation):
                best[i, j] = Copy(i, j, value, ORIENTATIONS[turn], "altered")
        return list(best.values())

    def _worth_comparing(self, clusters: Rows) -> Rows:
        """(m, 2) pairs: of each cluster the first picture, with the nearest of other clusters."""
        chosen: dict[tuple[int, int], tuple[int, int]] = {}
        for row in np.unique(clusters, return_index=True)[1].tolist():
            own, looked_at = int(clusters[row]), set[int]()
            for other, apart in zip(self.neighbours[row], self.distances[row], strict=True):
                cluster = int(clusters[other])
                if apart > _FARTHEST or other < 0 or len(looked_at) == _LOOKS:
                    break
                if cluster != own and cluster not in looked_at:
                    looked_at.add(cluster)
                    key = (min(own, cluster), max(own, cluster))
                    chosen.setdefault(key, (row, int(other)))
        ends = np.array(list(chosen.values()), np.int64).reshape(-1, 2)
        return _ordered(ends[:, 0], ends[:, 1])

    def _turned(self, pairs: Rows) -> tuple[Rows, Rows]:
        """The pairs, each with the orientation that suits it best, or twice with the best two."""
        coefficients, lengths = self.described.coefficients, self.described.length
        first, second = coefficients[pairs[:, 0]], coefficients[pairs[:, 1]]
        alike = np.stack(
            [(oriented_coefficients(first, name) * second).sum((1, 2)) for name in ORIENTATIONS]
        ) / (lengths[pairs[:, 0]] * lengths[pairs[:, 1]])
        order = np.argsort(-alike, axis=0, kind="stable")[:2]
        values = np.take_along_axis(alike, order, axis=0)
        again = np.flatnonzero(values[0] - values[1] < _UNDECIDED)
        turns = np.concatenate([order[0], order[1][again]])
        return np.concatenate([pairs, pairs[again]]), turns


def _ordered(first: Rows, second: Rows) -> Rows:
    """(m, 2) distinct pairs, the smaller first."""
    ends = np.stack([np.minimum(first, second), np.maximum(first, second)], axis=1)
    return np.unique(ends, axis=0).reshape(-1, 2)


def _exact_copies(thumbnails: Thumbnails, rows: Sequence[int]) -> Iterator[Copy]:
    """Pairs among rows of the same pixels, unless they are blank."""
    if len(rows) < 2 or not thumbnails.pixels[rows[0]].std():
        return
    for place, first in enumerate(rows):
        others = rows[place + 1 :] if len(rows) <= _ALL_PAIRS_UP_TO or not place else ()
        for second in others:
            yield Copy(first, second, 1.0, "upright", "exact")


def _expanded(copy: Copy, firsts: Sequence[int], seconds: Sequence[int]) -> Iterator[Copy]:
    """A pair of pictures as pairs of rows."""
    if len(firsts) * len(seconds) > _ALL_PAIRS_UP_TO**2:
        firsts, seconds = firsts[:1], seconds[:1]
    for first in firsts:
        for second in seconds:
            turned = copy.orientation if first < second else inverse(copy.orientation)
            yield copy._replace(
                first=min(first, second), second=max(first, second), orientation=turned
            )
