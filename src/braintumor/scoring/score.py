"""Scores any number of images: chunks of files to workers, rows in the files' order to a table.

Memory does not grow with the number of images: files are found as they are needed, rows are
written as they come, and what the summaries need lies in the journal. A run that was killed is
gone on with. Knows no command line.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path

from braintumor import __version__
from braintumor.bundle.card import AnyCard, fingerprint, read_card
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.prediction import Prediction
from braintumor.bundle.runtime import wished_device
from braintumor.bundle.series import Summary, write_summaries
from braintumor.bundle.shipped import find_bundle, shipped
from braintumor.errors import BraintumorError
from braintumor.files import atomic_path
from braintumor.images.choice import Choice
from braintumor.images.decode import DECODER_VERSION
from braintumor.parallel.ordered import InProcess, Pool, ordered
from braintumor.parallel.pools import Engine, open_pool
from braintumor.processor import cores
from braintumor.progress import track_count
from braintumor.scoring.inputs import Inputs, Item, name_of
from braintumor.scoring.journal import Digest, Journal, Progress
from braintumor.scoring.places import (
    check_table,
    name_in_summary,
    remove_summaries,
    summary_place,
)
from braintumor.scoring.remote import is_remote
from braintumor.scoring.rows import PartTable, part_of, said_of
from braintumor.scoring.tally import Tally
from braintumor.scoring.work import Chunk, Job, Rows, chunks, halves_until_single

# Long enough that the end of one and the beginning of the next cost nothing, short enough that
# little is done twice after a kill.
_CHUNK_HERE = 256
# Smaller where several work, so that all end at about the same time.
_CHUNK_ELSEWHERE = 32
_COMMIT_SECONDS = 1.0
# So many summaries of series are given back to be told; all of them stand in the file.
_TOLD = 20
# So many files are looked for before the bundle is opened; where there are as many, processes of
# their own are worth the second that they take to start. Threads that prepare slices wait for each
# other half of the time, for most of the work is Python's.
_MANY = 500
# More of them would take a hospital's workstation by surprise: each holds the networks anew.
_MOST_PROCESSES = 8

Show = Callable[[Prediction], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is scored, and how.

    Attributes:
        arguments: what the user named (see `inputs.Inputs`).
        model: name of a shipped bundle, or the folder of one.
        out: the table: `.csv`, `.jsonl` or `.parquet`; None for none.
        choice: plane of volumes, and which of their slices.
        resume: go on with a table that was left half done, if there is one.
        engine: what does the work (see `parallel.pools`).
        workers: how many processes; None for this one alone for a few files, one a core for many
            (two to eight), and for Ray as many as the cluster has processors.
        address: of a Ray cluster.
    """

    arguments: Sequence[str]
    model: str | Path
    out: Path | None = None
    choice: Choice = field(default_factory=Choice)
    resume: bool = False
    engine: Engine = "local"
    workers: int | None = None
    address: str | None = None

    @property
    def here(self) -> bool:
        """Whether the work is done in this process."""
        return self.engine == "local" and (self.workers or 1) == 1


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came out.

    Attributes:
        tally: counts of all rows of the table, those of an earlier run too.
        resumed: how many files an earlier run had done.
        series: the first summaries of series.
        series_count: how many series there were.
        series_file: where all summaries stand; None where there is no table or no series.
    """

    tally: Tally
    resumed: int
    series: tuple[Summary, ...]
    series_count: int
    series_file: Path | None


def score(
    plan: Plan,
    *,
    show: Show | None = None,
    begun: Callable[[AnyCard, list[Item]], None] | None = None,
    bar: bool = True,
) -> Outcome:
    """Classify all images of a plan.

    Args:
        plan: what, and how.
        show: called with every row as it comes, in order; not with those of an earlier run.
        begun: called before the first row with the bundle's card and some of the first files.
        bar: whether a progress bar may be drawn.

    Raises:
        BraintumorError: no image, no such bundle, a table that cannot be written, that is one of
            the files to read or that was begun with other work. A file that cannot be read is no
            error but a row that says so.
    """
    if plan.out is not None:
        check_table(plan.out, plan.arguments)
    with ExitStack() as stack:
        inputs = Inputs(plan.arguments)
        files = iter(inputs)
        first = list(islice(files, _MANY))
        plan = _staffed(plan, files=len(first))
        job, card, pool = _workers(plan, stack)
        journal = Journal(plan.out, _work(plan, card))
        stack.callback(journal.close)
        run = _Run(plan, journal)
        stack.callback(run.close)
        rest = run.skip(chain(first, files))
        if begun is not None:
            begun(card, first)
        asked: deque[Chunk] = deque()
        size = _CHUNK_HERE if plan.here else _CHUNK_ELSEWHERE
        found = ordered(pool, _noted(chunks(rest, size), asked), partial(halves_until_single, job))
        # To count on a store is to ask for every name a second time.
        total = None if any(map(is_remote, plan.arguments)) else partial(_count, plan.arguments)
        with track_count(total, what="Classifying", done=run.files, drawn=bar) as advance:
            for rows in found:
                run.take(asked.popleft(), rows, show)
                advance(run.files)
        run.tally.skipped = inputs.skipped
        return run.finish()


class _Run:
    """The rows as they come, on their way to table and journal.

    Attributes:
        files: how many input files are done.
        tally: of their rows.
    """

    def __init__(self, plan: Plan, journal: Journal) -> None:
        before = _before(plan, journal)
        self.files, self.tally = before.files, before.tally
        self._before = before
        self._out = plan.out
        self._journal = journal
        self._digest = Digest()
        self._started = self._committed = time.monotonic()
        self._seconds = before.tally.seconds
        self._kept = before.files > 0
        self._table: PartTable | None = None
        # A table that was put in its place just before a kill only lacks its summaries.
        if plan.out is not None and not (before.whole and not part_of(plan.out).exists()):
            self._table = PartTable(plan.out, size=before.size)

    def skip(self, files: Iterator[Item]) -> Iterator[Item]:
        """Leave out the files that an earlier run has done, having checked that they are those."""
        for item in islice(files, self._before.files):
            self._digest.add(name_of(item))
        if self._before.files and self._digest.hex() != self._before.digest:
            raise BraintumorError(
                f"the files are not those that {self._out} was begun with: name the same ones in "
                f"the same order, or delete {self._journal.path} and begin anew"
            )
        more = next(files, None)
        if more is None:
            return files
        if self._out is not None and self._table is None:
            raise BraintumorError(
                f"{self._out} was finished with fewer files: delete {self._journal.path} and begin "
                f"anew, or name the same files in the same order"
            )
        return chain((more,), files)

    def take(self, chunk: Chunk, rows: Rows, show: Show | None) -> None:
        """Write the rows of a chunk."""
        for row in rows:
            self.tally.add(row)
            self._journal.add(row)
            if self._table is not None:
                self._table.write(row)
            if show is not None:
                show(row)
        self.files += len(chunk)
        for item in chunk:
            self._digest.add(name_of(item))
        if time.monotonic() - self._committed > _COMMIT_SECONDS:
            self._commit()

    def finish(self) -> Outcome:
        """Put the table in its place, and the summary of series beside it."""
        if self._table is not None:
            self._commit(whole=True)
            self._table.finish()
        else:
            self.tally.seconds = self._elapsed()
        series = _Series(self._journal.summaries())
        if self._out is not None and self._journal.has_series():
            series.write(summary_place(self._out), table=name_in_summary(self._out))
        else:
            deque(series, maxlen=0)
        if self._out is not None:
            remove_summaries(self._out, but=series.file)
        self._journal.close(remove=True)
        return Outcome(
            tally=self.tally,
            resumed=self._before.files,
            series=tuple(series.told),
            series_count=series.count,
            series_file=series.file,
        )

    def close(self) -> None:
        """Leave part and journal for a later run, if there is anything in them."""
        if self._table is not None:
            self._table.close()
            if not self._kept:
                self._table.part.unlink(missing_ok=True)
                self._journal.close(remove=True)

    def _commit(self, *, whole: bool = False) -> None:
        self.tally.seconds = self._elapsed()
        if self._table is not None:
            self._table.sync()
            progress = Progress(
                files=self.files,
                digest=self._digest.hex(),
                size=self._table.size,
                whole=whole,
                tally=self.tally,
            )
            self._journal.commit(progress)
            self._kept = True
        self._committed = time.monotonic()

    def _elapsed(self) -> float:
        return self._seconds + time.monotonic() - self._started


class _Series:
    """Summaries on their way to the file: counted, and the first of them kept to be told."""

    def __init__(self, summaries: Iterable[Summary]) -> None:
        self._summaries = summaries
        self.count = 0
        self.told: list[Summary] = []
        self.file: Path | None = None

    def __iter__(self) -> Iterator[Summary]:
        for one in self._summaries:
            self.count += 1
            if self.count <= _TOLD:
                self.told.append(one)
            yield one

    def write(self, path: Path, *, table: str) -> None:
        """Write all of them into a file, beside the table of that name."""
        with said_of(path), atomic_path(path) as temporary:
            # A file's name may hold bytes that are no text.
            file = temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="")
            with file:
                write_summaries(self, file, table=table)
        self.file = path


def _staffed(plan: Plan, *, files: int) -> Plan:
    """With a number of processes, where nobody gave one."""
    if plan.engine != "local" or plan.workers is not None or files < _MANY:
        return plan
    # Two on a single core, too: a file that ends its reader must not end the run.
    return replace(plan, workers=max(2, min(cores(), _MOST_PROCESSES)))


def _workers(plan: Plan, stack: ExitStack) -> tuple[Job, AnyCard, Pool[Chunk, Rows]]:
    """The job, the bundle's card, and who does the job."""
    if plan.here:
        classifier = Classifier.load(plan.model, device=wished_device())
        job = _job(plan, classifier.card)
        return job, classifier.card, InProcess(lambda: job.function(classifier))
    card = read_card(find_bundle(plan.model))
    job = _job(plan, card)
    pool = stack.enter_context(
        open_pool(job, engine=plan.engine, workers=plan.workers, address=plan.address)
    )
    return job, card, pool


