"""Fits the gate of a bundle: brain slices against pictures of anything else.

The bounds come from brain slices that the scores were not fitted on, and what is said of each kind
of foreign picture comes from fits that had not seen that kind. Which pictures there are stands in
`gate_pictures`. Knows arrays, a bundle and a catalogue; no figures and no pages.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier

from braintumor.bundle import gate as gates
from braintumor.bundle.card import Card
from braintumor.bundle.checks import EDGES, THUMB, VERSION, image_checks
from braintumor.bundle.gate import Gate, Space
from braintumor.bundle.network import Network
from braintumor.bundle.parts import GATE_FILE, GateStatistics
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.groups import with_groups
from braintumor.errors import BraintumorError
from braintumor.files import sha256_of
from braintumor.progress import track
from braintumor.training.gate_pictures import (
    APART,
    DRAWN,
    SEVEREST,
    Named,
    brain_slices,
    foreign_pictures,
    further_slices,
    require_pictures,
)

_FOLDS = 4
# Axes of each space: those along which brain slices differ, and those along which foreign pictures
# differ from them besides.
_COMPONENTS = {"embedding": (32, 24), "edges": (24, 24), "thumb": (24, 8)}
# Of brain slices along an axis, in units of a feature's own.
_LEAST_VARIANCE = 0.01
_HIDDEN, _NETWORKS = 24, 3
_BLANK = GateStatistics(sha256="0" * 64, checks=VERSION, refuse_above=0.0, doubt_above=0.0)
_BATCH = 16
# Share of brain slices, stressed ones among them, that may be refused or doubted.
_REFUSED, _DOUBTED = 0.0075, 0.03


@dataclass(frozen=True, eq=False)
class Seen:
    """Pictures as a bundle's network and the image checks see them.

    Attributes:
        embedding: (n, d).
        checks: (n, COUNT) of `bundle.checks.image_checks`.
        names: (n,) group of a brain slice, or kind of a foreign picture.
    """

    embedding: NDArray[np.float32]
    checks: NDArray[np.float32]
    names: NDArray[np.str_]

    @property
    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What a gate is asked with."""
        return self.embedding, self.checks

    @property
    def by_space(self) -> dict[str, NDArray[np.float32]]:
        """The vectors of each space of a gate."""
        edges, thumb = self.checks[:, EDGES], self.checks[:, THUMB]
        return {"embedding": self.embedding, "edges": edges, "thumb": thumb}

    def __getitem__(self, rows: NDArray[np.bool_]) -> Seen:
        return Seen(self.embedding[rows], self.checks[rows], self.names[rows])

    def and_(self, other: Seen) -> Seen:
        """These and others."""
        return Seen(
            np.concatenate([self.embedding, other.embedding]),
            np.concatenate([self.checks, other.checks]),
            np.concatenate([self.names, other.names]),
        )


def add_gate(
    bundle: Path,
    data: Path | Catalog,
    *,
    beside: Sequence[Path] = (),
    foreign: Sequence[Path] = (),
    slices: int = 1000,
    drawn: int = 45,
    seed: int = 0,
) -> GateStatistics:
    """Fit a gate and put it into a bundle: its statistics on the card, `gate.npz` beside it.

    Args:
        bundle: folder of a bundle of one network; its graph stays as it is.
        data: brain slices, a folder or a catalogue. No group (patient, or near copies where none
            is known) stands on both sides of a fold. Those of the test split are left out.
        beside: folders with slices of other sources, of any plane, which are brains too.
        foreign: folders with pictures of something else, each or each folder in it a kind.
        slices: how many of them at the most, each once as it is and once under a scanner
            condition, some turned and some processed too.
        drawn: foreign pictures of each kind, and heads drawn in three planes.
        seed: of the choice, the conditions and the drawings.

    Returns:
        The statistics, with the evidence on pictures and kinds that were not fitted on.

    Raises:
        BraintumorError: no bundle of one network, a folder without pictures, or too few groups.
    """
    network = Network.load(bundle)
    for folder in (*beside, *foreign):
        require_pictures(folder)  # before minutes are spent on the others
    catalog = data if isinstance(data, Catalog) else Catalog.open(data)
    if not catalog.table["group"].any():
        catalog = with_groups(catalog)
    usable = catalog.table[catalog.table["split"] != "test"]
    _require_enough(usable["group"].where(usable["group"] != "", usable["path"]))
    brains = look(network, brain_slices(catalog, slices, seed))
    further = look(network, further_slices(catalog, slices, beside, drawn, seed))
    others = look(network, foreign_pictures(catalog, drawn, seed, foreign))
    statistics, numbers = fit_gate(brains, others, further, seed=seed)
    fitted_on: dict[str, Any] = {
        "brain_slices": len(brains.names) + len(further.names),
        "foreign_pictures": len(others.names),
        "catalog_sha256": catalog.digest(),
        "severest_condition": SEVEREST,
        "seed": seed,
    }
    gates.write_gate_file(bundle / GATE_FILE, numbers)
    whole = statistics.model_copy(
        update={"sha256": sha256_of(bundle / GATE_FILE), "fitted_on": fitted_on}
    )
    Card(**{**dict(network.card), "gate": whole}).write(bundle)
    return whole


