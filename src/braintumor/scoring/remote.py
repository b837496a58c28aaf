"""Images on remote stores: S3, Google Cloud Storage and HTTP, through fsspec.

Nothing is asked of any computer but those that the user's own arguments name, and nothing is sent
but the request. Credentials are those that the store's library finds by itself (its environment
variables and files); none pass through here. Needs the extra [cloud].
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from typing import Any, Final, TypeVar

from braintumor.bundle.abreast import abreast
from braintumor.errors import MissingExtraError, require
from braintumor.files import read_at_most
from braintumor.images.decode import (
    IMAGE_SUFFIXES,
    VOLUME_SUFFIXES,
    ImageError,
    Limits,
    max_bytes_of,
)
from braintumor.images.sniff import HEAD
from braintumor.scoring.folders import or_itself

PROTOCOLS: Final = ("s3", "s3a", "gs", "gcs", "http", "https", "memory")
_MAGIC = re.compile(r"[*?\[]")
_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
# A store that was busy is asked again after so many seconds.
_WAITS = (0.5, 2.0)
# So many files are fetched at once: a request takes long and costs little. What is larger than this
# waits for its turn, so that not all of them lie in memory at the same time.
_AT_ONCE = 16
_SMALL = 16 * 2**20
# HTTP: what is asked for lies beyond the end, as everything does in an empty file.
_NOTHING_THERE = 416
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
# HTTP: too slow, too early, too often. What else begins with a 4 stays as it is.
_BUSY = (408, 425, 429)
_FILES = (*sorted(IMAGE_SUFFIXES), *VOLUME_SUFFIXES, ".zip")
T = TypeVar("T")


def is_remote(name: str) -> bool:
    """Whether a name is an address, and no file here."""
    return _URL.match(name) is not None


def find(address: str) -> Iterator[str | ImageError]:
    """The files that an address stands for, sorted; a file stands for itself.

    A folder is everything below it; on the web, where folders are not told from files, an address
    that ends in a slash and answers with links is one. A pattern such as `*.png` is understood but
    on the web. What cannot be listed comes as the error that says so.

    Raises:
        BraintumorError: the extra [cloud] is not installed.
    """
    if _protocol(address) not in PROTOCOLS:
        known = "addresses begin with s3://, gs://, http:// or https://"
        yield ImageError(address, f"it is an address of a kind that is not known: {known}")
        return
    if address.lower().endswith(_FILES) and not _MAGIC.search(address):
        yield address  # what has the name of a file is one: asking costs a request a line of a list
        return
    store, root = _store(address)
    try:
        if _is_web(address):
            folder, pattern = address.endswith("/"), False
        else:
            folder = _patiently(lambda: store.isdir(root))
            pattern = bool(_MAGIC.search(root)) and not folder and not store.exists(root)
        if pattern:
            yield from or_itself(address, _matches(store, address, root))
        elif folder:
            yield from _below(store, address, root.rstrip("/"))
        else:
            yield address
    except Exception as error:  # each store has errors of its own
        yield ImageError(address, _reason(error))


def begins_with(name: str) -> bytes:
    """The first bytes of a file, asked for as by `read`.

    Raises:
        ImageError: they cannot be had.
    """
    return read(name, HEAD - 1)


def read(name: str, most: int | None = None) -> bytes:
    """A file's bytes, asked for again where the store was busy.

    Args:
        name: its address.
        most: bytes that are wanted; where not given, what a volume may have. One more is read: it
            tells that there are more.

    Raises:
        ImageError: it is not there, may not be read, or the store does not answer.
    """
    store, path = _store(name)
    most = Limits().max_volume_bytes if most is None else most
    try:
        return _patiently(lambda: _beginning(store, path, most + 1))
    except Exception as error:
        if _status(error) == _NOTHING_THERE:
            return b""
        raise ImageError(name, _reason(error)) from None


def _patiently(ask: Callable[[], T]) -> T:
    """Ask a store again where it was busy; raises what it says in the end."""
    for wait in _WAITS:
        try:
            return ask()
        except Exception as error:  # each store has errors of its own
            status = _status(error)
            if isinstance(error, _FINAL) or (400 <= status < 500 and status not in _BUSY):
                raise
            time.sleep(wait)
    return ask()


def _beginning(store: Any, path: str, most: int) -> bytes:
    """A file's first bytes, `most` of them at most, whatever the store would like to send."""
    if not _is_web(path):
        data: bytes = store.cat_file(path, start=0, end=most)
        return data
    # A web server may answer with the whole file, so no more is taken from it than was asked for.
    # A size spares the request for it.
    span = {"Range": f"bytes=0-{most - 1}"}
    with store.open(path, block_size=0, size=most, headers=span) as file:
        return read_at_most(file, most)


