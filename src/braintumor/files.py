"""Files that are either whole or not there, lines of tables that stay whole, locks and hashes.

Knows nothing of what the files hold.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

_PIECE = 2**20
# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@contextmanager
def atomic_path(
    path: Path | str, *, private: bool = False, durable: bool = False
) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends well.

    A crash, an exception or Ctrl-C in the block leaves nothing under the final name; what stood
    there before stays. The suffix is kept, because many writers choose the format by it.

    Args:
        path: final name.
        private: for the user alone to read, whatever folder it lies in.
        durable: its bytes are on the disk before its name is. After a power cut a name without its
            bytes may be all that is left; so for what cannot be made anew at once.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{final.stem}.", suffix=f".part{final.suffix}", dir=final.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if durable:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        if not private:  # mkstemp makes 0600; results are for colleagues too
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text atomically, with "\\n" line ends on every system.

    Of a file's name that is no UTF-8, what cannot be written stands as `\\udce4`.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


@contextmanager
def lock(file: Path) -> Iterator[bool]:
    """Hold `FILE.lock` once nobody else does; the system frees the lock if a process dies.

    Args:
        file: what is written meanwhile.

    Yields:
        Whether the lock is held; some network drives have none, and work goes on without.
    """
    with ExitStack() as stack:
        yield _entered(stack, file, seconds=-1)


@contextmanager
def alone(file: Path, busy: Exception) -> Iterator[None]:
    """Hold `FILE.lock` as `lock` does, but wait for nobody.

    Args:
        file: what is worked at meanwhile.
        busy: raised where another process holds it.
    """
    from filelock import Timeout

    with ExitStack() as stack:
        try:
            _entered(stack, file, seconds=0)
        except Timeout:
            raise busy from None
        yield


def _entered(stack: ExitStack, file: Path, *, seconds: float) -> bool:
    from filelock import FileLock, Timeout

    try:
        stack.enter_context(FileLock(f"{file}.lock", timeout=seconds))
    except Timeout:
        raise
    except (OSError, NotImplementedError):
        return False
    return True


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_of(path: Path | str) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits; reads in pieces."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_at_most(file: _Bytes, most: int) -> bytes:
    """A file's next `most` bytes, or all that are left of it, in pieces of 1 MiB.

    In pieces, because a reader may give fewer than asked for, or refuse to give many at once.
    """
    pieces = []
    while most > 0 and (piece := file.read(min(most, _PIECE))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def no_formula(name: str) -> str:
    """A relative name that no spreadsheet takes for a formula: `./=name`, the same file."""
    return f"./{name}" if name.startswith(_FORMULA) else name


class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Text(Protocol):
    def write(self, text: str, /) -> object: ...


class CsvLines:
    r"""Takes the lines of a CSV writer, and passes them on with "\n" at their ends.

    >>> import csv, io
    >>> out = io.StringIO()
    >>> csv.writer(CsvLines(out)).writerows([["a\rb", "c"], ["d", "e"]])
    >>> out.getvalue()
    '"a\rb",c\nd,e\n'

    Of pandas it is `frame.to_csv(CsvLines(file), lineterminator=CsvLines.END)`.

    Up to Python 3.12 a writer quotes of "\r" and "\n" only what is in its own line terminator; so
    with "\n" alone, a "\r" in a file's name would tear the row for whoever reads the table.

    Attributes:
        END: the line terminator that the writer is to have; that of `csv.writer` by default.
    """

    END = "\r\n"

    def __init__(self, file: _Text) -> None:
        r"""Write to a text file, opened with newline="" (on Windows "\n" would change)."""
        self._file = file

    def write(self, line: str) -> int:
        """Take one whole line, as the writers of `csv` and of pandas give them."""
        self._file.write(line.removesuffix(self.END) + "\n")
        return len(line)
