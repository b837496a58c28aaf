"""Copies and kin, and what of them lies on two sides: of a split, or of a class.

What it does not know: how copies are found (`catalog.copies`), patients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.copies import Copy, rows_with_copy
from braintumor.catalog.findings import Finding
from braintumor.catalog.kinship import Kin
from braintumor.images.decode import printable

JUDGED = ("test", "valid")
# Which orientations count, for each count of audit.json.
_TURNS: dict[str, Callable[[Copy], bool]] = {
    "upright": lambda copy: copy.orientation == "upright",
    "mirrored": lambda copy: copy.orientation in ("upright", "mirrored"),
    "any": lambda copy: True,
}


@dataclass(frozen=True)
class Leaks:
    """Copies and kin of a catalogue.

    Attributes:
        catalog: the images.
        copies: pairs of rows that show one picture.
        kin: rows whose names share a source.
    """

    catalog: Catalog
    copies: tuple[Copy, ...]
    kin: tuple[Kin, ...]

    @cached_property
    def in_train(self) -> dict[str, dict[str, int]]:
        """Split -> how many of its slices have a copy in train.

        `upright`, `mirrored` (upright or mirrored left-right) and `any` (any of 8 orientations)
        count exact and near copies; `altered` adds those whose grey levels were changed or that
        were cropped.
        """
        unaltered = [copy for copy in self.copies if copy.kind != "altered"]
        counts = {}
        for split in JUDGED:
            counts[split] = {
                name: int(self._leaked(split, unaltered, turn).sum())
                for name, turn in _TURNS.items()
            }
            counts[split]["altered"] = int(self._leaked(split, self.copies, _TURNS["any"]).sum())
        return counts

    @cached_property
    def stems(self) -> dict[str, int]:
        """How many names of sources occur twice or more, and how many of those across splits."""
        splits = self.catalog.table["split"].to_numpy()
        across = sum(len(set(splits[list(kin.rows)])) > 1 for kin in self.kin)
        return {"repeated": len(self.kin), "across_splits": across}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Leaks and conflicts first, harmless copies after them."""
        return (*self._across_splits(), *self._across_classes(), *self._within(), *self._kin())

    def to_dict(self) -> dict[str, Any]:
        """The keys near_copies, stems and copies of audit.json."""
        paths = self.catalog.table["path"].tolist()
        return {
            "near_copies": {split: {"in_train": of} for split, of in self.in_train.items()},
            "stems": self.stems,
            "copies": [
                {
                    "first": paths[copy.first],
                    "second": paths[copy.second],
                    "kind": copy.kind,
                    "orientation": copy.orientation,
                    "correlation": round(copy.correlation, 4),
                }
                for copy in self.copies
            ],
        }

    def _leaked(
        self, split: str, copies: Sequence[Copy], turn: Callable[[Copy], bool]
    ) -> NDArray[np.bool_]:
        splits = self.catalog.table["split"].to_numpy()
        return rows_with_copy(copies, splits == split, splits == "train", where=turn)

    def _across_splits(self) -> Iterator[Finding]:
        splits = self.catalog.table["split"].to_numpy()
        for split in JUDGED:
            counts, total = self.in_train[split], int((splits == split).sum())
            if not counts["altered"]:
                continue
            pairs = [
                c for c in self.copies if {splits[c.first], splits[c.second]} == {split, "train"}
            ]
            changed = counts["altered"] - counts["any"]
            text = (
                f"{counts['altered']} of {total} {split} slices have a copy in train: "
                f"{counts['upright']} upright, {counts['mirrored'] - counts['upright']} only "
                f"mirrored, {counts['any'] - counts['mirrored']} only turned"
                + (f", {changed} only with altered grey levels or cropped." if changed else ".")
            )
            yield self._finding("copies_across_splits", "wrong", text, pairs)
        rest = [c for c in self.copies if {splits[c.first], splits[c.second]} == set(JUDGED)]
        if rest:
            text = f"Images of valid and test that are copies of each other: {_pictures(rest)}."
            yield self._finding("copies_across_splits", "doubtful", text, rest)

    def _across_classes(self) -> Iterator[Finding]:
        labels = self.catalog.table["label"].to_numpy()
        pairs = [copy for copy in self.copies if labels[copy.first] != labels[copy.second]]
        if pairs:
            text = f"Images that have a copy in another class: {_pictures(pairs)}."
            yield self._finding("copies_across_classes", "wrong", text, pairs)

    def _within(self) -> Iterator[Finding]:
        table = self.catalog.table
        splits, labels = table["split"].to_numpy(), table["label"].to_numpy()
        pairs = [
            copy
            for copy in self.copies
            if splits[copy.first] == splits[copy.second]
            and labels[copy.first] == labels[copy.second]
        ]
        if pairs:
            exact = sum(copy.kind == "exact" for copy in pairs)
            text = f"Images with a copy in their own split and class: {_pictures(pairs)}"
            text += f" ({len(pairs)} pairs, {exact} of them exact)."
            yield self._finding("copies", "note", text, pairs)

    def _kin(self) -> Iterator[Finding]:
        splits = self.catalog.table["split"].to_numpy()
        paths = self.catalog.table["path"].to_numpy()
        across = [kin for kin in self.kin if len(set(splits[list(kin.rows)])) > 1]
        if across:
            text = (
                f"{len(across)} of {len(self.kin)} source names that occur more than once "
                f"occur in more than one split, as {printable(across[0].stem)}."
            )
            rows = [row for kin in across for row in kin.rows]
            yield Finding("stems_across_splits", "doubtful", text, tuple(paths[rows]))
        elif self.kin:
            rows = [row for kin in self.kin for row in kin.rows]
            text = f"{len(self.kin)} source names occur more than once, each in one split."
            yield Finding("stems", "note", text, tuple(paths[rows]))

    def _finding(self, kind: str, severity: Any, text: str, pairs: Sequence[Copy]) -> Finding:
        """The finding with its files and pairs, those that look least alike first."""
        paths = self.catalog.table["path"].tolist()
        order = sorted(pairs, key=lambda copy: (copy.correlation, copy.first, copy.second))
        rows = sorted({row for copy in pairs for row in copy[:2]})
        return Finding(
            kind,
            severity,
            text,
            tuple(paths[row] for row in rows),
            tuple((paths[copy.first], paths[copy.second]) for copy in order),
        )


def _pictures(pairs: Sequence[Copy]) -> int:
    return len({row for copy in pairs for row in copy[:2]})
