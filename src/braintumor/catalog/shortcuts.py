"""Shortcuts: how far one gets without anatomy.

Three classifiers that no radiologist would trust: a random forest on grey-level statistics, one on
properties of the file, and the label of the nearest neighbour by pixels. Each is judged on the
given split, and on folds that keep every group on one side. An accuracy that a network reaches
means what it adds to these. Then every single property is asked alone whether it gives a class
away.

What this module does not know: how groups and thumbnails are made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.fileproperties import FILE_PROPERTIES, file_properties
from braintumor.catalog.folder import workers
from braintumor.catalog.greylevels import GREY_STATISTICS, grey_statistics
from braintumor.catalog.splits import grouped
from braintumor.catalog.thumbnails import Thumbnails
from braintumor.classes import CLASSES
from braintumor.progress import track

TREES = 500
# A file has few properties, of few values each: more trees than this say the same.
FILE_TREES = 100
FOLDS = 5
# Below this many images an accuracy says next to nothing, and folds lack classes.
FEWEST = 100
# Above this many images a sample of them answers as well.
_MOST = 20_000
# The chance that a property ranks a slice of the class before one of another class.
TELLTALE_AUC = 0.85
# Predicts the class of each judged row: (x_train, y_train, x_judged) -> y.
Guesser = Callable[[NDArray[Any], NDArray[np.int64], NDArray[Any]], NDArray[np.int64]]


@dataclass(frozen=True)
class Shortcut:
    """One classifier without anatomy.

    Attributes:
        name: a stable name for scripts.
        given: accuracy, 0 to 1: fitted to train, judged on test (valid where there is no test);
            None where the data set has neither.
        grouped: accuracy over all images, in folds that keep groups together; None where there
            are fewer than `FOLDS` groups.
    """

    name: str
    given: float | None
    grouped: float | None


@dataclass(frozen=True)
class Telltale:
    """One property that tells a class from the others.

    Attributes:
        property: its name.
        label: the class.
        auc: chance that it ranks a slice of the class before one of another, 0.5 to 1; found by
            a small tree in folds that keep groups together.
        of_file: whether it is a property of the file and not of the picture.
    """

    property: str
    label: str
    auc: float
    of_file: bool


@dataclass(frozen=True)
class Shortcuts:
    """What was measured.

    Attributes:
        judged: the split on which `given` was measured; "" where there was none.
        images: how many were looked at.
        probes: the classifiers; the first, `guessing`, always says the most frequent class.
        telltales: the strongest first.
    """

    judged: str
    images: int
    probes: tuple[Shortcut, ...]
    telltales: tuple[Telltale, ...]

    def to_dict(self) -> dict[str, Any]:
        """name -> given, grouped."""
        return {
            probe.name: {"given": probe.given, "grouped": probe.grouped} for probe in self.probes
        }


def find_shortcuts(
    catalog: Catalog, pictures: Thumbnails, *, trees: int = TREES, seed: int = 0
) -> Shortcuts | None:
    """Measure every shortcut; None where there are fewer than `FEWEST` images.

    Args:
        catalog: with `group` filled.
        pictures: of all rows.
        trees: of each forest at the most.
        seed: of forests, folds and sample.
    """
    if len(catalog) < FEWEST:
        return None
    rows = _sample(len(catalog), seed)
    table = catalog.table.iloc[rows]
    labels = catalog.labels[rows]
    greys = grey_statistics(pictures.histograms[rows])
    files = file_properties(_taken(catalog, rows))
    rough = np.asarray(pictures.roughness[rows], np.float64)[:, None]
    flat = pictures.pixels[rows].reshape(len(rows), -1).astype(np.float32)
    judged = next((name for name in ("test", "valid") if (table["split"] == name).any()), "")
    sides = _sides(table["split"].to_numpy(), judged)
    folds = _folds(labels, table["group"].to_numpy(), seed)

    def forest(count: int) -> Guesser:
        return lambda x, y, other: _forest(x, y, other, trees=min(count, trees), seed=seed)

    probes: tuple[tuple[str, NDArray[Any], Guesser], ...] = (
        ("guessing", greys, _most_frequent),
        ("grey_levels", greys, forest(TREES)),
        ("file_properties", files, forest(FILE_TREES)),
        ("nearest_neighbour", flat, _nearest),
    )
    measured = [
        Shortcut(name, _accuracy(x, labels, sides, guess), _accuracy(x, labels, folds, guess))
        for name, x, guess in track(probes, total=len(probes), what="Looking for shortcuts")
    ]
    telltales = [
        *_telltales(greys, GREY_STATISTICS, labels, folds, of_file=False),
        *_telltales(rough, ("roughness (trace of resampling)",), labels, folds, of_file=False),
        *_telltales(files, FILE_PROPERTIES, labels, folds, of_file=True),
    ]
    telltales.sort(key=lambda found: -found.auc)
    return Shortcuts(judged if sides else "", len(rows), tuple(measured), tuple(telltales))


Sides = list[tuple[NDArray[np.int64], NDArray[np.int64]]]


def _sample(count: int, seed: int) -> NDArray[np.int64]:
    if count <= _MOST:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, _MOST, replace=False))


def _taken(catalog: Catalog, rows: NDArray[np.int64]) -> Catalog:
    return replace(catalog, table=catalog.table.iloc[rows].reset_index(drop=True))


def _sides(splits: NDArray[Any], judged: str) -> Sides:
    """(train, judged) rows of the given split; none where nothing could be fitted or judged."""
    train = np.flatnonzero(splits == "train")
    if not judged or not len(train):
        return []
    return [(train, np.flatnonzero(splits == judged))]


def _folds(labels: NDArray[np.int64], groups: NDArray[Any], seed: int) -> Sides:
    """(train, judged) rows of every fold; none where a class has fewer groups than folds."""
    if min(len(set(groups[labels == label])) for label in np.unique(labels)) < FOLDS:
        return []
    sides = grouped(labels.tolist(), groups.tolist(), shares=[1 / FOLDS] * FOLDS, seed=seed)
    return [(np.flatnonzero(sides != fold), np.flatnonzero(sides == fold)) for fold in range(FOLDS)]


def _accuracy(
    x: NDArray[Any], labels: NDArray[np.int64], sides: Sides, guess: Guesser
) -> float | None:
    """Share of the judged rows that are guessed right; None where there are none."""
    right = [guess(x[fit], labels[fit], x[judged]) == labels[judged] for fit, judged in sides]
    return float(np.concatenate(right).mean()) if right else None


def _most_frequent(x: NDArray[Any], y: NDArray[np.int64], other: NDArray[Any]) -> NDArray[np.int64]:
    return np.full(len(other), np.bincount(y).argmax(), np.int64)


def _forest(
    x: NDArray[Any], y: NDArray[np.int64], other: NDArray[Any], *, trees: int, seed: int
) -> NDArray[np.int64]:
    from sklearn.ensemble import RandomForestClassifier

    varied = np.ptp(x, axis=0) > 0
    if not varied.any():
        return _most_frequent(x, y, other)
    forest = RandomForestClassifier(trees, random_state=seed, n_jobs=workers())
    return np.asarray(forest.fit(x[:, varied], y).predict(other[:, varied]), np.int64)


def _nearest(x: NDArray[Any], y: NDArray[np.int64], other: NDArray[Any]) -> NDArray[np.int64]:
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(x)
    return np.asarray(y[index.kneighbors(other, return_distance=False)[:, 0]])


def _telltales(
    x: NDArray[Any],
    names: tuple[str, ...],
    labels: NDArray[np.int64],
    folds: Sides,
    *,
    of_file: bool,
) -> list[Telltale]:
    """Every property that alone tells a class from the others."""
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    found = []
    for column, name in enumerate(names if folds else ()):
        values = x[:, [column]]
        if not np.ptp(values):
            continue
        said = np.zeros((len(labels), len(CLASSES)))
        for fit, judged in folds:
            tree = DecisionTreeClassifier(max_leaf_nodes=8, min_samples_leaf=5, random_state=0)
            tree.fit(values[fit], labels[fit])
            said[np.ix_(judged, tree.classes_)] = tree.predict_proba(values[judged])
        for label in np.unique(labels):
            auc = float(roc_auc_score(labels == label, said[:, label]))
            if auc >= TELLTALE_AUC:
                found.append(Telltale(name, CLASSES[label], auc, of_file))
    return found
