"""Fits the gate of a bundle: brain slices against pictures of anything else.

What is foreign is drawn by code (`catalog/foreign`) or cut out of the few photographs that come
with scikit-learn and matplotlib. The bounds come from brain slices that the scores were not fitted
on, and what is said of each kind of foreign picture comes from fits that had not seen that kind.
Knows arrays, a bundle and a catalogue; no figures and no pages.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
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
from braintumor.catalog import foreign
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.phantom.patient import Patient
from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.files import sha256_of
from braintumor.images import conditions
from braintumor.images.choice import Choice
from braintumor.images.decode import ImageError, read_slice
from braintumor.images.geometry import PLANES
from braintumor.images.read import read_slices
from braintumor.progress import track

Named = tuple[str, NDArray[Any]]
_FOLDS = 4
_COMPONENTS = {"embedding": 32, "edges": 24, "thumb": 24}
_HIDDEN, _NETWORKS = 24, 2
_BLANK = GateStatistics(sha256="0" * 64, checks=VERSION, refuse_above=0.0, doubt_above=0.0)
_BATCH = 16
# Names of groups that do not stem from the data set.
_APART = "beside:"
# Share of brain slices, stressed ones among them, that may be refused or doubted.
_REFUSED, _DOUBTED = 0.005, 0.03
# Share of brain slices that are shown turned, too.
_TURNED = 0.25
# Of a volume every so many-th slice is taken, in all planes, if so much of it is filled.
_STEP, _LEAST_FILLED = 6, 0.1
# Conditions up to this severity must pass.
_SEVEREST = 3
# Whether the network has seen these in training or not, there are few.
_PHOTOGRAPHS = (
    ("sklearn.datasets", "images/china.jpg"),
    ("sklearn.datasets", "images/flower.jpg"),
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
)


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

    def __getitem__(self, rows: NDArray[np.bool_]) -> Seen:
        return Seen(self.embedding[rows], self.checks[rows], self.names[rows])


def add_gate(
    bundle: Path,
    data: Path | Catalog,
    *,
    beside: Sequence[Path] = (),
    slices: int = 1000,
    drawn: int = 45,
    seed: int = 0,
) -> GateStatistics:
    """Fit a gate and put it into a bundle: its statistics on the card, `gate.npz` beside it.

    Args:
        bundle: folder of a bundle of one network; its graph stays as it is.
        data: brain slices, a folder or a catalogue; with groups, none stands on both sides of a
            fold. Those of the test split are left out.
        beside: folders with slices of other sources, of any plane, which are brains too.
        slices: how many of them at the most, each once as it is and once under a scanner
            condition.
        drawn: foreign pictures of each kind, and heads drawn in three planes.
        seed: of the choice, the conditions and the drawings.

    Returns:
        The statistics, with the evidence on pictures and kinds that were not fitted on.
    """
    network = Network.load(bundle)
    catalog = data if isinstance(data, Catalog) else Catalog.open(data)
    heads = chain(_brain_slices(catalog, slices, seed), _slices_beside(beside, drawn, seed))
    brains, others = look(network, heads), look(network, _foreign_pictures(drawn, seed))
    statistics, numbers = fit_gate(brains, others, seed=seed)
    fitted_on: dict[str, Any] = {
        "brain_slices": len(brains.names),
        "foreign_pictures": len(others.names),
        "catalog_sha256": catalog.digest(),
        "severest_condition": _SEVEREST,
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
    brains: Seen, others: Seen, *, seed: int = 0
) -> tuple[GateStatistics, dict[str, NDArray[Any]]]:
    """Fit the gate.

    Args:
        brains: brain slices, named by group.
        others: foreign pictures, named by kind; at least four kinds.
        seed: of the folds and the small network.

    Returns:
        The statistics (their hash is all zeros) and the tables of `gate.npz`.

    Raises:
        BraintumorError: too few groups or kinds to hold any out.
    """
    if min(len(np.unique(brains.names)), len(np.unique(others.names))) < _FOLDS:
        raise BraintumorError(
            f"a gate needs brain slices of at least {_FOLDS} groups (patients): give a larger "
            f"data set"
        )
    brain_fold, other_fold = _folds(brains.names, seed), _folds(others.names, seed)
    brain_scores, other_scores = np.zeros(len(brain_fold)), np.zeros(len(other_fold))
    for fold in track(range(_FOLDS), total=_FOLDS, what="Fitting the gate"):
        part = _Fit(brains[brain_fold != fold], others[other_fold != fold], seed)
        brain_scores[brain_fold == fold] = part.gate.score(*brains[brain_fold == fold].vectors)
        other_scores[other_fold == fold] = part.gate.score(*others[other_fold == fold].vectors)
    # The bounds are for slices like those of the data set; what lies beside it is only reported.
    apart = np.char.startswith(brains.names, _APART)
    refuse, doubt = np.quantile(brain_scores[~apart], [1 - _REFUSED, 1 - _DOUBTED])
    statistics = _BLANK.model_copy(
        update={
            "refuse_above": float(refuse),
            "doubt_above": float(doubt),
            "evidence": _evidence(brains.names, brain_scores, others.names, other_scores, refuse),
        }
    )
    return statistics, _Fit(brains, others, seed).numbers


class _Fit:
    """Spaces and score of one choice of pictures."""

    def __init__(self, brains: Seen, others: Seen, seed: int) -> None:
        vectors = {
            "embedding": brains.embedding,
            "edges": brains.checks[:, EDGES],
            "thumb": brains.checks[:, THUMB],
        }
        spaces = {name: _space(vectors[name], count) for name, count in _COMPONENTS.items()}
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


def _space(vectors: NDArray[np.float32], components: int) -> Space:
    values = np.asarray(vectors, np.float64)
    mean, scale = values.mean(axis=0), values.std(axis=0)
    # A feature that hardly ever fires would make any picture infinitely foreign.
    scale = np.maximum(scale, 0.1 * scale.mean() + 1e-6)
    components = min(components, values.shape[1], len(values) // _FOLDS)
    scaled = np.clip((values - mean) / scale, -20, 20)
    principal = PCA(components, svd_solver="randomized", random_state=0).fit(scaled)
    # As it is stored, so that what is fitted is what is used.
    axes = principal.components_.astype(np.float16)
    return Space(mean, scale, axes, np.maximum(principal.explained_variance_, 1e-6))


def _small_network(z: NDArray[np.float64], y: NDArray[np.int64], seed: int) -> Any:
    model = MLPClassifier(
        (_HIDDEN,), alpha=1.0, learning_rate_init=3e-3, max_iter=60, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is stopped early on purpose
        return model.fit(z, y)


def _weights(brains: Seen, others: Seen) -> NDArray[np.int64]:
    """Slices of sources beside the data set count thrice, for they are few and unlike it."""
    apart = np.char.startswith(brains.names, _APART)
    return np.concatenate([np.where(apart, 3, 1), np.ones(len(others.names), np.int64)])


def _evidence(
    groups: NDArray[Any],
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

    sources = np.array([name if name.startswith(_APART) else "data set" for name in groups])
    return {
        "how": "out of fold: no group of brain slices and no kind of foreign picture was fitted on",
        "auroc": auroc(others),
        "brain_slices": {str(s): refused(brains[sources == s]) for s in np.unique(sources)},
        "foreign": {
            str(kind): refused(others[kinds == kind]) | {"auroc": auroc(others[kinds == kind])}
            for kind in np.unique(kinds)
        },
    }


def _folds(names: NDArray[Any], seed: int) -> NDArray[np.int64]:
    """A fold for each row; rows of one name share theirs."""
    unique, place = np.unique(names, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(unique)) % _FOLDS
    return np.asarray(order[place])


def _brain_slices(catalog: Catalog, count: int, seed: int) -> Iterator[Named]:
    """Group and pixels of slices: as they are, under a condition of a scanner, and some turned."""
    table = catalog.table[catalog.table["split"] != "test"]
    random = np.random.default_rng(seed)
    names = sorted(conditions.CONDITIONS)
    chosen = random.permutation(len(table))[:count]
    for place in track(chosen, total=len(chosen), what="Reading slices"):
        row = table.iloc[int(place)]
        pixels = read_slice(catalog.root / row["path"]).pixels
        group = str(row["group"] or row["path"])
        yield group, pixels
        name = names[int(random.integers(len(names)))]
        severity = int(random.choice([s for s in conditions.severities(name) if s <= _SEVEREST]))
        yield group, conditions.apply(pixels, name, severity, seed=seed, image=int(place))
        if random.random() < _TURNED:
            turned = np.rot90(pixels, int(random.integers(1, 4)))[:, :: int(random.choice([-1, 1]))]
            yield group, np.ascontiguousarray(turned)


def _slices_beside(folders: Sequence[Path], heads: int, seed: int) -> Iterator[Named]:
    """Slices of other sources, named by folder or volume, and drawn heads in three planes."""
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            volume = path.name.lower().endswith((".nii", ".nii.gz"))
            source = f"{_APART}{path.name if volume else folder.name}"
            for view in PLANES if volume else PLANES[:1]:
                choice = Choice(plane=view, every=_STEP if volume else 1)
                for one in read_slices(path, choice=choice):
                    # Files of other kinds, and the ends of a volume, where hardly anything is.
                    if not isinstance(one, ImageError) and _filled(one.pixels):
                        yield source, one.pixels
    for number in track(range(heads), total=heads, what="Drawing heads"):
        patient = Patient.draw(seed, number, CLASSES[number % len(CLASSES)])
        for k, plane in enumerate(("axial", "coronal", "sagittal")):
            yield f"phantom:{number}", patient.cut(plane, k, size=160)


def _filled(pixels: NDArray[Any]) -> bool:
    """Whether something stands out on a tenth of the picture."""
    some = np.asarray(pixels, np.float32)[::2, ::2]
    low, high = np.percentile(some, [1, 99.5])
    return float((some > low + 0.1 * (high - low)).mean()) > _LEAST_FILLED


def _foreign_pictures(drawn: int, seed: int) -> Iterator[Named]:
    """Kind and pixels of drawn pictures and of pieces of photographs."""
    kinds = track(foreign.KINDS, total=len(foreign.KINDS), what="Drawing foreign pictures")
    for kind in kinds:
        for number in range(drawn):
            yield kind, foreign.draw(kind, number, seed=seed)
    random = np.random.default_rng(seed)
    for package, name in _PHOTOGRAPHS:
        with resources.files(package).joinpath(name).open("rb") as file:
            grey = np.asarray(Image.open(file).convert("L"))
        for _ in range(drawn):
            yield "photograph", _piece(grey, random)


def _piece(grey: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    """A piece of a picture, a third to the whole of it, mirrored or turned now and then."""
    height, width = (round(side * random.uniform(0.33, 1.0)) for side in grey.shape)
    top = int(random.integers(0, grey.shape[0] - height + 1))
    left = int(random.integers(0, grey.shape[1] - width + 1))
    piece = np.rot90(grey[top : top + height, left : left + width], int(random.integers(0, 4)))
    return np.ascontiguousarray(piece[:, :: int(random.choice([-1, 1]))])
