"""Ours and the peer's way side by side: throughput, latency, cold start and memory, with ratios.

    python benchmarks/speed.py [--rounds 5] [--folder DIR] [--write] [--small]

The peer is Keras with TensorFlow, float32, used as its guides show it, on the same architecture
(weights do not matter for speed). Each side is a process of its own, which does a round when it is
asked for one; rounds alternate, the first one warms up and is not counted, and the table shows
medians. What starts cold is a process of its own every time: a first start has an empty folder for
its cache, as after an installation, a later one finds the graphs that an earlier one compiled; the
files of the software are in memory either way. DIR holds the JPEGs of 640 x 640 pixels that are
classified; phantoms are drawn where none is given. `--write` puts the numbers into
`results/performance/speed.json` and has `tools/performance.py` make `docs/performance.md` of them.
Takes four minutes on two cores; only on a quiet machine do the ratios mean something.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULT = HERE.parent / "results" / "performance" / "speed.json"
DOCUMENT = HERE.parent / "tools" / "performance.py"
# Seconds that the first start may take.
FIRST_S = 1.5
# Task, what it is, unit, whether more is better, and the ratio that is aimed at.
TASKS = (
    ("arrays resnet50", "ResNet50, prepared arrays", "slices/s", True, 5.0),
    ("arrays cnn", "cnn, prepared arrays", "slices/s", True, 5.0),
    ("folder cnn", "folder of 640 x 640 JPEGs to CSV, cnn", "slices/s", True, 4.0),
    ("latency cnn", "one prepared slice to class and map, cnn", "ms", False, 10.0),
    ("latency resnet50", "one prepared slice to class and map, ResNet50", "ms", False, 10.0),
)


class Side:
    """One side's process: told a task, it does a round and answers with a number."""

    def __init__(self, script: str, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / script), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def ask(self, task: str) -> Any:
        """Do one round of a task."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(task + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("ANSWER "):
                return json.loads(line.removeprefix("ANSWER "))
        raise RuntimeError(f"{task}: the process ended with {self._process.wait()}")

    def close(self) -> None:
        """Let the process end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def warm(ours: Side, peer: Side, rounds: int) -> list[dict[str, Any]]:
    """The rows of what is measured in processes that run already."""
    rows = []
    for key, what, unit, more, goal in TASKS:
        found: dict[str, list[float]] = {"ours": [], "peer": []}
        for number in range(rounds + 1):
            for name, side in (("ours", ours), ("peer", peer)):
                value = side.ask(key)
                if number:
                    found[name].append(value)
        rows.append(row(key, what, unit, more, goal, found))
        print(line(rows[-1]), flush=True)
    return rows


def cold(folder: Path, rounds: int) -> list[dict[str, Any]]:
    """The rows of whole processes: seconds until they end, and the most memory that they held."""
    picture = str(next(iter(sorted(folder.rglob("*.jpg")))))
    model = folder.parent / "cnn.keras"
    save = [sys.executable, str(HERE / "speed_peer.py"), "--save", str(model)]
    subprocess.run(save, check=True, capture_output=True)
    ways = {
        "ours": [sys.executable, "-m", "braintumor", "predict", picture, "--model", "cnn"],
        "ensemble": [sys.executable, "-m", "braintumor", "predict", picture],
        "peer": [sys.executable, str(HERE / "speed_peer_cold.py"), str(model), picture],
    }
    seconds, first, memory = ({name: [] for name in ways} for _ in range(3))
    with tempfile.TemporaryDirectory() as place:
        for number in range(rounds + 1):
            for name, command in ways.items():
                took, held = whole_process(command, Path(place) / "kept")
                if number:
                    seconds[name].append(took)
                    memory[name].append(held)
                if name == "peer":  # it keeps nothing, and so each start is its first
                    first[name] = seconds[name]
                    continue
                took, _ = whole_process(command, Path(place) / f"{name}-{number}")
                if number:
                    first[name].append(took)
    return cold_rows(first, seconds, memory)


Found = dict[str, list[float]]


