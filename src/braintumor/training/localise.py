"""Heat maps of a bundle over tumour masks, written down for `evaluation.localisation`.

Also the sanity check of Adebayo et al. (Sanity Checks for Saliency Maps, NeurIPS 2018): a map that
hardly changes when the network's weights are drawn anew, layer by layer from the top, shows the
picture and not what the network learnt. Knows bundles, catalogues and masks; no Keras, no figure.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from braintumor.bundle.card import read_bundle, read_card
from braintumor.bundle.heatmap import spread
from braintumor.bundle.network import Network
from braintumor.bundle.parts import CARD_FILE
from braintumor.bundle.runtime import Runtime
from braintumor.bundle.workshop import PREDICTIONS_FILE
from braintumor.catalog.lesions import Lesion, read_mask
from braintumor.classes import CLASSES, class_from_name, split_from_name
from braintumor.errors import BraintumorError, require
from braintumor.evaluation.localisation import (
    SIDE,
    Located,
    judge_maps,
    map_rows,
    rank_correlation,
)
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import LOCALISATION_FILE, LOCALISATION_ROWS
from braintumor.files import CsvLines, write_text
from braintumor.images.decode import read_slice
from braintumor.images.prepare import Prepared
from braintumor.progress import track
from braintumor.training.run import RunFolder

# The splits whose slices are judged.
_SPLITS = ("test",)
# Slices for the sanity check, by the first network; the seed of their choice and of new weights.
_FEW, _SEED = 24, 0
# Shares of the layers, counted from the top, whose weights are drawn anew.
_SHARES = (0.0, 0.25, 0.5, 1.0)
_COLUMNS = ("split", "class", "file", "source_slice", "orientation")
# Of shares and overlaps in the rows that are kept.
_DIGITS = 6


@dataclass(frozen=True)
class Masked:
    """A slice of known class with the file of its tumour's mask.

    Attributes:
        picture, mask: files.
        label: class.
        mirrored: whether the slice is a left-right mirrored copy of the one that was outlined.
        group: whose slice it is; "" where nobody knows.
        path: of the picture, below the data set's root.
    """

    picture: Path
    mask: Path
    label: str
    mirrored: bool
    group: str = ""
    path: str = ""


def judge_masks(
    source: Path,
    data: Path,
    masks: Path,
    table: Path,
    out: Path,
) -> dict[str, Any]:
    """Score a network's maps against masks; write localisation.json, the rows it was computed from
    (localisation.csv), and maps/localisation.npz.

    Args:
        source: a run, which is exported for it, or a bundle of one network. Of a run over folds
            each slice is judged by the network that has not seen its group. Where either has a
            table of predictions, its test slices are taken.
        data, masks, table: as for `masked_slices`.
        out: folder of the results.

    Returns:
        What localisation.json holds: `judge_maps` with `sanity`, the `model`, and `judged`, the
        networks by the hashes that the run's predictions give.

    Raises:
        BraintumorError: as `masked_slices`; or the slices were learnt from, as of a run that held
            nothing back, or of a bundle with another run's evidence.
    """
    known = [Predictions.read(path) for path in (source / PREDICTIONS_FILE,) if path.is_file()]
    parts, check = [], []
    with TemporaryDirectory() as spare:
        for number, one in enumerate(sorted(source.glob("fold-*")) or [source]):
            only = _judged_paths(one)
            slices = masked_slices(data, masks, table, only=only)
            bundle = _as_bundle(one, Path(spare) / str(number))
            network = Network.load(bundle)
            parts.append(locate(network, slices))
            if not number and network.card.precision == "float32":
                chosen = np.random.default_rng(_SEED).permutation(len(slices))[:_FEW]
                check = sanity(bundle, [slices[int(k)] for k in chosen])
    located = Located.joined(parts)
    (out / "maps").mkdir(parents=True, exist_ok=True)
    located.write(out / "maps" / "localisation.npz")
    rows = map_rows(located)
    write_text(out / LOCALISATION_ROWS, as_text(rows))
    found = {
        "model": network.card.name,
        "model_sha256": network.card.identity if len(parts) == 1 else "",
        "judged": sorted({sha for table_ in known for sha in table_.frame["model_sha256"]}),
        "splits": list(_SPLITS),
        **judge_maps(located, rows=rows),
        "sanity": check,
    }
    text = json.dumps(found, indent=2, allow_nan=False)
    write_text(out / LOCALISATION_FILE, text + "\n")
    return found


def as_text(rows: pd.DataFrame) -> str:
    """The rows as CSV: what is true or false as 1 or 0."""
    whole = ["right", "pointing", "pointing_exact"]
    told = rows.astype(dict.fromkeys(whole, int)).round(_DIGITS)
    out = io.StringIO()
    told.to_csv(CsvLines(out), index=False, lineterminator=CsvLines.END)
    return out.getvalue()


def _judged_paths(source: Path) -> frozenset[str] | None:
    """The slices that a run or bundle was judged on, by its own table; None of a bundle that has
    none.

    Raises:
        BraintumorError: it has learnt from the slices that would be judged, or may have.
    """
    path = source / PREDICTIONS_FILE
    if not path.is_file():
        if RunFolder(source).recipe.is_file():
            raise BraintumorError(
                f"{source} has no {PREDICTIONS_FILE}, so it held no slice back, or is unfinished: "
                "judge the maps of a run that was judged itself"
            )
        return None
    if (source / CARD_FILE).is_file() and "judged" in read_card(source).evidence:
        raise BraintumorError(
            f"the {PREDICTIONS_FILE} of {source} is by other networks, on slices that this one has "
            "learnt from: judge the maps of the run whose table it is"
        )
    frame = Predictions.read(path).frame
    return frozenset(frame["path"][frame["split"].isin(_SPLITS)])


def _as_bundle(source: Path, spare: Path) -> Path:
    if (source / CARD_FILE).is_file():
        return source
    from braintumor.training.export import export_run

    return export_run(source, spare)


def masked_slices(
    data: Path,
    masks: Path,
    table: Path,
    *,
    splits: Sequence[str] = _SPLITS,
    only: frozenset[str] | None = None,
) -> list[Masked]:
    """The slices of a data set that somebody outlined.

    Args:
        data: folder of SPLIT/CLASS/FILE.
        masks: folder of N.png, N the number of the source slice.
        table: CSV with split, class, file, source_slice and orientation (`same`, `mirrored`);
            split and class in any known spelling, which is that of the folders.
        splits: which parts to take, by the table.
        only: the slices to take in their place, by path below the data set's root.

    Raises:
        BraintumorError: the table cannot be read, lacks a column or names an unknown class, or
            not one slice has a mask.
    """
    found = [
        Masked(
            data / row["split"] / row["class"] / row["file"],
            masks / f"{row['source_slice']}.png",
            class_from_name(row["class"]) or "",
            row["orientation"] == "mirrored",
            row.get("group", ""),
            _path(row),
        )
        for row in _rows(table)
        if row["source_slice"] and _wanted(row, splits, only)
    ]
    found = [one for one in found if one.mask.is_file() and one.picture.is_file()]
    if not found:
        raise BraintumorError(
            f"no slice of {', '.join(splits)} in {data} has a mask in {masks}: check the folders "
            f"and {table}"
        )
    unknown = next((one.picture for one in found if not one.label), None)
    if unknown is not None:
        raise BraintumorError(
            f"{unknown} has a mask and, by {table}, none of the classes {', '.join(CLASSES)}: "
            "correct its class, or take the row out"
        )
    return found


def _rows(table: Path) -> list[dict[str, str]]:
    """The rows of the table, cells as text, "" where a row ends early."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            missing = set(_COLUMNS) - set(reader.fieldnames or ())
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BraintumorError(f"{table} cannot be read as a CSV table of masks") from error
    if missing:
        raise BraintumorError(f"{table} lacks the columns {', '.join(sorted(missing))}")
    return rows


