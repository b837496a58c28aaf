"""A cleaned catalogue: what the audit found wrong is left out, and the split leaks no more.

The images are never touched: the catalogue is a list of those that are worth training on.

What it does not know: how the findings were made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.components import components
from braintumor.catalog.copies import Copy
from braintumor.catalog.folder import LeftOut
from braintumor.catalog.groups import with_groups


def cleaned(
    catalog: Catalog,
    copies: Sequence[Copy],
    *,
    patients: Mapping[str, str] | None = None,
    together: Mapping[str, str] | None = None,
    merge_suffixes: bool = False,
    conflicts: Collection[str] = (),
    seed: int = 0,
) -> Catalog:
    """Leave out exact copies and label conflicts, fill the groups, split by group.

    Of exact copies within a class the first by path stays. Pictures with copies in another class
    are left out on both sides, because nobody knows which label is right.

    Args:
        catalog: the images.
        copies: all that were found in it.
        patients, together, merge_suffixes: see `groups.with_groups`.
        conflicts: paths to leave out because another source contradicts their label.
        seed: of the split.

    Returns:
        The catalogue of what stays; `left_out` says what does not, and why. Write it with
        `with_root=True`, and training accepts the file in place of the folder.
    """
    whole = with_groups(
        catalog, patients, together=together, merge_suffixes=merge_suffixes, copies=copies
    )
    pictures = _pictures(len(catalog), copies)
    reasons = _conflicts(catalog, copies, pictures, conflicts)
    paths = list(catalog.table["path"])
    for picture in pictures:
        rows = sorted(set(picture) - reasons.keys(), key=lambda row: paths[row])
        for row in rows[1:]:
            what = f"it is an exact copy of {paths[rows[0]]}"
            reasons[row] = LeftOut(paths[row], what, "copy")
    stay = [row for row in range(len(catalog)) if row not in reasons]
    left_out = (*catalog.left_out, *(reasons[row] for row in sorted(reasons)))
    table = whole.table.iloc[stay].reset_index(drop=True)
    return replace(whole, table=table, left_out=left_out).grouped(seed=seed)


def _pictures(count: int, copies: Sequence[Copy]) -> list[list[int]]:
    """The rows of each picture: what exact copies join, which may be rows that are no pair.

    Of many exact copies of one picture `find_copies` pairs the first with each of the others.
    """
    exact = [(copy.first, copy.second) for copy in copies if copy.kind == "exact"]
    pictures: dict[int, list[int]] = {}
    for row, picture in enumerate(components(count, exact).tolist()):
        pictures.setdefault(picture, []).append(row)
    return list(pictures.values())


def _conflicts(
    catalog: Catalog,
    copies: Sequence[Copy],
    pictures: Sequence[Sequence[int]],
    paths: Collection[str],
) -> dict[int, LeftOut]:
    """Row -> why it is left out, for every row with a label that something contradicts."""
    path_of, label_of = catalog.table["path"].tolist(), catalog.table["label"].tolist()
    contradicted = set(paths)
    reasons = {
        row: LeftOut(path, "another source contradicts its label", "conflict")
        for row, path in enumerate(path_of)
        if path in contradicted
    }
    for rows in _alike(copies, pictures):
        if len({label_of[row] for row in rows}) == 1:
            continue
        for row in rows:
            other = next(one for one in rows if label_of[one] != label_of[row])
            why = f"it is a copy of {path_of[other]}, which is filed under {label_of[other]}"
            reasons.setdefault(row, LeftOut(path_of[row], why, "conflict"))
    return reasons


def _alike(copies: Sequence[Copy], pictures: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """All rows of one picture or of two that are copies, once each, in order of the rows."""
    picture_of = {row: number for number, rows in enumerate(pictures) for row in rows}
    pairs = {frozenset((picture_of[copy.first], picture_of[copy.second])): None for copy in copies}
    for pair in pairs:
        yield sorted(row for number in pair for row in pictures[number])
