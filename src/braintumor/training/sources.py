"""What is learnt from beside a catalogue's own images, and the split that keeps it honest.

Knows catalogues and patients files; not how anything is trained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.groups import patient_of, suffix_families, with_groups
from braintumor.catalog.lesions import Lesions
from braintumor.catalog.ownership import with_dicom_patients
from braintumor.errors import BraintumorError
from braintumor.evaluation.patients import Owner, Patients
from braintumor.images.dicom_patient import patient_key
from braintumor.training.copied import Copied, find_copied


@dataclass(frozen=True)
class Sources:
    """Further images, and masks of lesions.

    Attributes:
        extra: folders of further images, all of them for training; none of a patient who is judged.
        lesions: masks of lesions, of the catalogue's images and of these.
        given_sha256: digests of the folders with the patients who are judged, which say that two
            trainings were given the same whomever they held back; "" where there are none.
        copies: how many further images are left out for copies alone, and no name or file tells
            that they show what is judged.
    """

    extra: tuple[Catalog, ...] = ()
    lesions: Lesions | None = None
    given_sha256: str = ""
    copies: int = 0

    def record(self) -> dict[str, Any]:
        """What the recipe remembers of them."""
        found: dict[str, Any] = {"masks": self.lesions is not None}
        if self.lesions is not None:
            found["masks_sha256"] = self.lesions.digest()
        if self.extra:
            found["extra_sha256"] = " ".join(part.digest() for part in self.extra)
            found["extra_images"] = sum(map(len, self.extra))
        if self.given_sha256:
            found["extra_given_sha256"] = self.given_sha256
        if self.copies:
            found["extra_copies_left_out"] = self.copies
        return found


def strangers(own: Catalog, extra: Sequence[Catalog]) -> NDArray[np.bool_]:
    """Which images are of somebody whom the catalogue does not hold.

    Args:
        own: the catalogue's training images.
        extra: further images, in groups as `Materials.for_training` leaves them.

    Returns:
        (n,) of the catalogue's images, then of the further ones.
    """
    known = set(own.table["group"])
    further = [group not in known for part in extra for group in part.table["group"]]
    return np.array([False] * len(own) + further, bool)


def patient_shares(
    groups: Sequence[str], labels: NDArray[np.int64], strange: NDArray[np.bool_], balance: float
) -> NDArray[np.float64] | None:
    """How often each image is to come beside others of its class, so that a patient's number of
    slices counts less.

    Few strangers bring many slices each, to show another scanner's look: were they to count a
    person each, hardly anything would be learnt from them. They come as often as without balance.

    Args:
        groups: of every image; "" where unknown, which counts as a group of its own.
        labels: (n,) integers, 0 to 3.
        strange: (n,), see `strangers`.
        balance: `Recipe.patient_balance`, 0 to 1.

    Returns:
        (n,) the size of each image's group to the power of -balance; for strangers the mean of
        that over the others of their class. None for balance 0.
    """
    if balance == 0:
        return None
    sizes = Counter(groups)
    shares = np.array([float(sizes[one] if one else 1) ** -balance for one in groups])
    for label in np.unique(labels[strange]):
        others = (labels == label) & ~strange
        shares[strange & (labels == label)] = shares[others].mean() if others.any() else 1.0
    return shares


def grouped(catalog: Catalog, patients: Sequence[Patients]) -> Catalog:
    """The catalogue with its groups filled: patients where a file, the list itself or the DICOM
    files name them, else copies.

    A group of the file or of the list that is no patient (near copies, to whoever wrote it) stays
    together, and is joined to whatever else is found to copy it.
    """
    paths, named = catalog.table["path"].tolist(), _owners(catalog, patients)
    owners = with_dicom_patients(catalog, [named.get(path) for path in paths])
    known = {path: owner for path, owner in zip(paths, owners, strict=True) if owner}
    return with_groups(
        catalog,
        {path: owner.patient for path, owner in known.items()},
        together={path: owner.group for path, owner in known.items()},
        merge_suffixes=True,
    )


@dataclass(frozen=True)
class _Held:
    """What tells a slice that must not be learnt from, for its patient or it itself is held back.

    Attributes:
        patients: names.
        files: SHA-256 of files, or of copies of them.
        dicom: hashes of PatientIDs, see `patient_key`; never written anywhere.
        family: id -> the patient that it is one of several ids of.
    """

    patients: set[str]
    files: set[str]
    dicom: set[str | None]
    family: dict[str, str]

    def knows(self, patient: str, file: str, dicom: str | None) -> bool:
        """Whether a slice is of such a patient, of several with one among them, or such a file."""
        same = dicom is not None and dicom in self.dicom
        return bool(_people(patient, self.family) & self.patients) or file in self.files or same


_NOBODY = _Held(patients=set(), files=set(), dicom=set(), family={})


@dataclass(frozen=True)
class Materials:
    """Everything that may be learnt from, before it is known who is held back.

    Attributes:
        patients: files that say whose slices there are.
        extra: folders of further images.
        lesions: masks.
        copied: the copies that the further images have in a catalogue, see `compared`.
    """

    patients: tuple[Patients, ...] = ()
    extra: tuple[Catalog, ...] = ()
    lesions: Lesions | None = None
    copied: Copied | None = None

    def require_named(self, catalog: Catalog) -> None:
        """Refuse a patients file that is of other images, for it would keep nobody together.

        Raises:
            BraintumorError: it names none of the catalogue's images and of the further ones.
        """
        parts = (catalog, *self.extra)
        for file in self.patients:
            found = (
                file.find_all(part.table["path"], part.told_splits, part.table["label"])
                for part in parts
            )
            if not any(owner for owners in found for owner in owners):
                raise file.names_none(f"the images in {' and '.join(str(p.root) for p in parts)}")

    def compared(self, catalog: Catalog) -> Materials:
        """The same, knowing which further images are copies of a catalogue's.

        That takes seconds for thousands of images, and is the same for all trainings on them,
        whomever each holds back: done before, none of them does it.

        Raises:
            BraintumorError: as for `for_training`.
        """
        if not self.extra or (self.copied is not None and self.copied.covers(catalog)):
            return self
        for part in self.extra:  # before the seconds are spent
            _require_known(part, _patients(part, self.patients))
        return replace(self, copied=find_copied(catalog, self.extra))

    def for_training(self, catalog: Catalog) -> Sources:
        """What may be learnt from where the catalogue's splits `valid` and `test` are held back.

        Of the further images those are left out whose patient is held back, as names or DICOM
        files tell, those that are the very file of a slice held back, and its copies; with these
        all slices of their patients, who by that are held back under another name.

        Raises:
            BraintumorError: a further image's patient is not known, so nobody can be held back; or
                an image cannot be read.
        """
        if not self.extra:
            return Sources(lesions=self.lesions)
        family, ours, *theirs = self._owners(catalog)
        table = catalog.table
        pairs = zip((ours[path] for path in table["path"]), table["group"], strict=True)
        group_of = {owner: group for owner, group in pairs if owner and group}
        judged = replace(catalog, table=table[table["split"] != "train"])
        held = _Held(
            patients={one for path in judged.table["path"] for one in _people(ours[path], family)},
            files=set(judged.table["sha256"]),
            dicom=set(_dicom_keys(judged)),
            family=family,
        )
        copies = _NOBODY
        if len(judged):
            copies = self.compared(catalog)._copies(judged, ours, theirs, family)
        parts = [
            _without(held, copies, part, of, group_of)
            for part, of in zip(self.extra, theirs, strict=True)
        ]
        return Sources(
            extra=tuple(part for part, _ in parts if len(part)),
            lesions=self.lesions,
            given_sha256=" ".join(part.digest() for part in self.extra),
            copies=sum(count for _, count in parts),
        )

    def _owners(self, catalog: Catalog) -> tuple[dict[str, str], ...]:
        """Id -> the patient that it is one of several ids of; then path -> patient of the
        catalogue, and of each folder of further images."""
        whose = [_patients(part, self.patients) for part in (catalog, *self.extra)]
        # Ids that differ by letters at the end alone are one patient, as where groups are made.
        families = suffix_families(
            name for one in whose for owner in one.values() for name in _names(owner)
        )
        family = {of: name for name, ids in families.items() for of in ids}
        own = ({path: family.get(owner, owner) for path, owner in one.items()} for one in whose)
        return family, *own

    def _copies(
        self,
        judged: Catalog,
        ours: dict[str, str],
        theirs: Sequence[dict[str, str]],
        family: dict[str, str],
    ) -> _Held:
        """What tells the further images that are copies of a slice held back, or of their patients.

        As where groups are made: exact and near copies make two patients one, and a slice of
        unknown patient is of whoever has a copy of it.

        Args:
            judged: what is held back.
            ours, theirs: path -> patient, of the catalogue and of the further images.
            family: see `_owners`.
        """
        if self.copied is None:
            return _NOBODY
        paths, files = (judged.table[name].tolist() for name in ("path", "sha256"))
        nameless = {file for path, file in zip(paths, files, strict=True) if not ours[path]}
        of_one = self.copied.of(set(files), sure=True) | self.copied.of(nameless)
        owners = {
            one
            for part, whose in zip(self.extra, theirs, strict=True)
            for path, file in zip(part.table["path"], part.table["sha256"], strict=True)
            if file in of_one
            for one in _people(whose[path], family)
        }
        files_of = self.copied.of(set(files))
        return _Held(patients=owners, files=files_of, dicom=set(), family=family)


def _without(
    held: _Held, copies: _Held, extra: Catalog, whose: dict[str, str], group_of: dict[str, str]
) -> tuple[Catalog, int]:
    """The images of one folder that are not held back, all for training, each in the group that
    its patient has in the catalogue; and how many are left out for `copies` alone."""
    _require_known(extra, whose)
    paths, files = (extra.table[name].tolist() for name in ("path", "sha256"))
    told = list(zip((whose[path] for path in paths), files, _dicom_keys(extra), strict=True))
    free = np.array([not held.knows(*one) for one in told], bool)
    kept = free & [not copies.knows(*one) for one in told]
    rows = extra.table[kept]
    owners = [whose[path] for path in rows["path"]]
    groups = [group_of.get(owner, f"pat_{owner}") for owner in owners]
    table = rows.assign(split="train", group=groups).reset_index(drop=True)
    return replace(extra, table=table), int(free.sum() - kept.sum())


def _require_known(extra: Catalog, whose: dict[str, str]) -> None:
    """Refuse further images whose patients nobody tells."""
    if not all(whose.values()):
        raise BraintumorError(
            f"{extra.root}: whose slices these are is not known, so that a patient could "
            "be trained on and judged: name a file with --patients"
        )


def _names(owner: str) -> set[str]:
    """A patient's name; of several whose slices are one group, `A+B`, each one's too."""
    return {owner, *owner.split("+")} - {""}


def _people(owner: str, family: dict[str, str]) -> set[str]:
    """The patients whose slice it may be, each by one of the ids that are the same person."""
    return {family.get(name, name) for name in _names(owner)}


def _dicom_keys(catalog: Catalog) -> list[str | None]:
    """The hash of each image's PatientID, see `patient_key`; None where there is none."""
    rows = zip(catalog.table["path"], catalog.table["format"], strict=True)
    return [patient_key(catalog.root / path) if of == "DICOM" else None for path, of in rows]


def _patients(catalog: Catalog, patients: Sequence[Patients]) -> dict[str, str]:
    """Path -> patient, or the group of the file where it names no patient; where it names
    neither, the patient whom the catalogue lists; "" where nobody does."""
    listed = map(patient_of, catalog.table["group"])
    found = dict(zip(catalog.table["path"], listed, strict=True))
    owners = _owners(catalog, patients)
    return found | {path: owner.patient or owner.group for path, owner in owners.items()}


def _owners(catalog: Catalog, patients: Sequence[Patients]) -> dict[str, Owner]:
    """Path -> what the files say of it; a file that names the whole path goes first."""
    table = catalog.table
    found: dict[str, Owner] = {}
    for whole_path in (True, False):
        for file in patients:
            owners = file.find_all(
                table["path"], catalog.told_splits, table["label"], whole_path=whole_path
            )
            for path, owner in zip(table["path"], owners, strict=True):
                if owner is not None and (owner.patient or owner.group):
                    found.setdefault(path, owner)
    return found
