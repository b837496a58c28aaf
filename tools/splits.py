"""What the split does to accuracy: the same recipe on the publisher's split and on grouped ones.

The part of docs/data.md that `data_page.py` writes; from results/labeled-mri-given/NETWORK,
results/labeled-mri-grouped/NETWORK, which may be a run over folds (every slice judged once, by a
network that saw none of its group) or a run on one grouped split, and, where there is one,
results/labeled-mri-given-again/NETWORK: the publisher's split once more, by the folds' recipe.
Where the folds have learnt from more since, results/labeled-mri-grouped-before/NETWORK holds them
as they were then. That makes the settings of these two the same, and not the number of slices that
they learnt from: further slices are only learnt from where their patient is not held back, and a
split holds back whom its folders hold. So the records are asked for that, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import marks
from marks import ROOT

from braintumor.evaluation import words
from braintumor.evaluation.matching import match
from braintumor.evaluation.metrics import Metrics
from braintumor.evaluation.paired import Difference, paired
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import RunTables, read_run
from braintumor.evaluation.settings import differing
from results import NETWORKS, TIES, unseen

RESULTS = ROOT / "results"
GIVEN, GROUPED, AGAIN = "labeled-mri-given", "labeled-mri-grouped", "labeled-mri-given-again"
EARLIER = "labeled-mri-grouped-before"
_Two = tuple[RunTables | None, RunTables | None]
NONE_YET = (
    "No network has been published on a grouped split yet, so what the split does is unknown."
)
SCORES = (
    ("accuracy", "accuracy", True),
    ("balanced_accuracy", "balanced accuracy", True),
    ("macro_auc", "macro AUC", False),
    ("log_loss", "log loss", False),
    ("ece", "calibration error", False),
)


def section(results: Path = RESULTS) -> str:
    """The part of the document, in Markdown."""
    found = [name for name in NETWORKS if (results / GROUPED / name / "predictions.csv").is_file()]
    if not found:
        return NONE_YET
    rows, said = [], []
    for name in found:
        given, grouped = (read_run(results / split / name) for split in (GIVEN, GROUPED))
        alike, before = (_if_published(results / split / name) for split in (AGAIN, EARLIER))
        rows += _rows(name, (given, alike), (before, grouped), results / GIVEN / TIES)
        folds = grouped if alike is None or before is None else before
        said.append(_sentence(name, given if alike is None else alike, folds))
    heads = ("network", "judged on", "slices of groups", *(heading for _, heading, _ in SCORES))
    lines = [
        *marks.table(heads, rows),
        "",
        "With 95 % intervals whose units are the groups (patients, or near copies where no patient "
        "is known); a dagger (†) where too few groups, or too few with an error, carry one.",
        "",
        *(f"- {sentence}" for sentence in said),
    ]
    return "\n".join(lines).replace(words.NBSP, " ")


def _if_published(folder: Path) -> RunTables | None:
    return read_run(folder) if (folder / "predictions.csv").is_file() else None


def judged(run: RunTables) -> Predictions:
    """The rows that tell how good a run is: out of fold, or the test slices."""
    table = run.predictions
    return (table.split("test") if "test" in table.splits else table).scored()


def how_judged(run: RunTables) -> str:
    """How its groups were kept apart, in a word or two."""
    folds = run.predictions.frame["fold"]
    count = folds[folds != ""].nunique()
    return f"{count} grouped folds" if count > 1 else "one grouped split, test"


def _rows(name: str, given: _Two, grouped: _Two, ties: Path) -> list[list[str]]:
    """Of the published split as published and by the folds' recipe; of the folds before they
    learnt from other scanners' heads, and now."""
    parts = []
    for run, how in zip(given, ("", " by the folds' recipe"), strict=True):
        if run is not None:
            test = judged(run)
            parts.append((f"published split{how}, test", test))
            parts.append(("of it, nothing of their group in train", unseen(test, ties)))
    hows = (", nothing learnt from other scanners", "")
    for run, how in zip(grouped, hows, strict=True):
        if run is not None:
            parts.append((f"{how_judged(run)}{how}", judged(run)))
    return [_row(name, what, rows) for what, rows in parts if len(rows)]


def _row(name: str, what: str, rows: Predictions) -> list[str]:
    metrics = rows.metrics(intervals=True)
    size = f"{len(rows)} of {metrics['intervals']['units']}"
    return [f"`{name}`", what, size, *(score(metrics, key, share) for key, _, share in SCORES)]


def score(metrics: Metrics, key: str, share: bool) -> str:
    """A score with its interval: "93.9 % (89.7–96.4)"."""
    found = metrics["intervals"][key]
    ends = words.span(found, share)
    told = f" ({ends}){'†' if found['unreliable'] else ''}" if ends else ""
    return f"{words.score(metrics[key], share)}{told}"


def class_score(metrics: Metrics, label: str, key: str) -> str:
    """The same of one class, as its sensitivity."""
    found = metrics["intervals"]["per_class"][label]
    return score({**metrics["per_class"][label], "intervals": found}, key, True)


