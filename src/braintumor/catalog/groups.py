"""Groups: the images that must stay on one side of a split.

A group is a patient where the patient is known, else the images joined by copies and by file
names. Images of unknown patient that copy a known patient's are that patient's. Where a picture
is filed under two patients (the same or nearly the same pixels), both are one group: whoever the
picture belongs to, no split may part it. Altered copies and file names, which are weaker evidence,
never join two patients.

What it does not know: how copies are found, where the patients come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.components import components
from braintumor.catalog.copies import Copy, find_copies
from braintumor.catalog.kinship import kin
from braintumor.catalog.thumbnails import thumbnails

_SUFFIX = re.compile(r"^(?P<family>.*\d)[A-Za-z]{1,2}$")
_HEX = 16
_PATIENT = "pat_"


class Link(NamedTuple):
    """Two rows that belong together.

    Attributes:
        first, second: rows.
        strength: 0 to 1; of several weak links to patients, the strongest decides.
        joins_patients: whether two patients with this link are one group.
    """

    first: int
    second: int
    strength: float
    joins_patients: bool


def with_groups(
    catalog: Catalog,
    patients: Mapping[str, str] | None = None,
    *,
    together: Mapping[str, str] | None = None,
    merge_suffixes: bool = False,
    copies: Sequence[Copy] | None = None,
) -> Catalog:
    """The catalogue with `group` filled for every image.

    Args:
        catalog: the images. Those of one group that it lists already stay together; where
            `patients` does not know better, a group `pat_PATIENT` of its is a patient.
        patients: path -> patient; an image that it does not name, or names "", is of unknown
            patient. Names stand in `group` as they are given: pass pseudonyms where they must
            not be read.
        together: path -> name of what stays together for another reason, as clusters of copies
            that somebody else found; "" or not named where nothing is known. Unlike a patient it
            may be joined to others by any link.
        merge_suffixes: take ids that differ by letters at the end alone (`MR040240`,
            `MR040240B`) for one patient; see `suffix_families`.
        copies: where they are known already; looked for where None.

    Returns:
        The catalogue with groups `pat_PATIENT`, or `dup_HASH` where no patient is known, named
        by the least file hash in it: neither depends on the order of the rows.

    Raises:
        BraintumorError: an image has gone or changed since the catalogue was made.
    """
    if copies is None:
        copies = find_copies(thumbnails(catalog))
    table = catalog.table
    listed = table["group"].tolist()
    of = [
        (patients or {}).get(path, "") or patient_of(group)
        for path, group in zip(table["path"], listed, strict=True)
    ]
    if merge_suffixes:
        family_of = {id_: family for family, ids in suffix_families(of).items() for id_ in ids}
        of = [family_of.get(patient, patient) for patient in of]
    links = [*links_of_names(catalog), *links_of_copies(copies), *_links_together(listed)]
    links += _links_together([(together or {}).get(path, "") for path in table["path"]])
    return replace(catalog, table=table.assign(group=group_names(table["sha256"], of, links)))


def patient_of(group: str) -> str:
    """The patient whose name a group bears, of several `A+B`; "" where it is of none."""
    return group.removeprefix(_PATIENT) if group.startswith(_PATIENT) else ""


def suffix_families(patients: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Patient ids that differ by one or two letters at the end alone: a question to the user.

    Returns:
        The common part -> the ids, for every common part of two ids or more.
    """
    families: dict[str, set[str]] = {}
    for patient in patients:
        match = _SUFFIX.match(patient)
        if patient:
            families.setdefault(match["family"] if match else patient, set()).add(patient)
    return {name: tuple(sorted(ids)) for name, ids in sorted(families.items()) if len(ids) > 1}


def links_of_copies(copies: Iterable[Copy]) -> list[Link]:
    """Every copy as a link; altered ones join no patients."""
    return [
        Link(copy.first, copy.second, copy.correlation, copy.kind != "altered") for copy in copies
    ]


def links_of_names(catalog: Catalog) -> list[Link]:
    """Every pair of neighbours among kin (see `kinship`) as a link that joins no patients."""
    families = kin(list(catalog.table["path"]), list(catalog.table["label"]))
    return [
        Link(first, second, 1.0, False)
        for family in families
        for first, second in zip(family.rows, family.rows[1:], strict=False)
    ]


def _links_together(names: Sequence[str]) -> list[Link]:
    """Every row linked to the first one of its name, as surely as copies are."""
    first_of: dict[str, int] = {}
    return [
        Link(first_of.setdefault(name, row), row, 1.0, True)
        for row, name in enumerate(names)
        if name
    ]


def group_names(units: Sequence[str], patients: Sequence[str], links: Sequence[Link]) -> list[str]:
    """The group of every row.

    Args:
        units: hash of each row's file; rows of unknown patient are named after it.
        patients: of each row, "" where unknown.
        links: rows that belong together.

    Returns:
        A name for each row; the order of rows and links makes no difference.
    """
    count = len(units)
    first_of: dict[str, int] = {}
    same = [
        (row, first_of.setdefault(patient, row)) for row, patient in enumerate(patients) if patient
    ]
    strong = [(link.first, link.second) for link in links if link.joins_patients]
    sure = components(count, [*same, *strong])
    named = np.zeros(count, bool)
    named[sure[[row for row, patient in enumerate(patients) if patient]]] = True
    weak = [
        (int(sure[link.first]), int(sure[link.second]), link.strength)
        for link in links
        if not link.joins_patients
    ]
    loose = components(count, [(a, b) for a, b, _ in weak if not (named[a] or named[b])])
    parts = loose[sure]
    names = _names(parts, units, patients)
    return _adopted(parts, names, [(loose[a], loose[b], s) for a, b, s in weak])


def _names(
    parts: NDArray[np.int64], units: Sequence[str], patients: Sequence[str]
) -> dict[int, str]:
    """Part -> its name: the patients in it, else the least hash."""
    inside: dict[int, set[str]] = {}
    least: dict[int, str] = {}
    for part, unit, patient in zip(parts.tolist(), units, patients, strict=True):
        least[part] = min(least.get(part, unit), unit)
        if patient:
            inside.setdefault(part, set()).add(patient)
    return {
        part: _PATIENT + "+".join(sorted(inside[part])) if part in inside else f"dup_{unit[:_HEX]}"
        for part, unit in least.items()
    }


def _adopted(
    parts: NDArray[np.int64], names: dict[int, str], weak: Iterable[tuple[int, int, float]]
) -> list[str]:
    """The name of every row; parts without a patient take the one they are best linked to."""
    best: dict[int, tuple[float, str]] = {}
    for a, b, strength in weak:
        for part, other in ((int(a), int(b)), (int(b), int(a))):
            if names[part].startswith("dup_") and names[other].startswith(_PATIENT):
                # Of equal links the first name by alphabet: anything but the order of the rows.
                offer = (-strength, names[other])
                best[part] = min(best.get(part, offer), offer)
    taken = {part: name for part, (_, name) in best.items()}
    return [taken.get(part, names[part]) for part in parts.tolist()]
