"""The first part of the audit: can every file be read, and is it what it says it is?

Counts by split and class, what is left out, blank, tiny and coloured images, and exact copies
(the same bytes) that lie on both sides of a split or in two classes.

What it does not know: near copies, patients, shortcuts (they need pixels compared; `audit.json` has
room for them beside `readability`), models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from braintumor.catalog.catalog import Catalog, read_folder
from braintumor.catalog.folder import LeftOut
from braintumor.catalog.memo import Facts
from braintumor.classes import CLASSES, SPLITS
from braintumor.images.decode import Limits, printable

# Below this many pixels on a side, little of a lesion is left to see.
TINY_SIDE = 64
# A class with this many times the images of another is worth a word.
UNBALANCED = 3.0
_SHOWN = 3

Severity = Literal["wrong", "doubtful", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing found.

    Attributes:
        kind: a stable name for scripts.
        severity: "wrong" (to be mended before training), "doubtful" (a person should look) or
            "note".
        sentence: what was found, for a person.
        paths: the files concerned, relative to the data set's root.
    """

    kind: str
    severity: Severity
    sentence: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Readability:
    """What reading a data set once has shown.

    Attributes:
        catalog: the images that can be used.
        facts: what decoding said of each, in catalogue order.
    """

    catalog: Catalog
    facts: tuple[Facts, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is of severity "wrong"."""
        return all(finding.severity != "wrong" for finding in self.findings)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found, the worst first."""
        found = [
            *_left_out(self.catalog.left_out),
            *_copies(self.catalog),
            *_of_pixels(self.catalog, self.facts),
            *_balance(self.counts),
            *(Finding("split", "note", text) for text in self.catalog.notes),
        ]
        order = ("wrong", "doubtful", "note")
        return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))

    @cached_property
    def counts(self) -> dict[str, dict[str, int]]:
        """split -> class -> number of images."""
        table = self.catalog.table
        seen = Counter(zip(table["split"], table["label"], strict=True))
        return {split: {label: seen[split, label] for label in CLASSES} for split in SPLITS}

    def to_dict(self) -> dict[str, Any]:
        """The content of audit.json as plain JSON values; later parts add keys of their own."""
        table = self.catalog.table
        sizes = Counter(zip(table["width"], table["height"], strict=True))
        return {
            "dataset": self.catalog.root.resolve().name,
            "phantom": self.catalog.phantom,
            "images": len(self.catalog),
            "catalog_sha256": self.catalog.digest(),
            "readability": {
                "sound": self.sound,
                "counts": self.counts,
                "left_out": [asdict(item) for item in self.catalog.left_out],
                "findings": [
                    {**asdict(finding), "paths": list(finding.paths)} for finding in self.findings
                ],
                "formats": dict(Counter(table["format"].tolist())),
                "modes": dict(Counter(table["mode"].tolist())),
                "sizes": [
                    {"width": int(width), "height": int(height), "images": count}
                    for (width, height), count in sizes.most_common()
                ],
                "same_bytes": [list(paths) for paths in same_bytes(self.catalog).values()],
            },
        }


def audit_readability(
    path: Path | str, *, seed: int = 0, limits: Limits | None = None
) -> Readability:
    """Read a folder as training would, and say what is wrong with it.

    Args:
        path: see `Catalog.from_folder`.
        seed: of the split, where the folder has none.
        limits: how large a file may be.

    Raises:
        FolderError: no data set, or nothing in it that can be used.
    """
    catalog, facts = read_folder(path, seed=seed, limits=limits)
    return Readability(catalog=catalog, facts=tuple(facts))