def tested(found: Difference, share: bool) -> tuple[str, str]:
    """A difference with its interval, a dagger where that is unreliable; and its p-value, corrected
    where several scores were tested."""
    low, high = (words.apart(end, share) for end in (found.low, found.high))
    dagger = "†" if found.unreliable else ""
    told = f"{words.apart(found.difference, share)} ({low} to {high}){dagger}"
    return told, words.p_value(found.p_holm)


def _sentence(name: str, given: RunTables, grouped: RunTables) -> str:
    """What seeing the patients and copies was worth to a network."""
    matched = match([given, grouped]).rows.values()
    first, second = matched
    if len(first) == len(judged(given)):
        found = paired(
            first.y_true, first.y_prob, second.y_prob, list(second.frame["group"])
        ).differences["accuracy"]
        told = (
            f"of the same {len(first)} test slices, `{name}` gets {words.percent(found.first)} "
            f"right on the published split, and {words.percent(found.second)} where it has seen "
            "nothing of their groups"
        )
    else:
        found = _unpaired(judged(given), judged(grouped))
        told = (
            f"`{name}` gets {words.percent(found.first)} right on the published split, and "
            f"{words.percent(found.second)} of other slices, whose groups it has not seen"
        )
    changed = ", ".join(f"{key} {a} and {b}" for key, a, b in differing(given, grouped))
    same = f"; the recipes differ in {changed}" if changed else ", by the same recipe"
    slices = _slices(given, grouped)
    beside = ["settings"] * bool(changed) + ["number of slices learnt from"] * bool(slices)
    said = f"{told[0].upper()}{told[1:]}{same}{slices}. {_worth(found, beside)}"
    return f"{said}{_fewer(given, grouped)}"


def _slices(given: RunTables, grouped: RunTables) -> str:
    """From how many slices each learnt, as far as the records tell, where that is not the same."""
    one, two = learnt_from(given), learnt_from(grouped)
    if one is None or two is None or one == two:
        return ""
    where = "on the grouped one"
    if "folds" in grouped.recipe["record"]:
        where = "on average over the folds" if is_mean(grouped) else "in the last fold"
    return f"; on the published split it learnt from {one:,} slices, and {where} from {two:,}"


def _fewer(given: RunTables, grouped: RunTables) -> str:
    """Whom it favours that the network of the published split learnt from fewer slices, if so."""
    one, two = learnt_from(given), learnt_from(grouped)
    if one is None or two is None or one >= two:
        return ""
    return " Fewer slices as a rule teach less, so the split's own share may be larger."


def is_mean(run: RunTables) -> bool:
    """Whether a record tells of all folds how many slices they learnt from, and so counts all that
    were judged; earlier ones hold what the last fold said."""
    counted = run.recipe["record"].get("images", {}).get("test")
    return bool(counted == len(judged(run)))


def learnt_from(run: RunTables) -> int | None:
    """How many slices a network learnt from, further ones too; over folds see `is_mean`. None
    where the record does not say."""
    record = run.recipe.get("record", {})
    train = record.get("images", {}).get("train")
    return None if train is None else int(train) + int(record.get("extra_images", 0))


def _worth(found: Difference, beside: Sequence[str] = ()) -> str:
    """What the split is worth; where something else differs beside it, nobody knows what is whose.

    Args:
        found: the difference.
        beside: what else is not the same.
    """
    ends = f"{words.points(found.low)} to {words.points(found.high)}"
    told = f"{words.points(found.difference)} points ({ends})"
    if beside:
        told = f"{words.listed(['Split', *beside])} together make {told}"
    if found.unreliable:
        told = told if beside else f"The split is worth {told}"
        return f"{told}, from too few groups to conclude anything."
    if beside:
        chance = "" if found.low > 0 or found.high < 0 else ", which may be chance"
        return f"{told}{chance}; what is the split's share is unknown."
    if found.low > 0:
        return f"The published split flatters it by {told}."
    if found.high < 0:
        return f"On the published split it does worse, by {told}."
    return f"The split is worth {told}: that it flatters this network cannot be concluded."


def _unpaired(first: Predictions, second: Predictions) -> Difference:
    """Two accuracies on different slices: their intervals, squared and added (Newcombe 1998,
    Statistics in Medicine 17: 873-890)."""
    metrics = [rows.metrics(intervals=True) for rows in (first, second)]
    one, two = (m["accuracy"] for m in metrics)
    of_one, of_two = (m["intervals"]["accuracy"] for m in metrics)
    return Difference(
        first=one,
        second=two,
        difference=one - two,
        low=one - two - math.hypot(one - of_one["low"], of_two["high"] - two),
        high=one - two + math.hypot(of_one["high"] - one, two - of_two["low"]),
        p=math.nan,
        p_holm=math.nan,
        test="",
        units=min(of_one["units"], of_two["units"]),
        differing=min(of_one["errors"], of_two["errors"]),
    )
