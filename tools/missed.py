"""Of every aim that is missed: what was tried, and what stands in the way.

A part of docs/comparison.md, below the table of `aims.py`. What was tried is told by the names of
lines of docs/experiments.md, what stands in the way by counts of the committed predictions.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from aims import Cell, Row, unseen_part
from matchups import Matchup, surest_of
from numpy.typing import NDArray
from splits import GIVEN, GROUPED

from braintumor.classes import CLASSES
from braintumor.evaluation import words
from braintumor.evaluation.predictions import Predictions
from results import ENSEMBLE

LOG = "[experiments.md](experiments.md)"
EXPERIMENTS = "experiments"
# What was tried for other patients, and the lines of the log that tell of it.
TRIED: Mapping[str, tuple[str, ...]] = {
    "more epochs": ("cnn-longer", "resnet50-longer"),
    "larger slices": ("cnn-larger",),
    "tuning from an earlier block": ("resnet50-deeper",),
    "slices blended": ("cnn-mixup",),
    "tumours healed away more often": ("cnn-beside-healed", "resnet50-beside-healed"),
    "tumours put in where slices look alike": ("cnn-alike",),
    "patients of many slices counting less": (
        "cnn-patients", "cnn-own-patients", "cnn-own-patients-again", "resnet50-patients",
        "resnet50-own-patients",
    ),
    "weights averaged": ("cnn-averaged", "resnet50-averaged"),
    "one level of grey for all heads": ("cnn-midtone",),
    "a head held against its mirror image": ("cnn-mirror", "cnn-mirrored"),
}  # fmt: skip
_NO_TUMOR = CLASSES.index("no_tumor")
_ON_ANSWERS = "[Tried on the answers](experiments.md#tried-on-the-answers-with-no-training)"
# Of slices that are not here.
ELSEWHERE = (
    "Four aims are of slices that are not here, and whether they are reached nobody knows: an "
    "accuracy of 90 % or more on patients whom nobody here has seen, a balanced accuracy of 92 % "
    "or more on another scanner, hardly a tumour claimed in slices without one, and hardly a "
    "foreign picture let in. The nearest evidence: of patients, the folds above, whose patients "
    "are of the same collections; of scanners and of slices without a tumour, the tables "
    "[On other scanners](#on-other-scanners), which are of a few heads; of foreign pictures "
    "[gate.md](gate.md), whose own aims are that of these 99 % are refused, and of slices of "
    "brains at most 1 %."
)


def lines(results: Path, rows: Sequence[Row], found: Sequence[Matchup]) -> list[str]:
    """A list, an item an aim that is missed; and what cannot be measured here."""
    said: list[str] = []
    tried: set[str] = set()
    for row in rows:
        missed = {model: cell for model, cell in row.cells.items() if cell.reached is False}
        if missed:
            before, way = _why(row.key, missed, results, found)
            told = [_missed(row, missed), "Tried: the same." if before in tried else before, way]
            tried.add(before)
            said.append(f"- {' '.join(sentence for sentence in told if sentence)}")
    heading = ["What is missed, what was tried, and what stands in the way:", ""] if said else []
    return [*heading, *said, "", ELSEWHERE]


def _missed(row: Row, missed: Mapping[str, Cell]) -> str:
    """Which models miss it, and of which that may be chance."""
    names = words.listed([f"`{model}`" for model in missed])
    unsure = [f"`{model}`" for model, cell in missed.items() if cell.open]
    what = f"**{row.what[0].upper()}{row.what[1:]}**: missed by {names}"
    if len(unsure) == len(missed):
        whose = "the interval holds" if len(missed) == 1 else "their intervals hold"
        return f"{what}; {whose} the aim, so that it may be chance."
    if unsure:
        return f"{what}; of {words.listed(unsure)} the interval holds the aim."
    return f"{what}; the aim lies outside the interval{'s' * (len(missed) > 1)}."


def _why(
    key: str, missed: Mapping[str, Cell], results: Path, found: Sequence[Matchup]
) -> tuple[str, str]:
    """What was tried and what stands in the way, of the best model that misses it."""
    model = ENSEMBLE if ENSEMBLE in missed else list(missed)[-1]
    split, tried, way = _REASONS.get(key, (GROUPED, _nothing, _unknown))
    matchup = next((m for m in found if m.split == split), None)
    if matchup is None or model not in matchup.rows:
        return tried(results), ""
    aim = missed[model].aim
    return tried(results), way(matchup, model, math.nan if aim is None else aim, found)


def _nothing(results: Path) -> str:
    return "Nothing that was tried for it is on record."


def _unknown(matchup: Matchup, model: str, aim: float, found: Sequence[Matchup]) -> str:
    return "What stands in the way has not been looked into."


def _recipe_alone(results: Path) -> str:
    return (
        "Tried: the longer recipe that these rows are of, and the folds' recipe, which stands "
        f"beside it; of {LOG} nothing was judged on these slices, which would have been choosing "
        "by them, as it was with what was tried before that log was kept."
    )


def _on_folds(results: Path) -> str:
    """The lines of the log, and which of them were kept."""
    told = [f"{what} ({', '.join(f'`{n}`' for n in names)})" for what, names in TRIED.items()]
    kept = [name for names in TRIED.values() for name in names if _verdict(results, name) == "kept"]
    rest = "all were dropped"
    if kept:
        named = words.listed([f"`{name}`" for name in kept])
        rest += f" but {named}, of which the log says why it is not shipped"
    return f"Tried ({LOG}): {words.listed(told)}; {rest}."


def _verdict(results: Path, name: str) -> str:
    file = results / EXPERIMENTS / name / "experiment.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))["verdict"] if file.is_file() else ""


def _on_answers(results: Path) -> str:
    return (
        "Tried: all that was tried for balanced accuracy, and other measures of sureness "
        f"({_ON_ANSWERS})."
    )


def _errors(rows: Predictions) -> NDArray[np.bool_]:
    return np.asarray(rows.y_pred != rows.y_true)


def _gathered(rows: Predictions, chosen: NDArray[np.bool_]) -> tuple[int, int]:
    """In how many groups these rows lie, and how few of them hold half of the rows."""
    counts = rows.frame["group"][chosen].value_counts().to_numpy()
    return len(counts), int(np.searchsorted(counts.cumsum(), chosen.sum() / 2) + 1)


def _allowed(n: int, aim: float) -> int:
    """Errors of so many slices that leave the aim reached."""
    return math.floor(n * (1 - aim) + 1e-9)


def _published(matchup: Matchup, model: str, aim: float, found: Sequence[Matchup]) -> str:
    rows = matchup.rows[model]
    wrong = _errors(rows)
    healthy = rows.y_true == _NO_TUMOR
    return (
        f"In the way: `{model}` errs on {wrong.sum()} of {len(rows)} slices, and the aim allows "
        f"{_allowed(len(rows), aim)}. {(wrong & healthy).sum()} of these "
        f"({words.percent(float(healthy[wrong].mean()))}) are slices without a tumour"
        f"{_healthy_in_train(found)}{_healthy_akin(int(healthy.sum()), found)}."
    )


def _healthy_in_train(found: Sequence[Matchup]) -> str:
    """How few slices without a tumour the publisher's train folder holds, by the folds' paths."""
    grouped = next((m for m in found if m.split == GROUPED), None)
    if grouped is None:
        return ""
    frame = next(iter(grouped.rows.values())).frame
    train = frame["label"][frame["path"].str.startswith("train/")]
    if not len(train):
        return ""
    return f", of which train holds {(train == CLASSES[_NO_TUMOR]).sum()} among {len(train)}"


def _healthy_akin(healthy: int, found: Sequence[Matchup]) -> str:
    """Of how many of the test slices without a tumour nothing akin is there."""
    part = unseen_part(found)
    if part is None:
        return ""
    alone = (next(iter(part.rows.values())).y_true == _NO_TUMOR).sum()
    return f"; of {alone} of the {healthy} that are tested nothing in train is akin"


def _areas(matchup: Matchup, model: str, aim: float, found: Sequence[Matchup]) -> str:
    by_class = matchup.metrics[model]["per_class"]
    areas = {label: by_class[label]["auc"] for label in CLASSES}
    low = min(areas, key=lambda label: areas[label])
    rest = float(np.mean([area for label, area in areas.items() if label != low]))
    alone = ", so that this class alone keeps it from the aim" if rest >= aim else ""
    return (
        f"In the way: with `{model}` the area of {words.CLASS_NAMES[low].lower()} against the rest "
        f"is {words.number(areas[low])}, and that of the other classes {words.number(rest)} on "
        f"average{alone}; these are the slices of the rows above."
    )


def _folds(matchup: Matchup, model: str, aim: float, found: Sequence[Matchup]) -> str:
    rows = matchup.calibrated[model]
    wrong = _errors(rows)
    groups, half = _gathered(rows, wrong)
    return (
        f"In the way: `{model}` errs on {wrong.sum()} of {len(rows)} slices, and as many errors "
        f"in each class as the aim allows would be {_allowed(len(rows), aim)} in all. They lie in "
        f"{groups} of {rows.frame['group'].nunique()} groups, half of them in {half}"
        f"{_shared(matchup, wrong)}."
    )


def _shared(matchup: Matchup, wrong: NDArray[np.bool_]) -> str:
    """How many of the errors the single networks make too, both of them."""
    singles = [table for name, table in matchup.calibrated.items() if name != ENSEMBLE]
    both = np.logical_and.reduce([_errors(table) for table in singles])
    return f", and on {(both & wrong).sum()} of these slices both networks err"


def _surest(matchup: Matchup, model: str, aim: float, found: Sequence[Matchup]) -> str:
    rows = matchup.calibrated[model]
    order = surest_of(rows)
    sure = np.zeros(len(rows), bool)
    sure[order] = True
    chosen = sure & _errors(rows)
    groups, half = _gathered(rows, chosen)
    return (
        f"In the way: the {len(order)} slices that `{model}` is surest of hold {chosen.sum()} "
        f"errors, and the aim allows {_allowed(len(order), aim)}; they lie in {groups} groups, "
        f"half of them in {half}: of these patients it is wrong and sure of it."
    )


_Tried = Callable[[Path], str]
_Way = Callable[[Matchup, str, float, Sequence[Matchup]], str]
# Key of an aim -> where its rows are judged, what was tried, and what stands in the way.
_REASONS: Mapping[str, tuple[str, _Tried, _Way]] = {
    "accuracy": (GIVEN, _recipe_alone, _published),
    "macro_auc": (GIVEN, _recipe_alone, _areas),
    "balanced_accuracy": (GROUPED, _on_folds, _folds),
    "surest": (GROUPED, _on_answers, _surest),
}
