"""A run's numbers: metrics of every split and of its unseen slices, and what is to be said of them.

What `metrics.json` holds. Computed from the predictions table alone. Draws nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from braintumor import __version__
from braintumor.classes import CLASSES
from braintumor.evaluation import crossfit, groups, repeats, words
from braintumor.evaluation.acting import Acting, acting
from braintumor.evaluation.check import Finding, check
from braintumor.evaluation.decision import JUDGED_FILE
from braintumor.evaluation.groups import Unseen
from braintumor.evaluation.metrics import Metrics, without_nan
from braintumor.evaluation.patients import Patients
from braintumor.evaluation.predictions import Predictions, PredictionsError
from braintumor.evaluation.run_tables import RunTables
from braintumor.files import write_text

METRICS_FILE = "metrics.json"
# The rows that a model is judged on first; a split that chose the model flatters it.
_HEADLINE = ("test", "valid", "all", "train")
_SHOWN = ("test", "test_unseen", "valid", "valid_unseen", "all", "train")


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of the table with their numbers.

    Attributes:
        name: `train`, `valid`, `test`, `all` (of a table that names no splits), `valid_unseen`
            or `test_unseen`.
        rows: the scored ones.
        metrics: of these rows.
    """

    name: str
    rows: Predictions
    metrics: Metrics

    @property
    def errors(self) -> Predictions:
        """The rows that were judged wrongly, the surest first."""
        wrong = np.flatnonzero(self.rows.y_pred != self.rows.y_true)
        order = np.argsort(-self.rows.confidence[wrong], kind="stable")
        return self.rows.take(wrong[order])

    @property
    def confusions(self) -> list[tuple[str, str, int, int]]:
        """(truth, said, count, slices of the truth) of every kind of error, most frequent first."""
        table = np.asarray(self.metrics["confusion"])
        kinds = [
            (CLASSES[i], CLASSES[j], int(table[i, j]), int(table[i].sum()))
            for i, j in np.ndindex(*table.shape)
            if i != j and table[i, j]
        ]
        return sorted(kinds, key=lambda kind: -kind[2])


@dataclass(frozen=True, eq=False)
class Judgement:
    """Everything that is computed of a run.

    Attributes:
        run: where it comes from; its predictions have `group` filled where it is known.
        parts: by name, in the order in which they are shown.
        unseen: split -> how its slices stand to training, where that is known.
        notes: sentences that a reader of the numbers should know.
        findings: what the check says of the table, notes left out.
    """

    run: RunTables
    parts: Mapping[str, Part]
    unseen: Mapping[str, Unseen]
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def headline(self) -> Part:
        """The part that answers how good the model is: test, else what there is."""
        return next(self.parts[name] for name in _HEADLINE if name in self.parts)

    @cached_property
    def acting(self) -> Acting:
        """What may be done with the probabilities; computed when first asked for."""
        return acting(self.run.predictions, self.headline.rows)

    def to_dict(self) -> dict[str, Any]:
        """The content of metrics.json: plain JSON values."""
        hashes = [value for value in self.run.predictions.frame["model_sha256"].unique() if value]
        plain: dict[str, Any] = without_nan(
            {
                "splits": {name: part.metrics for name, part in self.parts.items()},
                "unseen": {name: counts.to_dict() for name, counts in self.unseen.items()},
                "model": self.run.model,
                "model_sha256": hashes[0] if len(hashes) == 1 else None,
                "phantom": self.run.phantom,
                "probabilities": self.acting.to_dict(),
                "made_with": f"braintumor {__version__}",
            }
        )
        return plain


def judge(
    run: RunTables, *, patients: Patients | None = None, others: Sequence[Predictions] = ()
) -> Judgement:
    """Compute every number of a run.

    Args:
        run: as read.
        patients: fills `group`, and says which groups were trained on. The groups by which folds
            were dealt stay where they keep together what the file does.
        others: out-of-fold answers of other trainings of the recipe, in place of those that lay
            beside the run; to be fitted on, too.

    Raises:
        PredictionsError: no row that can be judged, or rows that are no probabilities.
        BraintumorError: a patients file that does not fit the run.
    """
    notes = list(run.notes)
    if patients is not None:
        run = replace(run, predictions=groups.by_file(run.predictions, patients))
    if others:  # after the groups: of those that the others' folds part, nothing is taken
        run = replace(run, predictions=repeats.with_repeats(run.predictions, others))
    table = run.predictions
    parts: dict[str, Part] = {}
    for name, rows in _splits(table, notes):
        scored = rows.scored()
        if len(scored):
            parts[name] = Part(name, scored, rows.metrics(intervals=True))
        else:
            notes.append(f"The split {name} has no row with both label and probabilities.")
    if not parts:
        raise PredictionsError(
            f"{table.source} holds no row of a known split with both a label and probabilities, "
            "so there is nothing to measure."
        )
    unseen = _add_unseen(run, patients, parts, notes)
    parts = {name: parts[name] for name in _SHOWN if name in parts}
    notes += _absent(parts) + _left_out(table)
    notes += filter(None, [repeats.told(table)])
    models = [name for name in table.frame["model"].unique() if name]
    if len(models) > 1:
        names = ", ".join(sorted(models))
        notes.append(f"The table holds rows of several models ({names}); the numbers mix them.")
    findings = tuple(f for f in check(table).findings if f.severity != "note")
    return Judgement(run, parts, unseen, tuple(notes), findings)


