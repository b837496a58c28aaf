"""The first part of the audit: can every file be read, and is it what it says it is?

Counts by split and class, what is left out, and blank, tiny, huge and coloured images.

What it does not know: copies, patients, shortcuts, models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from braintumor.catalog.catalog import Catalog, is_list, read_folder, read_list
from braintumor.catalog.findings import Finding, Severity, by_severity, listed
from braintumor.catalog.folder import LeftOut
from braintumor.catalog.memo import Facts
from braintumor.classes import CLASSES, SPLITS
from braintumor.images.decode import Limits

# Below this many pixels on a side, little of a lesion is left to see.
TINY_SIDE = 64
# Above this many on a side, no scanner made the slice as it is.
LARGE_SIDE = 2048
# A class with this many times the images of another is worth a word.
UNBALANCED = 3.0


@dataclass(frozen=True)
class Readability:
    """What reading a data set once has shown.

    Attributes:
        catalog: the images that can be used.
        facts: what decoding said of each, in catalogue order.
    """

    catalog: Catalog
    facts: tuple[Facts, ...]

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found, the worst first."""
        found = [
            *_left_out(self.catalog.left_out),
            *_of_pixels(self.catalog, self.facts),
            *_modes(self.catalog),
            *_balance(self.counts),
            *(Finding("split", "note", text) for text in self.catalog.notes),
        ]
        return by_severity(found)

    @cached_property
    def counts(self) -> dict[str, dict[str, int]]:
        """split -> class -> number of images."""
        table = self.catalog.table
        seen = Counter(zip(table["split"], table["label"], strict=True))
        return {split: {label: seen[split, label] for label in CLASSES} for split in SPLITS}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        table = self.catalog.table
        sizes = Counter(zip(table["width"], table["height"], strict=True))
        return {
            "dataset": self.catalog.root.resolve().name,
            "phantom": self.catalog.phantom,
            "images": len(self.catalog),
            "catalog_sha256": self.catalog.digest(),
            "readability": {
                "counts": self.counts,
                "left_out": [asdict(item) for item in self.catalog.left_out],
                "formats": dict(Counter(table["format"].tolist())),
                "modes": dict(Counter(table["mode"].tolist())),
                "sizes": [
                    {"width": int(width), "height": int(height), "images": count}
                    for (width, height), count in sizes.most_common()
                ],
            },
        }


def audit_readability(
    path: Path | str, *, seed: int = 0, limits: Limits | None = None
) -> Readability:
    """Read a data set as training would, and say what is wrong with it.

    Args:
        path: see `Catalog.open`.
        seed: of the split, where the folder has none.
        limits: how large a file may be.

    Raises:
        FolderError: no data set, or nothing in it that can be used.
        BraintumorError: a file that is no catalogue, or lists nothing that can be used.
    """
    if is_list(path):
        catalog, facts = read_list(path, limits=limits)
    else:
        catalog, facts = read_folder(path, seed=seed, limits=limits)
    return Readability(catalog=catalog, facts=tuple(facts))


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
            yield Finding(kind, severity, f"Left out, {what}: {listed(paths)}.", paths)


def _of_pixels(catalog: Catalog, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    pairs = list(zip(catalog.table["path"], facts, strict=True))
    blank = tuple(path for path, fact in pairs if fact.blank)
    if blank:
        yield Finding("blank", "wrong", f"Blank, all of one grey: {listed(blank)}.", blank)
    tiny = tuple(path for path, fact in pairs if min(fact.width, fact.height) < TINY_SIDE)
    if tiny:
        text = f"Tiny, a side below {TINY_SIDE} pixels: {listed(tiny)}."
        yield Finding("tiny", "doubtful", text, tiny)
    large = tuple(path for path, fact in pairs if max(fact.width, fact.height) > LARGE_SIDE)
    if large:
        text = f"Large, a side above {LARGE_SIDE} pixels: {listed(large)}."
        yield Finding("large", "note", text, large)
    coloured = tuple(path for path, fact in pairs if fact.coloured)
    if coloured:
        text = f"In colour, and an MRI slice is grey: {listed(coloured)}."
        yield Finding("coloured", "doubtful", text, coloured)


def _modes(catalog: Catalog) -> Iterator[Finding]:
    """Files of another pixel mode than most, where there are not many of them."""
    modes = catalog.table["mode"]
    counts = Counter(modes.tolist()).most_common()
    if len(counts) > 1:
        of = ", ".join(f"{count} {mode}" for mode, count in counts)
        paths = tuple(catalog.table["path"][modes != counts[0][0]])
        yield Finding("mixed_modes", "note", f"Pixels of more than one mode: {of}.", paths)


def _balance(counts: Mapping[str, Mapping[str, int]]) -> Iterator[Finding]:
    absent = [label for label in CLASSES if not any(counts[split][label] for split in SPLITS)]
    if absent:
        text = f"There are no images of {', '.join(absent)} at all."
        yield Finding("absent_class", "wrong", text)
    for split in SPLITS:
        of = counts[split]
        missing = [label for label in CLASSES if not of[label] and label not in absent]
        if not any(of.values()):
            yield Finding("missing_split", "doubtful", f"There are no {split} images.")
        elif missing:
            text = f"The {split} split has no images of {', '.join(missing)}."
            yield Finding("missing_class", "wrong", text)
    of = {label: count for label, count in counts["train"].items() if count}
    if not of:
        return  # a list may hold test images alone
    most, least = max(of, key=lambda label: of[label]), min(of, key=lambda label: of[label])
    if of[most] > UNBALANCED * of[least]:
        text = f"Unbalanced: train has {of[most]} images of {most} and {of[least]} of {least}."
        yield Finding("unbalanced", "doubtful", text)