def _wanted(row: dict[str, str], splits: Sequence[str], only: frozenset[str] | None) -> bool:
    if only is None:
        return split_from_name(row["split"]) in splits
    return _path(row) in only


def _path(row: dict[str, str]) -> str:
    return f"{row['split']}/{row['class']}/{row['file']}"


def locate(network: Network, slices: Sequence[Masked]) -> Located:
    """The network's map of each slice's true class, with the mask laid over it."""
    rows = list(track(_located(network, slices), total=len(slices), what="Maps and masks"))
    heat, mask, head, right = (np.stack([row[k] for row in rows]) for k in range(4))
    told = {
        key: np.array([getattr(one, key) for one in slices], np.str_)
        for key in ("label", "group", "path")
    }
    return Located(heat=heat, mask=mask, head=head, right=right, **told)


def sanity(bundle: Path, slices: Sequence[Masked]) -> list[dict[str, float]]:
    """How like the maps stay when the network forgets, layer by layer from the top.

    Args:
        bundle: folder of a bundle of one network in float32.
        slices: a few will do.

    Returns:
        For each share of the layers (0 to 1) the mean absolute rank correlation with the trained
        network's maps; near 1 at a share of 1 would mean that the maps show nothing learnt.
    """
    require("onnx", extra="train", what="The sanity check")
    card, graph = read_bundle(bundle)
    size = card.preparation_of_slices().size
    network = Network.load(bundle)
    prepared = [network.prepare(read_slice(one.picture).pixels) for one in slices]
    canvases = np.stack([one.pixels for one in prepared])
    places = [CLASSES.index(one.label) for one in slices]
    trained = network.runtime.run(canvases).maps
    found = []
    for share in track(_SHARES, total=len(_SHARES), what="Forgetting"):
        maps = Runtime(forgetful(graph, share, _SEED), size=size).run(canvases).maps
        likeness = [
            abs(rank_correlation(trained[k, ..., place], maps[k, ..., place]))
            for k, place in enumerate(places)
        ]
        found.append({"share": share, "likeness": float(np.mean(likeness))})
    return found


