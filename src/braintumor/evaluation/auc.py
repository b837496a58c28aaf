"""ROC AUC with its variance: DeLong's where rows are independent, Obuchowski's where groups are.

Knows arrays only.

References:
    DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44: 837-845.
    Sun, Xu (2014), IEEE Signal Processing Letters 21: 1389-1393 (by ranks, n log n).
    Obuchowski (1997), Biometrics 53: 567-578 (clustered data).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def auc_covariance(
    positive: ArrayLike, scores: ArrayLike, codes: NDArray[np.int64] | None = None
) -> tuple[Floats, Floats]:
    """AUC of one or more scores on the same rows, and their covariance matrix.

    With every row its own group Obuchowski's formula is DeLong's.

    Args:
        positive: (n,) whether a row belongs to the class.
        scores: (n, m) a score in each column; ties count one half.
        codes: (n,) number of each row's group, 0 to G - 1; None where rows are independent.

    Returns:
        (m,) areas and (m, m) covariance; NaN where a class is absent, or the variance is not
        defined because fewer than two groups hold the class, or the others.
    """
    own = np.asarray(positive, bool)
    columns = np.asarray(scores, np.float64).reshape(len(own), -1)
    m, n = int(own.sum()), int((~own).sum())
    if not m or not n:
        return np.full(columns.shape[1], np.nan), np.full((columns.shape[1],) * 2, np.nan)
    above, below = _placements(own, columns)
    area = above.mean(axis=0)
    groups = np.arange(len(own)) if codes is None else codes
    size = int(groups.max()) + 1
    with_own = np.bincount(groups[own], minlength=size)
    with_others = np.bincount(groups[~own], minlength=size)
    i10, i01 = int((with_own > 0).sum()), int((with_others > 0).sum())
    i = int(((with_own > 0) | (with_others > 0)).sum())
    if i10 < 2 or i01 < 2:
        return area, np.full((len(area),) * 2, np.nan)
    d10 = _by_group(above - area, groups[own], size)
    d01 = _by_group(below - area, groups[~own], size)
    s10 = i10 / ((i10 - 1) * m) * d10.T @ d10
    s01 = i01 / ((i01 - 1) * n) * d01.T @ d01
    s11 = i / (i - 1) * d10.T @ d01
    return area, np.asarray(s10 / m + s01 / n + (s11 + s11.T) / (m * n))


def _placements(own: NDArray[np.bool_], columns: Floats) -> tuple[Floats, Floats]:
    """DeLong's structural components: (m, k) share of the others that a row of the class beats,
    and (n, k) share of the class that beats a row of the others."""
    from scipy.stats import rankdata

    m, n = int(own.sum()), int((~own).sum())
    everybody = rankdata(columns, axis=0)
    above = (everybody[own] - rankdata(columns[own], axis=0)) / n
    below = 1.0 - (everybody[~own] - rankdata(columns[~own], axis=0)) / m
    return above, below


def _by_group(values: Floats, codes: NDArray[np.int64], size: int) -> Floats:
    """(size, k) sums of the rows of each group."""
    return np.column_stack([np.bincount(codes, weights=v, minlength=size) for v in values.T])