def cold_rows(first: Found, seconds: Found, memory: Found) -> list[dict[str, Any]]:
    """The rows of whole processes, of the cnn alone and of both networks; prints them.

    Args:
        first: seconds of every round for `ours`, `ensemble` and `peer`, with an empty cache.
        seconds: the same for later starts.
        memory: the most that a later start held, MiB.
    """
    rows = []
    for key, what, unit, found, goal, most in (
        ("first", "`braintumor predict one.jpg{}`, first start", "s", first, 5.0, FIRST_S),
        ("cold", "`braintumor predict one.jpg{}`, later start", "s", seconds, 5.0, None),
        ("memory", "memory of `braintumor predict one.jpg{}`", "MiB", memory, 3.0, None),
    ):
        for network, whose in (("cnn", "ours"), ("ensemble", "ensemble")):
            name = what.format(" --model cnn" if network == "cnn" else "")
            both = {"ours": found[whose], "peer": found["peer"]}
            rows.append(row(f"{key} {network}", name, unit, False, goal, both) | {"most": most})
            print(line(rows[-1]), flush=True)
    return rows


def whole_process(command: list[str], cache: Path) -> tuple[float, float]:
    """Seconds until a process ended, and its peak of resident memory in MiB.

    Args:
        command: its words.
        cache: the folder in which it keeps compiled graphs.
    """
    own = {"TF_CPP_MIN_LOG_LEVEL": "3", "BRAINTUMOR_CACHE": str(cache)}
    environment = {k: v for k, v in os.environ.items() if k != "BRAINTUMOR_MODEL_CACHE"} | own
    started = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, env=environment, **quiet)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {said}")
    return seconds, usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def row(
    key: str, what: str, unit: str, more: bool, goal: float, found: dict[str, list[float]]
) -> dict[str, Any]:
    """One line of the table; a ratio above 1 says that ours is better."""
    ours, peer = statistics.median(found["ours"]), statistics.median(found["peer"])
    return {
        "key": key,
        "what": what,
        "unit": unit,
        "ours": ours,
        "peer": peer,
        "ratio": ours / peer if more else peer / ours,
        "goal": goal,
        "rounds": {name: found[name] for name in ("ours", "peer")},
    }


def line(one: dict[str, Any]) -> str:
    """A row to read."""
    aims = [f"{one['goal']:g}{'' if one['ratio'] >= one['goal'] else ', missed'}"]
    if one.get("most") is not None:
        much = "" if one["ours"] <= one["most"] else ", missed"
        aims.append(f"{one['most']:g} {one['unit']}{much}")
    return (
        f"{one['what']:62} {one['ours']:9.3g} {one['peer']:9.3g} {one['unit']:9}"
        f"{one['ratio']:6.2f}  (aim {'; '.join(aims)})"
    )


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cold-rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="JPEGs of 640 x 640 pixels, in any folders")
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name} and document")
    parser.add_argument("--small", action="store_true", help="a try; its numbers mean nothing")
    options = parser.parse_args()
    if options.small:
        os.environ["SPEED_SMALL"] = "1"
    from revision import revision
    from speed_material import machine, make_folder

    begun = time.time()
    with tempfile.TemporaryDirectory() as temporary:
        folder = make_folder(Path(temporary) / "slices", options.folder)
        found: dict[str, Any] = {
            "commit": revision(), "machine": machine(), "small": options.small,
        }  # fmt: skip
        print(f"{'':62} {'ours':>9} {'peer':>9} {'unit':9}{'ratio':>6}")
        ours, peer = Side("speed_ours.py", folder), Side("speed_peer.py", folder)
        try:
            found["rows"] = warm(ours, peer, options.rounds)
            found["limits"] = ours.ask("limits")
        finally:
            ours.close()
            peer.close()
        found["rows"] += cold(folder, options.cold_rounds)
    found["seconds"] = time.time() - begun
    print(json.dumps(found["limits"], indent=1))
    print(f"{found['seconds']:.0f} s; load at the start {found['machine']['load']:.1f}")
    if options.write:
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        subprocess.run([sys.executable, str(DOCUMENT), "--write"], check=True)


if __name__ == "__main__":
    main()
