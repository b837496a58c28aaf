"""The stress test: every image under every scanner condition, judged by every model, as one table.

One pass: a row is written with its own path, label, condition and severity the moment it is known,
image after image, so that a run that was broken off goes on where it stopped. What the numbers
mean is read from the table alone, by `evaluation.stress`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.bundle.classifier import Classifier
from braintumor.bundle.predicted import plain_row
from braintumor.bundle.sources import Named
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.folder import workers
from braintumor.classes import CLASSES, split_from_name
from braintumor.errors import BraintumorError
from braintumor.evaluation.patients import Patients
from braintumor.evaluation.stress_table import CLEAN, COLUMNS
from braintumor.files import CsvLines, alone, atomic_path
from braintumor.images import conditions
from braintumor.images.decode import DECODER_VERSION, read_slice
from braintumor.progress import track
from braintumor.scoring.trained_with import conditions_met

TABLE = "stress.csv"
Row = dict[str, str | float | None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is tested.

    Attributes:
        seed: of the sample of images and of every condition's luck.
        limit: at most so many images, each class in its share; None for all.
        split: `train`, `valid` or `test`; None for test where the folder names it, else all.
        conditions: names out of `images.conditions.CONDITIONS`.
    """

    seed: int = 0
    limit: int | None = None
    split: str | None = None
    conditions: tuple[str, ...] = conditions.CONDITIONS

    def states(self) -> list[tuple[str, int]]:
        """(condition, severity) of every row of an image, the untouched one first."""
        listed = ((name, s) for name in self.conditions for s in conditions.severities(name))
        return [(CLEAN, 0), *listed]


@dataclass(frozen=True)
class Subject:
    """A model under test, and the conditions that it has met in training (None: unknown)."""

    classifier: Classifier
    met: frozenset[str] | None = field(init=False)

    def __post_init__(self) -> None:
        met = conditions_met(self.classifier.card.trained_on.recipe)
        object.__setattr__(self, "met", met)


def stress(
    models: Sequence[Classifier],
    catalog: Catalog,
    folder: Path,
    plan: Plan,
    *,
    patients: Patients | None = None,
) -> Path:
    """Test models on images under scanner conditions, and write the table.

    Args:
        models: one or more; they meet the very same pictures.
        catalog: the images with their classes.
        folder: where `stress.csv` goes; rows of a run that was broken off are kept beside it and
            taken up again.
        plan: which images and conditions.
        patients: whose slices they are; fills the column `group`.

    Returns:
        Path of the table: `evaluation.stress_table.COLUMNS`, images in the catalogue's order.

    Raises:
        BraintumorError: no such split, an image that has changed or cannot be read, or a folder
            in which another test is at work or has left its rows.
    """
    images = chosen(catalog, plan)
    subjects = [Subject(model) for model in models]
    groups = _groups(images, patients)
    key = _key(subjects, images, groups, plan)
    per_image = len(plan.states()) * len(models)
    with _alone_in(folder):
        journal = _Journal(folder, key, per_image=per_image)
        _fill(journal, images, groups, subjects, plan)
        return journal.finish(folder / TABLE)


def _fill(
    journal: _Journal,
    images: Catalog,
    groups: Sequence[str],
    subjects: Sequence[Subject],
    plan: Plan,
) -> None:
    """Add the rows of all images that the journal has not yet, in the images' order."""
    done = journal.images_done

    def one(number: int) -> list[Row]:
        return list(_rows(images, number, groups[number], subjects, plan))

    pool = ThreadPoolExecutor(max_workers=workers())
    try:
        found = pool.map(one, range(done, len(images)))
        for rows in track(found, total=len(images) - done, what="Testing under conditions"):
            journal.add(rows)
    finally:
        pool.shutdown(cancel_futures=True)


def chosen(catalog: Catalog, plan: Plan) -> Catalog:
    """The images that a plan means.

    Raises:
        BraintumorError: none in that split.
    """
    named = {split_from_name(path.split("/")[0]) for path in catalog.table["path"]}
    split = plan.split or ("test" if "test" in named else None)
    part = catalog.subset(split) if split else catalog
    if not len(part):
        raise BraintumorError(f"{catalog.root} holds no {split} images: name another --split.")
    if plan.limit is None or plan.limit >= len(part):
        return part
    rows = sample(part.labels, part.table["sha256"], plan.limit, seed=plan.seed)
    return Catalog(
        root=part.root, table=part.table.iloc[rows].reset_index(drop=True), phantom=part.phantom
    )


