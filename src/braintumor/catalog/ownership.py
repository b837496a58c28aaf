"""Whose slices lie on both sides of a split, and which labels a second source contradicts.

Patients come from a patients file, else from the DICOM files themselves. What a DICOM file says of
its patient is never shown: such patients bear numbers in the order of the catalogue. What the file,
or the list that is audited, calls a group is looked for on both sides, too.

What it does not know: pixels, copies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.findings import Finding, listed
from braintumor.catalog.groups import suffix_families
from braintumor.catalog.leaks import JUDGED
from braintumor.evaluation.patients import Owner, Patients
from braintumor.images.decode import printable
from braintumor.images.dicom_patient import patient_key, study_key

_FAMILIES_SHOWN = 3


@dataclass(frozen=True)
class Ownership:
    """Whose each slice is.

    Attributes:
        catalog: the images.
        owners: of each row; empty where nothing is known.
        source: what they come from, for a person; "" where no patient is known.
        merge_suffixes: ids that differ by a suffix alone are one patient.
    """

    catalog: Catalog
    owners: tuple[Owner, ...]
    source: str
    merge_suffixes: bool = False

    @cached_property
    def patients(self) -> dict[str, str]:
        """Path -> patient, for every image whose patient is known."""
        family_of = {}
        if self.merge_suffixes:
            ids = [owner.patient for owner in self.owners]
            family_of = {of: name for name, family in suffix_families(ids).items() for of in family}
        return {
            path: family_of.get(owner.patient, owner.patient)
            for path, owner in zip(self.catalog.table["path"], self.owners, strict=True)
            if owner.patient
        }

    @cached_property
    def groups(self) -> dict[str, str]:
        """Path -> the group that must stay together, as the patients file says, else the list."""
        table = self.catalog.table
        rows = zip(table["path"], self.owners, table["group"], strict=True)
        named = ((path, owner.group or listed) for path, owner, listed in rows)
        return {path: group for path, group in named if group}

    @cached_property
    def in_train(self) -> dict[str, dict[str, int]]:
        """Split -> how many patients are named, how many of them are in train too; and slices."""
        table = self.catalog.table
        of_split: dict[str, list[str]] = {}
        for path, split in zip(table["path"], table["split"], strict=True):
            if path in self.patients:
                of_split.setdefault(split, []).append(self.patients[path])
        train = set(of_split.get("train", []))
        return {
            split: {
                "named": len(set(of_split.get(split, []))),
                "in_train": len(set(of_split.get(split, [])) & train),
                "slices_named": len(of_split.get(split, [])),
                "slices_in_train": sum(patient in train for patient in of_split.get(split, [])),
            }
            for split in JUDGED
        }

    @cached_property
    def groups_in_train(self) -> dict[str, tuple[str, ...]]:
        """Split -> its slices of groups in train; not those of a patient who is in train too, for
        these are counted already."""
        table = self.catalog.table
        in_train = table["path"][table["split"] == "train"]
        groups, patients = (
            {of[path] for path in in_train if path in of} for of in (self.groups, self.patients)
        )
        return {
            split: tuple(
                path
                for path in table["path"][table["split"] == split]
                if self.groups.get(path) in groups and self.patients.get(path) not in patients
            )
            for split in JUDGED
        }

    @cached_property
    def families(self) -> dict[str, tuple[str, ...]]:
        """Ids, as the source writes them, that differ by a suffix alone."""
        return suffix_families(owner.raw_patient for owner in self.owners)

    @cached_property
    def conflicts(self) -> tuple[tuple[str, str, str], ...]:
        """(path, label, label in the second source) of every image whose labels differ."""
        table = self.catalog.table
        rows = zip(table["path"], table["label"], self.owners, strict=True)
        return tuple(
            (path, label, owner.source_label)
            for path, label, owner in rows
            if owner.source_label and owner.source_label != label
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Patients and groups on both sides, contradicted labels, and questions."""
        return (
            *self._across_splits(),
            *self._groups_across_splits(),
            *self._conflicts(),
            *self._families(),
            *self._unknown(),
        )

    def to_dict(self) -> dict[str, Any]:
        """This part's keys of audit.json, see `Part`."""
        if not self.source:
            return {"patients": None, "label_conflicts": None}
        conflicts = [
            {"path": path, "label": label, "source_label": other}
            for path, label, other in self.conflicts
        ]
        return {
            "patients": self.in_train,
            "groups_in_train": {
                split: {"groups": len({self.groups[path] for path in paths}), "slices": len(paths)}
                for split, paths in self.groups_in_train.items()
            },
            "label_conflicts": len(conflicts),
            "contradicted_labels": conflicts,
            "patient_suffixes": {name: list(ids) for name, ids in self.families.items()},
        }

    def _across_splits(self) -> Iterator[Finding]:
        table = self.catalog.table
        train = {
            self.patients[path]
            for path in table["path"][table["split"] == "train"]
            if path in self.patients
        }
        for split, count in self.in_train.items():
            if not count["in_train"]:
                continue
            every = "All " if count["in_train"] == count["named"] else f"{count['in_train']} of "
            text = (
                f"{every}{count['named']} {split} patients that are named are in train too "
                f"({count['slices_in_train']} slices)."
            )
            paths = [
                p for p in table["path"][table["split"] == split] if self.patients.get(p) in train
            ]
            yield Finding("patients_across_splits", "wrong", text, tuple(paths))

    def _groups_across_splits(self) -> Iterator[Finding]:
        for split, paths in self.groups_in_train.items():
            if paths:
                count = len({self.groups[path] for path in paths})
                text = (
                    f"Groups that are given as such and lie in {split} and in train: {count} "
                    f"({len(paths)} {split} slices, none of a patient who is named in both)."
                )
                yield Finding("groups_across_splits", "wrong", text, paths)

    def _conflicts(self) -> Iterator[Finding]:
        if self.conflicts:
            path, label, other = self.conflicts[0]
            paths = tuple(path for path, _, _ in self.conflicts)
            text = (
                f"Labels that contradict their source: {len(paths)}, as {printable(path)}: "
                f"{label} here, {printable(other)} there."
            )
            yield Finding("label_conflicts", "wrong", text, paths)

    def _families(self) -> Iterator[Finding]:
        if not self.families:
            return
        shown = [" = ".join(ids) for ids in list(self.families.values())[:_FAMILIES_SHOWN]]
        more = len(self.families) - len(shown)
        raw = {owner.raw_patient for owner in self.owners}
        merged = len({owner.patient for owner in self.owners}) < len(raw)
        taken = "one patient" if merged or self.merge_suffixes else "different patients"
        text = (
            f"{len(self.families)} families of patient ids differ by a suffix only: "
            f"{printable('; '.join(shown))}{f' and {more} more' if more else ''}. Is each family "
            f"one patient? They are taken for {taken}."
        )
        yield Finding("patient_suffixes", "doubtful", text)

    def _unknown(self) -> Iterator[Finding]:
        unknown = [p for p in self.catalog.table["path"] if p not in self.patients]
        if not self.source:
            text = "No patient is known, so nobody can say whether one is on both sides."
            if (self.catalog.table["format"] == "DICOM").any():
                text += " The DICOM files bear no PatientID, or one for all their studies."
            yield Finding("patients_unknown", "doubtful", text)
        elif unknown:
            text = f"Images of unknown patient: {listed(unknown)}."
            yield Finding("patients_unknown", "note", text, tuple(unknown))


