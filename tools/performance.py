"""docs/performance.md: how fast, against whom, its limits; what eight bits cost; what it weighs.

    python tools/performance.py [--write]

Made from what `benchmarks/speed.py`, `page.py`, `engines.py`, `finetune.py`, `half_size.py` and
`weight.py` write into results/performance (each with --write), and from the shipped cards; no
number is typed by hand.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import marks
import numpy as np
from costs import SHIPPED
from marks import Part, table
from measured import RESULTS, machine, measured
from speed_part import percent, speed
from splits import GROUPED

from braintumor.bundle.card import Card, read_card
from braintumor.bundle.runtime import CALLED
from braintumor.classes import CLASSES
from braintumor.evaluation.predictions import Predictions
from braintumor.training.parity import MAX_AUC_LOSS, MAX_SENSITIVITY_LOSS

_MEGA = 1e6
_LIGHT = 5e6
_ALLOWED = 700  # MB
_SAME_CLASS = 0.995


def page(results: Path = RESULTS) -> str:
    """How long a visitor of the page waits for an answer, and what was aimed at."""
    found = measured(results / "page.json")
    if found is None:
        return "Not measured yet."
    seconds, aim = found["seconds"], found["aim_s"]
    typical, longest = statistics.median(seconds), max(seconds)
    kept = "missed" if typical >= aim else "reached by the median alone"
    told = (
        f"From the choice of a file to the ensemble's answer, in Chromium on the same computer, it "
        f"took {typical:.2f} s in the median of {len(seconds)} uploads and {longest:.2f} s at "
        f"worst; the aim, less than {aim:g} s, is {'reached' if longest < aim else kept}."
    )
    return "\n".join([*machine(found), "", told])


def half_size(results: Path = RESULTS) -> str:
    """What decoding JPEGs at half their size would save and change."""
    found = measured(results / "half_size.json")
    if found is None:
        return "Not measured yet."
    whole, half = (sum(found[key].values()) for key in ("whole_ms", "half_ms"))
    rows = [
        [
            f"`{name}`",
            *(percent(one[key]) for key in ("same_class", "same_status")),
            *(f"{one[key]:.3f}" for key in ("mean_change", "max_change")),
        ]
        for name, one in found["bundles"].items()
    ]
    heads = ("bundle", "same class", "same status", "probability moves, mean", "at most")
    return "\n".join(
        [
            f"JPEGs decoded at half their size: reading and preparing a slice would take "
            f"{half:.1f} ms of a core in place of {whole:.1f}. "
            f"Of {found['slices']} slices ({' and '.join(found['splits'])} of the labelled set):",
            "",
            *table(heads, rows),
        ]
    )


def engines(results: Path = RESULTS) -> str:
    """How far OpenVINO's answers and ONNX Runtime's differ, and what was aimed at."""
    found = measured(results / "engines.json")
    if found is None:
        return "Not measured yet."
    bundles = sorted(found["bundles"], key=lambda one: one["precision"] != "int8")
    versions = " and ".join(f"{CALLED[name]} {one}" for name, one in found["versions"].items())
    rows = [
        [
            f"`{one['name']}`",
            one["precision"],
            percent(one["same_class"], 2),
            *(f"{one[key]:.2g}" for key in ("mean_change", "p99_change", "max_change")),
            f"{percent(one['within_aim'])} within {one['aim']:g}",
        ]
        for one in bundles
    ]
    heads = ("bundle", "precision", "same class", "probability moves, mean", "99 % of slices at "
             "most", "at most", "slices within the aim")  # fmt: skip
    about = (
        f"{versions} on {found['processor']}, asked about {found['slices']} slices "
        f"({' and '.join(found['splits'])} of the labelled set). A slice moves by that of its four "
        f"probabilities which moves most:"
    )
    return "\n".join([about, "", *table(heads, rows), "", *map(_kept, bundles)])


def _kept(one: dict[str, Any]) -> str:
    """Whether a bundle keeps what was aimed at, in a sentence."""
    same = "reached" if one["same_class"] >= _SAME_CLASS else "missed"
    text = (
        f"- `{one['name']}` in {one['precision']}: the same class for {percent(_SAME_CLASS)} is "
        f"{same}; "
    )
    if one["within_aim"] == 1:
        return f"{text}every probability within {one['aim']:g} is reached."
    mean = "is" if one["mean_change"] <= one["aim"] else "is not either"
    return (
        f"{text}every probability within {one['aim']:g} is **missed** (the mean {mean}), by "
        f"{percent(1 - one['within_aim'])} of the slices and by up to {one['max_change']:.2g}."
    )


def eight_bits(shipped: Path = SHIPPED) -> str:
    """What eight bits change against float32, by the shipped cards' folds."""
    cards = {name: read_card(shipped / name) for name in ("cnn", "resnet50")}
    tables: dict[str, Any] = {
        name: card.parity["folds"]
        for name, card in cards.items()
        if isinstance(card, Card) and "folds" in card.parity
    }
    if not tables:
        return "Not judged over folds."
    every = list(tables.values())
    rows = [
        ["slices", *(f"{one['n']:,} in {one['runs']} folds" for one in every)],
        ["same class", *(percent(one["same_class"]) for one in every)],
        ["a probability moves, mean", *(f"{one['mean_change']:.3f}" for one in every)],
        ["at most", *(f"{one['max_change']:.3f}" for one in every)],
        *([f"right, {name.replace('_', ' ')}", *(_hits(one["classes"][name]) for one in every)]
          for name in CLASSES),
        ["macro AUC", *(f"{one['macro_auc_float32']:.4f} → {one['macro_auc']:.4f}"
                        for one in every)],
        ["accepted", *("yes" if one["accepted"] else f"no: {one['reason']}" for one in every)],
    ]  # fmt: skip
    return "\n".join(
        [
            *table(("float32 → eight bits", *(f"`{name}`" for name in tables)), rows),
            "",
            f"Accepted is what costs no class more than {100 * MAX_SENSITIVITY_LOSS:g} points of "
            f"sensitivity and not more than {MAX_AUC_LOSS:g} of macro AUC. The mean is over all "
            f"four probabilities of every slice.",
            *_other_folds(tables),
        ]
    )


