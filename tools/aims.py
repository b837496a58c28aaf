"""The aims that were set for the networks, and what was reached: for docs/comparison.md.

`missed.py` says of every aim that is missed what was tried and what stands in the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import hardship
import marks
from matchups import Matchup
from splits import AGAIN, EARLIER, GIVEN, GROUPED, is_mean, judged, learnt_from, score
from verdicts import spread

from braintumor.classes import CLASSES
from braintumor.evaluation import stress_words, words
from braintumor.evaluation.metrics import Metrics
from braintumor.evaluation.rates import Estimate
from braintumor.evaluation.run_tables import read_run
from braintumor.evaluation.settings import differing
from braintumor.evaluation.stress import Stress
from results import ENSEMBLE, NETWORKS

MODELS = (*NETWORKS, ENSEMBLE)
# Least (or, of the calibration error, most) that was asked of cnn, resnet50 and ensemble.
AIMS: Mapping[str, tuple[float, ...]] = {
    "accuracy": (0.97, 0.98, 0.985),
    "macro_auc": (0.995, 0.998, 0.998),
    "balanced_accuracy": (0.93, 0.95, 0.96),
    "ece": (0.03, 0.03, 0.02),
    "surest": (0.97, 0.98, 0.99),
    "kept": (0.90, 0.90, 0.92),
    "pointing": (0.85, 0.85),
}
# What had been asked of the published split before that; nothing of an ensemble.
FIRST_AIMS: Mapping[str, tuple[float, ...]] = {
    "accuracy": (0.95, 0.97),
    "macro_auc": (0.990, 0.995),
}
NOT_YET = "not measured yet"
# What is kept under fewer conditions than these says little of those to come.
FEWEST_CONDITIONS = 5


@dataclass(frozen=True)
class Cell:
    """What one model reached of one aim.

    Attributes:
        told: the number with its interval.
        aim: what was asked; None where nothing was.
        reached: whether it is reached; None where nothing was asked or nothing was measured.
        open: whether the interval holds both: reached and missed cannot be told apart.
        asked: the aim in words.
    """

    told: str
    aim: float | None = None
    reached: bool | None = None
    open: bool = False
    asked: str = ""

    def __str__(self) -> str:
        told = f"**{self.told}**" if self.reached else self.told
        return f"{told}; {self.asked}" if self.asked else told


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: what was measured, and where.
        key: of the score, as in `AIMS`.
        cells: model -> cell, in the order of `MODELS`.
    """

    what: str
    key: str
    cells: dict[str, Cell]


def rows(results: Path, found: Sequence[Matchup], stress: Stress | None) -> list[Row]:
    """Aim and reached, a row an aim; rows that are only stated between them."""
    given = next((m for m in found if m.split == GIVEN), None)
    grouped = next((m for m in found if m.split == GROUPED), None)
    folds = grouped.name[0].lower() + grouped.name[1:] if grouped else "grouped folds"
    published = {} if given is None else given.metrics
    again = _again(results)
    part = unseen_part(found)
    akin = {} if part is None else part.metrics
    answered = {} if grouped is None else _calibrated(grouped)
    surest = {} if grouped is None else {m: grouped.surest(m) for m in grouped.rows}
    kept, met = (_kept(stress, met) for met in (False, True))
    # By the answers that are given: of folds, calibrated by the other folds.
    return [
        _scores("published split, test: accuracy", "accuracy", published, AIMS),
        _scores("published split, test: accuracy, first aims", "accuracy", published, FIRST_AIMS),
        _scores("published split, test: macro AUC", "macro_auc", published, AIMS),
        _scores("published split, test: macro AUC, first aims", "macro_auc", published, FIRST_AIMS),
        _scores("published split, by the folds' recipe: accuracy", "accuracy", again, {}),
        _scores("published split, by the folds' recipe: macro AUC", "macro_auc", again, {}),
        _scores("published split, nothing of their group in train: accuracy", "accuracy", akin, {}),
        _scores(
            "published split, nothing of their group in train: macro AUC", "macro_auc", akin, {}
        ),
        _scores(f"{folds}: balanced accuracy", "balanced_accuracy", answered, AIMS),
        _scores(f"{folds}: calibration error", "ece", answered, AIMS),
        _estimates(f"{folds}: accuracy on the surest 90 %", "surest", surest),
        Row("kept at severity 3, conditions never met in training", "kept", kept),
        Row("kept at severity 3, conditions that training met", "met", met),
        _pointing(results),
    ]