def _job(plan: Plan, card: AnyCard) -> Job:
    # A shipped bundle may lie elsewhere on another computer; a folder is the same everywhere.
    named = isinstance(plan.model, str) and plan.model in shipped()
    return Job(
        model=plan.model if named else find_bundle(plan.model).resolve(),
        name=card.name,
        identity=card.identity,
        fingerprint=fingerprint(card),
        device=wished_device(),
        choice=plan.choice,
        folder=Path.cwd() if plan.engine == "ray" else None,
        streams=plan.here,
    )


def _work(plan: Plan, card: AnyCard) -> dict[str, str]:
    """All that the rows depend on but the files; the keys stand in sentences."""
    return {
        "bundle": fingerprint(card),
        "choice of slices": repr(plan.choice),
        "device": wished_device(),
        "version of braintumor": f"{__version__}, decoder {DECODER_VERSION}",
    }


def _before(plan: Plan, journal: Journal) -> Progress:
    """How far an earlier run came that is to be gone on with."""
    if plan.out is None or not journal.files:
        return Progress()
    if not plan.resume:
        raise BraintumorError(
            f"{plan.out} was left half done, with {journal.files} files: add --resume to go on, or "
            f"delete {journal.path} to begin anew"
        )
    progress = journal.progress()
    if not part_of(plan.out).exists() and not (progress.whole and plan.out.exists()):
        raise BraintumorError(
            f"{part_of(plan.out)} is gone, so there is nothing to go on with: delete "
            f"{journal.path} and begin anew"
        )
    return progress


def _noted(chunks_: Iterable[Chunk], asked: deque[Chunk]) -> Iterator[Chunk]:
    """Pass the chunks on, and remember them until their rows come."""
    for chunk in chunks_:
        asked.append(chunk)
        yield chunk


def _count(arguments: Sequence[str]) -> int:
    return sum(1 for _ in Inputs(arguments))
