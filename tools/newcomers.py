"""README's first table, how good the networks are on patients not seen, and what limits it.

    python tools/newcomers.py [--write]

From results/labeled-mri-grouped: slices judged by networks that saw nothing of their group (the
patient, or the cluster of near copies where no patient is known), calibrated by the other folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import marks
from aims import pointing
from experiments import RESULTS as RECORDED
from experiments import Experiment, difference
from marks import Part
from matchups import Matchup, matchups
from pointing import where_named
from splits import GROUPED, RESULTS, score
from verdicts import spread

from braintumor.app.evidence import at_threshold
from braintumor.classes import CLASSES
from braintumor.evaluation import words
from braintumor.evaluation.decision import as_answered
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import read_run
from results import ENSEMBLE, NETWORKS, PATIENT, pool

# Experiments over five folds: both trainings before, the last last; and with heads that lack their
# scalp.
_BEFORE, _BARE, _SEEDS = ("beside", "clean"), "bare", "seeds"
NONE_YET = "No networks have been published over grouped folds yet."


def table(results: Path = RESULTS) -> str:
    """The table in Markdown, with a line that says what it was measured on."""
    found = [matchup for matchup in matchups(results) if matchup.split == GROUPED]
    if not found:
        return NONE_YET
    (matchup,) = found
    heads = (
        "network",
        "accuracy",
        "balanced accuracy",
        "macro AUC",
        "calibration error",
        "accuracy, the surest 90 %",
        "left to a person (`uncertain`)",
        "right of the rest",
        "heat map hits the tumour (strictly)",
    )
    rows = [_row(matchup, model, results) for model in matchup.rows]
    units = next(iter(matchup.metrics.values()))["intervals"]["units"]
    frame = next(iter(matchup.calibrated.values())).frame
    named = frame["group"].str.startswith(PATIENT)
    free = int(frame["label"][~named].eq("no_tumor").sum())
    said = (
        f"{matchup.name}: {matchup.n:,} slices of {units} groups. {int(named.sum()):,} slices are "
        f"of {frame['group'][named].nunique()} patients; of the other {int((~named).sum())} ({free}"
        " of them without a tumour) no patient is known, and only near copies are kept together, "
        "so that one person may stand on both sides there, and count several times. Probabilities "
        "calibrated by the other folds; 95 % intervals over groups, a dagger (†) where too few "
        "carry one; `uncertain` by the prediction set, and the ensemble where its networks "
        "disagree, whatever the gate may doubt besides."
    )
    said += _free(list(matchup.calibrated.values()))
    said += _hit(results / GROUPED)
    return "\n".join([*marks.table(heads, rows), "", said]).replace(words.NBSP, " ")


def _row(matchup: Matchup, model: str, results: Path) -> list[str]:
    metrics = matchup.calibrated[model].metrics(intervals=True)
    return [
        f"`{model}`",
        score(metrics, "accuracy", True),
        score(metrics, "balanced_accuracy", True),
        score(metrics, "macro_auc", False),
        score(metrics, "ece", False),
        spread(matchup.surest(model)),
        *_uncertain(matchup.calibrated[model]),
        _pointing(results / GROUPED / model),
    ]


def _uncertain(answers: Predictions) -> tuple[str, str]:
    """Share left to a person by the network's own rule, and how often the others are right."""
    own = at_threshold(answers.scored(), 0.0)
    return words.percent(own.below), words.percent(own.right)


@dataclass(frozen=True)
class Free:
    """What answers say of slices without a tumour, and what they call free of one.

    Attributes:
        doubted: share of the slices without a tumour that is left to a person, 0 to 1.
        tumours: slices that show one.
        missed: of these, how many are called `no_tumor`.
        surely: of the missed, how many are not left to a person.
    """

    doubted: float
    tumours: int
    missed: int
    surely: int


def free_of_tumour(answers: Predictions) -> Free:
    """Count it in scored rows, some of either kind."""
    none = CLASSES.index("no_tumor")
    tumour = answers.y_true != none
    sure = answers.frame["status"].eq("ok").to_numpy(bool)
    missed = tumour & (answers.y_pred == none)
    return Free(
        doubted=float(1 - sure[~tumour].mean()),
        tumours=int(tumour.sum()),
        missed=int(missed.sum()),
        surely=int((missed & sure).sum()),
    )