def look(network: Network, pictures: Iterable[Named]) -> Seen:
    """See pictures as the network and the checks do, holding no more than a batch of them.

    Args:
        network: of a bundle.
        pictures: name and (height, width) grey levels of each.
    """
    waiting, batches = iter(pictures), []
    while batch := list(islice(waiting, _BATCH)):
        prepared = [network.prepare(pixels) for _, pixels in batch]
        checks = [
            image_checks(pixels, one) for (_, pixels), one in zip(batch, prepared, strict=True)
        ]
        answer = network.runtime.run(np.stack([one.pixels for one in prepared]))
        names = np.array([name for name, _ in batch], np.str_)
        batches.append(Seen(answer.embedding, np.stack(checks), names))
    return Seen(
        np.concatenate([batch.embedding for batch in batches]),
        np.concatenate([batch.checks for batch in batches]),
        np.concatenate([batch.names for batch in batches]),
    )


def fit_gate(
    brains: Seen, others: Seen, further: Seen | None = None, *, seed: int = 0
) -> tuple[GateStatistics, dict[str, NDArray[Any]]]:
    """Fit the gate.

    Args:
        brains: brain slices, named by group; the bounds are set on them.
        others: foreign pictures, named by kind; at least four kinds.
        further: brain slices that are less like those that will be shown: processed ones, named
            by group, and those of other sources. They are learnt from and reported, no more.
        seed: of the folds and the small network.

    Returns:
        The statistics (their hash is all zeros) and the tables of `gate.npz`.

    Raises:
        BraintumorError: too few groups or kinds to hold any out.
    """
    _require_enough(brains.names)
    if len(set(others.names)) < _FOLDS:
        raise BraintumorError(f"a gate needs foreign pictures of at least {_FOLDS} kinds")
    sources = np.repeat("data set", len(brains.names)).astype(object)
    if further is not None:
        sources = np.concatenate([sources, [_source(name) for name in further.names]])
        brains = brains.and_(further)
    brain_fold, other_fold = _folds(brains.names, seed), _folds(others.names, seed)
    brain_scores, other_scores = np.zeros(len(brain_fold)), np.zeros(len(other_fold))
    for fold in track(range(_FOLDS), total=_FOLDS, what="Fitting the gate"):
        part = _Fit(brains[brain_fold != fold], others[other_fold != fold], seed)
        brain_scores[brain_fold == fold] = part.gate.score(*brains[brain_fold == fold].vectors)
        other_scores[other_fold == fold] = part.gate.score(*others[other_fold == fold].vectors)
    own = brain_scores[sources == "data set"]
    refuse, doubt = np.quantile(own, [1 - _REFUSED, 1 - _DOUBTED])
    statistics = _BLANK.model_copy(
        update={
            "refuse_above": float(refuse),
            "doubt_above": float(doubt),
            "evidence": _evidence(sources, brain_scores, others.names, other_scores, refuse),
        }
    )
    return statistics, _Fit(brains, others, seed).numbers


def _require_enough(names: Iterable[str]) -> None:
    """Refuse brain slices of fewer groups than there are folds."""
    if len(set(names)) < _FOLDS:
        raise BraintumorError(
            f"a gate needs brain slices of at least {_FOLDS} groups (patients) outside the test "
            "split: give a larger data set"
        )