def sample(
    labels: NDArray[np.int64], names: Sequence[str], count: int, *, seed: int
) -> NDArray[np.int64]:
    """Positions of `count` images, rising, each class in its share (by largest remainders).

    Args:
        labels: (n,) class of each image, 0 to 3.
        names: content hashes; the draw depends on them and not on the order of the images.
        count: 1 to n.
        seed: of the draw.
    """
    have = np.bincount(labels, minlength=len(CLASSES))
    wanted = have * count / have.sum()
    take = np.floor(wanted).astype(np.int64)
    # Of equal remainders the rarer class gets the place.
    order = np.lexsort((have, take - wanted))
    take[order[: count - take.sum()]] += 1
    luck = [hashlib.sha256(f"{seed}:{name}".encode()).hexdigest() for name in names]
    rows: list[int] = []
    for label, number in enumerate(take):
        members = sorted(np.flatnonzero(labels == label).tolist(), key=luck.__getitem__)
        rows += members[:number]
    return np.array(sorted(rows), np.int64)


def _rows(
    images: Catalog, number: int, group: str, subjects: Sequence[Subject], plan: Plan
) -> Iterator[Row]:
    """Every row of one image: model after model, state after state."""
    image = images.table.iloc[number]
    slice_ = read_slice(images.root / image["path"], name=image["path"])
    if slice_.sha256 != image["sha256"]:
        raise BraintumorError(f"{image['path']} has changed since the test began: start again.")
    states, luck = plan.states(), zlib.crc32(slice_.sha256.encode())
    known: Row = {
        "sha256": slice_.sha256,
        "group": group or None,
        "label": image["label"],
        "split": image["split"],
        "phantom": "true" if images.phantom else "false",
    }
    for subject in subjects:
        pictures = (
            Named(
                image["path"],
                slice_.pixels
                if name == CLEAN
                else conditions.apply(slice_.pixels, name, severity, plan.seed, image=luck),
            )
            for name, severity in states
        )
        answers = subject.classifier.predict_many(pictures)
        for (name, severity), answer in zip(states, answers, strict=True):
            met = "" if subject.met is None else "true" if name in subject.met else "false"
            extra: Row = {"condition": name, "severity": severity, "in_training": met or None}
            yield {**plain_row(answer), **known, **extra}


def _groups(images: Catalog, patients: Patients | None) -> list[str]:
    """Whose slice each image is: by the patients file, else by the catalogue."""
    table = images.table
    if patients is None:
        return list(table["group"])
    owners = patients.find_all(table["path"], images.told_splits, table["label"])
    if not any(owners):
        raise patients.names_none(f"the images in {images.root}")
    return [owner.group if owner else "" for owner in owners]


def _key(subjects: Sequence[Subject], images: Catalog, groups: Sequence[str], plan: Plan) -> str:
    """Hash of everything that the rows depend on."""
    said: dict[str, Any] = {
        "models": [(s.classifier.card.name, s.classifier.card.model_dump_json()) for s in subjects],
        "images": images.digest(),
        "decoder": DECODER_VERSION,
        "groups": list(groups),
        "seed": plan.seed,
        "states": [
            (name, severity, conditions.parameters(name, severity) if severity else {})
            for name, severity in plan.states()
        ],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """No other process tests into the folder meanwhile; the system frees the lock if one dies."""
    folder.mkdir(parents=True, exist_ok=True)
    busy = BraintumorError(
        f"Another stress test is at work in {folder}: wait for it, or choose another folder."
    )
    with alone(folder / ".stress", busy):
        try:
            yield
        finally:
            # Removed while it is held, or it could be another's by then (Windows does it itself).
            with suppress(OSError):
                (folder / ".stress.lock").unlink()


class _Journal:
    """Rows as they come, in a file that survives a kill; of a torn image nothing is kept."""

    def __init__(self, folder: Path, key: str, *, per_image: int) -> None:
        self._path = folder / f".stress-{key}.part.csv"
        for other in sorted(folder.glob(".stress-*.part.csv")):
            if other != self._path:  # perhaps hours of work, so its owner decides
                raise BraintumorError(
                    f"{other} holds the rows of a stress test of other models, images or settings "
                    "that was broken off: go on with that one, delete its file, or choose another "
                    "folder."
                )
        self._per_image = per_image
        rows = self._kept()
        self.images_done = len(rows) // per_image
        # Written anew: a kill may have torn the last line.
        with atomic_path(self._path) as temporary:
            _write(temporary, rows[: self.images_done * per_image])

    def add(self, rows: list[Row]) -> None:
        """Append the rows of one image."""
        with self._path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(CsvLines(file), COLUMNS).writerows(rows)

    def finish(self, table: Path) -> Path:
        """The whole table under its own name."""
        self._path.replace(table)
        return table

    def _kept(self) -> list[dict[str, Any]]:
        """The rows of an earlier run, without one that a kill has torn."""
        if not self._path.is_file():
            return []
        # A kill may tear a row anywhere: in the middle of a character, or after a line break that
        # belongs to a file's name.
        text = self._path.read_bytes().decode("utf-8", "replace")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        torn = bool(rows) and (not text.endswith("\n") or None in rows[-1].values())
        return rows[:-1] if torn else rows


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(CsvLines(file), COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