def _free(answers: Sequence[Predictions]) -> str:
    """Two sentences on the mix of classes and on the worst of errors, in the order of the rows."""
    found = [free_of_tumour(one.scored()) for one in answers]
    doubted = words.listed([words.percent(one.doubted) for one in found])
    missed, surely = (
        words.listed([str(getattr(one, key)) for one in found]) for key in ("missed", "surely")
    )
    return (
        f" Of the slices without a tumour {doubted} are left to a person: where most people have "
        f"none it is more than the table says. Of {found[0].tumours:,} slices with a "
        f"tumour {missed} are called free of it, {surely} of these without doubt."
    )


def _hit(grouped: Path) -> str:
    """Sentences on what counts as a hit, how often the middle of the head is one, and whose map
    it is."""
    told = {name: read_run(grouped / name).localisation for name in NETWORKS}
    every = {name: found["classes"]["all"] for name, found in told.items() if found is not None}
    first = next(filter(None, told.values()), None)
    if first is None:
        return ""
    middle = first["classes"]["all"]["centre"]
    near, inside = (words.percent(middle[key]) for key in ("pointing", "pointing_exact"))
    said = (
        " A heat map hits where its hottest place lies in the tumour or at most "
        f"{first['tolerance']} of {first['side']} pixels from it, strictly where it lies in it; "
        f"the middle of the head does so in {near} ({inside}). {where_named(every)}"
    )
    return said.rstrip()


def _pointing(folder: Path) -> str:
    """Share of tumours that the hottest place of the map hits; "–" where nobody looked."""
    found = pointing(folder)
    if found is None:
        return "–"
    hit, strictly, n = found
    return f"{words.percent(hit.value)} ({words.percent(strictly)}) of {n:,}"


def chosen(results: Path = RESULTS, recorded: Path = RECORDED) -> str:
    """A line of README's limits: what flatters the recipes, and what followed their last change.

    From results/experiments, where the networks of both trainings before lie, and those with heads
    that lack their scalp.
    """
    clean, bare = (_members(name, recorded) for name in (_BEFORE[-1], _BARE))
    moved = words.listed([_moved(*pair) for pair in zip(bare, clean, strict=True)])
    asked = [_trained(name, recorded) for name in reversed(_BEFORE)]
    left, right = zip(*map(_uncertain, [_published_ensemble(results), *asked]), strict=True)
    named, taught = (words.listed([f"`{e.name}`" for e in members]) for members in (clean, bare))
    return (
        "- The recipes were chosen on the slices that the first table judges them on, each with "
        "one seed: it flatters them somewhat. By the recipe without heads that lack their scalp "
        "both had been trained over five folds twice before, as good within chance both times "
        f"({named} in [docs/experiments.md](docs/experiments.md)). After they were taught such "
        f"heads, and raised edges, balanced accuracy at home moved by {moved} points ({taught}; "
        f"one training each, and not all of it need come of that{_by_seed(recorded)}), and more is "
        "left to a person: "
        f"{left[0]} of all slices by the ensemble, before {words.listed(left[1:])}; of the rest "
        f"{words.listed(right)} were right. That share is less steady than the others, for it "
        "hangs on the hardest few patients of each class."
    ).replace(words.NBSP, " ")


def _by_seed(recorded: Path) -> str:
    """What other seeds of the recipes that are shipped gave, where they were trained."""
    told = []
    for network in NETWORKS:
        folder = recorded / f"{network}-{_SEEDS}"
        if folder.is_dir():
            found = Experiment.read(folder).found
            shares = words.listed([words.percent(one["balanced_accuracy"]) for one in found])
            told.append(f"`{network}` has {shares}")
    return f": by seed {'; '.join(told)}" if told else ""


def _moved(now: Experiment, before: Experiment) -> str:
    """Balanced accuracy of an experiment less that of the one before, with its interval."""
    found = difference(now.run.predictions, before.run.predictions)
    assert found is not None, f"{now.name} and {before.name} were judged on other slices"
    value, low, high = map(words.points, found)
    return f"{value} ({low} to {high})"


def _published_ensemble(results: Path) -> Predictions:
    return as_answered(read_run(results / GROUPED / ENSEMBLE).predictions)


def _members(name: str, recorded: Path) -> list[Experiment]:
    """Both networks of an experiment."""
    return [Experiment.read(recorded / f"{network}-{name}") for network in NETWORKS]


def _trained(name: str, recorded: Path) -> Predictions:
    """The answers of both networks of an experiment as those of an ensemble."""
    return as_answered(pool([one.run.predictions for one in _members(name, recorded)]))


PARTS = (
    Part("README.md", "newcomers", table),
    Part("README.md", "chosen", chosen),
)


if __name__ == "__main__":
    marks.command(PARTS, __doc__)
