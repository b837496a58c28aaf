"""The aims that were set for the networks, and what was reached: for docs/comparison.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import hardship
import marks
from matchups import Matchup
from splits import GIVEN, GROUPED, score
from verdicts import spread

from braintumor.evaluation import words
from braintumor.evaluation.metrics import Metrics
from braintumor.evaluation.rates import Estimate
from braintumor.evaluation.run_tables import read_run
from braintumor.evaluation.stress import Stress
from results import ENSEMBLE, NETWORKS

MODELS = (*NETWORKS, ENSEMBLE)
# Least (or, of the calibration error, most) that was asked of cnn, resnet50 and ensemble.
AIMS: Mapping[str, tuple[float, float, float]] = {
    "accuracy": (0.97, 0.98, 0.985),
    "macro_auc": (0.995, 0.998, 0.998),
    "balanced_accuracy": (0.93, 0.95, 0.96),
    "ece": (0.03, 0.03, 0.02),
    "surest": (0.97, 0.98, 0.99),
    "kept": (0.90, 0.90, 0.92),
}
POINTING = 0.85
NOT_YET = "not measured yet"


def lines(results: Path, found: Sequence[Matchup], stress: Stress | None) -> list[str]:
    """The table: aim and reached, a row an aim and a column a model."""
    given = next((m for m in found if m.split == GIVEN), None)
    grouped = next((m for m in found if m.split == GROUPED), None)
    folds = grouped.name[0].lower() + grouped.name[1:] if grouped else "grouped folds"
    rows = [  # by the answers that are given: of folds, calibrated by the other folds
        ["published split, test: accuracy", *_scores(given, "accuracy", True)],
        ["published split, test: macro AUC", *_scores(given, "macro_auc", False)],
        ["of it, nothing of their group in train: accuracy", *_stated(found)],
        [f"{folds}: balanced accuracy", *_calibrated(grouped, "balanced_accuracy", True)],
        [f"{folds}: calibration error", *_calibrated(grouped, "ece", False)],
        [f"{folds}: accuracy on the surest 90 %", *_surest(grouped)],
        ["kept at severity 3, conditions never met in training", *_kept(stress)],
        ["hottest place of the heat map in the tumour or beside it", *_pointing(results)],
    ]
    return marks.table(("", *(f"`{model}`" for model in MODELS)), rows)


def _cell(told: str, reached: bool, aim: str) -> str:
    return f"{'**' if reached else ''}{told}{'**' if reached else ''}; {aim}"


def _scores(matchup: Matchup | None, key: str, share: bool) -> list[str]:
    return _reached(key, {} if matchup is None else matchup.metrics, share)


def _calibrated(matchup: Matchup | None, key: str, share: bool) -> list[str]:
    """Of the probabilities that are answered with: calibrated on other rows."""
    tables = {} if matchup is None else matchup.calibrated
    metrics = {model: table.metrics(intervals=True) for model, table in tables.items()}
    return _reached(key, metrics, share)


def _reached(key: str, metrics: Mapping[str, Metrics], share: bool) -> list[str]:
    """A cell a model; an error is to be small, everything else large."""
    cells = []
    for model, aim in zip(MODELS, AIMS[key], strict=True):
        most = key == "ece"
        asked = f"aim {words.number(aim, 2)} at most" if most else f"aim {words.score(aim, share)}"
        if model not in metrics:
            cells.append(f"{NOT_YET}; {asked}")
            continue
        value = metrics[model][key]
        reached = value <= aim if most else value >= aim
        cells.append(_cell(score(metrics[model], key, share), reached, asked))
    return cells


def _stated(found: Sequence[Matchup]) -> list[str]:
    """Accuracy on the slices of the published test split that nothing in train is akin to."""
    part = next((m for m in found if m.split == GIVEN and m.name.startswith("Of these")), None)
    models = {} if part is None else part.metrics
    return [score(models[m], "accuracy", True) if m in models else NOT_YET for m in MODELS]


def _surest(matchup: Matchup | None) -> list[str]:
    found = {} if matchup is None else {model: matchup.surest(model) for model in matchup.rows}
    return _estimates(found, "surest")


def _kept(stress: Stress | None) -> list[str]:
    found = {} if stress is None else {m: hardship.kept(stress, m) for m in stress.models}
    return _estimates({model: one for model, one in found.items() if one is not None}, "kept")


def _estimates(found: Mapping[str, Estimate], key: str) -> list[str]:
    cells = []
    for model, aim in zip(MODELS, AIMS[key], strict=True):
        asked = f"aim {words.percent(aim)}"
        one = found.get(model)
        told = NOT_YET if one is None else spread(one)
        cells.append(_cell(told, one is not None and one.value >= aim, asked))
    return cells


def _pointing(results: Path) -> list[str]:
    """Of grouped folds where their maps were judged, else of the published test slices."""
    asked = f"aim {words.percent(POINTING)} for one"
    cells = []
    for model in MODELS:
        cells.append(_pointed(results, model, asked))
    return cells


def _pointed(results: Path, model: str, asked: str) -> str:
    if model == ENSEMBLE:
        return "–"
    for split, where in ((GROUPED, ""), (GIVEN, ", published test slices")):
        folder = results / split / model
        if not (folder / "predictions.csv").is_file():
            continue
        found = pointing(folder)
        if found is not None:
            hit, strictly, n = found
            told = f"{spread(hit)} of {n}{where}, {words.percent(strictly)} strictly in it"
            return _cell(told, hit.value >= POINTING, asked)
    return f"{NOT_YET}; {asked}"


def pointing(folder: Path) -> tuple[Estimate, float, int] | None:
    """Share of tumours that the hottest place of a map hits, share in which it lies strictly
    inside, and of how many; None where nobody looked."""
    found = read_run(folder).localisation
    if found is None:
        return None
    part = found["classes"]["all"]
    ends = part["interval"]
    maps = part["maps"]
    return Estimate(maps["pointing"], ends["low"], ends["high"]), maps["pointing_exact"], part["n"]
