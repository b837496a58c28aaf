"""A patients file: a CSV table that says whose a slice is, and what its source calls it.

Slices are named by path, or by split, class and file. Knows columns only: no images, no models,
and nothing of what a patient or a group is good for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd

from braintumor.classes import class_from_name, split_from_name
from braintumor.errors import BraintumorError

# (split, class, file name), "" where the file does not say.
Key = tuple[str, str, str]
_ANY_SPLIT = "*"
_ALIASES = {
    "path": ("path", "image_path", "image", "filename"),
    "file": ("file",),
    "split": ("split",),
    "class": ("class", "label"),
    "group": ("group",),
    "patient": ("patient", "patient_id", "patientid"),
    "raw_patient": ("raw_patient_id",),
    "source_label": ("source_label",),
    "source_slice": ("source_slice",),
    "orientation": ("orientation",),
}


@dataclass(frozen=True)
class Owner:
    """What a patients file says of one slice; "" where it says nothing.

    Attributes:
        patient: whose slice it is, families of ids merged where the file does so.
        raw_patient: the id as the source writes it.
        group: slices that must stay on one side of a split; the patient where the file has no
            groups of its own.
        source_label: its class in a second source, one of `CLASSES`, or the source's own word
            where it is none of them.
        source_slice: its number in the source, by which masks are named.
        orientation: `same` as the source, or `mirrored` left to right.
    """

    patient: str = ""
    raw_patient: str = ""
    group: str = ""
    source_label: str = ""
    source_slice: str = ""
    orientation: str = ""


@dataclass(frozen=True)
class Patients:
    """A patients file.

    Attributes:
        name: the file's name, for messages.
        rows: (path as written or put together, its key, owner) of every row, in order.
    """

    name: str
    rows: tuple[tuple[str, Key, Owner], ...]
    _by_path: dict[str, Owner] = field(init=False, repr=False, default_factory=dict)
    _by_key: dict[Key, Owner | None] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for path, key, owner in self.rows:
            self._by_path.setdefault(path, owner)
            # Two slices of one name and two owners: only the whole path can tell them apart.
            for one in {key, (_ANY_SPLIT, *key[1:])}:
                same = self._by_key.setdefault(one, owner) == owner
                self._by_key[one] = owner if same else None

    @property
    def train_groups(self) -> list[str]:
        """The group of every slice in train, "" where it is not known."""
        return [owner.group for _, key, owner in self.rows if key[0] == "train"]

    def find(
        self, path: str, *, split: str = "", label: str = "", whole_path: bool = False
    ) -> Owner | None:
        """What the file says of a slice; None where it does not name it.

        Args:
            path: as in a catalogue or a predictions table. Where the file has another, split,
                class and file name decide, as far as the file gives them; of a path whose folders
                name no split, class and file name, where that leaves one owner.
            split, label: of the slice, in any known spelling. A split that is known to be drawn
                says nothing of the file's own: leave it out.
            whole_path: only a row with this very path counts.
        """
        path = normal_path(path)
        if path in self._by_path or whole_path:
            return self._by_path.get(path)
        # The folders' names first: a slice may have been given another split since.
        told, given = key_of(path), key_of(path, split=split, label=label)
        if not told[0] and (owner := self._by_key.get((_ANY_SPLIT, *given[1:]))) is not None:
            return owner
        for s, c, name in (told, given):
            for key in ((s, c, name), ("", c, name), (s, "", name), ("", "", name)):
                if key in self._by_key:
                    return self._by_key[key]
        return None

    def names_none(self, of: str) -> BraintumorError:
        """The error of a file that is of other slices than those it was given for."""
        return BraintumorError(
            f"{self.name} names none of {of}; they are matched by path, or by split, class and "
            "file name."
        )

    def find_all(
        self,
        paths: Iterable[str],
        splits: Iterable[str] | None,
        labels: Iterable[str],
        *,
        whole_path: bool = False,
    ) -> list[Owner | None]:
        """`find` for every row of a table; without splits for one whose splits may be drawn."""
        names = list(zip(paths, labels, strict=True))
        splits = [""] * len(names) if splits is None else splits
        return [
            self.find(path, split=split, label=label, whole_path=whole_path)
            for (path, label), split in zip(names, splits, strict=True)
        ]


def read_patients(path: Path | str) -> Patients:
    """Read a CSV file with the columns path and patient, or class, file and group.

    Also understood: `split`, without which a slice is found by class and file; `patient_id` for
    patient, `label` for class; and the columns of `Owner`: `raw_patient_id`, `source_label`,
    `source_slice`, `orientation`. At least one of patient and group must be there; other columns
    are ignored.

    Raises:
        BraintumorError: no such file, not a table, a column missing, or a slice named twice with
            two patients or groups; one sentence.
    """
    path = Path(path)
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise BraintumorError(f"{path} does not exist; give the path of a patients file.") from None
    except (OSError, ValueError) as error:
        raise BraintumorError(f"{path} cannot be read as a CSV table of patients.") from error
    columns = _columns(frame, path.name)
    seen: dict[str, Owner] = {}
    rows = []
    for where, owner in zip(_places(columns), _owners(columns), strict=True):
        place, key = where
        if seen.setdefault(place, owner) != owner:
            raise BraintumorError(f"{path.name} names {place} twice, with two groups or patients.")
        rows.append((place, key, owner))
    return Patients(path.name, tuple(rows))


def key_of(path: str, *, split: str = "", label: str = "") -> Key:
    """(split, class, file name) of a slice; what is not given is told by the folders' names."""
    *folders, name = PurePosixPath(normal_path(path)).parts or ("",)
    of_folders = [next(filter(None, map(what, reversed(folders))), "") for what in _FROM_NAME]
    split = (split_from_name(split) or split) or of_folders[0] or ""
    label = (class_from_name(label) or label) or of_folders[1] or ""
    return split, label, name


