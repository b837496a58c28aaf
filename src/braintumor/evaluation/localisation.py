"""Do heat maps point at the tumour? Scores of maps against masks drawn by people.

Pointing game (Zhang et al., Top-down Neural Attention by Excitation Backprop, IJCV 2018), energy
inside the mask (Wang et al., Score-CAM, CVPR workshops 2020), overlap at the best threshold, each
beside what a map would get that knows nothing: one that always points at the middle of the head,
and one that points anywhere in it. Knows arrays only; who makes them has read the images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from braintumor.evaluation.rates import share
from braintumor.evaluation.resampling import group_codes

# Side of the grid on which maps and masks lie over each other, and the tolerance that the
# pointing game usually has, both in pixels.
SIDE = 224
TOLERANCE = 15
_THRESHOLDS = np.linspace(0.05, 0.95, 19)
_SCORES = ("pointing", "pointing_exact", "energy", "iou")

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Located:
    """Heat maps of one model and the masks that they are held against.

    Attributes:
        heat: (n, SIDE, SIDE) uint8, 255 where most speaks for the slice's true class.
        mask: (n, SIDE, SIDE) bool, the tumour.
        head: (n, 4) box of the head: top, left, bottom, right, in pixels of the grid.
        label: (n,) true class of each.
        right: (n,) whether the model's answer was that class.
        group: (n,) whose slice each is; "" where nobody knows, and it counts as its own.
        path: (n,) the slice's file, below the data set's root.
    """

    heat: NDArray[np.uint8]
    mask: Bools
    head: NDArray[np.int64]
    label: NDArray[np.str_]
    right: Bools
    group: NDArray[np.str_]
    path: NDArray[np.str_]

    @classmethod
    def joined(cls, parts: Sequence[Located]) -> Located:
        """Several in a row, as of the networks of a run over folds."""
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in cls.__dataclass_fields__
        }
        return cls(**columns)

    def write(self, path: Path) -> None:
        """Write the arrays as one file, for whoever wants to see them: `numpy.load` reads it."""
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **vars(self))


def map_rows(located: Located) -> pd.DataFrame:
    """A row a slice: `path`, `group`, `label`, whether it was named `right`, and `score`."""
    scores = [score(heat, mask) for heat, mask in zip(located.heat, located.mask, strict=True)]
    facts = {key: getattr(located, key) for key in ("path", "group", "label", "right")}
    return pd.DataFrame({**facts, **_columns(scores)})


def judge_maps(
    located: Located, *, rows: pd.DataFrame | None = None, seed: int = 0
) -> dict[str, Any]:
    """Scores by class and over all, of the maps and of two that know nothing.

    Args:
        located: maps and masks.
        rows: `map_rows` of them, where they are known already.
        seed: of the random map's points.

    Returns:
        Plain JSON: for `all` and each class what `by_class` says, and, for `centre` and `random`,
        the four means of `score`.
    """
    random = np.random.default_rng(seed)
    blind: dict[str, list[dict[str, float]]] = {"centre": [], "random": []}
    for mask, head in zip(located.mask, located.head, strict=True):
        blind["centre"].append(score(bump(head), mask))
        blind["random"].append(score(bump(head, random), mask))
    told = map_rows(located) if rows is None else rows
    classes = by_class(told)
    for kind, scores in blind.items():
        table = pd.DataFrame({"label": told["label"], **_columns(scores)})
        for name, part in classes.items():
            part[kind] = _means(_of_class(table, name))
    return {"side": SIDE, "tolerance": TOLERANCE, "seed": seed, "classes": classes}


def by_class(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """What `map_rows` come to, for `all` and each class.

    Returns:
        For each the number of slices and the four means of `score`, as `maps`; `maps_if_right`
        counts only slices that the model named right; `interval` is that of the maps' `pointing`,
        with groups as the units.
    """
    names = ["all", *(str(label) for label in np.unique(rows["label"]))]
    return {name: _part(_of_class(rows, name)) for name in names}


def score(heat: NDArray[Any], mask: Bools) -> dict[str, float]:
    """One map against one mask.

    Args:
        heat: (SIDE, SIDE), not negative.
        mask: (SIDE, SIDE), the tumour; at least one pixel.

    Returns:
        `pointing`: 1 if the hottest place lies in the mask or within TOLERANCE pixels of it;
        `pointing_exact`: 1 if in it; `energy`: share of the heat inside, 0 to 1; `iou`: overlap
        of mask and map above the threshold that suits the slice best. A map without heat gets 0.
    """
    values = np.asarray(heat, np.float64)
    top = float(values.max(initial=0.0))
    if top <= 0:
        return dict.fromkeys(_SCORES, 0.0)
    hottest = np.argwhere(values == top).mean(axis=0)  # of a plateau, its middle
    away = np.hypot(*(np.argwhere(mask) - hottest).T).min()
    row, column = (round(float(place)) for place in hottest)
    hot = values[None] > _THRESHOLDS[:, None, None] * top
    both = (hot & mask).sum(axis=(1, 2))
    either = hot.sum(axis=(1, 2)) + mask.sum() - both
    return {
        "pointing": float(away <= TOLERANCE),
        "pointing_exact": float(mask[row, column]),
        "energy": float(values[mask].sum() / values.sum()),
        "iou": float((both / either).max()),
    }


def bump(head: NDArray[Any], random: np.random.Generator | None = None) -> NDArray[np.float64]:
    """A map that knows nothing: a bell in the middle of the head, or anywhere in it.

    Args:
        head: top, left, bottom, right.
        random: where it lies is drawn from this; in the middle where None.
    """
    top, left, bottom, right = (float(side) for side in head)
    down, across = (0.5, 0.5) if random is None else random.uniform(0.0, 1.0, 2)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    y, x = top + down * (bottom - top), left + across * (right - left)
    spread = 0.15 * max(bottom - top, right - left, 1.0)
    return np.asarray(np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * spread**2)))


def rank_correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Spearman's correlation of two maps; 0 where one of them is even."""
    from scipy.stats import rankdata

    first, second = (rankdata(np.asarray(values).ravel()) for values in (one, other))
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum() / size) if size > 0 else 0.0


