"""Which slices are unseen: no slice of their group (patient, or near copies) was trained on.

Groups come from a patients file, else from the run's catalogue, else from the table itself. Where
a training slice is of unknown group, nothing can be called unseen, and nothing is. Knows columns
only; how the groups were found is not its business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from braintumor.classes import class_from_name, split_from_name
from braintumor.errors import BraintumorError
from braintumor.evaluation.predictions import Predictions

_COLUMNS = ("split", "class", "file", "group")
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Patients:
    """A patients file.

    Attributes:
        name: the file's name, for messages.
        groups: (split, class, file name) -> group.
    """

    name: str
    groups: dict[Key, str]

    @property
    def train(self) -> list[str]:
        """The group of every slice in train, "" where it is not known."""
        return [group for key, group in self.groups.items() if key[0] == "train"]


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


def read_patients(path: Path | str) -> Patients:
    """Read a CSV file with the columns split, class, file and group; others are ignored.

    Raises:
        BraintumorError: no such file, not a table, a column missing, no slice of train, or a
            file named twice with two groups; one sentence.
    """
    path = Path(path)
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise BraintumorError(f"{path} does not exist; give the path of a patients file.") from None
    except (OSError, ValueError) as error:
        raise BraintumorError(f"{path} cannot be read as a CSV table of patients.") from error
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing:
        raise BraintumorError(
            f"{path.name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; a "
            f"patients file needs {', '.join(_COLUMNS)}."
        )
    groups: dict[Key, str] = {}
    cells = frame[list(_COLUMNS)].itertuples(index=False, name=None)
    for split, label, file, group in cells:
        key = _key(split, label, file)
        if groups.setdefault(key, group) != group:
            raise BraintumorError(f"{path.name} names {'/'.join(key)} twice, with two groups.")
    patients = Patients(path.name, groups)
    if not patients.train:
        raise BraintumorError(
            f"{path.name} names no slice of the split train, so it cannot tell what is unseen."
        )
    return patients


def with_groups(predictions: Predictions, patients: Patients) -> Predictions:
    """The table with `group` filled from a patients file; rows that it does not name stay empty.

    Raises:
        BraintumorError: the file names none of the table's rows.
    """
    frame = predictions.frame
    keys = _keys(frame["split"], frame["label"], frame["path"])
    found = [patients.groups.get(key, "") for key in keys]
    if not any(found):
        raise BraintumorError(
            f"{patients.name} names none of the slices in {predictions.source}; rows are matched "
            "by split, class and file name."
        )
    return Predictions(frame.assign(group=found), predictions.source)


def train_groups(
    predictions: Predictions, catalog: pd.DataFrame | None, patients: Patients | None
) -> tuple[frozenset[str], str] | None:
    """The groups that were trained on and where that is known from; None where it is not.

    Args:
        predictions: the table; its own train rows are the last resort.
        catalog: a run's catalog.csv, cells as text.
        patients: a patients file, which goes before both.

    Raises:
        BraintumorError: the run was trained on slices that the patients file does not put in
            train, so what it says of other slices does not hold for this run.
    """
    rows = None if catalog is None else catalog[catalog["split"] == "train"]
    if patients is not None:
        if rows is not None and "label" in rows:
            _require_same_split(patients, _keys(rows["split"], rows["label"], rows["path"]))
        return _whole(patients.train, patients.name)
    if rows is not None and len(rows) and "group" in rows:
        return _whole(rows["group"], "catalog.csv")
    own = predictions.split("train").frame
    return _whole(own["group"], predictions.source) if len(own) else None


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


def _require_same_split(patients: Patients, keys: Iterable[Key]) -> None:
    strangers = [key for key in keys if not patients.groups.get(key)]
    if strangers:
        raise BraintumorError(
            f"{patients.name} does not put {len(strangers)} of the slices that this run was "
            f"trained on into train (first: {strangers[0][2]}), so which slices are unseen cannot "
            "be told from it."
        )


def _whole(groups: Iterable[str], source: str) -> tuple[frozenset[str], str] | None:
    known = frozenset(groups)
    return None if "" in known else (known, source)


def _keys(splits: Iterable[str], labels: Iterable[str], paths: Iterable[str]) -> list[Key]:
    return [_key(*cells) for cells in zip(splits, labels, paths, strict=True)]


def _key(split: str, label: str, file: str) -> Key:
    name = PurePosixPath(file.replace("\\", "/")).name
    return split_from_name(split) or split, class_from_name(label) or label, name