def lines(found: Sequence[Row]) -> list[str]:
    """The table, a row an aim and a column a model."""
    told = [[row.what, *(str(row.cells[model]) for model in MODELS)] for row in found]
    return marks.table(("", *(f"`{model}`" for model in MODELS)), told)


def notes(results: Path, found: Sequence[Matchup], stress: Stress | None) -> list[str]:
    """What a reader must know of the rows."""
    told = [_recipes(results), _no_interval(unseen_part(found)), _conditions(stress)]
    return [f"{sentence}\n" for sentence in told if sentence]


def unseen_part(found: Sequence[Matchup]) -> Matchup | None:
    """The slices of the published test split that nothing in train is akin to."""
    return next((m for m in found if m.split == GIVEN and m.name.startswith("Of these")), None)


def _again(results: Path) -> dict[str, Metrics]:
    """The publisher's split once more, by the recipe that the folds had then."""
    folders = {name: results / AGAIN / name for name in NETWORKS}
    return {
        name: judged(read_run(folder)).metrics(intervals=True)
        for name, folder in folders.items()
        if (folder / "predictions.csv").is_file()
    }


def _calibrated(matchup: Matchup) -> dict[str, Metrics]:
    """Of the probabilities that are answered with: calibrated on other rows."""
    return {model: table.metrics(intervals=True) for model, table in matchup.calibrated.items()}


def _scores(
    what: str, key: str, metrics: Mapping[str, Metrics], aims: Mapping[str, Sequence[float]]
) -> Row:
    """A cell a model; an error is to be small, everything else large."""
    share, most = key in ("accuracy", "balanced_accuracy"), key == "ece"
    cells = {}
    for model, aim in _asked(key, aims).items():
        asked = ""
        if aim is not None:
            asked = words.number(aim, 2) + " at most" if most else words.score(aim, share)
            asked = f"aim {asked}"
        if model not in metrics:
            cells[model] = _missing(aim, asked)
            continue
        value, ends = metrics[model][key], metrics[model]["intervals"][key]
        told = score(metrics[model], key, share)
        cells[model] = _cell(told, (value, ends["low"], ends["high"]), aim, asked, most=most)
    return Row(what, key, cells)


def _asked(key: str, aims: Mapping[str, Sequence[float]]) -> dict[str, float | None]:
    """Model -> what is asked of it; None where nothing is."""
    asked = tuple(aims.get(key, ()))
    return dict(zip(MODELS, asked + (None,) * (len(MODELS) - len(asked)), strict=True))


def _missing(aim: float | None, asked: str) -> Cell:
    return Cell("–") if aim is None else Cell(NOT_YET, aim, asked=asked)


def _cell(
    told: str,
    found: tuple[float, float | None, float | None],
    aim: float | None,
    asked: str,
    *,
    most: bool = False,
) -> Cell:
    if aim is None:
        return Cell(told)
    value, low, high = found
    reached = value <= aim if most else value >= aim
    unsure = low is not None and high is not None and low <= aim <= high
    return Cell(told, aim, reached, unsure, asked)


def _estimates(what: str, key: str, found: Mapping[str, Estimate]) -> Row:
    return Row(what, key, {model: _estimate(key, model, found.get(model)) for model in MODELS})


def _estimate(key: str, model: str, one: Estimate | None) -> Cell:
    aim = _asked(key, AIMS)[model]
    asked = "" if aim is None else f"aim {words.percent(aim)}"
    if one is None:
        return _missing(aim, asked)
    return _cell(spread(one), (one.value, one.low, one.high), aim, asked)


def _kept(stress: Stress | None, met: bool) -> dict[str, Cell]:
    """Under the conditions that training met, or never met: these must be several."""
    cells = {}
    for model in MODELS:
        known = stress is not None and model in stress.models
        found = hardship.kept(stress, model, met=met) if known and stress is not None else None
        cells[model] = _estimate("met" if met else "kept", model, found)
        if stress is None or found is None or met:
            continue
        never = len(hardship.graded(stress, model, met=False))
        if never < FEWEST_CONDITIONS:
            told = f"cannot be told from {never} of at least {FEWEST_CONDITIONS} conditions"
            cells[model] = Cell(told, cells[model].aim, asked=cells[model].asked)
    return cells


