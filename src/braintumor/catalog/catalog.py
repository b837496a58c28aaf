"""The catalogue: one row an image, and the only list of images there is.

Made from a folder, written as a CSV file that a person can open, read back. The class is the
folder's name, the split is the split folder's name or drawn here; once groups are known
(`catalog.groups`), split and folds can be drawn so that no group is on two sides.

What it does not know: models, pixels after the reading, how groups are found.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from braintumor.catalog.folder import Found, LeftOut, find, inspect, require_some, told, way
from braintumor.catalog.memo import Facts
from braintumor.catalog.splits import (
    TEST_SHARE,
    VALID_SHARE,
    grouped,
    missing_labels,
    stratified,
    told_miss,
)
from braintumor.classes import CLASSES, PHANTOM_MARK, SPLITS
from braintumor.errors import BraintumorError
from braintumor.files import CsvLines, atomic_path
from braintumor.images.decode import Limits

COLUMNS: tuple[str, ...] = (
    *("path", "sha256", "label", "split", "group", "fold"),
    *("width", "height", "mode", "format"),
)


@dataclass(frozen=True)
class Catalog:
    """A table of images.

    Attributes:
        root: the folder that the paths start from.
        table: one row an image, index 0 to n-1, columns `COLUMNS`: `path` relative with "/",
            `label` one of `CLASSES`, `split` one of `SPLITS`, `group` "" and `fold` NA where
            unknown, `width` and `height` in pixels.
        left_out: what is not in the table, and why.
        warnings: sentences that a person should read, `notes` among them.
        notes: what was decided for want of a split.
        phantom: the images are drawn by code, not made by a scanner.
        drawn: the splits are braintumor's own, of a flat folder or dealt since, so that nothing
            written elsewhere means them.
    """

    root: Path
    table: pd.DataFrame
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()
    phantom: bool = False
    notes: tuple[str, ...] = ()
    drawn: bool = False

    @classmethod
    def from_folder(
        cls, path: Path | str, *, seed: int = 0, limits: Limits | None = None, least: int = 2
    ) -> Catalog:
        """Read a folder of class folders, with or without split folders above them.

        Rows stand in the order of split, class and file that
        `keras.utils.image_dataset_from_directory(shuffle=False)` has. Every file is decoded
        once; what cannot be is left out with a warning. Without split folders a seeded,
        stratified 70/15/15 is drawn; with train and test only, 15 % of train become valid.

        Raises:
            FolderError: no data set, no train folder, no image in it, fewer than `least` classes.
        """
        return read_folder(path, seed=seed, limits=limits, least=least)[0]

    @classmethod
    def open(cls, path: Path | str, *, seed: int = 0, limits: Limits | None = None) -> Catalog:
        """Read a folder of class folders (`from_folder`), or a catalogue in its place (`read`).

        Raises:
            FolderError: a folder that is no data set.
            BraintumorError: a file that is no catalogue.
        """
        if is_list(path):
            return cls.read(path)
        return cls.from_folder(path, seed=seed, limits=limits)

    @classmethod
    def read(cls, path: Path | str, root: Path | str | None = None) -> Catalog:
        """Read a catalogue that `write` wrote.

        Args:
            path: the CSV file.
            root: the folder that its paths start from. Where None: what its column `root` says,
                seen from the CSV's folder; without one, the CSV's folder.

        Raises:
            BraintumorError: missing, not a catalogue, or its column `root` names no folder.
        """
        path = Path(path)
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
        except FileNotFoundError:
            raise BraintumorError(f"There is no catalogue {path}: check the path") from None
        except (OSError, ValueError, pd.errors.ParserError) as error:
            why = "is not a CSV table" if not isinstance(error, OSError) else "cannot be read"
            raise BraintumorError(f"{path} {why}: make it again with what wrote it") from None
        _check_table(table, path)
        folder = Path(root) if root is not None else _root(table, path)
        phantom = bool((table.get("phantom", pd.Series(dtype=str)) == "true").any())
        try:
            for column in ("width", "height"):
                table[column] = table[column].astype("int64")
            table["fold"] = pd.to_numeric(table["fold"]).astype("Int64")
        except (ValueError, TypeError, OverflowError):
            raise BraintumorError(
                f"{path} is not a catalogue of images (width, height and fold are whole numbers): "
                "make it again"
            ) from None
        return cls(
            root=folder,
            table=table[list(COLUMNS)],
            phantom=phantom or (folder / PHANTOM_MARK).is_file(),
        )

    def write(self, path: Path | str, *, with_root: bool = False) -> None:
        """Write the table as CSV, whole or not at all. A last column keeps `phantom`.

        Args:
            path: of the file.
            with_root: add a column `root`: the way from the file's folder to the images', so
                that the file can be used in place of the folder while both stay where they are.

        Raises:
            FolderError: that way cannot be written, for a name in it is no UTF-8.
        """
        table = self.table.assign(phantom="true" if self.phantom else "false")
        if with_root:
            table = table.assign(root=way(Path(path).parent, self.root))
        with (
            atomic_path(path) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            table.to_csv(CsvLines(file), index=False, lineterminator=CsvLines.END)

    def subset(self, split: str) -> Catalog:
        """The rows of one split, renumbered from 0, in the same order."""
        if split not in SPLITS:
            raise ValueError(f"a split is one of {', '.join(SPLITS)}, not {split!r}")
        part = self.table[self.table["split"] == split].reset_index(drop=True)
        return replace(self, table=part)

    def grouped(
        self, *, seed: int = 0, valid: float = VALID_SHARE, test: float = TEST_SHARE
    ) -> Catalog:
        """The catalogue with `split` drawn anew, so that no group is on two sides.

        The draw is seeded and stratified. How far the class shares miss those wanted, because
        groups have the sizes they have, is said in `notes`.

        Args:
            seed: of the draw.
            valid, test: share of each class's images; the rest trains.

        Raises:
            BraintumorError: a row without a group.
        """
        shares = {"train": 1 - valid - test, "valid": valid, "test": test}
        sides = grouped(self.labels.tolist(), self._groups(), shares=[*shares.values()], seed=seed)
        table = self.table.assign(split=np.array(list(shares))[sides].astype(object))
        note = told_miss(table, shares, seed)
        notes, warnings = (*self.notes, note), (*self.warnings, note)
        return replace(self, table=table, notes=notes, warnings=warnings, drawn=True)

    def with_folds(self, count: int, *, seed: int = 0) -> Catalog:
        """The catalogue with `fold` filled, 0 to count - 1: seeded, stratified, by group.

        That a fold has no image of some class, because too few groups have, is among the warnings.

        Raises:
            BraintumorError: a row without a group, fewer groups than folds, or a fold that comes
                out empty.
            ValueError: fewer than two folds.
        """
        if count < 2:
            raise ValueError(f"folds need to be two or more, not {count}")
        groups = self._groups()
        if len(set(groups)) < count:
            raise BraintumorError(
                f"{self.root} holds {len(set(groups))} groups of images, too few for {count} folds"
            )
        sides = grouped(self.labels.tolist(), groups, shares=[1 / count] * count, seed=seed)
        _require_filled(self.root, len(set(sides.tolist())), count)
        lacking = [
            f"Dealt with seed {seed}, fold {fold} has no images of {', '.join(labels)}: too few "
            "groups hold any."
            for fold, labels in enumerate(missing_labels(self.table["label"], sides, count))
            if labels
        ]
        table = self.table.assign(fold=pd.array(sides, dtype="Int64"))
        return replace(self, table=table, warnings=(*self.warnings, *lacking))

    @property
    def told_splits(self) -> list[str] | None:
        """The split of every row as somebody gave it; None where it was drawn."""
        return None if self.drawn else self.table["split"].tolist()

    def _groups(self) -> list[str]:
        groups: list[str] = self.table["group"].tolist()
        if not all(groups):
            raise BraintumorError(
                f"{groups.count('')} images of {self.root} are in no group: find the groups first "
                "(catalog.groups.with_groups)"
            )
        return groups

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,) index of each row's class in `CLASSES`."""
        order = {name: index for index, name in enumerate(CLASSES)}
        return np.array([order[label] for label in self.table["label"]], dtype=np.int64)

    def digest(self) -> str:
        """SHA-256 over path, file hash, label and split of every row, in order."""
        digest = hashlib.sha256()
        columns = [self.table[name] for name in ("path", "sha256", "label", "split")]
        for row in zip(*columns, strict=True):
            digest.update("\0".join(row).encode("utf-8") + b"\n")
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.table)


