"""What a user names -> the image files that are meant, one after the other, in a fixed order.

Files, folders, patterns, lists of paths, ZIP archives, and all of these on remote stores. They are
found while they are asked for: of a folder with millions of files, no more than one subfolder's
names are held. Names stay as they were typed, joined with the path below them, for they become the
`path` column; a spreadsheet that opens it is not to find formulas there, so a file `=x.png` is
called `./=x.png` wherever its name comes from. Knows file names and a file's first bytes; opens no
image.
"""

from __future__ import annotations

import codecs
import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from braintumor.errors import BraintumorError
from braintumor.files import no_formula
from braintumor.images.decode import IMAGE_SUFFIXES, VOLUME_SUFFIXES, ImageError, Limits
from braintumor.images.sniff import HEAD, looks_like_dicom
from braintumor.scoring import remote
from braintumor.scoring.folders import below, matches, or_itself

LIST_SUFFIXES = (".txt", ".lst", ".list")
# So many lines of a list may name nothing before it is taken for another text.
_TRIED = 100
# With these a text in UTF-16 begins, and no picture.
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file inside a ZIP archive.

    Attributes:
        archive: the archive's name, as typed.
        number: of the file in it (see `images.archive.labels`).
        name: what it is called, `archive/path`.
    """

    archive: str
    number: int
    name: str


# A file by its name, one inside an archive, or what cannot be read and why.
Item = str | Entry | ImageError


class Inputs:
    """The image files that are meant: to be gone through as often as one likes.

    Attributes:
        skipped: how many files in folders and patterns were no images, as far as one has gone.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        """Take what a user named; nothing is looked at yet.

        Args:
            arguments: files, folders (with all below them), patterns such as `*.png`, text files
                with one of these a line, ZIP archives, addresses of stores (see `remote`).
        """
        self._arguments = tuple(arguments)
        self.skipped = 0

    def __iter__(self) -> Iterator[Item]:
        """Find the files: those of the arguments in their order, of a folder or pattern sorted.

        A file that is named itself is always taken, whatever it is and even if it does not exist:
        its row will say what is wrong. In folders and patterns, files that are no images by their
        suffix (DICOM: by their first bytes too), and archives here that hold none, are skipped and
        counted; hidden ones are not looked at, and no link to a folder that lies in a folder is
        followed (see `folders`).

        Raises:
            BraintumorError: at the end, if there was not a single image.
        """
        self.skipped = 0
        empty = True
        for argument in self._arguments:
            for item in self._meant(argument):
                empty = False
                yield item
        if empty:
            raise BraintumorError(
                f"{', '.join(self._arguments)} holds no image ({self.skipped} other files): name "
                f"files or folders with PNG, JPEG, BMP, WebP, TIFF, GIF, DICOM or NIfTI images, "
                f"or ZIP archives of them"
            )

    def _meant(self, argument: str, *, listed: bool = False) -> Iterator[Item]:
        """What one argument stands for; `listed` where it is a line of a list."""
        if remote.is_remote(argument):
            yield from self._taken(argument, remote.find(argument))
            return
        argument = no_formula(argument)
        if os.path.isdir(argument):  # noqa: PTH112 - pathlib's raises where a name is too long
            yield from self._chosen(below(argument))
        elif _is_pattern(argument):
            yield from self._taken(argument, or_itself(argument, matches(argument)))
        elif not listed and argument.lower().endswith(LIST_SUFFIXES) and _is_text(argument):
            yield from self._listed(argument)
        else:
            yield from _held(argument) or [argument]

    def _taken(self, argument: str, found: Iterator[str | ImageError]) -> Iterator[Item]:
        """What was found; what is named itself is taken, whatever it is."""
        for one in found:
            yield from [one] if one == argument else self._chosen(iter([one]))

    def _chosen(self, found: Iterator[str | ImageError]) -> Iterator[Item]:
        for one in found:
            if isinstance(one, ImageError):
                yield one
                continue
            items = _held(one) if _is_image(one) else ()
            yield from items
            self.skipped += not items

    def _listed(self, name: str) -> Iterator[Item]:
        if not any(map(_is_there, islice(_lines(name), _TRIED))):
            yield ImageError(
                name,
                "it is no image, and as a list of paths its first lines name no file: "
                "paths begin at the folder that the command is run in",
            )
            return
        for line in _lines(name):
            yield from self._meant(line, listed=True)


def name_of(item: Item) -> str:
    """What an item is called in the table."""
    return item if isinstance(item, str) else item.name


def _held(name: str) -> Sequence[Item]:
    """A file itself; of an archive, the images in it, of which there may be none."""
    if not name.lower().endswith(".zip") or remote.is_remote(name):
        return [name]
    from braintumor.images import archive

    path = Path(name)
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            return [name]
        found = archive.labels(path, name=name, limits=Limits())
    except (ImageError, OSError, MemoryError):  # its row will say what is wrong
        return [name]
    return [Entry(name, number, label) for number, label in found]


def _is_pattern(name: str) -> bool:
    """Whether a name that names nothing is a pattern; one with a NUL byte names nothing at all."""
    return glob.has_magic(name) and "\0" not in name and not os.path.lexists(name)


def _lines(name: str) -> Iterator[str]:
    """The lines of a list that are not blank; in UTF-8, bytes that are no text stay what they are.

    Windows PowerShell 5.1 writes lists in UTF-16.
    """
    with Path(name).open("rb") as file:
        utf_16 = file.read(2) in _UTF_16
    encoding, errors = ("utf-16", "replace") if utf_16 else ("utf-8-sig", "surrogateescape")
    with Path(name).open(encoding=encoding, errors=errors) as text:
        for line in text:
            if line.strip():
                yield line.rstrip("\r\n")


def _is_text(name: str) -> bool:
    try:
        path = Path(name)
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    return head.startswith(_UTF_16) or b"\0" not in head


def _is_there(name: str) -> bool:
    if remote.is_remote(name):
        return True
    return os.path.lexists(name) or (_is_pattern(name) and any(matches(name)))


def _is_image(name: str) -> bool:
    path = Path(name)
    if path.suffix.lower() in IMAGE_SUFFIXES or name.lower().endswith((*VOLUME_SUFFIXES, ".zip")):
        return True
    try:  # scanners often name DICOM files by a number alone
        if remote.is_remote(name):
            return looks_like_dicom(remote.begins_with(name))
        if not path.is_file():  # opening a pipe would wait for ever
            return False
        with path.open("rb") as file:
            return looks_like_dicom(file.read(HEAD))
    except (OSError, ImageError):
        return True  # left out, nobody would hear of it: its row says why it cannot be read