def _pointing(results: Path) -> Row:
    """Of grouped folds where their maps were judged, else of the published test slices."""
    what = "hottest place of the true class's heat map in the tumour or beside it"
    return Row(what, "pointing", {model: _pointed(results, model) for model in MODELS})


def _pointed(results: Path, model: str) -> Cell:
    aim = _asked("pointing", AIMS)[model]
    if aim is None:
        return Cell("–")
    asked = f"aim {words.percent(aim)} for one"
    for split, where in ((GROUPED, ""), (GIVEN, ", published test slices")):
        folder = results / split / model
        if not (folder / "predictions.csv").is_file():
            continue
        found = pointing(folder)
        if found is not None:
            hit, strictly, n = found
            told = f"{spread(hit)} of {n}{where}, {words.percent(strictly)} strictly in it"
            return _cell(told, (hit.value, hit.low, hit.high), aim, asked)
    return Cell(NOT_YET, aim, asked=asked)


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


def _recipes(results: Path) -> str:
    """That the rows are of networks of several recipes, and in what these differ."""
    apart = _apart(results, GIVEN, GROUPED)
    if not apart:
        return ""
    told = f"The rows of the published split and those of the folds are of other recipes: {apart}."
    since = _apart(results, AGAIN, GROUPED)
    if not since:
        return told
    return (
        f"{told} *By the folds' recipe* the published split was trained once more as the folds "
        f"were then{_learnt(results)}, and these have changed since: {since}."
    )


def _learnt(results: Path) -> str:
    """From how many slices that was, beside those of the folds as they were then, where these
    are not as many; of a network whose records tell both."""
    for name in NETWORKS:
        folds = EARLIER if (results / EARLIER / name / "predictions.csv").is_file() else GROUPED
        folders = [results / split / name for split in (AGAIN, folds)]
        if not all((folder / "predictions.csv").is_file() for folder in folders):
            continue
        again, folded = map(read_run, folders)
        one, two = learnt_from(again), learnt_from(folded)
        if one is not None and two is not None and one != two:
            whose = "a mean over the folds" if is_mean(folded) else "the last fold's"
            return f", though on {one:,} slices in place of {two:,} ({whose})"
    return ""


def _apart(results: Path, first: str, second: str) -> str:
    """Settings in which a network's two recipes differ, network by network."""
    told = []
    for name in NETWORKS:
        folders = [results / split / name for split in (first, second)]
        if not all((folder / "predictions.csv").is_file() for folder in folders):
            continue
        one, two = (read_run(folder) for folder in folders)
        changed = words.listed([f"{key} {a} and {b}" for key, a, b in differing(one, two)])
        if changed:
            told.append(f"`{name}` {changed}")
    return "; ".join(told)


def _no_interval(part: Matchup | None) -> str:
    """Why an area under the curve has none: a class of one group, or of none."""
    if part is None:
        return ""
    rows = part.rows[NETWORKS[0]]
    if rows.metrics(intervals=True)["intervals"]["macro_auc"]["low"] is not None:
        return ""
    groups = {c: rows.frame["group"][rows.frame["label"] == c].nunique() for c in CLASSES}
    few = [
        f"{'one' if count else 'no'} group of {words.CLASS_NAMES[label].lower()}"
        for label, count in groups.items()
        if count < 2
    ]
    if not few:
        return ""
    return (
        "Of the slices with nothing of their group in train the macro AUC has no interval: they "
        f"hold {words.listed(few)}, and how a class's groups differ cannot be told from one."
    )


def _conditions(stress: Stress | None) -> str:
    """Which conditions training never met and which it met, of all models alike or of each."""
    if stress is None:
        return ""
    by_lists: dict[str, list[str]] = {}
    for model in stress.models:
        never, met = (
            stress_words.listed(hardship.graded(stress, model, met=m)) for m in (False, True)
        )
        told = f"never met {never or 'none'} in training, and met {met or 'none'}"
        by_lists.setdefault(told if never or met else "", []).append(f"`{model}`")
    said = [
        f"{words.listed(models)} {told}, or something like it"
        if told
        else f"what {words.listed(models)} met is not known"
        for told, models in by_lists.items()
    ]
    return f"Of the conditions {'; '.join(said)}."