def is_list(path: Path | str) -> bool:
    """Whether a path names a catalogue on the disk, and no folder."""
    return Path(path).suffix.lower() == ".csv" and Path(path).is_file()


def read_folder(
    path: Path | str, *, seed: int = 0, limits: Limits | None = None, least: int = 2
) -> tuple[Catalog, list[Facts]]:
    """As `Catalog.from_folder`, with what the decoding said of each row, for the audit."""
    root = Path(path)
    findings = find(root)
    results = inspect(root, findings.files, limits=limits)
    pairs = [
        (found, facts)
        for found, facts in zip(findings.files, results, strict=True)
        if isinstance(facts, Facts)
    ]
    unreadable = [result for result in results if isinstance(result, LeftOut)]
    left_out = (*findings.left_out, *unreadable)
    require_some(root, [found for found, _ in pairs], left_out, findings.has_splits, least)
    splits, notes = _splits(pairs, seed=seed, has_splits=findings.has_splits)
    catalog = Catalog(
        root=root,
        table=_table(pairs, splits),
        left_out=left_out,
        warnings=(*told(left_out), *notes, *_warn_missing_classes(pairs, splits)),
        phantom=(root / PHANTOM_MARK).is_file(),
        notes=tuple(notes),
        drawn=not findings.has_splits,
    )
    return catalog, [facts for _, facts in pairs]


