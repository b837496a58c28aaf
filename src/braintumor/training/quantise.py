"""A bundle in another precision: 8-bit integers by quantisation after training, or bfloat16.

Calibrated on training slices alone (NNCF, post-training quantisation; see `eight_bits.py`) and held
against its float32 twin on slices of known class, or where there are folds of its recipe, these
against theirs on what they have not seen: kept only if no class loses more than half a point of
sensitivity and the macro AUC not more than 0.002. Where that is too much, the inputs of the layers
that cost most stay in float32, some, then more, then all of them, while the weights keep their 8
bits; which they are is measured on training slices. With all of them the graph is as small, and as
slow as in float32. If nothing helps the bundle stays as it was, and its card says why. Knows
bundles and catalogues; no Keras.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from braintumor.bundle.card import Card, read_bundle
from braintumor.bundle.parts import GRAPH_FILE, Calibration, Graph, Precision
from braintumor.catalog.cache import prepared
from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.files import sha256_bytes
from braintumor.training.eight_bits import (
    METHOD,
    centred,
    costliest,
    logits_of,
    quantised,
    with_float_inputs,
)
from braintumor.training.parity import Table, parity, summed

# Training slices to calibrate on, and the seed of their choice.
_SUBSET, _SEED = 300, 0
# Training slices on which the cost of each layer's inputs is measured.
_MEASURED = 48
# How many layers' inputs stay in float32: the first of these that costs next to nothing is taken.
_FREED: Final = (0, 1, 2, 4, 8, 16, None)
# What of the parity table says how the graph came about.
_RECIPE = ("float_inputs", "calibration_slices", "seed", "method")
# What the table says of a judgement by slices that tell little of it, and under which key.
JUDGED_ON: Final = "judged_on"
LEARNT: Final = "slices that it learnt from"
PERHAPS: Final = "slices that it may have learnt from"


@dataclass(frozen=True, eq=False)
class Twin:
    """A bundle in float32 and the slices that its parity is judged on.

    Attributes:
        card, graph: of the bundle.
        some: (m, size, size) prepared training slices.
        canvases: (n, size, size) prepared slices that it was not calibrated on. A network that
            held nothing back has learnt from them all the same, and its folds speak for it.
        truth: (n,) class indices.
    """

    card: Card
    graph: bytes
    some: NDArray[np.uint8]
    canvases: NDArray[np.uint8]
    truth: NDArray[Any]

    @classmethod
    def of(
        cls,
        folder: Path,
        data: Path | Catalog,
        *,
        subset: int = _SUBSET,
        seed: int = _SEED,
        split: str = "valid",
    ) -> Twin:
        """Read a bundle, and prepare the slices, those of `split` for judging.

        Raises:
            BraintumorError: a bundle that is not in float32, or data without training or
                validation slices.
        """
        card, graph = read_bundle(folder)
        if card.precision != "float32":
            raise BraintumorError(f"{folder} is in {card.precision} already: export the run anew")
        catalog = data if isinstance(data, Catalog) else Catalog.open(data)
        judged, train = catalog.subset(split), catalog.subset("train")
        if not len(judged) or not len(train):
            raise BraintumorError(
                f"{catalog.root} has no training or no {split} slices: quantisation needs both"
            )
        preparation = card.preparation_of_slices()
        some = _some(prepared(train, preparation), subset, seed)
        return cls(card, graph, some, np.asarray(prepared(judged, preparation)), judged.labels)

    @cached_property
    def exact(self) -> NDArray[np.float32]:
        """(m, 4) logits of the training slices, by which every attempt's are centred."""
        return logits_of(self.graph, self.some, "float32")

    def logits(self, graph: bytes, precision: Precision) -> NDArray[np.float32]:
        """(n, 4) of a graph with this one's face."""
        return logits_of(graph, self.canvases, precision)


def change_precision(
    folder: Path,
    precision: Precision,
    data: Path | Catalog,
    *,
    folds: Sequence[tuple[Path, Path | Catalog]] = (),
    learnt: bool | None = False,
) -> dict[str, JsonValue]:
    """Bring a bundle in float32 to another precision, if that costs next to nothing.

    Args:
        folder: of the bundle; graph and card are replaced where the result is accepted.
        precision: `int8` or `bfloat16`.
        data: the data set's folder or catalogue. Its training slices calibrate; its validation
            slices judge.
        folds: float32 bundles of the same network and recipe, fitted to other parts of the data,
            each with a catalogue whose test slices it has not seen. Where there are any, all are
            brought to the same precision, their tables are added up, and the sum decides.
        learnt: whether the network has learnt from the slices that judge it, which the table then
            says; None where nobody knows.

    Returns:
        The parity table, which stands on the card too: `accepted` says how it ended,
        `float_inputs` which layers' inputs stayed in float32, `folds` is the sum over folds, and
        `judged_on` stands there where the network's own numbers are, or may be, of slices that it
        learnt from.

    Raises:
        MissingExtraError: NNCF is not installed, for `int8`.
        BraintumorError: a bundle that is not in float32, data without training or validation
            slices, or bfloat16 on a computer that answers in float32 all the same.
    """
    twin = Twin.of(folder, data)
    others = [Twin.of(place, part, split="test") for place, part in folds]
    before = [one.logits(one.graph, "float32") for one in (twin, *others)]
    table: dict[str, JsonValue] = {}
    graph = twin.graph
    for graphs, recipe in _attempts((twin, *others), precision):
        graph = graphs[0]
        held = _held((twin, *others), before, graphs, precision, twin.card.calibration)
        table = held | recipe | {"precision": precision, "seed": _SEED}
        if learnt is not False:
            table[JUDGED_ON] = LEARNT if learnt else PERHAPS
        if table["accepted"]:
            break
    changes: dict[str, Any] = {"parity": table}
    if table["accepted"]:
        (folder / GRAPH_FILE).write_bytes(graph)
        changes["precision"] = precision
        changes["graph"] = Graph(sha256=sha256_bytes(graph), opset=twin.card.graph.opset)
    Card(**{**dict(twin.card), **changes}).write(folder)
    return table