def in_words(found: Mapping[str, Any]) -> list[str]:
    """What `judge_maps` found, a sentence for all and for each class."""
    lines = []
    for name, part in found["classes"].items():
        maps, centre, chance = (part[kind] for kind in ("maps", "centre", "random"))
        lines.append(
            f"{name}, {part['n']} masks: the hottest place lies in the tumour or within "
            f"{found['tolerance']} pixels of it (of {found['side']}) in {maps['pointing']:.1%} "
            f"(middle of the head {centre['pointing']:.1%}, anywhere {chance['pointing']:.1%}), "
            f"strictly in it {maps['pointing_exact']:.1%}; energy inside {maps['energy']:.1%}, "
            f"best IoU {maps['iou']:.2f}"
        )
    return lines


def _columns(scores: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    return {key: [one[key] for one in scores] for key in _SCORES}


def _of_class(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    return rows if name == "all" else rows[rows["label"] == name]


def _part(rows: pd.DataFrame) -> dict[str, Any]:
    group = group_codes(rows["group"].to_numpy(), len(rows))
    found = share(rows["pointing"].to_numpy() > 0, group)
    right = rows[rows["right"].astype(bool)]
    return {
        "n": len(rows),
        "interval": {"low": found.low, "high": found.high, "groups": int(group.max()) + 1},
        "maps": _means(rows),
        "right": len(right),
        "maps_if_right": _means(right),
    }


def _means(rows: pd.DataFrame) -> dict[str, float] | None:
    return {key: float(rows[key].mean()) for key in _SCORES} if len(rows) else None
