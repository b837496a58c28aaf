"""What the seed does: the scores of one training repeated with several seeds, and their spread.

From the predictions tables of the repeats alone, which are held to be of one network; where their
recipes lie beside them, they are held to differ in nothing but the seed. Draws nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from braintumor import __version__
from braintumor.errors import BraintumorError
from braintumor.evaluation import words
from braintumor.evaluation.metrics import Metrics, without_nan
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import (
    SEED_FORM,
    RunTables,
    find_seeds,
    find_table,
    misnamed_seeds,
    read_run,
)
from braintumor.evaluation.settings import beside_the_seed

# The rows that are judged, as in a report: the best of those that every table has.
_SPLITS = ("test", "valid", "train")


@dataclass(frozen=True)
class Summary:
    """One score over the seeds.

    Attributes:
        mean, lowest, highest: in the score's own unit.
        sd: standard deviation, of the seeds as a sample (divided by their number less one).
    """

    mean: float
    sd: float
    lowest: float
    highest: float


@dataclass(frozen=True, eq=False)
class Spread:
    """The repeats of one training.

    Attributes:
        model: its name.
        split: the split judged; "" for all rows.
        seeds: seed -> metrics of its rows.
        notes: what the spread holds beside chance in training, and what is left out, in sentences.
        phantom: whether the images were drawn by code.
    """

    model: str
    split: str
    seeds: Mapping[int, Metrics]
    notes: tuple[str, ...]
    phantom: bool

    def of(self, score: str) -> Summary:
        """The summary of a score, by its key in `words.SCORES`; NaN where a seed has none."""
        values = np.array([metrics[score] for metrics in self.seeds.values()], np.float64)
        ends = (float(values.mean()), float(values.std(ddof=1)), values.min(), values.max())
        return Summary(*map(float, ends))

    def to_dict(self) -> dict[str, Any]:
        """The content of spread.json: plain JSON values."""
        plain: dict[str, Any] = without_nan(
            {
                "model": self.model,
                "split": self.split or "all",
                "scores": {key: asdict(self.of(key)) for key, *_ in words.SCORES},
                "seeds": {str(seed): metrics for seed, metrics in self.seeds.items()},
                "words": sentences(self),
                "phantom": self.phantom,
                "made_with": f"braintumor {__version__}",
            }
        )
        return plain


def spread(folder: Path) -> Spread:
    """Judge every repeat in a folder.

    Args:
        folder: holds run folders `seed-1`, `seed-2` and so on, or tables `seed-1.csv`.

    Raises:
        BraintumorError: fewer than two repeats with predictions, or runs that are no repeats of
            one training; one sentence.
    """
    found = find_seeds(folder)
    runs = {seed: read_run(path) for seed, path in found.items() if find_table(path) is not None}
    if len(runs) < 2:
        raise BraintumorError(
            f"{folder} holds {len(runs)} of {len(found)} seeds with predictions, and a spread "
            f"needs two: {_remedy(folder)}"
        )
    _require_repeats(runs)
    split = _split(folder, runs)
    rows = {
        seed: run.predictions.split(split).scored() if split else run.predictions.scored()
        for seed, run in runs.items()
    }
    empty = [runs[seed].table for seed, own in rows.items() if not len(own)]
    if empty:
        raise BraintumorError(f"{empty[0]} has no row with both a label and probabilities.")
    left_out = [seed for seed in found if seed not in runs]
    first, model = next((seed, run.model) for seed, run in runs.items())
    return Spread(
        # A table that names no model would be called seed-1.
        model=folder.resolve().name if model == found[first].stem else model,
        split=split,
        seeds={seed: own.metrics() for seed, own in rows.items()},
        notes=tuple(_notes(rows, left_out, misnamed_seeds(folder))),
        phantom=any(run.phantom for run in runs.values()),
    )


def sentences(found: Spread) -> list[str]:
    """What the spread is, and what it is not."""
    key, heading, share = words.SCORES[0]
    one = found.of(key)
    mean, low, high = (words.score(value, share) for value in (one.mean, one.lowest, one.highest))
    return [
        f"{heading} over {len(found.seeds)} seeds: {mean} on average, {low} to {high}, standard "
        f"deviation {deviation(one.sd, share)} points.",
        *found.notes,
        "This is what another seed of the same training does. It holds nothing of what other "
        "patients would do: for that see the intervals in the report of each seed.",
    ]


def deviation(sd: float, share: bool) -> str:
    """A standard deviation; in points of a hundred where the score reads as a percentage."""
    return words.apart(sd, share).removeprefix("+")


def _remedy(folder: Path) -> str:
    """What to do where there is no second seed."""
    if near := misnamed_seeds(folder):
        return f"rename {words.listed(near)}, for {SEED_FORM}"
    if any(path.is_dir() for path in find_seeds(folder).values()):
        return "go on with  braintumor train --resume"
    return f"put the table of another beside it; {SEED_FORM}"


def _require_repeats(runs: Mapping[int, RunTables]) -> None:
    """Refuse what differs in more than the seed, or in less."""
    named = [run for run in runs.values() if run.says_model]
    other = next((run for run in named if run.model != named[0].model), None)
    if other is not None:
        raise BraintumorError(
            f"{named[0].table} is of {named[0].model} and {other.table} of {other.model}: repeats "
            "are of one network; put others into a folder of their own."
        )
    told = {seed: run for seed, run in runs.items() if run.recipe}
    for seed, run in told.items():
        first = next(iter(told.values()))
        apart = beside_the_seed(first, run)
        if apart:
            raise BraintumorError(
                f"{run.root} and {first.root} differ in {', '.join(apart)}, not in the seed alone."
            )
        if run.recipe["recipe"].get("seed", seed) != seed:
            raise BraintumorError(
                f"{run.root} was trained with seed {run.recipe['recipe']['seed']}, and its name "
                "says another."
            )
    if len({run.predictions.frame["fold"].nunique() for run in runs.values()}) > 1:
        tables = words.listed([str(run.table) for run in runs.values()])
        raise BraintumorError(f"{tables} were not judged over the same number of folds.")


def _split(folder: Path, runs: Mapping[int, RunTables]) -> str:
    named = [run.predictions.splits for run in runs.values()]
    if not any(named):
        return ""
    for split in _SPLITS:
        if all(split in one for one in named):
            return split
    raise BraintumorError(f"The tables of {folder} have no split in common.")


def _notes(rows: Mapping[int, Predictions], left_out: list[int], misnamed: list[str]) -> list[str]:
    notes = []
    if misnamed:
        notes.append(f"Left out: {words.listed(misnamed)}, for {SEED_FORM}.")
    if left_out:
        which = words.listed([str(seed) for seed in left_out])
        notes.append(
            f"Seed{'s' * (len(left_out) > 1)} {which}: no predictions yet, left out; go on with "
            " braintumor train --resume"
        )
    if _apart(rows, "path", "sha256"):
        notes.append("The seeds judged different slices, so the spread holds that choice, too.")
    elif _apart(rows, "path", "sha256", "fold"):
        notes.append("Each seed dealt folds of its own, so the spread holds that choice, too.")
    return notes


def _apart(rows: Mapping[int, Predictions], *columns: str) -> bool:
    """Whether the seeds' rows differ in these columns, in whatever order they stand."""
    cells = [sorted(zip(*(own.frame[c] for c in columns), strict=True)) for own in rows.values()]
    return any(one != cells[0] for one in cells)
