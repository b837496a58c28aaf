"""Intervals by group bootstrap: our matrix products against a loop over scikit-learn's metrics.

Every score of a million rows with four classes, 2,000 draws of whole groups. The loop draws groups
with replacement, gathers their rows, and asks scikit-learn for the same scores; it would run for
days, so some of its draws are timed on all rows, and the time of 2,000 is those times 2,000 over
their number (draws cost alike, so that this is honest; their spread is printed). The ratio is one
of CPU time, which does not depend on what else the machine does; what takes under a minute of it
takes under a minute on any idle machine.

    python benchmarks/bootstrap.py [--rows N] [--group N] [--draws N] [--looped N]
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from braintumor.evaluation.intervals import intervals


def made(rows: int, per_group: int) -> tuple[NDArray[np.int64], NDArray[np.float64], list[str]]:
    """Labels, probabilities and group names of a fair model."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, rows // per_group, rows)
    truth = rng.integers(0, 4, rows // per_group)[codes]
    logits = rng.normal(size=(rows, 4)) + 0.7 * rng.normal(size=(rows // per_group, 4))[codes]
    logits[np.arange(rows), truth] += 2.5
    prob = np.exp(logits)
    return truth, prob / prob.sum(axis=1, keepdims=True), [f"patient {code}" for code in codes]


def peer(truth: NDArray[np.int64], prob: NDArray[np.float64]) -> dict[str, float]:
    """The scores as scikit-learn gives them."""
    said = prob.argmax(axis=1)
    found = {
        "accuracy": sk.accuracy_score(truth, said),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, said),
        "mcc": sk.matthews_corrcoef(truth, said),
        "log_loss": sk.log_loss(truth, prob, labels=range(4)),
    }
    sk.precision_recall_fscore_support(truth, said, labels=range(4), zero_division=0)
    sk.confusion_matrix(truth, said, labels=range(4))
    for label in range(4):
        own = truth == label
        found[f"auc {label}"] = sk.roc_auc_score(own, prob[:, label])
        found[f"ap {label}"] = sk.average_precision_score(own, prob[:, label])
    return {name: float(value) for name, value in found.items()}


def looped(
    truth: NDArray[np.int64], prob: NDArray[np.float64], names: list[str], draws: int
) -> list[float]:
    """Seconds of CPU time of each draw of the loop."""
    codes = np.unique(names, return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(codes.max() + 2))
    rng = np.random.default_rng(0)
    seconds = []
    for _ in range(draws):
        begun = time.process_time()
        drawn = rng.integers(0, len(starts) - 1, len(starts) - 1)
        rows = np.concatenate([order[starts[g] : starts[g + 1]] for g in drawn])
        peer(truth[rows], prob[rows])
        seconds.append(time.process_time() - begun)
    return seconds


def main() -> None:
    """Measure, print, and exit 1 where the promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--group", type=int, default=4, help="mean rows of a group")
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--looped", type=int, default=2, help="draws of the loop that are timed")
    options = parser.parse_args()
    truth, prob, names = made(options.rows, options.group)
    begun, cpu = time.perf_counter(), time.process_time()
    found = intervals(truth, prob, names, draws=options.draws)
    ours, ours_cpu = time.perf_counter() - begun, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    accuracy = found.scores["accuracy"]
    print(f"{options.rows:,} rows, {found.units:,} groups, {options.draws:,} draws; "
          f"{os.cpu_count()} cores")  # fmt: skip
    print(f"accuracy {accuracy.low:.4f} to {accuracy.high:.4f}")
    print(f"ours: {ours_cpu:.1f} s of CPU time ({ours:.1f} s passed), {memory:.2f} GiB at most")
    seconds = looped(truth, prob, names, options.looped)
    whole = np.mean(seconds) * options.draws
    print(f"loop over scikit-learn: {min(seconds):.1f} to {max(seconds):.1f} s a draw, so "
          f"{whole:,.0f} s for {options.draws:,} (extrapolated from {len(seconds)})")  # fmt: skip
    print(f"ratio: {whole / ours_cpu:,.0f}")
    kept = ours_cpu < 60 and memory < 4
    print("under 60 s and under 4 GiB" if kept else "NOT under 60 s and 4 GiB")
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
