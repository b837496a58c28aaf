"""The nearest neighbours of every vector among all others, at a cost that grows with their number.

Few vectors are searched exactly. Many are sorted into lists of about sixty by the nearest of
sampled centres, which are themselves found through a navigable small-world graph (Malkov and
Yashunin 2018), and only the nearest lists are read: an inverted file as Sivic and Zisserman (2003)
have it, both by FAISS.

What it does not know: what the vectors describe.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from braintumor.catalog.folder import workers

# Up to so many vectors, comparing all with all takes a second or two.
EXACT_UP_TO = 16_384
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
    """
    import faiss

    if len(vectors) < 2 or count < 1:
        return np.full((len(vectors), count), -1), np.full((len(vectors), count), np.inf, "f4")
    faiss.omp_set_num_threads(workers())
    vectors = np.ascontiguousarray(vectors, np.float32)
    if len(vectors) <= exact_up_to:
        index = faiss.IndexFlatL2(vectors.shape[1])
        index.add(vectors)
        distances, rows = index.search(vectors, count + 1)
    else:
        distances, rows = _through_lists(vectors, count + 1, seed)
    return _without_self(rows, distances)


def _through_lists(
    vectors: NDArray[np.float32], count: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(distances, rows) as FAISS has them, each vector among its own neighbours."""
    import faiss
    from faiss.contrib.ivf_tools import add_preassigned, search_preassigned

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
