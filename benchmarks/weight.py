"""What `pip install .` weighs, package by package, what `[app]` adds, and how long imports take.

    python benchmarks/weight.py [--write]

Makes an environment of its own, installs this checkout into it with the versions of
`constraints.txt`, adds up what lies on the disk, and imports in fresh processes; then installs the
extra `[app]` on top and weighs what came. `--write` puts the numbers into
`results/performance/weight.json`, of which `tools/performance.py` makes `docs/performance.md`.
Needs a connection, and a few minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from revision import revision

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "results" / "performance" / "weight.json"
LEFT_OUT = shutil.ignore_patterns(".*", "runs", "demo", "tests", "__pycache__", "results")
LIMIT = 700e6
EXTRAS = ("app",)
# Run inside the environment: bytes of every distribution's files, and how many are bytecode, which
# pip makes for a quicker start and Python makes anew where it is missing.
WEIGH = """
import importlib.metadata as m, json, pathlib
sizes = {}
for one in m.distributions():
    files = {pathlib.Path(one.locate_file(file)) for file in one.files or ()}
    pairs = [(file.suffix, file.stat().st_size) for file in files if file.is_file()]
    sizes[one.metadata["Name"]] = [
        sum(size for _, size in pairs), sum(size for kind, size in pairs if kind == ".pyc")
    ]
print(json.dumps(sizes))
"""
IMPORTS = {
    "import braintumor": "import braintumor",
    "from braintumor import Classifier": "from braintumor import Classifier",
    "from braintumor import Predictions": "from braintumor import Predictions",
    "from braintumor import Catalog": "from braintumor import Catalog",
}
ROUNDS = 7
TIMED = "import time; t = time.process_time(); {}; print(time.process_time() - t)"


def measure() -> dict[str, Any]:
    """Install, weigh and import; then what each extra brings along."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = folder / "source"
        shutil.copytree(ROOT, source, ignore=LEFT_OUT)
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        bare = sizes(python)
        install(python, str(source))
        plain = sizes(python)
        imports = {name: seconds(python, code, folder) for name, code in IMPORTS.items()}
        extras, before = {}, plain
        for extra in EXTRAS:
            install(python, f"{source}[{extra}]")
            after = sizes(python)
            extras[extra] = added(before, after)
            before = after
    return {
        "commit": revision(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        **added(bare, plain),
        "imports_s": imports,
        "extras": extras,
    }


def install(python: Path, what: str) -> None:
    """Install with the committed versions."""
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--constraint", ROOT / "constraints.txt", what],
        check=True,
    )  # fmt: skip


def added(before: dict[str, list[int]], after: dict[str, list[int]]) -> dict[str, Any]:
    """The distributions that came, bytes of each, and how many of them all are bytecode."""
    came = {name: both for name, both in after.items() if name not in before}
    return {
        "packages": {name: size for name, (size, _) in came.items()},
        "bytecode": sum(bytecode for _, bytecode in came.values()),
    }


def sizes(python: Path) -> dict[str, list[int]]:
    """Bytes of every distribution in an environment, and those of them that are bytecode."""
    done = subprocess.run([python, "-c", WEIGH], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def seconds(python: Path, code: str, folder: Path) -> float:
    """Processor time of an import in a fresh process, median; away from any checkout."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    times = []
    for _ in range(ROUNDS + 1):
        done = subprocess.run(
            [python, "-c", TIMED.format(code)],
            check=True, capture_output=True, text=True, cwd=folder, env=environment,
        )  # fmt: skip
        times.append(float(done.stdout))
    return statistics.median(times[1:])


def told(found: dict[str, Any]) -> int:
    """Print what was weighed; bytes all told."""
    for name, size in sorted(found["packages"].items(), key=lambda pair: -pair[1]):
        print(f"{name:24} {size / 1e6:7.1f} MB")
    total = sum(found["packages"].values())
    print(f"{'all told':24} {total / 1e6:7.1f} MB, {found['bytecode'] / 1e6:.1f} MB of it bytecode")
    return total


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    write = parser.parse_args().write
    found = measure()
    total = told(found)
    for extra, one in found["extras"].items():
        print(f"\n[{extra}] adds")
        told(one)
    for name, took in found["imports_s"].items():
        print(f"{name:40} {took:.2f} s")
    if write:
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.exit(0 if total < LIMIT and found["imports_s"]["import braintumor"] < 1 else 1)


if __name__ == "__main__":
    main()