def owners_of(
    catalog: Catalog, patients: Patients | None, *, merge_suffixes: bool = False
) -> Ownership:
    """Whose each image is: as the patients file says, else as DICOM files do.

    Raises:
        BraintumorError: a patients file that names none of the images.
    """
    table = catalog.table
    found: list[Owner | None] = [None] * len(catalog)
    if patients is not None:
        found = patients.find_all(table["path"], catalog.told_splits, table["label"])
        if not any(found):
            raise patients.names_none(f"the images in {catalog.root}")
    whole = with_dicom_patients(catalog, found)
    sources = [patients.name] if patients is not None else []
    sources += ["DICOM files"] if whole != found else []
    owners = tuple(owner or Owner() for owner in whole)
    return Ownership(catalog, owners, " and ".join(sources), merge_suffixes)


def with_dicom_patients(catalog: Catalog, owners: Sequence[Owner | None]) -> list[Owner | None]:
    """What is known of every image, with a number for the patient whom a DICOM file alone names.

    Args:
        catalog: the images.
        owners: of each, from elsewhere; a patient who is named there stays.

    Returns:
        An owner for each image, patients `dicom-N` counted in the order of the catalogue; None
        where nothing is known.
    """
    numbers: dict[str, str] = {}
    found = list(owners)
    for row, key in _dicom_keys(catalog, owners).items():
        number = numbers.setdefault(key, f"dicom-{len(numbers) + 1:04d}")
        known = owners[row] or Owner()
        found[row] = replace(known, patient=number, group=known.group or number)
    return found


def _dicom_keys(catalog: Catalog, owners: Sequence[Owner | None]) -> dict[int, str]:
    """Row -> key of the patient, of DICOM files that nothing else names a patient of.

    Empty where all DICOM files bear the same over several studies: those who take names out of
    files often put one word for all of them, and nobody's slices would be told apart.
    """
    rows = zip(catalog.table["path"], catalog.table["format"], strict=True)
    files = {row: catalog.root / path for row, (path, of) in enumerate(rows) if of == "DICOM"}
    unnamed = [row for row in files if not ((owner := owners[row]) and owner.patient)]
    keys = {row: patient_key(files[row]) for row in unnamed}
    if len(keys) == len(files) and len(set(keys.values())) == 1:
        studies = {study_key(file) for file in files.values()} - {None}
        if len(studies) > 1:
            return {}
    return {row: key for row, key in keys.items() if key}