class _Fit:
    """Spaces and score of one choice of pictures."""

    def __init__(self, brains: Seen, others: Seen, seed: int) -> None:
        heads, strangers = brains.by_space, others.by_space
        spaces = {
            name: _space(heads[name], strangers[name], *counts)
            for name, counts in _COMPONENTS.items()
        }
        x = np.vstack([gates.features(*seen.vectors, spaces) for seen in (brains, others)])
        y = np.repeat([0, 1], [len(brains.names), len(others.names)])
        centre, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
        z = np.clip((x - centre) / spread, -gates.CLIP, gates.CLIP)
        often = np.repeat(np.arange(len(y)), _weights(brains, others))
        models = [_small_network(z[often], y[often], seed + k) for k in range(_NETWORKS)]
        self.numbers: dict[str, NDArray[Any]] = {
            f"{name}_{part}": getattr(space, part)
            for name, space in spaces.items()
            for part in ("mean", "scale", "axes", "variances")
        }
        self.numbers |= {
            "centre": centre,
            "spread": spread,
            "hidden": np.stack([model.coefs_[0] for model in models]),
            "hidden_bias": np.stack([model.intercepts_[0][None] for model in models]),
            "out": np.stack([model.coefs_[1][:, 0] for model in models]),
            "out_bias": np.stack([model.intercepts_[1] for model in models]),
        }
        self.gate = Gate(_BLANK, self.numbers)


def _space(
    heads: NDArray[np.float32], strangers: NDArray[np.float32], own: int, further: int
) -> Space:
    """Where brain slices lie: `own` axes of theirs, `further` ones for foreign pictures."""
    values = np.asarray(heads, np.float64)
    mean, scale = values.mean(axis=0), values.std(axis=0)
    # A feature that hardly ever fires would make any picture infinitely foreign.
    scale = np.maximum(scale, 0.1 * scale.mean() + 1e-6)
    everything = np.vstack([values, np.asarray(strangers, np.float64)])
    scaled = np.clip((everything - mean) / scale, -gates.FAR, gates.FAR)
    first = _axes(scaled[: len(values)], min(own, len(values) // _FOLDS))
    rest = scaled - scaled @ first.T @ first
    second = _axes(rest, min(further, values.shape[1] - len(first)))
    # As it is stored, so that what is fitted is what is used.
    axes = np.vstack([first, second]).astype(np.float16)
    variances = (scaled[: len(values)] @ axes.T.astype(np.float64)).var(axis=0)
    return Space(mean, scale, axes, np.maximum(variances, _LEAST_VARIANCE))


def _axes(scaled: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """(count, d) principal components, fewer where there are not so many."""
    count = min(count, *scaled.shape)
    if count < 1:
        return np.zeros((0, scaled.shape[1]))
    found = PCA(count, svd_solver="randomized", random_state=0).fit(scaled).components_
    return np.asarray(found, np.float64)


def _small_network(z: NDArray[np.float64], y: NDArray[np.int64], seed: int) -> Any:
    model = MLPClassifier(
        (_HIDDEN,), alpha=1.0, learning_rate_init=3e-3, max_iter=60, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is stopped early on purpose
        return model.fit(z, y)


def _weights(brains: Seen, others: Seen) -> NDArray[np.int64]:
    """Slices of sources beside the data set count thrice, for they are few and unlike it."""
    apart = np.char.startswith(brains.names, APART)
    return np.concatenate([np.where(apart, 3, 1), np.ones(len(others.names), np.int64)])


def _evidence(
    sources: NDArray[Any],
    brains: NDArray[np.float64],
    kinds: NDArray[Any],
    others: NDArray[np.float64],
    bound: float,
) -> dict[str, Any]:
    """How brain slices and every kind fared in fits that had not seen their group or kind."""

    def auroc(foreign_scores: NDArray[np.float64]) -> float:
        truth = np.repeat([0, 1], [len(brains), len(foreign_scores)])
        return float(roc_auc_score(truth, np.concatenate([brains, foreign_scores])))

    def refused(scores: NDArray[np.float64]) -> dict[str, Any]:
        return {"n": len(scores), "refused": float((scores > bound).mean())}

    return {
        "how": "out of fold: no group of brain slices and no kind of foreign picture was fitted on",
        "auroc": auroc(others),
        "brain_slices": {str(s): refused(brains[sources == s]) for s in np.unique(sources)},
        "foreign": {
            str(kind): refused(others[kinds == kind]) | {"auroc": auroc(others[kinds == kind])}
            for kind in np.unique(kinds)
        },
    }


def _source(name: str) -> str:
    """Under which heading a further slice is reported."""
    if name.startswith(APART):
        return name
    return "drawn heads" if name.startswith(DRAWN) else "processed"


def _folds(names: NDArray[Any], seed: int) -> NDArray[np.int64]:
    """A fold for each row; rows of one name share theirs."""
    unique, place = np.unique(names, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(unique)) % _FOLDS
    return np.asarray(order[place])
