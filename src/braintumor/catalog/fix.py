"""A cleaned catalogue: what the audit found wrong is left out, and the split leaks no more.

The images are never touched: the catalogue is a list of those that are worth training on.

What it does not know: how the findings were made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.copies import Copy
from braintumor.catalog.folder import LeftOut
from braintumor.catalog.groups import with_groups


def cleaned(
    catalog: Catalog,
    copies: Sequence[Copy],
    *,
    patients: Mapping[str, str] | None = None,
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
        patients, merge_suffixes: see `groups.with_groups`.
        conflicts: paths to leave out because another source contradicts their label.
        seed: of the split.

    Returns:
        The catalogue of what stays; `left_out` says what does not, and why. Write it with
        `with_root=True`, and training accepts the file in place of the folder.
    """
    whole = with_groups(catalog, patients, merge_suffixes=merge_suffixes, copies=copies)
    reasons = _conflicts(catalog, copies, conflicts)
    paths = list(catalog.table["path"])
    for copy in copies:
        rows = sorted((copy.first, copy.second), key=lambda row: paths[row])
        if copy.kind == "exact" and not reasons.keys() & rows[:1]:
            what = LeftOut(paths[rows[1]], f"it is an exact copy of {paths[rows[0]]}", "copy")
            reasons.setdefault(rows[1], what)
    stay = [row for row in range(len(catalog)) if row not in reasons]
    left_out = (*catalog.left_out, *(reasons[row] for row in sorted(reasons)))
    table = whole.table.iloc[stay].reset_index(drop=True)
    return replace(whole, table=table, left_out=left_out).grouped(seed=seed)


def _conflicts(
    catalog: Catalog, copies: Sequence[Copy], paths: Collection[str]
) -> dict[int, LeftOut]:
    """Row -> why it is left out, for every row with a label that something contradicts."""
    path_of, label_of = catalog.table["path"].tolist(), catalog.table["label"].tolist()
    reasons = {
        row: LeftOut(path, "another source contradicts its label", "conflict")
        for row, path in enumerate(path_of)
        if path in set(paths)
    }
    for copy in copies:
        if label_of[copy.first] != label_of[copy.second]:
            for row, other in ((copy.first, copy.second), (copy.second, copy.first)):
                why = f"it is a copy of {path_of[other]}, which is filed under {label_of[other]}"
                reasons.setdefault(row, LeftOut(path_of[row], why, "conflict"))
    return reasons
