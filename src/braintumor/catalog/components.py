"""What hangs together: the connected components of rows joined by pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def components(count: int, pairs: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """(count,) number of the connected component of each of `count` rows, 0 for the first row's.

    Args:
        count: of rows.
        pairs: of rows that are joined.
    """
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends), bool), (ends[:, 0], ends[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