def write_metrics(judgement: Judgement, folder: Path) -> Path:
    """Write metrics.json atomically and return its path."""
    path = folder / METRICS_FILE
    text = json.dumps(judgement.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")
    return path


def write_calibration(judgement: Judgement, folder: Path) -> Path | None:
    """Write calibration.json, which `export` puts into a bundle; its path.

    Fitted on out-of-fold or validation rows alone. None, and nothing is written, where the table
    has neither, or came with calibrated answers.
    """
    decision = judgement.acting.decision
    if decision is None:
        return None
    decision.write(folder / JUDGED_FILE)
    return folder / JUDGED_FILE


def _splits(table: Predictions, notes: list[str]) -> list[tuple[str, Predictions]]:
    names = table.splits
    if not names:
        return [("all", table)]
    other = sum(1 for split in table.frame["split"] if split not in names)
    if other:
        notes.append(
            f"{words.slices(other, 'row')} of the table name no known split and are left out."
        )
    return [(name, table.split(name)) for name in names]


def _add_unseen(
    run: RunTables, patients: Patients | None, parts: dict[str, Part], notes: list[str]
) -> dict[str, Unseen]:
    """Add the parts `valid_unseen` and `test_unseen`, where it is known what was trained on."""
    if crossfit.is_out_of_fold(run.predictions):
        notes.append(_out_of_fold(run.predictions))
        return {}
    known = groups.train_groups(run.predictions, run.catalog, patients)
    if isinstance(known, str):
        notes += [known] if known else []
        return {}
    found: dict[str, Unseen] = {}
    for split in ("test", "valid"):
        if split not in parts:
            continue
        mask, counts = groups.unseen_rows(parts[split].rows, *known)
        if counts.unknown == counts.slices:
            continue
        found[split] = counts
        if counts.unknown:
            notes.append(
                f"Of {words.slices(counts.unknown, f'{split} slice')} no group is known; they are "
                "not counted as unseen."
            )
        if mask.any():
            rows = parts[split].rows.take(mask)
            parts[f"{split}_unseen"] = Part(f"{split}_unseen", rows, rows.metrics(intervals=True))
        else:
            notes.append(f"No {split} slice is of a group that was not trained on.")
    return found


def _out_of_fold(table: Predictions) -> str:
    """Whether folds kept groups apart; each has a training of its own, so no split says it."""
    try:
        count = len(np.unique(crossfit.fold_numbers(table)))
    except PredictionsError as error:
        return str(error)
    unseen = "saw neither the slice nor any other of its group"
    if not (table.frame["group"] != "").any():
        unseen = "did not see the slice; whether it saw its patient is not known"
    return f"Every slice is judged by one of {count} networks, the one that {unseen}."


def _absent(parts: Mapping[str, Part]) -> list[str]:
    """Which classes a part lacks: its macro scores are means over the others, and compare badly."""
    notes = []
    for part in parts.values():
        support = {name: part.metrics["per_class"][name]["support"] for name in CLASSES}
        missing = [words.CLASS_NAMES[name].lower() for name in CLASSES if not support[name]]
        if missing:
            notes.append(
                f"{words.part_name(part.name)}: no slice of {', '.join(missing)}, so means over "
                f"classes are over the others{_but_f1(part, support)}."
            )
    return notes


def _but_f1(part: Part, support: Mapping[str, int]) -> str:
    """What to add where F1 counts a class that is said without being there, as 0."""
    said = np.bincount(part.rows.scored().y_pred, minlength=len(CLASSES))
    if not any(said[i] and not support[name] for i, name in enumerate(CLASSES)):
        return ""
    return "; but macro F1 counts as 0 what is said and is not there"


def _left_out(table: Predictions) -> list[str]:
    counts = {reason: count for reason, count in table.left_out().items() if count}
    if not counts:
        return []
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts.items())
    return [f"{words.slices(sum(counts.values()), 'row')} could not be judged: {reasons}."]
