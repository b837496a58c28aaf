"""Do labels and probabilities have anything to do with each other? Statistics on arrays.

All tests ask the same question of a set of rows, as a linear permutation statistic: the mean
probability given to the label, against what shuffled labels would get. Its mean and variance over
all shufflings are known in closed form (Hoeffding 1951), so nothing is drawn at random. Knows
arrays only: no tables, no findings, no words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Association:
    """How much of what the probabilities claim the labels bear out.

    Attributes:
        z: standard deviations by which the labels agree better than shuffled ones; the larger
            one of the statistic on probabilities and of that on their ranks, which saturation
            does not blunt.
        observed: mean probability of the label.
        chance: the same for shuffled labels.
        claimed: what it would be if the probabilities were true: the mean of their sum of squares.
        error: standard deviation of `observed` under shuffling.
    """

    z: float
    observed: float
    chance: float
    claimed: float
    error: float

    @property
    def share(self) -> float:
        """1 where the labels bear out all that is claimed above chance, 0 where nothing of it."""
        return (self.observed - self.chance) / (self.claimed - self.chance)


def associate(prob: Floats, truth: Ints) -> Association | None:
    """Test whether labels and probabilities are associated.

    Args:
        prob: (n, K) probabilities.
        truth: (n,) class indices.

    Returns:
        None where only one label occurs, all rows are alike, or nothing is claimed above chance.
    """
    if len(truth) < 2:
        return None
    observed, chance, spread = permuted(prob, truth)
    claimed = float((prob**2).sum(axis=1).mean())
    if not spread > 1e-12 or claimed - chance < 1e-9:
        return None
    ranked, by_chance, rank_spread = permuted(normal_scores(prob), truth)
    z = (observed - chance) / spread
    if rank_spread > 1e-12:
        z = max(z, (ranked - by_chance) / rank_spread)
    return Association(z, observed, chance, claimed, spread)


def permuted(scores: Floats, truth: Ints) -> tuple[float, float, float]:
    """(mean score of the label, its mean over all permutations of the labels, its deviation)."""
    n, k = scores.shape
    share = np.bincount(truth, minlength=k) / n
    observed = float(scores[np.arange(n), truth].mean())
    centred = scores - scores.mean(axis=0)
    centred = centred - (centred @ share)[:, None]
    variance = float((centred**2 @ share).sum()) / (n - 1) / n
    return observed, float(scores.mean(axis=0) @ share), float(np.sqrt(variance))


def normal_scores(prob: Floats) -> Floats:
    """Each column's ranks as normal deviates (van der Waerden); equals share their mean rank."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ranks = rankdata(prob, axis=0, method="average")
    return np.asarray(ndtri((ranks - 0.5) / len(prob)), np.float64)


def run_ratios(values: Ints, start: Ints, size: int) -> Floats:
    """(m,) mean length of runs of equal neighbours in values[start : start + size], as a multiple
    of what the same values well mixed would have; at least 1.

    Slices of one patient in a row are no more evidence than one of them, and make long runs.
    """
    changes = np.concatenate([[0, 0], np.cumsum(np.diff(values) != 0)])
    runs = 1 + changes[start + size] - changes[start + 1]
    shares = _sums(np.eye(int(values.max()) + 1)[values], start, size) / size
    mixed = 1 + (size - 1) * (1 - (shares**2).sum(axis=1)) * size / (size - 1)
    return np.asarray(np.maximum(mixed / runs, 1.0), np.float64)


def agreement_by_lag(prob: Floats, truth: Ints) -> Floats:
    """(n,) mean probability of the label k rows further down, for every k, round the end.

    Entry 0 is the agreement of the table as it stands.
    """
    n, k = prob.shape
    total = np.zeros(n)
    for c in range(k):
        spectrum = np.fft.rfft((truth == c).astype(np.float64)) * np.conj(np.fft.rfft(prob[:, c]))
        total += np.fft.irfft(spectrum, n)
    return np.asarray(total / n)


@dataclass(frozen=True)
class Windows:
    """The association inside each of m windows of `size` neighbouring rows.

    Attributes:
        start: (m,) first rows.
        size: rows in a window.
        excess: (m,) summed probability of the labels, less what the window's own labels, shuffled
            inside it, would get.
        claimed: (m,) the same if the probabilities were true.
        spread: (m,) standard deviation of `excess` under shuffling.
        matched: (m,) share of rows whose label could be a prediction of the same window.
    """

    start: Ints
    size: int
    excess: Floats
    claimed: Floats
    spread: Floats
    matched: Floats

    def take(self, mask: NDArray[np.bool_]) -> Windows:
        """Some of the windows."""
        parts: dict[str, Any] = {"start": self.start[mask], "size": self.size}
        for name in ("excess", "claimed", "spread", "matched"):
            parts[name] = getattr(self, name)[mask]
        return Windows(**parts)


def windows(prob: Floats, truth: Ints, size: int, *, stride: int) -> Windows:
    """Slide a window of `size` rows over the table, `stride` rows at a time."""
    n, k = prob.shape
    start = np.arange(0, n - size + 1, stride)
    onehot = np.eye(k)[truth]
    hits = _sums(prob[np.arange(n), truth], start, size)
    given = _sums(prob, start, size) / size
    labels = _sums(onehot, start, size) / size
    products = _sums((prob[:, :, None] * prob[:, None, :]).reshape(n, -1), start, size)
    scatter = products.reshape(-1, k, k) - size * given[:, :, None] * given[:, None, :]
    return Windows(
        start=start,
        size=size,
        excess=hits - size * (given * labels).sum(axis=1),
        claimed=np.trace(scatter, axis1=1, axis2=2),
        spread=_spread(scatter, labels, size),
        matched=np.minimum(given, labels).sum(axis=1),
    )


def elsewhere(prob: Floats, truth: Ints, start: int, size: int) -> tuple[Ints, Floats, Floats]:
    """One window's probabilities held against the labels of every other place.

    Returns:
        (first row of the labels, excess as in `Windows`, its spread), for each place where the
        labels of a window of this size may begin.
    """
    n, k = prob.shape
    part = prob[start : start + size]
    places = np.arange(n - size + 1)
    labels = _sums(np.eye(k)[truth], places, size) / size
    hits = np.zeros(len(places))
    for c in range(k):
        hits += np.correlate((truth == c).astype(np.float64), part[:, c], mode="valid")
    mean = part.mean(axis=0)
    scatter = part.T @ part - size * np.outer(mean, mean)
    return places, hits - size * (labels @ mean), _spread(scatter[None], labels, size)


def _spread(scatter: Floats, labels: Floats, size: int) -> Floats:
    """Deviation of the summed label score under shuffling, from (m, K, K) and (m, K)."""
    weighted = (np.diagonal(scatter, axis1=1, axis2=2) * labels).sum(axis=1)
    crossed = ((labels[:, None, :] @ scatter)[:, 0, :] * labels).sum(axis=1)
    spread = np.sqrt(np.maximum(size / (size - 1) * (weighted - crossed), 0.0))
    return np.asarray(spread, np.float64)


def _sums(values: Floats, start: Ints, size: int) -> Floats:
    """Sums over values[start : start + size] along the first axis."""
    total = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
    return np.asarray(total[start + size] - total[start])