def forgetful(graph: bytes, share: float, seed: int) -> bytes:
    """The graph with the kernels of its last layers drawn anew, as wide as they were.

    Args:
        graph: bytes of an ONNX file.
        share: of the layers with weights, counted from the top, 0 to 1.
        seed: of the new weights.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load_model_from_string(graph)
    kernels = {node.input[1] for node in model.graph.node if node.op_type in ("Conv", "Gemm")}
    order = [key for node in model.graph.node for key in node.input if key in kernels]
    top = order[len(order) - round(share * len(order)) :]
    random = np.random.default_rng(seed)
    for weight in model.graph.initializer:
        if weight.name in top:
            values = numpy_helper.to_array(weight)
            drawn = random.normal(values.mean(), values.std(), values.shape).astype(np.float32)
            weight.CopyFrom(numpy_helper.from_array(drawn, weight.name))
    return bytes(model.SerializeToString())


def _located(network: Network, slices: Sequence[Masked]) -> Iterator[tuple[Any, ...]]:
    for one in slices:
        pixels = read_slice(one.picture).pixels
        prepared = network.prepare(pixels)
        answer = network.runtime.run(prepared.pixels[np.newaxis])
        place = CLASSES.index(one.label)
        heat = spread(answer.maps[0, ..., place], prepared.box, prepared.source_shape)
        yield _on_grid(heat), _mask(one), _head(prepared), answer.logits[0].argmax() == place


def _on_grid(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    picture = Image.fromarray(heat).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(np.round(np.clip(np.asarray(picture), 0, 1) * 255), np.uint8)


def _mask(one: Masked) -> NDArray[np.bool_]:
    as_it_lies = read_mask(Lesion(one.mask, one.mirrored))
    mask = np.asarray(as_it_lies.resize((SIDE, SIDE), Image.Resampling.BILINEAR)) > 127
    if not mask.any():
        raise BraintumorError(f"{one.mask} outlines next to nothing: take it out of its folder")
    return mask


def _head(prepared: Prepared) -> NDArray[np.int64]:
    box, (height, width) = prepared.box, prepared.source_shape
    sides = np.array([box.top, box.left, box.bottom, box.right])
    return np.asarray(np.round(sides * SIDE / np.array([height, width] * 2)), np.int64)
