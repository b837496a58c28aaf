"""What decoding said of files seen before, so that a second look at a data set only hashes them.

One line of JSON a file, keyed by the hash of its bytes. Only good news is kept: a file that could
not be read is tried again. Lines that make no sense are passed over, so that a crash half way
through a line costs that line alone.

What it does not know: paths, labels. It holds no name of any file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from braintumor.catalog.cachefolder import cache_folder
from braintumor.errors import BraintumorError
from braintumor.files import lock
from braintumor.images.decode import DECODER_VERSION


@dataclass(frozen=True)
class Facts:
    """What decoding one file said of it.

    Attributes:
        sha256: of the file's bytes.
        width, height: pixels, as shown.
        mode, format: see `images.decode.Slice`.
        blank: every pixel has one value.
        coloured: its colours differ visibly from grey.
    """

    sha256: str
    width: int
    height: int
    mode: str
    format: str
    blank: bool
    coloured: bool


class Memo:
    """Facts by hash, read at once and added to at the end.

    Without a folder that can be written it remembers nothing, and says nothing of it.
    """

    def __init__(self, cache_dir: Path | str | None = None) -> None:
        # Another decoder may think otherwise of the same bytes.
        versions = f"{DECODER_VERSION} {version('pillow')} {version('pydicom')}"
        name = f"seen-{hashlib.sha256(versions.encode()).hexdigest()[:12]}.jsonl"
        self._file: Path | None
        try:
            self._file = cache_folder(cache_dir) / name
        except BraintumorError:
            self._file = None
        self._known = _read(self._file) if self._file else {}

    def get(self, sha256: str) -> Facts | None:
        """What is known of these bytes."""
        return self._known.get(sha256)

    def add(self, facts: list[Facts]) -> None:
        """Remember these, for later runs too."""
        new = {fact.sha256: fact for fact in facts if fact.sha256 not in self._known}
        self._known.update(new)
        if not new or self._file is None:
            return
        # The line end comes first: it closes what a crash may have left open.
        text = "".join("\n" + json.dumps(asdict(fact)) for fact in new.values())
        try:
            with lock(self._file), self._file.open("a", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError:  # a full disk is no reason to stop: only time is lost
            return


def _read(file: Path) -> dict[str, Facts]:
    known: dict[str, Facts] = {}
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return known
    for line in text.split("\n"):
        try:
            facts = Facts(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if _sane(facts):
            known[facts.sha256] = facts
    return known


def _sane(facts: Facts) -> bool:
    texts = (facts.sha256, facts.mode, facts.format)
    whole = (facts.width, facts.height)
    return (
        all(isinstance(text, str) for text in texts)
        and len(facts.sha256) == 64
        and all(type(number) is int and number > 0 for number in whole)
        and isinstance(facts.blank, bool)
        and isinstance(facts.coloured, bool)
    )
