"""The tables of docs/scale.md, from what benchmarks/stream.py found.

    python tools/documents.py --write

Knows no measurement of its own: what is reckoned from the measured numbers is reckoned here, and
the prices that it is reckoned with are named where they stand.
"""

from __future__ import annotations

import json
from typing import Any

from marks import ROOT, Part, command, table

FOUND = ROOT / "results" / "scale"
# Assumed, not measured: the price of a processor core rented for an hour, and of a thousand reads
# from an object store, in US dollars. Put your own.
CORE_HOUR = 0.05
THOUSAND_READS = 0.0004
# What was measured; the last as a user would start it, where somebody has.
RUNS = ("rate.json", "memory.json", "processes.json")
MILLION, BILLION = 10**6, 10**9
CORES = (64, 1024)


def found(name: str) -> dict[str, Any]:
    """What a run of the benchmark wrote down."""
    read: dict[str, Any] = json.loads((FOUND / name).read_text(encoding="utf-8"))
    return read


def measured() -> str:
    """Rate and memory, and where they were measured."""
    rows = [_told(found(name)) for name in RUNS if (FOUND / name).is_file()]
    heads = ["images", "pixels, bytes a file", "network", "processes", "seconds", "images a second",
             "processor milliseconds an image", "memory after 5 %", "at the end"]  # fmt: skip
    return "\n".join([*table(heads, rows), "", *_where()])


def costs() -> str:
    """What a million slices cost."""
    one = _core_seconds()
    hours = MILLION * one / 3600
    model = found("rate.json")["setting"]["model"]
    return (
        f"With `--model {model}` a slice costs {1000 * one:.1f} ms of one core, so a million cost "
        f"**{hours:,.1f} core hours**: ${hours * CORE_HOUR:,.2f} at ${CORE_HOUR} a core hour, and "
        f"${MILLION / 1000 * THOUSAND_READS:,.2f} for reading them from an object store at "
        f"${THOUSAND_READS} a thousand reads (both prices are assumptions: put your own). The "
        f"default, both networks, costs {_resnet50():.0f} ms more a slice, the resnet50's own."
    )


def plan() -> str:
    """What a thousand million slices need, by the same numbers."""
    run = found("rate.json")
    hours = BILLION * _core_seconds() / 3600
    row = run["table_bytes"] / run["rows"]
    size = run["setting"]["bytes_per_image"]
    takes = [f"{_long(hours / cores)} on {cores:,} cores" for cores in CORES]
    need = size / _core_seconds() * CORES[-1]
    writing = 1 / run["writing_cpu_seconds"]
    lines = [
        ["arithmetic", f"{hours:,.0f} core hours: {' or '.join(takes)}; "
         f"${hours * CORE_HOUR:,.0f} at ${CORE_HOUR} a core hour"],
        ["images", f"{BILLION * size / 1e12:,.0f} TB at {size / 1000:,.0f} kB each; "
         f"{CORES[-1]:,} cores read {need / 1e9:,.1f} GB a second"],
        ["reads", f"${BILLION / 1000 * THOUSAND_READS:,.0f} if each slice is an object of its own"],
        ["tables", f"{BILLION * row / 1e9:,.0f} GB of CSV at {row:,.0f} bytes a row"],
        ["one writer", f"at most {writing:,.0f} rows a second by its own processor time: "
         f"{_long(BILLION / writing / 3600)} for all rows; more than "
         f"{writing * _core_seconds():,.0f} cores would wait for it"],
    ]  # fmt: skip
    return "\n".join(table(["what", "how much"], lines))


def _long(hours: float) -> str:
    return f"{hours:,.1f} hours" if hours < 48 else f"{hours / 24:,.1f} days"


def _core_seconds() -> float:
    run = found("rate.json")
    return float(run["cpu_seconds"] / run["rows"])


def _resnet50() -> float:
    """Milliseconds of a core that the resnet50 takes for a prepared slice."""
    speed = json.loads((FOUND.parent / "performance" / "speed.json").read_text(encoding="utf-8"))
    (rate,) = (row["ours"] for row in speed["rows"] if row["key"] == "arrays resnet50")
    return float(1000 * speed["machine"]["cores"] / rate)


def _told(run: dict[str, Any]) -> list[str]:
    setting, notes = run["setting"], run["notes"]
    return [
        f"{run['rows']:,}",
        f"{setting['side']} x {setting['side']}, {setting['bytes_per_image']:,}",
        setting["model"],
        str(_processes(run)),
        f"{run['seconds']:,.0f}",
        f"{run['rows'] / run['seconds']:,.0f}",
        f"{1000 * run['cpu_seconds'] / run['rows']:.1f}",
        *(f"{notes[k]['bytes'] / 2**20:,.0f} MiB" for k in (0, -1)),
    ]


def _processes(run: dict[str, Any]) -> int:
    """The most that there were at once; those who worked in one noted none."""
    return max(note.get("processes", 1) for note in run["notes"])


def _where() -> list[str]:
    lines = []
    for name in (name for name in RUNS if (FOUND / name).is_file()):
        run = found(name)
        on = run["machine"]
        before, after = on["load_before"][0], on["load_after"][0]
        busy = (
            "the machine did other work at the same time, or until just before, so that seconds by "
            "the clock may be too long and processor time is what counts"
            if before > 1
            else "the machine was free otherwise"
        )
        lines.append(
            f"`{name}`: {on['processor']}, {on['cores']} cores, Python {on['python']}, "
            f"{on['date']}; load {before} before and {after} after: {busy}."
        )
    return lines


PARTS = (
    Part("docs/scale.md", "measured", measured),
    Part("docs/scale.md", "costs", costs),
    Part("docs/scale.md", "plan", plan),
)

if __name__ == "__main__":
    command(PARTS, __doc__)