def same_bytes(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """SHA-256 -> the paths that share it, for every hash that more than one file has."""
    paths: dict[str, list[str]] = {}
    for sha256, path in zip(catalog.table["sha256"], catalog.table["path"], strict=True):
        paths.setdefault(sha256, []).append(path)
    return {sha256: tuple(group) for sha256, group in paths.items() if len(group) > 1}


def _left_out(left_out: tuple[LeftOut, ...]) -> Iterator[Finding]:
    kinds: dict[str, tuple[Severity, str]] = {
        "unreadable": ("wrong", "cannot be read"),
        "name": ("wrong", "with names that are not valid UTF-8"),
        "empty_class": ("wrong", "without a single image (class folders)"),
        "unknown_folder": ("doubtful", "named after no class or split (folders)"),
        "stray": ("doubtful", "outside every class folder (images)"),
        "link": ("doubtful", "not followed (links to folders)"),
        "not_image": ("note", "no images by their names"),
    }
    for kind, (severity, what) in kinds.items():
        paths = tuple(item.path for item in left_out if item.kind == kind)
        if paths:
            yield Finding(kind, severity, f"Left out, {what}: {_listed(paths)}.", paths)


def _copies(catalog: Catalog) -> Iterator[Finding]:
    row_of = catalog.table.set_index("path")
    split_of, label_of = row_of["split"].to_dict(), row_of["label"].to_dict()
    across, conflicts, within = [], [], []
    for paths in same_bytes(catalog).values():
        if len({label_of[path] for path in paths}) > 1:
            conflicts.append(paths)
        if len({split_of[path] for path in paths}) > 1:
            across.append(paths)
        elif len({label_of[path] for path in paths}) == 1:
            within.append(paths)
    say: tuple[tuple[str, Severity, list[tuple[str, ...]], str], ...] = (
        ("copies_across_splits", "wrong", across, "lie in more than one split"),
        ("copies_across_classes", "wrong", conflicts, "lie in more than one class"),
        ("copies", "note", within, "are there more than once"),
    )
    for kind, severity, groups, what in say:
        if groups:
            flat = tuple(path for group in groups for path in group)
            first = " = ".join(map(printable, groups[0][:_SHOWN]))
            images = "1 image (the same bytes)" if len(groups) == 1 else f"{len(groups)} images"
            yield Finding(kind, severity, f"Exact copies: {images} {what}, as {first}.", flat)


def _of_pixels(catalog: Catalog, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    pairs = list(zip(catalog.table["path"], facts, strict=True))
    blank = tuple(path for path, fact in pairs if fact.blank)
    if blank:
        yield Finding("blank", "wrong", f"Blank, all of one grey: {_listed(blank)}.", blank)
    tiny = tuple(path for path, fact in pairs if min(fact.width, fact.height) < TINY_SIDE)
    if tiny:
        text = f"Tiny, a side below {TINY_SIDE} pixels: {_listed(tiny)}."
        yield Finding("tiny", "doubtful", text, tiny)
    coloured = tuple(path for path, fact in pairs if fact.coloured)
    if coloured:
        text = f"In colour, and an MRI slice is grey: {_listed(coloured)}."
        yield Finding("coloured", "doubtful", text, coloured)


def _balance(counts: Mapping[str, Mapping[str, int]]) -> Iterator[Finding]:
    for split in SPLITS:
        of = counts[split]
        missing = [label for label in CLASSES if not of[label]]
        if len(missing) == len(CLASSES):
            yield Finding("missing_split", "doubtful", f"There are no {split} images.")
        elif missing:
            text = f"The {split} split has no images of {', '.join(missing)}."
            yield Finding("missing_class", "wrong", text)
    of = {label: count for label, count in counts["train"].items() if count}
    most, least = max(of, key=lambda label: of[label]), min(of, key=lambda label: of[label])
    if of[most] > UNBALANCED * of[least]:
        text = f"Unbalanced: train has {of[most]} images of {most} and {of[least]} of {least}."
        yield Finding("unbalanced", "doubtful", text)


def _listed(paths: tuple[str, ...]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{len(paths)} ({', '.join(map(printable, paths[:_SHOWN]))}{more})"
