"""docs/performance.md: how fast, against whom, what limits it, and what an installation weighs.

    python tools/performance.py [--write]

Made from what `benchmarks/speed.py`, `half_size.py` and `weight.py` write into results/performance
(each with --write); no number is typed by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import marks
from marks import ROOT, Part, table

RESULTS = ROOT / "results" / "performance"
# A core busy with something else makes every ratio doubtful.
QUIET = 0.5
# Operations of 8-bit and 16-bit products for one of float32, where the processor has the units.
_WIDTH = {"float32": 1, "bfloat16": 2, "int8": 4}
_STAGES = {
    "read": "reading and decoding",
    "prepare": "preparing",
    "check": "checks for the gate",
    "network": "the network",
}
_MEGA = 1e6
_LIGHT = 5e6
_ALLOWED = 700  # MB


def speed(results: Path = RESULTS) -> str:
    """The table of ratios, the machine, and what limits them."""
    found = _measured(results / "speed.json")
    if found is None:
        return "Not measured yet."
    rows = [
        [
            one["what"],
            *(marks.measure(one[whose], one["unit"]) for whose in ("ours", "peer")),
            f"{one['ratio']:.1f}",
            _goal(one),
        ]
        for one in found["rows"]
    ]  # fmt: skip
    heads = ("what", "ours", "peer", "ratio", "aim")
    return "\n".join(
        [*_machine(found), "", *table(heads, rows), "", *_stages(found), "", *_arithmetic(found)]
    )


def half_size(results: Path = RESULTS) -> str:
    """What decoding JPEGs at half their size would save and change."""
    found = _measured(results / "half_size.json")
    if found is None:
        return "Not measured yet."
    whole, half = (sum(found[key].values()) for key in ("whole_ms", "half_ms"))
    rows = [
        [
            f"`{name}`",
            *(_percent(one[key]) for key in ("same_class", "same_status")),
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


def weight(results: Path = RESULTS) -> str:
    """What is installed, by weight, how long imports take, and what `[app]` adds."""
    found = _measured(results / "weight.json")
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


def _measured(file: Path) -> dict[str, Any] | None:
    """What a benchmark wrote; None where nobody has measured yet."""
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


def _machine(found: dict[str, Any]) -> list[str]:
    machine = found["machine"]
    versions = ", ".join(f"{name} {one}" for name, one in machine["versions"].items() if one)
    lines = [
        f"Measured on {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gib']:g} GiB, {machine['system']}, Python {machine['python']}; "
        f"{versions}."
    ]
    if found.get("small"):
        lines += [
            "",
            "**Only a try of the programs with a few pictures: no number means anything.**",
        ]
    if machine["load"] > QUIET:
        lines += [
            "",
            f"**The machine was not quiet** (load {machine['load']:.1f} at the start): times are "
            "longer than they should be and ratios are doubtful. Measure again.",
        ]
    return lines


def _stages(found: dict[str, Any]) -> list[str]:
    stages = found["limits"]["stages_ms"]
    parts = ", ".join(f"{what} {stages[key]:.2f} ms" for key, what in _STAGES.items())
    total = sum(stages.values())
    most = max(_STAGES, key=lambda key: stages[key])
    rate = found["machine"]["cores"] * 1e3 / total
    return [
        f"A file on its way through the cnn costs {total:.1f} ms of one core: {parts}. With all "
        f"cores busy that would be {rate:.0f} slices a second; the largest part is "
        f"{_STAGES[most]}.{_folder(found)}"
    ]


def _folder(found: dict[str, Any]) -> str:
    """Sentences where a folder is scored slower than by Keras, or than the aim has it."""
    row = next((row for row in found["rows"] if row["key"] == "folder cnn"), None)
    if row is None or row["ratio"] >= row["goal"]:
        return ""
    left = found["machine"]["cores"] * 1e3 / (row["goal"] * row["peer"])
    network = found["limits"]["stages_ms"]["network"]
    text = (
        f" The aim for a folder, {row['goal']:g} times the peer, would leave {left:.1f} ms of a "
        f"core for everything, {network:.1f} of which the network takes."
    )
    if row["ratio"] < 1:
        text += (
            " Keras is the quicker there: it has no head to find, nothing to check and no hash to "
            "make."
        )
    return text


def _arithmetic(found: dict[str, Any]) -> list[str]:
    """What is reached of what the processor can do."""
    peak = found["limits"]["peak_gflops"]
    rows = []
    for name, one in found["limits"]["networks"].items():
        can = peak * _WIDTH[one["precision"]]
        share = one["gflops_a_core"] / can
        rows.append(
            [f"`{name}`", one["precision"], f"{one['gflop_a_slice']:.2f}",
             f"{one['gflops_a_core']:.0f}", f"{can:.0f}", _percent(share, 0)]
        )  # fmt: skip
    heads = ("network", "precision", "GFLOP a slice", "GFLOP/s a core", "peak", "reached")
    return [
        f"A core does {peak:.0f} GFLOP/s in float32 on a matrix product, taken for its peak here; "
        "8-bit products count four times as much, 16-bit ones twice, where the processor has the "
        "units for them. Where most of the peak is reached, arithmetic is the limit, and no "
        "runtime can do more with the same network at the same precision; the peer, whose "
        "convolutions are of the same library (oneDNN), is near the float32 peak too.",
        "",
        *table(heads, rows),
    ]


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _goal(one: dict[str, Any]) -> str:
    if one["goal"] is None:
        return ""
    return f"{one['goal']:g}: {'reached' if one['ratio'] >= one['goal'] else 'missed'}"


PARTS = (
    Part("docs/performance.md", "speed", speed),
    Part("docs/performance.md", "half", half_size),
    Part("docs/performance.md", "weight", weight),
)

if __name__ == "__main__":
    marks.command(PARTS, __doc__)
