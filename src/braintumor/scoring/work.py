"""Chunks of image files, and what a worker does with one: read, classify, give the rows back.

A chunk and the job travel to other processes and computers, so both are small and plain.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from braintumor.bundle.card import BundleError, fingerprint
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.prediction import Prediction
from braintumor.bundle.sources import Named, Source
from braintumor.errors import BraintumorError
from braintumor.images import archive
from braintumor.images.choice import Choice
from braintumor.images.decode import VOLUME_SUFFIXES, ImageError, Limits
from braintumor.scoring import remote
from braintumor.scoring.inputs import Entry, Item, name_of

Chunk = tuple[Item, ...]
Rows = Iterable[Prediction]
# By their names: volumes, and archives on a store, whose files are not named one by one.
_HOLD_MANY = (*VOLUME_SUFFIXES, ".zip")
_DIED = "the process that read it died: the file is damaged, or needs more memory than there is"
_NEVER_BEGAN = (
    "the processes that are to read the files die before they have one: there may be too little "
    "memory for so many (try --workers 1), or a script of your own lacks  if __name__ == "
    "'__main__':"
)


@dataclass(frozen=True)
class Job:
    """What is done with every chunk; calling it gives the function that does it.

    Attributes:
        model: name of a shipped bundle, or the folder of one.
        name: of the bundle, as its card gives it.
        identity: what its predictions are traced back to.
        fingerprint: of its whole card, so that no worker asks another bundle.
        device: that its graphs run on, on every computer.
        choice: plane of volumes, and which of their slices.
        folder: that relative names begin at, for workers that run elsewhere; None for here.
        streams: whether rows are given one after the other as they come, or all at once.
    """

    model: str | Path
    name: str
    identity: str
    fingerprint: str
    device: str
    choice: Choice
    folder: Path | None = None
    streams: bool = False

    def __call__(self) -> Callable[[Chunk], Rows]:
        """Open the bundle.

        Raises:
            BundleError: none there, or another one than the work was begun with.
        """
        classifier = Classifier.load(self.model, device=self.device)
        if fingerprint(classifier.card) != self.fingerprint:
            raise BundleError(
                f"the bundle {self.model} is not the same everywhere: put the same one, and the "
                "same version of braintumor, on every computer"
            )
        return self.function(classifier)

    def function(self, classifier: Classifier) -> Callable[[Chunk], Rows]:
        """What is done with a chunk, by a classifier that is open already."""

        def classify(chunk: Chunk) -> Rows:
            found = classifier.predict_many(
                _sources(chunk, self.folder),
                choice=self.choice,
                workers=None if self.streams else 1,  # beside others, a core is all it has
            )
            return found if self.streams else list(found)

        return classify

    def lost(self, item: Item) -> Prediction:
        """The row of a file whose reading kills the process that does it."""
        return Prediction(
            path=name_of(item),
            sha256="",
            status="error",
            reason=_DIED,
            model=self.name,
            model_sha256=self.identity,
        )


def chunks(items: Iterable[Item], size: int) -> Iterator[Chunk]:
    """Put items together, `size` at a time; a volume, or an archive on a store, which hold many
    slices, stay alone."""
    waiting: list[Item] = []
    for item in items:
        volume = name_of(item).lower().endswith(_HOLD_MANY)
        if waiting and (volume or len(waiting) == size):
            yield tuple(waiting)
            waiting.clear()
        waiting.append(item)
        if volume:
            yield tuple(waiting)
            waiting.clear()
    if waiting:
        yield tuple(waiting)


def halves_until_single(job: Job, chunk: Chunk, alone: Callable[[Chunk], Rows]) -> Rows:
    """The rows of a chunk that killed its worker: all but those of the file that does it.

    Raises:
        BraintumorError: workers die before they have a file.
    """
    from braintumor.parallel.ordered import WorkerDiedError

    if len(chunk) == 1:
        try:
            alone(())  # opens the bundle, and no file
        except WorkerDiedError:
            raise BraintumorError(_NEVER_BEGAN) from None
        return [job.lost(chunk[0])]
    rows: list[Prediction] = []
    middle = len(chunk) // 2
    for half in (chunk[:middle], chunk[middle:]):
        try:
            rows += alone(half)
        except WorkerDiedError:
            rows += halves_until_single(job, half, alone)
    return rows


def _sources(chunk: Chunk, folder: Path | None) -> Iterator[Source]:
    """What the classifier is given for a chunk; neighbours in an archive are read in one go."""
    for items in _runs(chunk):
        if isinstance(items[0], Entry):
            yield from _unpacked([one for one in items if isinstance(one, Entry)], folder)
        elif isinstance(items[0], str) and remote.is_remote(items[0]):
            names = list(map(name_of, items))
            yield from map(Named, names, remote.read_all(names))
        else:
            yield from (Named(name_of(one), _source(one, folder)) for one in items)


def _runs(chunk: Chunk) -> Iterator[list[Item]]:
    """The chunk cut into neighbours that can be read in one go."""
    run: list[Item] = []
    for item in chunk:
        if run and not _goes_on(run[-1], item):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def _goes_on(before: Item, item: Item) -> bool:
    """Whether an item is read in one go with the one before it."""
    if isinstance(before, Entry) and isinstance(item, Entry) and item.number <= before.number:
        return False  # the archive was named twice in a row, and begins anew
    return _where(before) == _where(item)


def _where(item: Item) -> str:
    """The same for items that are read in the same way, one after the other."""
    if isinstance(item, Entry):
        return item.archive
    return "://" if isinstance(item, str) and remote.is_remote(item) else ""


def _source(item: Item, folder: Path | None) -> Path | ImageError:
    return item if isinstance(item, ImageError) else _place(name_of(item), folder)


def _unpacked(span: list[Entry], folder: Path | None) -> Iterator[Source]:
    name = span[0].archive
    wanted = range(span[0].number, span[-1].number + 1)
    try:
        for entry in archive.entries(_place(name, folder), name=name, limits=Limits(), span=wanted):
            if isinstance(entry, ImageError):
                yield Named(entry.name, entry)
            else:
                yield Named(*entry)
    except (ImageError, OSError):  # it was there when it was listed
        reason = "the ZIP archive was moved or changed while it was being read"
        yield from (Named(one.name, ImageError(one.name, reason)) for one in span)


def _place(name: str, folder: Path | None) -> Path:
    return Path(os.path.join(folder, name)) if folder else Path(name)  # noqa: PTH118