def judge_again(
    folder: Path,
    twin: Path,
    data: Path | Catalog,
    *,
    folds: Sequence[tuple[Path, Path | Catalog]],
) -> dict[str, JsonValue]:
    """Judge a bundle of 8 bits anew, whose graph stays: its recipe may have other folds by now.

    Args:
        folder: of the bundle; the parity table on its card is replaced.
        twin: bundle in float32 of the same network.
        data, folds: as for `change_precision`.

    Returns:
        The new table, in the form of `change_precision`.

    Raises:
        BraintumorError: as `change_precision`; a bundle that is not of 8 bits; or one that would
            not be accepted, whose card is left as it is.
    """
    card, graph = read_bundle(folder)
    if card.precision != "int8" or not card.parity:
        raise BraintumorError(f"{folder} is in {card.precision}: there is no parity to judge")
    if card.parity.get("method") != METHOD:
        raise BraintumorError(f"{folder} was brought to 8 bits in another way: export it anew")
    recipe: dict[str, Any] = {key: card.parity[key] for key in _RECIPE}
    names, subset, seed, _ = recipe.values()
    recipe |= {JUDGED_ON: card.parity[JUDGED_ON]} if JUDGED_ON in card.parity else {}
    twins = [
        Twin.of(place, part, subset=subset, seed=seed, split=split)
        for place, part, split in ((twin, data, "valid"), *((*one, "test") for one in folds))
    ]
    before = [one.logits(one.graph, "float32") for one in twins]
    small = [_rounded(one, quantised(one.graph, one.some), names) for one in twins[1:]]
    held = _held(twins, before, [graph, *small], "int8", card.calibration)
    table = held | recipe | {"precision": "int8"}
    if not table["accepted"]:
        raise BraintumorError(f"{folder} would not be accepted now: {table['reason']}")
    Card(**{**dict(card), "parity": table}).write(folder)
    return table


def _held(
    twins: Sequence[Twin],
    before: Sequence[NDArray[np.float32]],
    graphs: Sequence[bytes],
    precision: Precision,
    calibration: Calibration,
) -> Table:
    """The parity of the first twin's graph; where there are others, their sum decides.

    All of them answer by the bundle's calibration: a fold's network has none of its own, and what
    is lost or kept is the class that the bundle says.
    """
    after = [one.logits(graph, precision) for one, graph in zip(twins, graphs, strict=True)]
    if precision == "bfloat16" and all(map(np.array_equal, before, after)):
        raise BraintumorError(
            "this computer answers in float32 where bfloat16 is asked for, so that what it costs "
            "cannot be measured: export with OpenVINO on a processor that computes in bfloat16"
        )
    first, *rest = [
        parity(one.truth, was, now, calibration)
        for one, was, now in zip(twins, before, after, strict=True)
    ]
    if not rest:
        return first
    together = summed(rest)
    return first | {"folds": together} | {key: together[key] for key in ("accepted", "reason")}


def _attempts(
    twins: Sequence[Twin], precision: Precision
) -> Iterator[tuple[list[bytes], dict[str, JsonValue]]]:
    """The graphs of all twins by one recipe after another, and what the recipe is."""
    if precision != "int8":
        yield [twin.graph for twin in twins], {}
        return
    small = [quantised(twin.graph, twin.some) for twin in twins]
    costly: list[str] | None = None
    for count in _FREED:
        if count != 0 and costly is None:
            costly = costliest(twins[0].graph, small[0], _spread(twins[0].some, _MEASURED))
        names = (costly or [])[:count]
        if count and len(names) < count:
            continue  # there are fewer layers than that: the last attempt frees them all
        recipe: dict[str, JsonValue] = {
            "calibration_slices": len(twins[0].some),
            "float_inputs": list(names),
            "method": METHOD,
        }
        yield [_rounded(twin, one, names) for twin, one in zip(twins, small, strict=True)], recipe


def _rounded(twin: Twin, small: bytes, names: Sequence[str]) -> bytes:
    """The twin's graph in 8 bits, but for these layers' inputs, its logits where they were."""
    return centred(with_float_inputs(small, names), twin.exact, twin.some)


def _some(canvases: NDArray[np.uint8], count: int, seed: int) -> NDArray[np.uint8]:
    chosen = np.random.default_rng(seed).permutation(len(canvases))[:count]
    return np.asarray(canvases[np.sort(chosen)])


def _spread(canvases: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """`count` of the canvases at the most, evenly spread: they lie class by class."""
    places = np.linspace(0, len(canvases) - 1, min(count, len(canvases)))
    return np.asarray(canvases[places.astype(int)])