def _other_folds(tables: dict[str, Any]) -> list[str]:
    """What to know where the quantised networks are not those whose scores are published."""
    others = []
    for name, found in tables.items():
        rows = Predictions.read(RESULTS.parent / GROUPED / name / "predictions.csv").scored()
        right = rows.y_true[rows.y_true == rows.y_pred]
        now = np.bincount(right, minlength=len(CLASSES)).tolist()
        if now != [found["classes"][one]["hits_float32"] for one in CLASSES]:
            others.append(f"`{name}`")
    if not others:
        return []
    return [
        "",
        f"The folds of {' and '.join(others)} are those of another training by the same recipe; "
        "the folds that are published were not quantised so.",
    ]


def _hits(one: dict[str, int]) -> str:
    return f"{one['hits_float32']} → {one['hits']} of {one['n']}"


def finetune(results: Path = RESULTS) -> str:
    """What the frozen-trunk cache and mixed bfloat16 save in fine-tuning."""
    found = measured(results / "finetune.json")
    if found is None or found.get("small"):  # a try of the program says nothing of it
        return "Not measured yet."
    reference = found["ways"][0]["plain_s"]
    rows = []
    for one in found["ways"]:
        precision = one["precision"].replace("_", " ")
        of = {part: f"{one[f'{part}_per_s']:.3g}" for part in ("whole", "trunk", "tail")}
        for way, cost, how in (
            ("whole network at every step", one["plain_s"], of["whole"]),
            ("trunk once, tail at every step", one["cached_s"], f"{of['trunk']}; {of['tail']}"),
        ):
            rows.append([way, precision, how, f"{cost:.3g} s", f"{reference / cost:.1f}"])
    heads = ("way", "precision", "images a second", "an image costs", "times as fast")
    units = "has" if found["bfloat16_in_hardware"] else "lacks"
    about = (
        f"ResNet50 tuned after `{found['tuned_from']}`, {found['epochs']} epochs over "
        f"{found['variants']} augmented variants of each image; the processor {units} units for "
        f"bfloat16. The first row is Keras's plain way:"
    )
    return "\n".join([*machine(found), "", about, "", *table(heads, rows)])


def weight(results: Path = RESULTS) -> str:
    """What is installed, by weight, how long imports take, and what `[app]` adds."""
    found = measured(results / "weight.json")
    if found is None:
        return "Not measured yet."
    total = _mega(found)
    imports = [[f"`{name}`", f"{seconds:.2f} s"] for name, seconds in found["imports_s"].items()]
    lines = [
        f"`pip install .` in an empty environment ({found['system']}) weighs **{total:.0f} "
        f"MB**, {found['bytecode'] / _MEGA:.0f} MB of it bytecode that pip compiles. "
        + ("" if total < _ALLOWED else f"The aim, {_ALLOWED} MB all told, is missed."),
        "",
        *_packages(found),
        "",
        *table(("in a fresh process", "processor time"), imports),
    ]
    for extra, one in found["extras"].items():
        lines += [
            "",
            f"The extra `[{extra}]` adds **{_mega(one):.0f} MB**, {one['bytecode'] / _MEGA:.0f} MB "
            f"of it bytecode, and makes it {total + _mega(one):.0f} MB:",
            "",
            *_packages(one),
        ]
        total += _mega(one)
    return "\n".join(lines)


def _mega(found: dict[str, Any]) -> float:
    """Megabytes of all packages."""
    return float(sum(found["packages"].values()) / _MEGA)


def _packages(found: dict[str, Any]) -> list[str]:
    """The table of packages, the heaviest first and the light ones as one."""
    packages = sorted(found["packages"].items(), key=lambda pair: -pair[1])
    light = [size for _, size in packages if size < _LIGHT]
    rows = [[f"`{name}`", f"{size / _MEGA:.0f} MB"] for name, size in packages if size >= _LIGHT]
    rows.append([f"{len(light)} others", f"{sum(light) / _MEGA:.0f} MB"])
    return table(("package", "on the disk"), rows)


PARTS = (
    Part("docs/performance.md", "speed", speed),
    Part("docs/performance.md", "page", page),
    Part("docs/performance.md", "engines", engines),
    Part("docs/performance.md", "eight-bits", eight_bits),
    Part("docs/performance.md", "half", half_size),
    Part("docs/performance.md", "finetune", finetune),
    Part("docs/performance.md", "weight", weight),
)

if __name__ == "__main__":
    marks.command(PARTS, __doc__)
