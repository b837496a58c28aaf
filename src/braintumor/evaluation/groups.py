"""Which slices are unseen: no slice of their group (patient, or near copies) was trained on.

Groups come from a patients file, else from the run's catalogue, else from the table itself. Where
a training slice is of unknown group, nothing can be called unseen, and nothing is. Knows columns
only; how the groups were found is not its business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from braintumor.evaluation import crossfit
from braintumor.evaluation.patients import Patients
from braintumor.evaluation.predictions import Predictions


@dataclass(frozen=True)
class Unseen:
    """How the slices of one split stand to training.

    Attributes:
        slices: of the split, in all.
        in_train: whose group is in train.
        unseen: whose group is not.
        unknown: of which no group is known; they count as neither.
        source: where the groups come from.
    """

    slices: int
    in_train: int
    unseen: int
    unknown: int
    source: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def with_groups(predictions: Predictions, patients: Patients) -> Predictions:
    """The table with `group` filled from a patients file; rows that it does not name stay empty.

    Raises:
        BraintumorError: the file names none of the table's rows.
    """
    frame = predictions.frame
    owners = patients.find_all(frame["path"], frame["split"], frame["label"])
    found = [owner.group if owner else "" for owner in owners]
    if not any(found):
        raise patients.names_none(f"the slices in {predictions.source}")
    return predictions.in_groups(found)


def by_file(own: Predictions, patients: Patients) -> Predictions:
    """The table with the groups of a patients file; those by which its folds were dealt stay
    where they keep together what the file does.

    Raises:
        BraintumorError: as `with_groups`.
    """
    named = with_groups(own, patients)
    return own if crossfit.is_out_of_fold(own) and joins(own, named) else named


def joins(dealt: Predictions, named_by: Predictions) -> bool:
    """Whether every row of a table has a group, and rows that share one in the same table by a
    patients file share it: whoever dealt the folds knew that file, and perhaps copies besides."""
    own, theirs = dealt.frame["group"], named_by.frame["group"]
    named = theirs != ""
    return bool((own != "").all() and (own[named].groupby(theirs[named]).nunique() == 1).all())


def in_common(tables: Sequence[Predictions]) -> NDArray[np.object_]:
    """What several tables together know of the groups of the same rows, whatever their order.

    A row has the group of whichever table knows it. Where two tables name one row differently
    their names must not be mixed, and those of the table that knows most rows hold for all; of
    equals that of fewer groups, for its intervals claim less.

    Args:
        tables: one or more, with the same n rows in the same order.

    Returns:
        n names, "" where no table knows (or the one that holds for all does not).
    """
    named: NDArray[np.object_]
    named = np.array([table.frame["group"].to_numpy(object) for table in tables], dtype=object)
    known = named != ""
    first: NDArray[np.object_] = named[known.argmax(axis=0), np.arange(named.shape[1])]
    if not (known & (named != first)).any():
        return first

    def knows(names: NDArray[np.object_]) -> tuple[int, int, tuple[str, ...]]:
        return int((names == "").sum()), len(set(names)), tuple(names)

    return min(named, key=knows)


def kept(judged: Predictions, before: Predictions) -> Predictions:
    """A table as it was judged, but where a patients file named no group, the group it had before.

    For writing only: groups of two namings must not be compared.
    """
    groups = judged.frame["group"].where(judged.frame["group"] != "", before.frame["group"])
    return judged.in_groups(groups)


def train_groups(
    predictions: Predictions, catalog: pd.DataFrame | None, patients: Patients | None
) -> tuple[frozenset[str], str] | str:
    """The groups that were trained on and where that is known from; else why that is not known.

    Args:
        predictions: the table; its own train rows are the last resort.
        catalog: a run's catalog.csv, cells as text.
        patients: the patients file that the table's groups are from; it goes before both.

    Returns:
        Groups and source, or a sentence: "" where nobody said whose the training slices are.
    """
    rows = None if catalog is None else catalog[catalog["split"] == "train"]
    own = predictions.split("train").frame
    if patients is not None:
        if rows is not None and len(rows) and "label" in rows:
            return _groups_of(rows, patients)
        if patients.train_groups:
            return _whole(patients.train_groups, patients.name) or _partly(patients)
        if len(own):
            return _whole(own["group"], predictions.source) or _partly(patients)
        return (
            f"{patients.name} names no slice of the split train, so what is unseen cannot be told "
            "from it."
        )
    if rows is not None and len(rows) and "group" in rows:
        return _whole(rows["group"], "catalog.csv") or ""
    return (_whole(own["group"], predictions.source) if len(own) else None) or ""


def unseen_rows(
    part: Predictions, trained: frozenset[str], source: str
) -> tuple[NDArray[np.bool_], Unseen]:
    """Mask of the rows whose group is known and was not trained on, and the counts."""
    groups = part.frame["group"]
    known = (groups != "").to_numpy(bool)
    seen = groups.isin(trained).to_numpy(bool) & known
    mask = known & ~seen
    counts = Unseen(
        slices=len(part),
        in_train=int(seen.sum()),
        unseen=int(mask.sum()),
        unknown=int((~known).sum()),
        source=source,
    )
    return mask, counts


def _groups_of(trained: pd.DataFrame, patients: Patients) -> tuple[frozenset[str], str] | str:
    """The groups of the slices that a run was trained on, whatever split the file puts them in;
    a sentence where it does not name them all."""
    owners = patients.find_all(trained["path"], trained["split"], trained["label"])
    groups = [owner.group if owner else "" for owner in owners]
    strangers = [path for path, group in zip(trained["path"], groups, strict=True) if not group]
    if strangers:
        return (
            f"{patients.name} gives no group to {len(strangers)} of the {len(groups)} slices that "
            f"this run was trained on (first: {PurePosixPath(strangers[0]).name}), so what is "
            "unseen cannot be told from it."
        )
    return frozenset(groups), patients.name


def _partly(patients: Patients) -> str:
    return f"{patients.name} leaves the group of some training slice empty."


def _whole(groups: Iterable[str], source: str) -> tuple[frozenset[str], str] | None:
    known = frozenset(groups)
    return None if "" in known else (known, source)
