"""What lies below a folder, and what of it a pattern matches: sorted, found while it is asked for.

Of a folder, however much lies in it, no more than one subfolder's names are held, and folders may
lie in each other as deep as the system lets them. One that lies in another by a link is not
followed: a link would give its files twice, and two could lead round for ever. Hidden files and
folders are not looked at, unless a part of a pattern begins with the dot too. Knows names; opens no
file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from fnmatch import fnmatch
from glob import has_magic
from itertools import chain, takewhile

from braintumor.files import no_formula
from braintumor.images.decode import ImageError

_ANY_FOLDERS = "**"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is wanted below a folder, by the names that lead there.

    How far a path has come is told by places: numbers of the parts that its next name may fit, of
    which `**` makes several, or `end`, where all that comes below is wanted.

    Attributes:
        parts: of a pattern, none of them empty and the last one not `**`.
        folders: whether the last part is meant for folders alone.
    """

    parts: tuple[str, ...] = ()
    folders: bool = False

    @property
    def end(self) -> int:
        return len(self.parts)

    def inside(self, places: Set[int]) -> Set[int]:
        """Where the content of a folder stands: beyond each `**` too, which may be no folder."""
        found = set(places)
        for place, part in enumerate(self.parts):
            if place in found and part == _ANY_FOLDERS:
                found.add(place + 1)
        return found

    def after(self, places: Set[int], name: str) -> Set[int]:
        """Where a file or folder of this name stands in a folder; nowhere if it is not wanted."""
        found = set()
        for place in places:
            if place == self.end or self.parts[place] == _ANY_FOLDERS:
                if not name.startswith("."):
                    found.add(place)
            elif _fits(name, self.parts[place]):
                found.add(place + 1)
        return found

    def is_file_wanted(self, folder: Set[int], file: Set[int]) -> bool:
        """Whether a file is, by where its folder and itself stand."""
        return self.end in (folder & file if self.folders else file)

    def plain(self, places: Set[int]) -> Set[str]:
        """Names that are wanted just so: they can be looked up."""
        parts = (self.parts[place] for place in places if place < self.end)
        return {part for part in parts if not has_magic(part)}


# A path, and where it stands if it is that of a folder.
_Found = tuple[str, Set[int] | None]


def below(folder: str) -> Iterator[str | ImageError]:
    """All files below a folder, sorted by the parts of their path, "/" between them.

    What cannot be listed is in its place, as the error that says so.
    """
    return _walk(folder, _Wanted())


def matches(pattern: str) -> Iterator[str | ImageError]:
    """Files that a pattern matches, in the order and with the errors of `below`.

    A folder that it matches stands for what is below it. What comes before the first part with a
    magic sign names a folder, which may be a link.
    """
    drive, path = os.path.splitdrive(pattern)
    parts = path.replace(os.sep, "/").split("/")
    fixed = list(takewhile(lambda part: not has_magic(part), parts))
    folder = drive + path[: sum(len(part) + 1 for part in fixed)]
    parts = parts[len(fixed) :]
    folders = parts[-1:] in ([""], [_ANY_FOLDERS])
    parts = [part for part in parts if part]
    while parts[-1:] == [_ANY_FOLDERS]:  # all below what the others match is wanted anyway
        parts.pop()
    if os.path.isdir(folder or os.curdir):  # noqa: PTH112 - pathlib's raises where nobody may look
        yield from _walk(folder, _Wanted(tuple(parts), folders))


def or_itself(name: str, found: Iterator[str | ImageError]) -> Iterator[str | ImageError]:
    """What a pattern matches; of nothing the pattern, whose row says that there is no such file."""
    first = next(found, None)
    yield from [name] if first is None else chain([first], found)


def _walk(folder: str, wanted: _Wanted) -> Iterator[str | ImageError]:
    # The folders that one is in, each with what is still to come of it.
    begin: _Found = (folder, wanted.inside({0}))
    inside = [iter([begin])]
    while inside:
        path, places = next(inside[-1], (None, None))
        if path is None:
            inside.pop()
        elif places is None:
            yield path
        else:
            try:
                inside.append(_content(path, places, wanted))
            except OSError as error:
                if wanted.end in places:
                    reason = (error.strerror or str(error)).lower()
                    yield ImageError(path, f"it cannot be listed: {reason}")


def _content(folder: str, places: Set[int], wanted: _Wanted) -> Iterator[_Found]:
    """What lies in a folder and is wanted, or leads to what is, sorted."""
    plain = wanted.plain(places)
    kinds: dict[str, tuple[bool, bool]] = {}
    if len(plain) < len(places):
        with os.scandir(folder or os.curdir) as found:
            kinds = {one.name: _kind(one) for one in found if wanted.after(places, one.name)}
    for name in plain - kinds.keys():
        path = _join(folder, name)
        if os.path.lexists(path):
            kinds[name] = os.path.isdir(path), os.path.islink(path)  # noqa: PTH112, PTH114 - the same
    return _sorted(folder, places, wanted, kinds)


def _sorted(
    folder: str, places: Set[int], wanted: _Wanted, kinds: Mapping[str, tuple[bool, bool]]
) -> Iterator[_Found]:
    for name in sorted(kinds):
        is_folder, is_link = kinds[name]
        found = wanted.after(places, name)
        if is_folder and not is_link:
            yield _join(folder, name), wanted.inside(found)
        elif not is_folder and wanted.is_file_wanted(places, found):
            yield _join(folder, name), None


def _kind(entry: os.DirEntry[str]) -> tuple[bool, bool]:
    """Whether it is a folder, and whether a link; one that nobody can look up is neither, and what
    reads it as a file says why it cannot.

    A link that leads to itself, or to a share that is gone, must not cost its neighbours.
    """
    try:
        return entry.is_dir(), entry.is_symlink()
    except OSError:
        return False, False


def _fits(name: str, part: str) -> bool:
    if not has_magic(part):
        return name == part
    return (part.startswith(".") or not name.startswith(".")) and fnmatch(name, part)


def _join(folder: str, name: str) -> str:
    if not folder:
        return no_formula(name)
    return f"{folder}{name}" if folder.endswith(("/", os.sep)) else f"{folder}/{name}"
