"""One file over HTTP, whole and verified, or not there: resumed where it broke off.

What has arrived lies under `NAME.part`, also after Ctrl-C, and the next call goes on from there; a
server that cannot begin in the middle begins anew. Libraries such as pooch check hashes too, but
start every broken download from the first byte, which for hundreds of megabytes is no help.

Knows bytes and hashes, not what is in the file. Messages name a URL without its query, where keys
are kept.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from braintumor.errors import BraintumorError
from braintumor.progress import track_bytes

_PIECE = 2**18
# More than any data set here; a server that never ends is stopped.
_MOST_BYTES = 16 * 2**30
_PASSING = {202, 408, 425, 429, 500, 502, 503, 504}
_GOES_ON = "what has arrived is kept, and the same command goes on from there"


class DownloadError(BraintumorError):
    """A file that could not be fetched; one sentence with the remedy."""


class _BrokenError(Exception):
    """A failure that may pass; its text is a clause."""


@dataclass(frozen=True)
class Fetched:
    """A file that was fetched.

    Attributes:
        path: where it lies.
        url: where it came from, without its query.
        size: bytes.
        sha256, md5: of its bytes.
    """

    path: Path
    url: str
    size: int
    sha256: str
    md5: str


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a file must be; None or "" where it is not known."""

    size: int | None = None
    md5: str = ""
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a server is waited for.

    Attributes:
        tries: in a row that bring nothing new.
        pause_s: after the first of them; doubled after each further one.
        timeout_s: without a byte.
    """

    tries: int = 6
    pause_s: float = 1.0
    timeout_s: float = 30.0


def download(
    url: str, path: Path, expected: Expected | None = None, patience: Patience | None = None
) -> Fetched:
    """Fetch a file, or what is missing of it.

    Args:
        url: http or https.
        path: where it is put once it is whole and verified; a file that is there already is
            verified and kept.
        expected: what it must be.
        patience: with the server.

    Raises:
        DownloadError: not to be had, not what was expected (it is thrown away), or the disk is
            full (what has arrived is kept).
    """
    expected, patience = expected or Expected(), patience or Patience()
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError(f"{named(url)} is no address that starts with http:// or https://")
    if path.exists():
        whole = _Part(path)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = _Part(path.with_name(f"{path.name}.part"))
        with track_bytes(expected.size, what=f"Fetching {path.name}") as show:
            _fill(whole, url, expected, patience, show)
    _verify(whole, url, path.name, expected)
    whole.path.replace(path)
    return Fetched(path, named(url), whole.size, whole.sha256.hexdigest(), whole.md5.hexdigest())


def named(url: str) -> str:
    """A URL as it may be shown and written down: without its query, where keys are kept."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


class _Part:
    """A file in the making and the hashes of what is there of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reset()
        if path.exists():
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    self._count(piece)

    def restart(self) -> None:
        self.path.unlink(missing_ok=True)
        self._reset()

    def append(self, pieces: Iterator[bytes], show: Callable[[int], None]) -> None:
        try:
            with self.path.open("ab") as file:
                for piece in pieces:
                    file.write(piece)
                    # Counted only once it is there: what is hashed is what lies on the disk.
                    file.flush()
                    self._count(piece)
                    show(self.size)
        except OSError as error:
            raise DownloadError(
                f"{self.path} cannot be written ({error.strerror or error}); make room: {_GOES_ON}"
            ) from error

    def _reset(self) -> None:
        self.size = 0
        self.sha256 = hashlib.sha256()
        self.md5 = hashlib.md5(usedforsecurity=False)

    def _count(self, piece: bytes) -> None:
        self.size += len(piece)
        self.sha256.update(piece)
        self.md5.update(piece)


def _fill(
    part: _Part, url: str, expected: Expected, patience: Patience, show: Callable[[int], None]
) -> None:
    """Ask until all is there; only tries that bring nothing new count against the patience."""
    fruitless, furthest = 0, part.size
    while expected.size is None or part.size != expected.size:
        try:
            _ask(part, url, expected, patience.timeout_s, show)
            return
        except _BrokenError as broken:
            fruitless = 0 if part.size > furthest else fruitless + 1
            furthest = max(furthest, part.size)
            if fruitless >= patience.tries:
                raise DownloadError(
                    f"{named(url)} could not be fetched ({broken}); try again later: {_GOES_ON}"
                ) from broken
            time.sleep(patience.pause_s * 2 ** max(0, fruitless - 1))


def _ask(
    part: _Part, url: str, expected: Expected, timeout_s: float, show: Callable[[int], None]
) -> None:
    headers = {"User-Agent": "braintumor", "Accept-Encoding": "identity"}
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            _take(part, answer, expected.size or _MOST_BYTES, show)
    except urllib.error.HTTPError as error:
        _refused(part, url, error)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        slow = isinstance(reason, TimeoutError)
        raise _BrokenError("no answer in time" if slow else f"no connection: {reason}") from error


def _take(
    part: _Part, answer: http.client.HTTPResponse, most: int, show: Callable[[int], None]
) -> None:
    """Append what the server sends, from where it says that it starts."""
    if answer.status not in (200, 206):
        raise _BrokenError(f"the server answers {answer.status}")
    start = 0
    if answer.status == 206:
        found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        start = int(found[1]) if found else -1
    if start != part.size:
        part.restart()
        if start != 0:
            raise _BrokenError("the server sends another part than was asked for")
    length = answer.headers.get("Content-Length")
    part.append(_pieces(answer, most - part.size), show)
    if length is not None and part.size != start + int(length):
        raise _BrokenError("the connection broke off")


def _pieces(answer: http.client.HTTPResponse, most: int) -> Iterator[bytes]:
    """What arrives, piece by piece; failures of the network apart from those of the disk."""
    while True:
        try:
            piece = answer.read1(_PIECE)
        except (http.client.HTTPException, OSError) as error:
            slow = isinstance(error, TimeoutError)
            raise _BrokenError("it stalled" if slow else "the connection broke off") from error
        if not piece:
            return
        most -= len(piece)
        if most < 0:
            raise DownloadError("The server sends more than the file's size: it is not taken.")
        yield piece


def _refused(part: _Part, url: str, error: urllib.error.HTTPError) -> None:
    """What an HTTP error means: perhaps all is there, perhaps it passes, perhaps it is final."""
    if error.code == 416 and part.size:
        if error.headers.get("Content-Range", "") == f"bytes */{part.size}":
            return
        part.restart()
        raise _BrokenError("the file on the server has changed") from error
    if error.code in _PASSING:
        raise _BrokenError(f"the server answers {error.code}") from error
    why = {401: "a key is asked for", 403: "it is forbidden", 404: "it is not there"}
    raise DownloadError(
        f"{named(url)} cannot be had: the server answers {error.code}"
        f"{', ' + why[error.code] if error.code in why else ''}; check the address in a browser"
    ) from error


def _verify(part: _Part, url: str, name: str, expected: Expected) -> None:
    """Throw away what is not what was expected."""
    sums = {"SHA-256": (expected.sha256, part.sha256), "MD5": (expected.md5, part.md5)}
    wrong = [kind for kind, (want, got) in sums.items() if want and want != got.hexdigest()]
    if expected.size is not None and part.size != expected.size:
        wrong.insert(0, "size")
    if wrong:
        part.restart()
        raise DownloadError(
            f"{name} from {named(url)} has another {wrong[0]} than it should: it was thrown away; "
            "run the command again, and tell the publisher if it stays so"
        )
