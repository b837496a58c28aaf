"""What was tried on the answers, with no training: for docs/experiments.md.

    python tools/afterwards.py [--write]

Everything is reckoned from the out-of-fold answers under results/labeled-mri-grouped and, for
further networks, results/labeled-mri-grouped-before and the other seeds of the recipes under
results/experiments. Whatever is fitted is fitted
on the other folds, and on these answers alone: what other trainings said, which calibration rests
on, too, is left out of all rows alike. What is said of the rows follows from their intervals; why
one that gains is not shipped is written here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import marks
import numpy as np
from marks import Part
from matchups import SUREST, in_order
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from splits import EARLIER, GROUPED, RESULTS, tested
from verdicts import clear

from braintumor.evaluation import crossfit, words
from braintumor.evaluation.decision import fit_decision
from braintumor.evaluation.ensemble import combined
from braintumor.evaluation.paired import Difference, paired
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import find_seeds, read_run
from braintumor.evaluation.tables import PROBABILITIES
from results import NETWORKS

NONE_YET = "The folds have not been published yet."
# The shipped way, with which all others are compared.
OURS = "logarithmic pool, calibrated (the shipped way)"
# Further networks, and why they are not shipped though they may gain.
_BEFORE = "the same two before they learnt from other scanners, too"
_SEEDS = "other seeds of the same recipes, too"
_WHY = {
    _BEFORE: "half of its networks have learnt nothing from other scanners, and it costs twice as "
    "much to keep and to ask",
    _SEEDS: "what is shipped is one graph a network, and each seed more costs as much again to "
    "train, to keep and to ask",
}
_UNKNOWN = "why it is not shipped has not been said"
# How strongly a stacking model is held back (scikit-learn's C), tried from hard to soft.
_HELD = (0.01, 0.1, 1.0)
_FLOOR = 1e-6
# Intervals of a log need no more; no p-value is told.
_DRAWS, _SWAPS = 1000, 1
Floats = NDArray[np.float64]


def section(results: Path = RESULTS) -> str:
    """Two tables: other ways to make one answer of several, and to say how sure it is; before
    them what they allow to say."""
    tables = _tables(results / GROUPED)
    if not tables:
        return NONE_YET
    ours = _calibrated(combined(tables))
    others = _others(tables, results)
    apart = {name: _difference(ours, table) for name, table in others.items()}
    rows = [[OURS, *_scores(ours), "–"]]
    rows += [[name, *_scores(others[name]), tested(apart[name], True)[0]] for name in others]
    heads = ("one answer of several networks", "balanced accuracy", "macro AUC",
             "accuracy, the surest 90 %", "balanced accuracy against the first")  # fmt: skip
    members = [_calibrated(table) for table in tables]
    sure = {name: _surest(ours, how(ours, members)) for name, how in _SURE.items()}
    lines = [
        f"{_verdict(apart)} {_surer(sure)}",
        "",
        *marks.table(heads, rows),
        "",
        *marks.table(
            ("how sure the shipped pool is", "accuracy, the surest 90 %"),
            [[name, words.percent(right)] for name, right in sure.items()],
        ),
    ]
    return "\n".join(lines).replace(words.NBSP, " ")


def _verdict(apart: Mapping[str, Difference]) -> str:
    """Which ways gain or lose balanced accuracy, by their intervals, and why none is shipped."""
    signs = {name: clear(found, math.nan) for name, found in apart.items()}
    told = {name: f"*{name}* {{}} {tested(found, True)[0]} points" for name, found in apart.items()}
    said = [
        f"{told[name].format('gains')} of balanced accuracy; it is not shipped: {_why(name)}."
        for name, sign in signs.items()
        if sign > 0
    ]
    if 0 in signs.values():
        who = "The other ways gain" if said else "In balanced accuracy no way gains"
        said.append(f"{who} {'nothing' if said else 'anything'} that could be told from chance.")
    said += [f"{told[name].format('loses')}." for name, sign in signs.items() if sign < 0]
    return f"{' '.join(said)} The best of several on the same slices looks better than it is."


def _why(name: str) -> str:
    return next((why for what, why in _WHY.items() if what in name), _UNKNOWN)


def _surer(right: Mapping[str, float]) -> str:
    """Whether another measure of sureness leaves more right among the surest than the first."""
    first, *others = right.items()
    more = [f"*{name}* ({words.percent(share)})" for name, share in others if share > first[1]]
    if not more:
        return "No other measure of sureness leaves more right among the surest 90 %."
    return (
        f"More is right among the surest 90 % by {words.listed(more)} than by the shipped measure "
        f"({words.percent(first[1])}); whether that is chance has not been tested."
    )


def _tables(folder: Path) -> list[Predictions]:
    """The networks' answers, rows of the second in the order of the first; none where one lacks."""
    files = [folder / name / "predictions.csv" for name in NETWORKS]
    if not all(file.is_file() for file in files):
        return []
    first, *rest = (Predictions.read(file) for file in files)
    return [first, *(in_order(other, list(first.frame["path"])) for other in rest)]


def _others(tables: Sequence[Predictions], results: Path) -> dict[str, Predictions]:
    found = {
        "mean of the probabilities": _calibrated(combined(tables, pool="linear")),
        "pool weighted by what the other folds prefer": _calibrated(_weighted(tables)),
    }
    earlier = _tables(results / EARLIER)
    if earlier:
        four = [*tables, *(_beside(tables[0], one) for one in earlier)]
        found[f"four networks: {_BEFORE}"] = _calibrated(combined(four))
    seeds = _other_seeds(tables[0], results)
    if seeds:
        name = f"{len(tables) + len(seeds)} networks: {_SEEDS}"
        found[name] = _calibrated(combined([*tables, *seeds]))
    for held in _HELD:
        found[f"logistic regression on both networks' log-probabilities, C = {held:g}"] = _stacked(
            tables, held
        )
    return found


