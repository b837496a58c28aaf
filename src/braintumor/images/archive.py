"""The files inside a ZIP archive, one at a time, in memory; nothing is written to the disk.

Names of entries are labels and never paths to open, so an archive cannot reach outside itself. An
entry's size is what it really unpacks to, whatever it claims. Knows archives; opens no image.
"""

from __future__ import annotations

import io
import stat
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO

from braintumor.files import read_at_most
from braintumor.images.decode import (
    IMAGE_SUFFIXES,
    VOLUME_SUFFIXES,
    ImageError,
    Limits,
    check_bytes,
    max_bytes_of,
)
from braintumor.images.sniff import HEAD, kind_of

_DAMAGED = "the ZIP archive is damaged: copy or download it again"
_BAD_ENTRY = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError),
    *(ValueError, OverflowError, NotImplementedError),
)
# What an entry may be: a file, or not said, as by archives of Windows.
_PLAIN = (0, stat.S_IFREG)
# The list of files is read at once; this much is 50,000 files with long names.
_LONGEST_READ = 32 * 2**20


def is_image(label: str, head: bytes) -> bool:
    """Whether an entry is an image by its name or its first bytes."""
    lower = label.lower()
    known = Path(lower).suffix in IMAGE_SUFFIXES or lower.endswith(VOLUME_SUFFIXES)
    return known or kind_of(head) in ("dicom", "nifti")


def labels(source: Path | bytes, *, name: str, limits: Limits) -> list[tuple[int, str]]:
    """Number and name of every image file in the archive, in the order of `entries`.

    The number is the file's among all those listed, and what `entries` knows it by.

    Raises:
        ImageError: no archive, damaged, or of more files than are accepted.
    """
    found: list[tuple[int, str]] = []
    total = 0
    with _opened(source, name) as archive:
        for number, (label, info) in enumerate(_files(archive, name, limits)):
            total += min(info.file_size, limits.max_volume_bytes)
            if total > limits.max_archive_bytes:
                found.append((number, label))  # reading it will say so, and nothing more is read
                break
            if is_image(label, b"") or _may_be_image(archive, info, label, limits):
                found.append((number, label))
    return found


def _may_be_image(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, label: str, limits: Limits
) -> bool:
    try:
        return is_image(label, _unpack(archive, info, label, limits, lambda *_: False))
    except (ImageError, *_BAD_ENTRY):
        return True  # reading it will say what is wrong


def entries(
    source: Path | bytes,
    *,
    name: str,
    limits: Limits,
    wanted: Callable[[str, bytes], bool] = is_image,
    span: range | None = None,
) -> Iterator[tuple[str, bytes] | ImageError]:
    """Name and bytes of every image file in the archive, sorted; errors in the place of bad ones.

    Hidden files and files that are not wanted are left out, as they are in folders.

    Args:
        source: the archive.
        name: what it is called; its files are called `name/path`.
        limits: how large it may be.
        wanted: whether a file is taken, told by its name and its first bytes.
        span: only files with these numbers (see `labels`); all where None.

    Raises:
        ImageError: at the first step: no archive, damaged, or of more files than are accepted.
    """
    total = 0
    with ExitStack() as stack:
        if span is None or isinstance(source, bytes):
            archive = stack.enter_context(_opened(source, name))
            files = _files(archive, name, limits)
        else:
            archive, files = _kept_open(source, name, limits)
        for number, (label, info) in enumerate(files[: span.stop if span is not None else None]):
            # zipfile unpacks no more of a file than the list says, nor does `_unpack` than accepted
            total += min(info.file_size, limits.max_volume_bytes)
            if total > limits.max_archive_bytes:
                gib = f"{limits.max_archive_bytes / 2**30:g} GiB"
                yield ImageError(name, f"it unpacks to more than {gib}: split it")
                return
            if span is not None and number not in span:
                continue
            try:
                data = _unpack(archive, info, label, limits, wanted)
            except ImageError as error:
                yield error
                continue
            except _BAD_ENTRY:
                yield ImageError(label, "it is damaged: make the ZIP archive anew")
                continue
            if wanted(label, data):
                yield label, data


def _kept_open(
    source: Path, name: str, limits: Limits
) -> tuple[zipfile.ZipFile, list[tuple[str, zipfile.ZipInfo]]]:
    """An archive that is read span by span, with its list: reading that anew for every span would
    take longer than the files."""
    stamp = source.stat()
    return _last_opened(source, stamp.st_mtime_ns, stamp.st_size, name, limits)


@lru_cache(maxsize=1)
def _last_opened(
    source: Path, modified: int, size: int, name: str, limits: Limits
) -> tuple[zipfile.ZipFile, list[tuple[str, zipfile.ZipInfo]]]:
    """The same; `modified` and `size` only make a replaced archive be opened anew."""
    file = source.open("rb")
    try:
        archive = _zip(file, name)
        files = _files(archive, name, limits)
    except BaseException:
        file.close()
        raise
    # Closed when another archive is opened, and nobody reads this one any more.
    weakref.finalize(archive, file.close)
    return archive, files


@contextmanager
def _opened(source: Path | bytes, name: str) -> Iterator[zipfile.ZipFile]:
    plain = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    with plain as file, _zip(file, name) as archive:
        yield archive


def _zip(file: IO[bytes], name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(_Guarded(file))
    except (ImageError, MemoryError):
        raise
    except Exception:  # a damaged archive can make zipfile raise anything
        raise ImageError(name, _DAMAGED) from None


class _Guarded:
    """A file that refuses to be read in pieces of absurd size, as a forged list of files asks."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, count: int = -1) -> bytes:
        if count > _LONGEST_READ:
            raise zipfile.BadZipFile
        return self._file.read(count)

    def seekable(self) -> bool:
        return True


def _files(
    archive: zipfile.ZipFile, name: str, limits: Limits
) -> list[tuple[str, zipfile.ZipInfo]]:
    """Labels and entries of all plain, visible files, sorted by the parts of their path."""
    infos = archive.infolist()
    if len(infos) > limits.max_entries:
        raise ImageError(
            name,
            f"the ZIP archive holds {len(infos)} files, and at most {limits.max_entries} are "
            "accepted: split it",
        )
    found = []
    for info in infos:
        below = info.filename.replace("\\", "/")
        parts = tuple(one for one in PurePosixPath(below).parts if one not in ("/", "..", "."))
        # Not `is_dir`, which trips over an empty name.
        plain = not below.endswith("/") and stat.S_IFMT(info.external_attr >> 16) in _PLAIN
        if plain and parts and not any(p.startswith(".") or p == "__MACOSX" for p in parts):
            found.append((parts, info))
    found.sort(key=lambda one: one[0])
    return [("/".join((name, *parts)), info) for parts, info in found]


def _unpack(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    label: str,
    limits: Limits,
    wanted: Callable[[str, bytes], bool],
) -> bytes:
    if info.flag_bits & 0x1:
        raise ImageError(label, "it is encrypted: make a ZIP archive without a password")
    # The other methods set aside as much memory as the file likes.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ImageError(label, "it is packed in an unusual way: make the ZIP archive anew")
    with archive.open(info) as file:
        data = file.read(HEAD)
        if kind_of(data) == "zip":
            raise ImageError(label, "it is a ZIP archive inside another: unpack it first")
        if not wanted(label, data):
            return data
        most = max_bytes_of(data, limits)
        data += read_at_most(file, most + 1 - len(data))
    check_bytes(len(data), label, most)
    return data
