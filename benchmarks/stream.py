"""What scoring many images costs: rate, processor time, and memory from the first to the last.

    python benchmarks/stream.py [--images 100000] [--side 512] [--model cnn] [--workers N]
                                [--out memory.json]

Links a hundred thousand JPEG files to a few phantom slices, in folders of a thousand, and scores
them as `braintumor predict FOLDER --out table.csv` does, in a process of its own and, unless
`--workers 1` says otherwise, in those that it starts. Twenty times on the way it notes how many
rows there are, how long it took, how many processes there are and how much memory they hold, added
up (Linux alone tells). Writes what it found to results/scale/, from which
`tools/documents.py --write` makes the tables of docs/scale.md: `--out memory.json` is the long run
that they show memory of, `--out rate.json` the one that they reckon from (both with `--workers 1`),
`--out processes.json` the one as a user would start it. With `--model tiny` a hundred thousand
images take minutes: what a run holds in memory beside its network is the same.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image
from revision import revision

from braintumor.catalog.phantom.dataset import sample_phantoms
from braintumor.files import write_text

HERE = Path(__file__).resolve().parents[1]
FOUND = HERE / "results" / "scale"
PER_FOLDER = 1000
NOTES = 20


def make_folder(folder: Path, count: int, side: int) -> int:
    """Make `count` files, links to a few slices; gives the mean bytes of one."""
    masters = []
    for name, pixels in sample_phantoms().items():
        path = folder.parent / f"{name}.jpg"
        Image.fromarray(pixels).resize((side, side)).save(path, quality=90)
        masters.append(path)
    for k in range(count):
        place = folder / f"{k // PER_FOLDER:04}" / f"{k % PER_FOLDER:03}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(masters[k % len(masters)])
    return sum(path.stat().st_size for path in masters) // len(masters)


def tiny(folder: Path) -> Path:
    """A bundle whose graph costs next to nothing, so that what is left is the work around it."""
    sys.path.insert(0, str(HERE / "tests"))
    from tiny_bundle import make_tiny_bundle

    return make_tiny_bundle(folder / "tiny")


def held() -> list[int]:
    """Memory that this process holds and each of those that it started, and they, bytes.

    What several hold together (libraries, mapped files) counts for each of them: it is no less
    than what the machine must have.
    """
    page = os.sysconf("SC_PAGE_SIZE")
    return [
        int(statm.split()[1]) * page
        for one in family("self")
        if (statm := text_of(Path("/proc") / one / "statm"))
    ]


def family(process: str) -> list[str]:
    """A process and all that descend from it, as /proc names them; whichever thread began them."""
    tasks = Path("/proc") / process / "task"
    begun = [one for file in tasks.glob("*/children") for one in text_of(file).split()]
    return [process, *(one for child in begun for one in family(child))]


def text_of(file: Path) -> str:
    """What stands in a file of /proc; nothing where the process has just ended."""
    try:
        return file.read_text()
    except OSError:
        return ""


def measure(folder: Path, count: int, model: str, workers: int | None) -> dict[str, Any]:
    """Score the folder from this process, and say what it cost; workers as for `predict`."""
    from braintumor.scoring.score import Plan, score

    notes: list[dict[str, float]] = []
    started, cpu = time.monotonic(), processor_seconds()

    def note() -> Callable[[object], None]:
        rows = 0

        def show(_: object) -> None:
            nonlocal rows
            rows += 1
            if rows % max(1, count // NOTES) == 0:
                seconds = round(time.monotonic() - started, 1)
                now = held()
                notes.append(
                    {"rows": rows, "seconds": seconds, "bytes": sum(now), "processes": len(now)}
                )

        return show

    out = folder.parent / "table.csv"
    plan = Plan(arguments=[str(folder)], model=model, out=out, workers=workers)
    outcome = score(plan, show=note(), bar=True)
    return {
        "rows": outcome.tally.rows,
        "statuses": dict(outcome.tally.statuses),
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(processor_seconds() - cpu, 1),
        "table_bytes": out.stat().st_size,
        "writing_cpu_seconds": round(writing(folder.parent), 7),
        "notes": notes,
    }


def writing(folder: Path, rows: int = 20_000) -> float:
    """Processor seconds that the process which hands out the work spends on a row, at least."""
    from braintumor.bundle.prediction import Prediction
    from braintumor.classes import CLASSES
    from braintumor.scoring.rows import PartTable

    shares = dict(zip(CLASSES, (0.7123456789, 0.1, 0.1, 0.0876543211), strict=True))
    row = Prediction(
        path="images/0000/000.jpg", sha256="0" * 64, status="ok", predicted=CLASSES[0],
        confidence=shares[CLASSES[0]], set=(CLASSES[0],), probabilities=shares, model="cnn",
        model_sha256="0" * 64,
    )  # fmt: skip
    table = PartTable(folder / "written.csv")
    before = time.process_time()
    for _ in range(rows):
        table.write(row)
    table.close()
    return (time.process_time() - before) / rows


def processor_seconds() -> float:
    """Processor time of this process and of its children that ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def machine() -> dict[str, Any]:
    """Where it ran, and how busy it was with other things."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "nice": os.nice(0),
        "load_before": [round(one, 2) for one in os.getloadavg()],
        "python": platform.python_version(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def main() -> None:
    """Read the command line, measure in a fresh process, write down what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=512, help="of each JPEG, pixels")
    parser.add_argument("--model", default="cnn", help="or tiny: the graph of the tests")
    parser.add_argument("--workers", type=int, help="default: as many as predict takes by itself")
    parser.add_argument("--out", default="memory.json", help="name of the file in results/scale")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(measure(given.child, given.images, given.model, given.workers)))
        return
    where = machine()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "images"
        size = make_folder(folder, given.images, given.side)
        command = [sys.executable, __file__, "--child", folder, "--images", given.images]
        command += ["--model", tiny(Path(place)) if given.model == "tiny" else given.model]
        command += ["--workers", given.workers] if given.workers else []
        told = subprocess.run(
            list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    where["load_after"] = [round(one, 2) for one in os.getloadavg()]
    setting = {
        "images": given.images, "side": given.side, "bytes_per_image": size,
        "model": given.model, "workers": given.workers,
    }  # fmt: skip
    found = {"commit": revision(), "setting": setting, "machine": where, **json.loads(told)}
    write_text(FOUND / given.out, json.dumps(found, indent=1) + "\n")
    print(json.dumps({key: found[key] for key in ("rows", "seconds", "cpu_seconds")}))


if __name__ == "__main__":
    main()
