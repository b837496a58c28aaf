"""A bundle in another precision: 8-bit integers by quantisation after training, or bfloat16.

Calibrated on training slices alone (NNCF, post-training quantisation) and held against its float32
twin on slices of known class: kept only if no class loses more than half a point of sensitivity
and the macro AUC not more than 0.002. Else the bundle stays as it was, and its card says why. The
counts of several folds' parity tables can be added up. Knows bundles and catalogues; no Keras.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from braintumor.bundle.card import Card, read_bundle
from braintumor.bundle.decision import calibrated, combined
from braintumor.bundle.network import Network
from braintumor.bundle.parts import GRAPH_FILE, GRAPH_INPUT, Calibration, Graph, Precision
from braintumor.catalog.cache import prepared
from braintumor.catalog.catalog import Catalog
from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError, require
from braintumor.files import sha256_of
from braintumor.networks.where import HEAD
from braintumor.progress import track

# What quantisation may cost: share of a class's slices, and macro AUC.
MAX_SENSITIVITY_LOSS: Final = 0.005
MAX_AUC_LOSS: Final = 0.002
_SUBSET = 300
_BATCH = 16
# What any head is made of. It is cheap, and its maps are exact only where it stays in float32.
_HEAD = ("Gemm", "ReduceMean", "GlobalAveragePool", "Flatten")


def change_precision(
    folder: Path,
    precision: Precision,
    data: Path | Catalog,
    *,
    subset: int = _SUBSET,
    seed: int = 0,
) -> dict[str, JsonValue]:
    """Bring a bundle in float32 to another precision, if that costs next to nothing.

    Args:
        folder: of the bundle; graph and card are replaced where the result is accepted.
        precision: `int8` or `bfloat16`.
        data: the data set's folder or catalogue. Its training slices calibrate; its validation
            slices judge, those of the folds where there are no validation slices.
        subset: training slices to calibrate on.
        seed: of their choice.

    Returns:
        The parity table, which stands on the card too: `accepted` says how it ended.

    Raises:
        MissingExtraError: NNCF is not installed, for `int8`.
        BraintumorError: a bundle that is not in float32, or data without training or validation
            slices.
    """
    card, graph = read_bundle(folder)
    if card.precision != "float32":
        raise BraintumorError(f"{folder} is in {card.precision} already: export the run anew")
    catalog = data if isinstance(data, Catalog) else Catalog.open(data)
    judged = catalog.subset("valid")
    if not len(judged) or not len(catalog.subset("train")):
        raise BraintumorError(
            f"{catalog.root} has no training or no validation slices: quantisation needs both"
        )
    canvases = prepared(judged, card.preparation_of_slices())
    before = _logits(Network.load(folder), canvases)
    changes: dict[str, Any] = {"precision": precision}
    calibration: dict[str, JsonValue] = {}
    if precision == "int8":
        some = _some(prepared(catalog.subset("train"), card.preparation_of_slices()), subset, seed)
        calibration = {"calibration_slices": len(some), "seed": seed}
        (folder / GRAPH_FILE).write_bytes(quantised(graph, some))
        changes["graph"] = Graph(sha256=sha256_of(folder / GRAPH_FILE), opset=card.graph.opset)
    Card(**{**dict(card), **changes}).write(folder)
    after = _logits(Network.load(folder), canvases)
    table = parity(judged.labels, before, after, card.calibration) | calibration
    table["precision"] = precision
    if not table["accepted"]:
        changes = {}
        (folder / GRAPH_FILE).write_bytes(graph)
    Card(**{**dict(card), **changes, "parity": table}).write(folder)
    return table


def quantised(graph: bytes, canvases: NDArray[np.uint8]) -> bytes:
    """A graph with 8-bit weights and activations; the head, with its maps, stays in float32.

    Args:
        graph: bytes of an ONNX file, float32.
        canvases: (n, size, size) prepared training slices.

    Returns:
        Bytes of an ONNX file that ONNX's checker has passed.
    """
    require("nncf", extra="train", what="Quantising a bundle")
    import nncf
    import onnx

    model = onnx.load_model_from_string(graph)
    head = [
        node.name
        for node in model.graph.node
        if node.op_type in _HEAD or _makes_maps(node) or node.name.startswith(HEAD)
    ]
    nncf.disable_logging()
    samples = [{GRAPH_INPUT: one[None, ..., None].astype(np.float32)} for one in canvases]
    with redirect_stdout(sys.stderr):  # where it draws progress bars of its own
        small = nncf.quantize(
            model,
            nncf.Dataset(samples),
            subset_size=len(samples),
            preset=nncf.QuantizationPreset.MIXED,
            target_device=nncf.TargetDevice.CPU,
            ignored_scope=nncf.IgnoredScope(names=head),
        )
    onnx.checker.check_model(small, full_check=True)
    return bytes(small.SerializeToString(deterministic=True))


def parity(
    truth: NDArray[Any],
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    calibration: Calibration,
) -> dict[str, JsonValue]:
    """What another precision changes.

    Args:
        truth: (n,) class indices.
        before, after: (n, 4) logits in float32 and in the other precision.
        calibration: of the card.

    Returns:
        Plain JSON: agreement of the classes, largest and mean change of a probability, hits of
        every class before and after (with its count), macro AUC before and after, whether that
        is accepted, and why not.
    """
    p, q = (calibrated(combined([logits]), calibration) for logits in (before, after))
    said, now = p.argmax(axis=1), q.argmax(axis=1)
    classes: dict[str, JsonValue] = {}
    reasons: list[str] = []
    for index, name in enumerate(CLASSES):
        own = truth == index
        n, hits, hits_now = (int((own & one).sum()) for one in (own, said == index, now == index))
        classes[name] = {"n": n, "hits_float32": hits, "hits": hits_now}
        if n and (hits - hits_now) / n > MAX_SENSITIVITY_LOSS:
            reasons.append(f"{name} loses {hits - hits_now} of {hits} slices that were right")
    auc, auc_now = _macro_auc(truth, p), _macro_auc(truth, q)
    if auc is not None and auc_now is not None and auc - auc_now > MAX_AUC_LOSS:
        reasons.append(f"the macro AUC falls from {auc:.4f} to {auc_now:.4f}")
    return {
        "n": len(truth),
        "same_class": float((said == now).mean()),
        "max_change": float(np.abs(p - q).max()),
        "mean_change": float(np.abs(p - q).mean()),
        "classes": classes,
        "macro_auc_float32": auc,
        "macro_auc": auc_now,
        "accepted": not reasons,
        "reason": "; ".join(reasons),
    }


def _makes_maps(node: Any) -> bool:
    return bool(node.op_type == "Conv" and "class_activation" in node.name)


def _logits(network: Network, canvases: NDArray[np.uint8]) -> NDArray[np.float32]:
    starts = range(0, len(canvases), _BATCH)
    answers = (network.runtime.run(canvases[k : k + _BATCH]).logits for k in starts)
    return np.concatenate(list(track(answers, total=len(starts), what=network.card.precision)))


def _some(canvases: NDArray[np.uint8], count: int, seed: int) -> NDArray[np.uint8]:
    chosen = np.random.default_rng(seed).permutation(len(canvases))[:count]
    return np.asarray(canvases[np.sort(chosen)])


def _macro_auc(truth: NDArray[Any], p: NDArray[np.float64]) -> float | None:
    from sklearn.metrics import roc_auc_score

    present = [k for k in range(len(CLASSES)) if 0 < (truth == k).sum() < len(truth)]
    if not present:
        return None
    return float(np.mean([roc_auc_score(truth == k, p[:, k]) for k in present]))