def read_all(names: Iterable[str]) -> Iterator[bytes | ImageError]:
    """Files' bytes in their order, some fetched ahead of their turn; errors in their places."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for name, found in abreast(_begun, names, pool=pool, ahead=_AT_ONCE):
            if isinstance(found, bytes) and len(found) > _SMALL:
                yield _read(name, max_bytes_of(found, Limits()))
            else:
                yield found


def _begun(name: str) -> tuple[str, bytes | ImageError]:
    """A small file whole; of a large one enough to tell what it is."""
    return name, _read(name, _SMALL)


def _read(name: str, most: int) -> bytes | ImageError:
    try:
        return read(name, most)
    except ImageError as error:
        return error


def _store(address: str) -> tuple[Any, str]:
    """The store of an address, and the path on it."""
    what = f"{address}: reading from a store"
    fsspec = require("fsspec", extra="cloud", what=what)
    try:
        # No listings are kept: they would grow with the number of files.
        protocol = _protocol(address)
        store = fsspec.filesystem(protocol, use_listings_cache=False)
    except ImportError as error:
        raise MissingExtraError("cloud", what) from error
    # Schemes may be typed in capitals (RFC 3986 3.1), which the libraries take for a folder's name.
    return store, store._strip_protocol(protocol + address[len(protocol) :])


def _protocol(address: str) -> str:
    return address.partition("://")[0].lower()


def _matches(store: Any, address: str, root: str) -> Iterator[str | ImageError]:
    """Files that a pattern matches, sorted; a folder that it matches stands for what is below it,
    and whatever it matches there comes but once. Hidden ones must be asked for by their dot."""
    bare = root.rstrip("/")
    # What stands before the store's own path: most stores leave a slash at the end out of that.
    start = address.rstrip("/").removesuffix(bare)
    kinds = {
        tuple(path.rstrip("/").split("/")): entry["type"]
        for path, entry in store.glob(bare, detail=True).items()
    }
    asked = [part for part in bare.split("/") if part.startswith(".")]
    folder = ""
    for parts in sorted(kinds):
        path = "/".join(parts)
        hidden = (part for part in parts if part.startswith("."))
        if not all(any(fnmatchcase(part, one) for one in asked) for part in hidden):
            continue
        if folder and path.startswith(folder):
            continue
        if kinds[parts] == "directory":
            folder = f"{path}/"
            yield from _below(store, start + path, path)
        elif not address.endswith("/"):
            yield start + path


def _below(store: Any, address: str, folder: str) -> Iterator[str | ImageError]:
    """All files below a folder, sorted by the parts of their path; hidden ones are left out."""
    try:
        place = folder + "/" if _is_web(address) else folder
        entries = _patiently(lambda: store.ls(place, detail=True))
    except Exception as error:
        yield ImageError(address, _reason(error))
        return
    base = address.rstrip("/")
    found = sorted((str(entry["name"]).rstrip("/"), str(entry["type"])) for entry in entries)
    for path, kind in found:
        name = path.removeprefix(folder).strip("/")
        # Some stores list the folder itself; on the web a page may link to anywhere.
        if not path.startswith(f"{folder}/") or re.match(r"[.?#]|$", name) or "/" in name:
            continue
        if kind == "directory":
            yield from _below(store, f"{base}/{name}", f"{folder}/{name}")
        else:
            yield f"{base}/{name}"


def _is_web(address: str) -> bool:
    return address.lower().startswith(("http://", "https://"))


def _status(error: Exception) -> int:
    """The status of HTTP that a store answered with; 0 where none is told. S3's library raises an
    OSError, and leaves the answer with what caused it."""
    answer = getattr(error.__cause__, "response", None)
    told = answer.get("ResponseMetadata", {}) if isinstance(answer, dict) else {}
    return int(getattr(error, "status", 0) or told.get("HTTPStatusCode", 0))


def _reason(error: Exception) -> str:
    """Why a file could not be had, without what libraries say, which may hold credentials."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file on the store"
    if isinstance(error, PermissionError) or _status(error) in (401, 403):
        return "the store does not let this user read it"
    return f"the store does not give it ({type(error).__name__})"