def _other_seeds(ours: Predictions, results: Path) -> list[Predictions]:
    """Answers of the seeds that were trained beside those that are published (experiments.py)."""
    found = []
    for name in NETWORKS:
        files = find_seeds(results / "experiments" / f"{name}-seeds")
        if files:
            files.pop(read_run(results / GROUPED / name).recipe["recipe"]["seed"], None)
        for file in files.values():
            found.append(_beside(ours, _with_paths(Predictions.read(file), ours)))
    return found


def _with_paths(table: Predictions, ours: Predictions) -> Predictions:
    """The rows of an experiment, which keeps no path and the first digits of a hash, with ours."""
    digits = len(table.frame["sha256"].iloc[0])
    paths = dict(zip(ours.frame["sha256"].str[:digits], ours.frame["path"], strict=True))
    return Predictions.from_frame(
        table.frame.assign(path=table.frame["sha256"].map(paths)), source=table.source
    )


def _beside(ours: Predictions, other: Predictions) -> Predictions:
    """Answers of other folds, in the order of ours and numbered like them: by our folds both are
    calibrated together, though each network was kept from a slice's group by folds of its own."""
    there = in_order(other, list(ours.frame["path"])).frame
    told = {"fold": list(ours.frame["fold"]), "group": list(ours.frame["group"])}
    return Predictions.from_frame(there.assign(**told), source=other.source)


def _calibrated(table: Predictions) -> Predictions:
    return fit_decision(table).table


def _logs(tables: Sequence[Predictions]) -> Floats:
    """(n, 4 m) log-probabilities of m networks side by side."""
    return np.log(np.maximum(np.hstack([table.y_prob for table in tables]), _FLOOR))


def _replaced(table: Predictions, p: Floats) -> Predictions:
    """The table with other probabilities, and the classes that follow from them."""
    frame = table.frame.drop(columns=["predicted", "confidence"])
    frame[list(PROBABILITIES)] = p
    return Predictions.from_frame(frame, source=table.source)


def _stacked(tables: Sequence[Predictions], held: float) -> Predictions:
    """Answers of a model that was fitted on those of the other folds."""
    logs, truth = _logs(tables), tables[0].y_true
    p = crossfit.cross_fitted(
        crossfit.fold_numbers(tables[0]),
        lambda on: LogisticRegression(C=held, max_iter=2000, class_weight="balanced").fit(
            logs[on], truth[on]
        ),
        lambda fitted, on: fitted.predict_proba(logs[on]),
    )
    return _replaced(tables[0], p)


def _weighted(tables: Sequence[Predictions]) -> Predictions:
    """Logarithmic pools whose weight of the first has the least log loss on the other folds."""
    logs, truth = [_logs([table]) for table in tables], tables[0].y_true

    def pool(weight: float, on: NDArray[np.int64]) -> Floats:
        powers = np.exp(weight * logs[0][on] + (1 - weight) * logs[1][on])
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def loss(weight: float, on: NDArray[np.int64]) -> float:
        return float(-np.log(pool(weight, on)[np.arange(len(on)), truth[on]]).mean())

    def best(on: NDArray[np.int64]) -> float:
        return min(np.linspace(0, 1, 21).tolist(), key=lambda weight: loss(weight, on))

    return _replaced(tables[0], crossfit.cross_fitted(crossfit.fold_numbers(tables[0]), best, pool))


def _scores(table: Predictions) -> list[str]:
    metrics = table.metrics()
    return [
        words.percent(metrics["balanced_accuracy"]),
        words.number(metrics["macro_auc"]),
        words.percent(_surest(table, table.confidence)),
    ]


def _difference(ours: Predictions, table: Predictions) -> Difference:
    """Balanced accuracy of another way less that of ours."""
    groups = list(ours.frame["group"])
    found = paired(
        ours.y_true, table.y_prob, ours.y_prob, groups, draws=_DRAWS, permutations=_SWAPS
    )
    return found.differences["balanced_accuracy"]


def _surest(table: Predictions, sure: Floats) -> float:
    order = np.argsort(-sure, kind="stable")[: round(SUREST * len(table))]
    return float((table.y_pred == table.y_true)[order].mean())


def _least_of_members(ours: Predictions, members: Sequence[Predictions]) -> Floats:
    """What the more doubtful member gives to the pool's class."""
    rows = np.arange(len(ours))
    return np.min([one.y_prob[rows, ours.y_pred] for one in members], axis=0)


def _entropy(ours: Predictions, _: Sequence[Predictions]) -> Floats:
    p = ours.y_prob
    return np.asarray((p * np.log(np.maximum(p, _FLOOR))).sum(axis=1))


def _margin(ours: Predictions, _: Sequence[Predictions]) -> Floats:
    """How far the most probable class is ahead of the next."""
    ordered = np.sort(ours.y_prob, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


_SURE: dict[str, Callable[[Predictions, Sequence[Predictions]], Floats]] = {
    "its probability of its class (the shipped way)": lambda ours, _: ours.confidence,
    "how far that is ahead of the next class": _margin,
    "entropy of its probabilities": _entropy,
    "what its more doubtful member gives to its class": _least_of_members,
}

PARTS = (Part("docs/experiments.md", "afterwards", section),)

if __name__ == "__main__":
    marks.command(PARTS, __doc__)
