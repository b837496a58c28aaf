"""The nearest neighbours of every vector among all others, at a cost that grows with their number.

Few vectors are searched exactly. Many are sorted into lists of about sixty by the nearest of
sampled centres, which are themselves found through a navigable small-world graph (Malkov and
Yashunin 2018), and only the nearest lists are read: an inverted file as Sivic and Zisserman (2003)
have it, both by FAISS, which the extra [large] brings; without it more are compared exactly, at
the square of the cost.

What it does not know: what the vectors describe.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from braintumor.catalog.folder import workers
from braintumor.errors import require

# Up to so many vectors, comparing all with all takes a few seconds.
EXACT_UP_TO = 16_384
# Beyond so many it takes hours.
_EXACT_AT_MOST = 150_000
# Distances that are looked at in one go: 128 MB of them.
_BLOCK = 2**25
_PER_LIST = 64
_LISTS_READ = 16
# The more vectors, the more crowded the lists that are near to many: no search reads on after
# this many vectors, so that it costs the same among a million as among ten thousand.
_VECTORS_READ = 1000
# FAISS compares fastest where the width divides by this.
_LANES = 16
# Candidates that the walk through the graph keeps.
_WALKERS = 32


def nearest(
    vectors: NDArray[np.float32], count: int, *, exact_up_to: int = EXACT_UP_TO, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Each vector's nearest others.

    Args:
        vectors: (n, d) float32.
        count: of neighbours wanted.
        exact_up_to: number of vectors up to which the search is exact.
        seed: of the sample of centres.

    Returns:
        (rows, distances): (n, count) int64 and float32, nearest first, squared Euclidean; row -1
        where there are fewer.

    Raises:
        MissingExtraError: more than a hundred and fifty thousand, and no FAISS.
    """
    if len(vectors) < 2 or count < 1:
        return np.full((len(vectors), count), -1), np.full((len(vectors), count), np.inf, "f4")
    vectors = np.ascontiguousarray(vectors, np.float32)
    many = len(vectors) > exact_up_to
    if many and (find_spec("faiss") or len(vectors) > _EXACT_AT_MOST):
        distances, rows = _through_lists(vectors, count + 1, seed)
    else:
        distances, rows = _exactly(vectors, count + 1)
    return _without_self(rows, distances)


def _exactly(
    vectors: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(distances, rows) of all compared with all, each vector among its own neighbours."""
    size, kept = len(vectors), min(count, len(vectors))
    rows = np.full((size, count), -1, np.int64)
    distances = np.full((size, count), np.inf, np.float32)
    squares = np.einsum("nd,nd->n", vectors, vectors)
    step = max(1, _BLOCK // size)
    for start in range(0, size, step):
        block = slice(start, start + step)
        # Squared distance, less the square of the row's own vector, which changes no order.
        apart = squares - 2 * (vectors[block] @ vectors.T)
        near = np.argpartition(apart, kept - 1, axis=1)[:, :kept]
        found = np.take_along_axis(apart, near, axis=1)
        order = np.argsort(found, axis=1, kind="stable")
        rows[block, :kept] = np.take_along_axis(near, order, axis=1)
        found = np.take_along_axis(found, order, axis=1) + squares[block, None]
        distances[block, :kept] = np.maximum(found, 0)
    return distances, rows


def _through_lists(
    vectors: NDArray[np.float32], count: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(distances, rows) as FAISS has them, each vector among its own neighbours."""
    require("faiss", extra="large", what="Comparing so many images")
    import faiss
    from faiss.contrib.ivf_tools import add_preassigned, search_preassigned

    faiss.omp_set_num_threads(workers())
    vectors = np.pad(vectors, ((0, 0), (0, -vectors.shape[1] % _LANES)))
    size, width = vectors.shape
    chosen = np.random.default_rng(seed).choice(size, size=-(-size // _PER_LIST), replace=False)
    graph = faiss.IndexHNSWFlat(width, 16)
    graph.add(vectors[np.sort(chosen)])
    graph.hnsw.efSearch = _WALKERS
    apart, lists = graph.search(vectors, min(_LISTS_READ, len(chosen)))
    # In the order of the lists: one query after another then reads the same ones, from the
    # processor's cache and not from memory.
    order = np.argsort(lists[:, 0], kind="stable")
    vectors, apart, lists = vectors[order], apart[order], lists[order]
    index = faiss.IndexIVFFlat(graph, width, len(chosen), faiss.METRIC_L2)
    index.is_trained = True  # the centres stand already
    index.nprobe, index.max_codes = lists.shape[1], _VECTORS_READ
    add_preassigned(index, vectors, np.ascontiguousarray(lists[:, 0]))
    distances, places = search_preassigned(index, vectors, count, lists, apart)
    found = np.where(places >= 0, order[places], -1)
    back = np.argsort(order)
    return distances[back], found[back]


def _without_self(
    rows: NDArray[np.int64], distances: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Drop each vector from its own neighbours, or the last one where equal ones displaced it."""
    own = rows == np.arange(len(rows))[:, None]
    own[~own.any(axis=1), -1] = True
    shape = (len(rows), rows.shape[1] - 1)
    return rows[~own].reshape(shape), distances[~own].reshape(shape)
