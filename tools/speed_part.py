"""The first part of docs/performance.md: how fast, against whom, and what limits it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import marks
from marks import table
from measured import RESULTS, machine, measured

# Operations of 16-bit and 8-bit products for one of float32, where the processor has the units:
# vectors hold more of what is shorter, and one with tiles (AMX) does 1024 products of 8 bits a
# cycle where its vectors do 32 in float32.
_WIDTH = {"float32": 1, "bfloat16": 2, "int8": 4}
_TILES = {"float32": 1, "bfloat16": 16, "int8": 32}
_STAGES = {
    "read": "reading and decoding",
    "prepare": "preparing",
    "check": "checks for the gate",
    "network": "the network",
}
# Aims of rows that were measured before they had one.
_AIMS = {"cold ensemble": 5.0, "memory ensemble": 3.0}
_FIRST = "first "
_TO_ITS_BEST = (
    "*Ratio*: of the medians. *To its best*: of our median to the peer's best round, for rounds of "
    "the peer differ more than ours."
)


def speed(results: Path = RESULTS) -> str:
    """The table of ratios, the machine, and what limits them."""
    found = measured(results / "speed.json")
    if found is None:
        return "Not measured yet."
    rows = [
        [
            one["what"],
            *(marks.measure(one[whose], one["unit"]) for whose in ("ours", "peer")),
            f"{one['ratio']:.1f}",
            f"{_at_best(one):.1f}",
            _goal(one),
        ]
        for one in found["rows"]
    ]  # fmt: skip
    heads = ("what", "ours", "peer", "ratio", "to its best", "aim")
    return "\n".join(
        [*machine(found), "", *table(heads, rows), "", _TO_ITS_BEST, "", *_starts(found),
         *_stages(found), "", *_arithmetic(found)]
    )  # fmt: skip


def _starts(found: dict[str, Any]) -> list[str]:
    """What is to be known of cold starts, where some were measured."""
    keys = [one["key"] for one in found["rows"]]
    if any(key.startswith(_FIRST) for key in keys):
        return [
            "A first start has an empty cache and compiles the graphs, as after an installation; a "
            "later one finds them compiled. The files of the software are in memory either way.",
            "",
        ]
    if any(key.startswith("cold ") for key in keys):
        return [
            "These starts found the graphs compiled by an earlier one; a first start, with an "
            "empty cache, is not measured yet.",
            "",
        ]
    return []


def _at_best(one: dict[str, Any]) -> float:
    """The ratio of our median to the peer's best round: rounds of one program can be of two
    speeds, and then a median says which came more often."""
    rounds = one["rounds"]["peer"]
    rate = one["unit"].endswith("/s")
    return float(one["ours"] / max(rounds) if rate else min(rounds) / one["ours"])


def _goal(one: dict[str, Any]) -> str:
    """What was aimed at, and whether it was reached: the ratio, and the most that ours may take."""
    aims, goal = [], one["goal"] or _AIMS.get(one["key"])
    if goal is not None and one["ratio"] < goal:
        aims.append(f"{goal:g}: missed")
    elif goal is not None:
        best = "" if _at_best(one) >= goal else ", not against the peer's best round"
        aims.append(f"{goal:g}: reached{best}")
    most = one.get("most")
    if most is not None:
        reached = "reached" if one["ours"] <= most else "missed"
        aims.append(f"at most {marks.measure(most, one['unit'])}: {reached}")
    return "; ".join(aims)


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
    width = _TILES if "amx_int8" in found["machine"]["processor"] else _WIDTH
    rows = []
    for name, one in found["limits"]["networks"].items():
        can = peak * width[one["precision"]]
        share = one["gflops_a_core"] / can
        rows.append(
            [f"`{name}`", one["precision"], f"{one['gflop_a_slice']:.2f}",
             f"{one['gflops_a_core']:.0f}", f"{can:.0f}", percent(share, 0)]
        )  # fmt: skip
    heads = ("network", "precision", "GFLOP a slice", "GFLOP/s a core", "peak", "reached")
    return [
        f"A core does {peak:.0f} GFLOP/s in float32 on a matrix product, taken for its peak here; "
        f"8-bit products count {width['int8']} times as much, 16-bit ones {width['bfloat16']} "
        "times, where the processor has the units for them. Where most of the peak is reached, "
        "arithmetic is the limit, and no runtime can do more with the same network at the same "
        "precision." + _of_the_peer(found, peak),
        "",
        *table(heads, rows),
    ]


def _of_the_peer(found: dict[str, Any], peak: float) -> str:
    """How near the peer comes to what the processor can do in its own precision."""
    row = next((row for row in found["rows"] if row["key"] == "arrays resnet50"), None)
    if row is None:
        return ""
    work = found["limits"]["networks"]["resnet50"]["gflop_a_slice"]
    reached = max(row["rounds"]["peer"]) * work / found["machine"]["cores"] / peak
    return (
        " The peer, whose convolutions are of the same library (oneDNN), reaches "
        f"{percent(reached, 0)} of the float32 peak with `resnet50` in its best round."
    )


def percent(share: float, digits: int = 1) -> str:
    """A share in per cent, with so many digits after the point."""
    return f"{100 * share:.{digits}f} %"