def read_list(path: Path | str, *, limits: Limits | None = None) -> tuple[Catalog, list[Facts]]:
    """As `Catalog.read`, with every file decoded: what cannot be used is left out, and said."""
    listed = Catalog.read(path)
    table = listed.table
    columns = zip(table["path"], table["label"], table["split"], strict=True)
    seen = inspect(listed.root, [Found(*row) for row in columns], limits=limits)
    facts = [
        LeftOut(name, "it has changed since the list was made")
        if isinstance(one, Facts) and one.sha256 != sha256
        else one
        for name, sha256, one in zip(table["path"], table["sha256"], seen, strict=True)
    ]
    usable = [isinstance(one, Facts) for one in facts]
    left_out = tuple(one for one in facts if isinstance(one, LeftOut))
    if not any(usable):
        raise BraintumorError(f"{path} lists no image that can be used below {listed.root}")
    catalog = replace(
        listed,
        table=table[usable].reset_index(drop=True),
        left_out=left_out,
        warnings=tuple(told(left_out)),
    )
    return catalog, [one for one in facts if isinstance(one, Facts)]


def _table(pairs: list[tuple[Found, Facts]], splits: list[str]) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "path": [found.path for found, _ in pairs],
        "sha256": [facts.sha256 for _, facts in pairs],
        "label": [found.label for found, _ in pairs],
        "split": splits,
        "group": [""] * len(pairs),
        "fold": pd.array([pd.NA] * len(pairs), dtype="Int64"),
        "width": [facts.width for _, facts in pairs],
        "height": [facts.height for _, facts in pairs],
        "mode": [facts.mode for _, facts in pairs],
        "format": [facts.format for _, facts in pairs],
    }
    return pd.DataFrame(columns, columns=list(COLUMNS))


def _splits(
    pairs: list[tuple[Found, Facts]], *, seed: int, has_splits: bool
) -> tuple[list[str], list[str]]:
    """The split of every row, and what to say of it."""
    splits = [found.split or "train" for found, _ in pairs]
    shares = {}
    if "valid" not in splits:
        shares["valid"] = VALID_SHARE
        if "test" not in splits:
            shares["test"] = TEST_SHARE
    notes = []
    if shares:
        rows = [row for row, split in enumerate(splits) if split == "train"]
        labels = [CLASSES.index(pairs[row][0].label) for row in rows]
        units = [pairs[row][1].sha256 for row in rows]
        drawn = stratified(labels, units, shares=shares, seed=seed)
        for row, split in zip(rows, drawn, strict=True):
            splits[row] = split
        if has_splits:
            parts = " and ".join(f"{share:.0%} {split}" for split, share in shares.items())
            notes.append(f"The folder lacks {' and '.join(shares)}: taken from train ({parts}).")
    return splits, notes


def _warn_missing_classes(pairs: list[tuple[Found, Facts]], splits: list[str]) -> list[str]:
    counts = Counter((split, found.label) for (found, _), split in zip(pairs, splits, strict=True))
    sentences = []
    for split in SPLITS:
        missing = [label for label in CLASSES if not counts[split, label]]
        if len(missing) == len(CLASSES):
            sentences.append(f"There are no {split} images.")
        elif missing:
            sentences.append(f"The {split} split has no images of {', '.join(missing)}.")
    return sentences


def _check_table(table: pd.DataFrame, path: Path) -> None:
    missing = [name for name in COLUMNS if name not in table.columns]
    wrong = set(table.get("label", [])) - set(CLASSES) | set(table.get("split", [])) - set(SPLITS)
    if missing or wrong:
        what = f"lacks {', '.join(missing)}" if missing else f"holds {sorted(wrong)[0]!r}"
        raise BraintumorError(f"{path} is not a catalogue of images (it {what}): make it again")


def _require_filled(root: Path, filled: int, count: int) -> None:
    """Refuse folds some of which are empty: their networks would be trained and judge nothing."""
    if filled < count:
        remedy = f"ask for {filled}" if filled > 1 else "add images of other patients"
        raise BraintumorError(
            f"{root} has too few groups of images (patients, or copies) for {count} folds: only "
            f"{filled} of them would hold any, so {remedy}"
        )


def _root(table: pd.DataFrame, path: Path) -> Path:
    """The folder that the paths of a catalogue on the disk start from."""
    ways = set(table["root"]) if "root" in table.columns else {""}
    if len(ways) > 1:
        raise BraintumorError(f"{path} holds images of several folders (column root): split it up")
    folder = path.parent / (ways.pop() if ways else "")
    if not folder.is_dir():
        raise BraintumorError(
            f"{path} lists images below {folder}, and there is no such folder: put it back, or "
            "correct the column root"
        )
    return folder
