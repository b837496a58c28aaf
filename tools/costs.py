"""What the two networks cost, to train, to keep and to ask: for docs/comparison.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import marks
import numpy as np
from marks import ROOT
from splits import GIVEN, GROUPED
from verdicts import CUSTOM, TRANSFER

from braintumor.bundle.card import read_bundle
from braintumor.evaluation import words
from braintumor.training.recipe import read_record

SHIPPED = ROOT / "src" / "braintumor" / "bundle" / "shipped"
SPEED = Path("performance") / "speed.json"
# Key of `benchmarks/speed.py`, the table's words, the answer's, and the unit.
_SPEEDS = (
    ("latency", "One prepared slice to class and heat map", "one slice", "ms"),
    ("arrays", "Many prepared slices", None, "slices/s"),
)
_QUESTION = "Which is cheaper?"


@dataclass(frozen=True)
class Cost:
    """One network.

    Attributes:
        weights: numbers in its layers' kernels, as it is shipped.
        megabytes: of the shipped graph, 10^6 bytes.
        precision: of the shipped graph.
        minutes: that training on the published split took by the clock.
        cpu_minutes: the same in processor time; None where it was not recorded.
        folds: minutes that each fold took by the clock, by the recipe of what is shipped; empty
            where it was not trained over folds. In processor time the records of the committed
            folds hold the last one alone, and nothing is concluded from that.
    """

    weights: int
    megabytes: float
    precision: str
    minutes: float
    cpu_minutes: float | None
    folds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Costs:
    """What the document says of costs.

    Attributes:
        answer: the question and its answer.
        lines: the table.
        advice: who should take the cheaper one.
    """

    answer: tuple[str, str]
    lines: list[str]
    advice: str


def costs(results: Path, shipped: Path = SHIPPED) -> Costs:
    """From the shipped graphs, the published recipes, and the speed that was measured."""
    found = {
        name: cost(results / GIVEN / name, shipped / name, results / GROUPED / name)
        for name in (CUSTOM, TRANSFER)
    }
    custom, transfer = found[CUSTOM], found[TRANSFER]
    told = [
        _ratio("weights", custom.weights, transfer.weights, lambda n: f"{n / 1e6:.1f} million"),
        _ratio("file", custom.megabytes, transfer.megabytes, lambda n: f"{n:.1f} MB"),
        *_training(custom, transfer),
    ]
    cheaper = CUSTOM if custom.weights < transfer.weights else TRANSFER
    heads = ("", f"`{CUSTOM}`", f"`{TRANSFER}`")
    rows = [
        [heading, *(what(found[name]) for name in (CUSTOM, TRANSFER))] for heading, what in _ROWS
    ]
    answers, measured = speed(results / SPEED)
    told += answers
    rows += measured
    return Costs(
        (_QUESTION, f"`{CUSTOM}` against `{TRANSFER}`: {'; '.join(told)}."),
        marks.table(heads, rows),
        f"`{cheaper}` where memory or the time of an answer counts, or where the network must be "
        f"small enough to be sent along{_dearer(found, cheaper)}.",
    )


def _training(custom: Cost, transfer: Cost) -> list[str]:
    """What training took: on the published split, and by the recipe of what is shipped."""
    if custom.cpu_minutes and transfer.cpu_minutes:
        spent, unit = (custom.cpu_minutes, transfer.cpu_minutes), "minutes of processor time"
    else:
        spent, unit = (custom.minutes, transfer.minutes), "minutes"
    told = [_ratio("training on the published split", *spent, lambda n: f"{n:.0f} {unit}")]
    if custom.folds and transfer.folds:
        told.append(
            _ratio(
                f"{len(custom.folds)} folds by the recipe of what is shipped",
                sum(custom.folds), sum(transfer.folds),
                lambda n: f"{n:.0f} minutes by the clock",
            )
        )  # fmt: skip
    return told


def _dearer(found: dict[str, Cost], cheaper: str) -> str:
    """That the smaller network is not the cheaper one to train, where its folds took longer."""
    (other,) = set(found) - {cheaper}
    one, two = (sum(found[name].folds) for name in (cheaper, other))
    return (
        "; to train, by the recipe of what is shipped, it is not cheaper" if one >= two > 0 else ""
    )


def _of_folds(cost: Cost) -> str:
    if not cost.folds:
        return "–"
    low, high = (f"{end:.0f}" for end in (min(cost.folds), max(cost.folds)))
    each = low if low == high else f"{low} to {high}"
    return f"{sum(cost.folds):.0f} min for {len(cost.folds)} folds, {each} min each"


_ROWS: tuple[tuple[str, Callable[[Cost], str]], ...] = (
    ("Weights", lambda c: f"{c.weights / 1e6:.1f} million"),
    ("File, as shipped", lambda c: f"{c.megabytes:.1f} MB, {c.precision}"),
    ("Training on the published split, by the clock", lambda c: f"{c.minutes:.0f} min"),
    ("the same in processor time", lambda c: f"{c.cpu_minutes:.0f} min" if c.cpu_minutes else "–"),
    ("Training by the recipe of what is shipped, by the clock, other work beside it", _of_folds),
)


def cost(results: Path, bundle: Path, folds: Path) -> Cost:
    """One network's costs.

    Args:
        results: its folder of results on the published split, with recipe.toml.
        bundle: its shipped bundle.
        folds: its folder of results over folds, which need not be there.
    """
    import onnx

    card, graph = read_bundle(bundle)
    kernels = [w for w in onnx.load_model_from_string(graph).graph.initializer if len(w.dims) > 1]
    record = read_record(results / "recipe.toml")
    processor = record.get("cpu_seconds")
    return Cost(
        weights=int(sum(np.prod(kernel.dims) for kernel in kernels)),
        megabytes=len(graph) / 1e6,
        precision=card.precision,
        minutes=float(record["seconds"]) / 60,
        cpu_minutes=None if processor is None else float(processor) / 60,
        folds=_fold_minutes(folds / "recipe.toml"),
    )


def _fold_minutes(recipe: Path) -> tuple[float, ...]:
    record = read_record(recipe) if recipe.is_file() else {}
    return tuple(float(seconds) / 60 for seconds in record.get("seconds_by_fold", ()))


def speed(file: Path) -> tuple[list[str], list[list[str]]]:
    """How long a slice takes: for the answer, and as rows; nothing where it was not measured.

    Args:
        file: what `benchmarks/speed.py` wrote; its rows `latency NETWORK` and `arrays NETWORK`.
    """
    if not file.is_file():
        return [], []
    found = json.loads(file.read_text(encoding="utf-8"))
    ours = {row["key"]: float(row["ours"]) for row in found["rows"]}
    machine = f"{found['machine']['processor']}, {words.slices(found['machine']['cores'], 'core')}"
    told, rows = [], []
    for key, heading, what, unit in _SPEEDS:
        one, two = (ours.get(f"{key} {name}") for name in (CUSTOM, TRANSFER))
        if one is None or two is None:
            continue
        if what:
            told.append(_ratio(what, one, two, lambda n, unit=unit: marks.measure(n, unit)))
        rows.append([f"{heading} ({machine})", *(marks.measure(n, unit) for n in (one, two))])
    return told, rows


def _ratio(what: str, one: float, two: float, told: Callable[[float], str]) -> str:
    low, high = sorted((one, two))
    times = f" ({high / low:.1f} times)" if low and high / low >= 1.1 else ""
    return f"{what} {told(one)} against {told(two)}{times}"