_FROM_NAME = (split_from_name, class_from_name)


def _columns(frame: pd.DataFrame, name: str) -> dict[str, list[str]]:
    """The file's columns under the names used here, or a refusal."""
    plain = {re.sub(r"[\s\-]+", "_", str(column).strip().lower()): column for column in frame}
    found = {
        wanted: frame[plain[alias]].str.strip().tolist()
        for wanted, aliases in _ALIASES.items()
        for alias in reversed(aliases)
        if alias in plain
    }
    missing = [] if "path" in found else [n for n in ("class", "file") if n not in found]
    if not {"group", "patient"} & set(found):
        missing.append("group")
    if missing:
        raise BraintumorError(
            f"{name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; a patients "
            "file needs class, file, group (and split), or path and patient."
        )
    return found


def _places(columns: dict[str, list[str]]) -> Iterator[tuple[str, Key]]:
    """Path and key of every row."""
    count = len(next(iter(columns.values())))
    empty = [""] * count
    splits, labels = columns.get("split", empty), columns.get("class", empty)
    if "path" in columns:
        for path, split, label in zip(columns["path"], splits, labels, strict=True):
            yield normal_path(path), key_of(path, split=split, label=label)
        return
    for split, label, file in zip(splits, labels, columns["file"], strict=True):
        key = key_of(file, split=split, label=label)
        # A file without splits names CLASS/FILE: no whole path begins with "/".
        yield "/".join(filter(None, key)), key


def _owners(columns: dict[str, list[str]]) -> Iterator[Owner]:
    count = len(next(iter(columns.values())))
    empty = [""] * count
    patients = columns.get("patient", empty)
    raw = columns.get("raw_patient", patients)
    groups = columns.get("group", patients)
    labels = [class_from_name(text) or text for text in columns.get("source_label", empty)]
    places = (columns.get(name, empty) for name in ("source_slice", "orientation"))
    for cells in zip(patients, raw, groups, labels, *places, strict=True):
        yield Owner(*cells)


def normal_path(path: str) -> str:
    """A path in one spelling, whatever system wrote it."""
    return PurePosixPath(path.replace("\\", "/")).as_posix()
