"""What finding copies costs from ten thousand to a million descriptors, and what it finds.

    python benchmarks/copies.py [--sizes 10000 30000 ...] [--peer]

Makes descriptors as `catalog.descriptors` would: 63 numbers of length 1, drawn so that their
spread over the frequencies is that of slices (variance falling with the square of the frequency),
in clumps of ten like the slices of one patient. A twentieth get a planted copy whose distance is
that of thumbnails correlating at 0.99, the least that counts as near. Each size runs in a process
of its own: prints seconds for indexing and searching, recall of the planted copies, peak memory,
and the exponent of the CPU seconds over the sizes (once more without the small sets,
which are compared all with all). `--peer` adds what comparing all with all costs (scikit-learn's
NearestNeighbors, brute force) up to 30,000.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

from braintumor.catalog.copies import NEAR, NEIGHBOURS
from braintumor.catalog.descriptors import SIDE, bound
from braintumor.catalog.neighbours import EXACT_UP_TO, nearest

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
PLANTED = 0.05
CLUMP = 10
PEER_UP_TO = 30_000


def descriptors(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(count, 63) float32 of length 1, and (m, 2) rows of the planted pairs."""
    random = np.random.default_rng(seed)
    u, v = np.mgrid[:SIDE, :SIDE]
    spread = 1 / np.sqrt(1 + (u**2 + v**2).reshape(-1)[1:].astype(np.float32))
    originals = count - int(PLANTED * count)
    heads = random.standard_normal((-(-originals // CLUMP), len(spread)), np.float32)
    rows = np.repeat(heads, CLUMP, axis=0)[:originals]
    rows += 0.5 * random.standard_normal(rows.shape, np.float32)
    rows *= spread
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    chosen = random.choice(originals, count - originals, replace=False)
    change = random.standard_normal((len(chosen), len(spread)), np.float32)
    change *= np.sqrt(bound(NEAR)) / np.linalg.norm(change, axis=1, keepdims=True)
    copies = rows[chosen] + change
    copies /= np.linalg.norm(copies, axis=1, keepdims=True)
    everything = np.concatenate([rows, copies])
    order = random.permutation(count)
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    pairs = np.stack([place[chosen], place[np.arange(originals, count)]], axis=1)
    return np.ascontiguousarray(everything[order]), pairs


def measure(count: int) -> dict[str, float]:
    """One size, in this process."""
    vectors, pairs = descriptors(count)
    nearest(vectors[:1000], 1)  # the library is loaded, its threads are there
    started, worked = time.perf_counter(), time.process_time()
    rows, _ = nearest(vectors, NEIGHBOURS)
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    found = (rows[pairs[:, 0]] == pairs[:, 1:]).any(axis=1)
    found |= (rows[pairs[:, 1]] == pairs[:, :1]).any(axis=1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": seconds, "cpu": cpu, "recall": float(found.mean()), "gib": peak}


def peer(count: int) -> float:
    """Seconds of comparing all with all."""
    from sklearn.neighbors import NearestNeighbors

    vectors, _ = descriptors(count)
    started = time.perf_counter()
    NearestNeighbors(n_neighbors=NEIGHBOURS, algorithm="brute").fit(vectors).kneighbors()
    return time.perf_counter() - started


def main() -> None:
    """Measure each size in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one)))
        return
    heads = ("seconds", "CPU s", "recall", "peak GiB", "all pairs s")
    print(f"{'descriptors':>12}" + "".join(f"{head:>13}" for head in heads))
    costs = []
    for size in options.sizes:
        command = [sys.executable, __file__, "--one", str(size)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        row = json.loads(done.stdout)
        costs.append(row["cpu"])
        cells = [f"{row['seconds']:.1f}", f"{row['cpu']:.1f}", f"{row['recall']:.2%}"]
        cells += [f"{row['gib']:.2f}"]
        if options.peer and size <= PEER_UP_TO:
            cells.append(f"{peer(size):.1f}")
        print(f"{size:12,}" + "".join(f"{cell:>13}" for cell in cells))
    for what, first in (("all sizes", 0), ("sizes searched through lists", EXACT_UP_TO)):
        sizes = [size for size in options.sizes if size > first]
        if len(sizes) > 1:
            slope = np.polyfit(np.log(sizes), np.log(costs[-len(sizes) :]), 1)[0]
            print(f"{what}: cost grows with their number to the power of {slope:.2f}")


if __name__ == "__main__":
    main()
