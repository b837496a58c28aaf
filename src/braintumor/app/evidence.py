"""How good a bundle's network was found to be: the predictions table that lies beside its graph.

Finds `predictions.csv` in the bundle's folder and reads it; says what a threshold would have
done to those slices. Knows tables and cards; draws nothing and runs no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from braintumor.bundle.card import AnyCard, read_card
from braintumor.bundle.workshop import PREDICTIONS_FILE
from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.evaluation.curves import Curves, curves
from braintumor.evaluation.metrics import Metrics
from braintumor.evaluation.predictions import Predictions, PredictionsError

# The splits that a network may be judged on, the most telling first.
_JUDGED = ("test", "valid")


class EvidenceError(BraintumorError):
    """A predictions table beside a bundle that cannot be used."""


@dataclass(frozen=True)
class AtThreshold:
    """What a threshold does to slices whose truth is known.

    Attributes:
        n: slices.
        below: share with a confidence below the threshold, or `uncertain` anyway, 0 to 1.
        right: share of the others that are right; NaN where none is left.
    """

    n: int
    below: float
    right: float


def at_threshold(answers: Predictions, threshold: float) -> AtThreshold:
    """What `confidence >= threshold` and the network's own doubts keep, and how much is right.

    Args:
        answers: scored rows, at least one.
        threshold: 0 to 1; with 0 the doubts alone decide.
    """
    sure = answers.frame["status"].eq("ok").to_numpy(bool)
    kept = sure & (answers.confidence >= threshold)
    right = (answers.y_pred == answers.y_true)[kept]
    n = len(kept)
    return AtThreshold(
        n=n,
        below=1.0 - float(kept.sum()) / n,
        right=float(right.mean()) if len(right) else float("nan"),
    )


@dataclass(frozen=True, eq=False)
class Part:
    """One split of the table, with what was computed from it.

    Attributes:
        split: `valid` or `test`; "" for a table that names no splits.
        predictions: its scored rows.
        metrics, curves: of these rows.
    """

    split: str
    predictions: Predictions
    metrics: Metrics
    curves: Curves

    def at_threshold(self, threshold: float) -> AtThreshold:
        """See `at_threshold`."""
        return at_threshold(self.predictions, threshold)

    def operating_points(self, threshold: float) -> pd.DataFrame:
        """Each class against the rest at one threshold.

        Args:
            threshold: positive where the class's probability reaches it, 0 to 1.

        Returns:
            One row a class: class, threshold, sensitivity, false_alarms, precision, f1; NaN where
            not defined.
        """
        rows = []
        for i, name in enumerate(CLASSES):
            truth = self.predictions.y_true == i
            said = self.predictions.y_prob[:, i] >= threshold
            tp, fp = int((truth & said).sum()), int((~truth & said).sum())
            fn, tn = int((truth & ~said).sum()), int((~truth & ~said).sum())
            rows.append(
                {
                    "class": name,
                    "threshold": threshold,
                    "sensitivity": _share(tp, tp + fn),
                    "false_alarms": _share(fp, fp + tn),
                    "precision": _share(tp, tp + fp),
                    "f1": _share(2 * tp, 2 * tp + fp + fn),
                }
            )
        return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class Evidence:
    """The judgement of one network.

    Attributes:
        card: of the bundle.
        table: every row that was found.
    """

    card: AnyCard
    table: Predictions

    @cached_property
    def parts(self) -> dict[str, Part]:
        """Split -> its rows and numbers, test first; the key is "" where no split is named.

        Training rows are left out: what a network says of slices it learnt from proves nothing.
        """
        named = self.table.splits
        wanted = [split for split in _JUDGED if split in named] if named else [""]
        found = {}
        for split in wanted:
            rows = (self.table.split(split) if split else self.table).scored()
            if len(rows):
                found[split] = Part(split, rows, rows.metrics(), curves(rows))
        return found

    def unseen(self, split: str) -> dict[str, Any] | None:
        """Metrics on the slices without a relative in training, where the card holds them."""
        splits = self.card.evidence.get("splits")
        metrics = splits.get(f"{split}_unseen") if isinstance(splits, dict) else None
        return metrics if isinstance(metrics, dict) else None


def find_evidence(folder: Path | str) -> Evidence | None:
    """The judgement that lies in a bundle's folder, or None where there is none.

    Raises:
        EvidenceError: a table that cannot be read, is of another model, or has nothing to judge.
        BundleError: the folder is no bundle.
    """
    folder = Path(folder)
    path = folder / PREDICTIONS_FILE
    if not path.is_file():
        return None
    card = read_card(folder)
    try:
        found = Evidence(card, Predictions.read(path))
        others = set(found.table.frame["model_sha256"]) - {"", card.identity}
        if others and not _same_model(found.table, card):
            raise EvidenceError(
                f"{path} holds predictions of another network than {card.name}: put the table of "
                f"this one there, or take it away"
            )
        if not found.parts:
            raise EvidenceError(
                f"{path} holds no validation or test slice with label and probabilities: make it "
                f"with  braintumor evaluate"
            )
    except PredictionsError as error:
        raise EvidenceError(f"{str(error).rstrip('.')} (in {folder})") from error
    return found


def _same_model(table: Predictions, card: AnyCard) -> bool:
    """Whether the rows name the card's network: a run's table bears the hash of the trained
    model, not that of the graph which was exported from it."""
    return set(table.frame["model"]) <= {"", card.name, card.network}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
