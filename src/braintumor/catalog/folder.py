"""A folder of images on the disk -> the files in it, with split and class, and what each one is.

`find` walks the folder in the very order of `keras.utils.image_dataset_from_directory` (with
`shuffle=False`): links to folders are not followed below the class folders, so that loops do no
harm. `inspect` then decodes every file once and says which ones are of use.

What it does not know: how rows become a catalogue, which split an image without one gets, models.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from braintumor.catalog.memo import Facts, Memo
from braintumor.classes import (
    CLASSES,
    PHANTOM_MARK,
    SPLITS,
    class_from_name,
    split_from_name,
)
from braintumor.errors import BraintumorError
from braintumor.files import sha256_bytes
from braintumor.images.decode import (
    IMAGE_SUFFIXES,
    ImageError,
    Limits,
    check_size,
    printable,
    read_bytes,
    read_slice,
)
from braintumor.processor import cores
from braintumor.progress import track

# What braintumor itself puts beside the class folders.
OWN_FILES = frozenset({PHANTOM_MARK, "manifest.json", "patients.csv"})
_LAYOUT = "train/CLASS/*.jpg, valid/CLASS/*.jpg and test/CLASS/*.jpg, or CLASS/*.jpg alone"
_NOT_IMAGE = "it is no image by its name"
_EMPTY = "the class folder has no images"
_SHOWN = 3  # names in one warning


class FolderError(BraintumorError):
    """A folder that is no data set, or holds nothing sensible."""


@dataclass(frozen=True)
class Found:
    """One file that looks like an image by its name.

    Attributes:
        path: relative to the data set's root, with "/" on every system.
        label: its class.
        split: `train`, `valid` or `test`; None where the folder has no split folders.
    """

    path: str
    label: str
    split: str | None


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is not in the catalogue, and why.

    Attributes:
        path: relative to the data set's root; a folder's ends in "/".
        reason: a clause without a full stop.
        kind: "unreadable" (an image by its name), "not_image", "unknown_folder", "empty_class",
            "stray" (an image outside every class folder), "link" or "name" (not valid UTF-8).
    """

    path: str
    reason: str
    kind: str = "unreadable"


def told(left_out: Iterable[LeftOut]) -> list[str]:
    """One sentence for each reason, with the number and the first few names."""
    by_reason: dict[str, list[str]] = {}
    for item in left_out:
        by_reason.setdefault(item.reason, []).append(item.path)
    sentences = []
    for reason, paths in by_reason.items():
        names = ", ".join(map(printable, paths[:_SHOWN]))
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        sentences.append(f"Left out ({len(paths)}): {names}{more}: {reason}.")
    return sentences


@dataclass
class Findings:
    """What the walk through a folder brought.

    Attributes:
        files: in catalogue order: by split, then class, then path as Keras sorts them.
        left_out: files and folders that cannot be images of a class.
        has_splits: whether there are split folders.
    """

    files: list[Found] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    has_splits: bool = False


def find(root: Path) -> Findings:
    """List a data set's files, without opening them.

    Args:
        root: a folder with split folders that hold class folders, or with class folders.

    Raises:
        FolderError: not a folder, no class folder in it, or split folders without train.
    """
    names = _subfolders(root)
    findings = Findings()
    splits = {name: split for name in names if (split := split_from_name(name))}
    if not splits:
        found = _classes_in(root, "", None, names, findings)
        if not found:
            raise FolderError(_no_class_folder(root, names))
        return findings
    if "train" not in splits.values():
        have = ", ".join(sorted(splits))
        raise FolderError(
            f"{root} has the split folders {have} but no train folder: add one, or pass a folder "
            "with class folders alone to have it split by braintumor"
        )
    findings.has_splits = True
    for name in sorted(splits, key=lambda name: (SPLITS.index(splits[name]), name)):
        inner = _subfolders(root / name)
        _classes_in(root, f"{name}/", splits[name], inner, findings)
    for name in names:
        if name not in splits:
            findings.left_out.append(_unknown_folder(root, f"{name}/", "split"))
    _strays(root, "", findings)
    return findings


def inspect(
    root: Path, files: Sequence[Found], *, limits: Limits | None = None
) -> list[Facts | LeftOut]:
    """Decode every file to its end, those apart whose bytes were seen before; shows a bar.

    Returns:
        In the order given: facts, or the reason why the file is of no use.
    """
    limits = limits or Limits()
    memo = Memo()

    def one(found: Found) -> Facts | LeftOut:
        try:
            return _facts(root / found.path, found.path, limits, memo)
        except ImageError as error:
            return LeftOut(found.path, error.reason)

    # Threads: Pillow lets go of the interpreter while it decodes.
    pool = ThreadPoolExecutor(max_workers=workers())
    try:
        results = pool.map(one, files)
        seen = list(track(results, total=len(files), what="Reading images"))
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C need not wait for the whole folder
    memo.add([facts for facts in seen if isinstance(facts, Facts)])
    return seen


def _facts(path: Path, name: str, limits: Limits, memo: Memo) -> Facts:
    data = read_bytes(path, name=name, limits=limits)
    if known := memo.get(sha256_bytes(data)):
        check_size(known.height, known.width, name=name, limits=limits)
        return known
    slice_ = read_slice(data, name=name, limits=limits, colours=True)
    return Facts(
        sha256=slice_.sha256,
        width=slice_.size[1],
        height=slice_.size[0],
        mode=slice_.mode,
        format=slice_.format,
        blank=bool(slice_.pixels.min() == slice_.pixels.max()),
        coloured=slice_.coloured,
    )


def workers() -> int:
    """How many images to decode at once: the processor's cores, four at most, for memory."""
    return min(4, cores())


def require_some(
    root: Path, usable: Sequence[Found], left_out: Sequence[LeftOut], has_splits: bool, least: int
) -> None:
    """Refuse a folder in which there is nothing to train on.

    Args:
        root: of the data set.
        usable: the files that can be read.
        left_out: what cannot be used, and why.
        has_splits: whether there are split folders.
        least: classes that are needed in train.

    Raises:
        FolderError: no readable image there, or of too few classes.
    """
    train = [found for found in usable if found.split in (None, "train")]
    where = "its train folder" if has_splits else "it"
    unreadable = sum(item.kind == "unreadable" for item in left_out)
    strange = told(item for item in left_out if item.kind == "unknown_folder")
    # Misspelt, a class folder is the likely reason, and its name the remedy.
    hint = f". {' '.join(strange)} Classes are {', '.join(CLASSES)}." if strange else ""
    if not train:
        why = f" ({unreadable} could not be read)" if unreadable else ""
        raise FolderError(f"{root} cannot be used: {where} holds no readable image{why}{hint}")
    classes = sorted({found.label for found in train})
    if len(classes) < least:
        raise FolderError(
            f"{root} cannot be used: {where} holds images of one class only ({classes[0]}), "
            f"and at least {least} are needed{hint}"
        )


def way(start: Path, root: Path) -> str:
    """The way from one folder to another, with "/" on every system; absolute between drives.

    Raises:
        FolderError: it cannot be written into a table, for a name in it is no UTF-8.
    """
    try:
        found = PurePath(os.path.relpath(root.resolve(), start.resolve())).as_posix()
    except ValueError:
        found = root.resolve().as_posix()
    if not _encodable(found):
        raise FolderError(
            f"the way to {_shown(found)} cannot be written into a table, for it is not valid "
            "UTF-8: rename the folder"
        )
    return found


def _subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted; links to folders count, as in Keras."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if _is_folder(entry))
    except FileNotFoundError:
        raise FolderError(f"There is no folder {folder}: check the path") from None
    except NotADirectoryError:
        raise FolderError(
            f"{folder} is a file: pass the folder that holds the class folders"
        ) from None
    except OSError as error:
        raise FolderError(
            f"{folder} cannot be read: {(error.strerror or 'error').lower()}"
        ) from None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """A link that leads to itself, or to a share that is gone, must not cost its neighbours."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _classes_in(
    root: Path, prefix: str, split: str | None, names: list[str], findings: Findings
) -> bool:
    """List the class folders among `names` of the folder `root/prefix`; False if there is none."""
    known = {name: label for name in names if (label := class_from_name(name))}
    for name in sorted(known, key=lambda name: (CLASSES.index(known[name]), name)):
        before = len(findings.files)
        for path in _walk(root, prefix + name, findings):
            if not _encodable(path):
                findings.left_out.append(
                    LeftOut(_shown(path), "its name is not valid UTF-8: rename it", "name")
                )
            elif _image_by_name(root / path):
                findings.files.append(Found(path, known[name], split))
            else:
                findings.left_out.append(LeftOut(path, _NOT_IMAGE, "not_image"))
        if len(findings.files) == before:
            findings.left_out.append(LeftOut(f"{prefix}{name}/", _EMPTY, "empty_class"))
    if known or prefix:
        for name in names:
            if name not in known:
                findings.left_out.append(_unknown_folder(root, f"{prefix}{name}/", "class"))
        _strays(root, prefix, findings)
    return bool(known)


def _walk(root: Path, start: str, findings: Findings) -> Iterator[str]:
    """Paths of all files below a class folder, in Keras's order, relative to the root.

    Keras sorts folders as whole strings (so "a-b" comes before "a/c"), then files by name.
    """
    walked = sorted(os.walk(root / start), key=lambda step: step[0])
    for folder, inner, files in walked:
        relative = Path(folder).relative_to(root).as_posix()
        for name in sorted(inner):
            if os.path.islink(os.path.join(folder, name)):  # noqa: PTH114, PTH118 (names, not paths)
                reason = "links to folders are not followed here"
                findings.left_out.append(LeftOut(_shown(f"{relative}/{name}/"), reason, "link"))
        for name in sorted(files):
            yield f"{relative}/{name}"


def _image_by_name(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        return True
    # DICOM files often have no suffix, or a number of their UID looks like one.
    if suffix and not suffix[1:].isdigit():
        return False
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _encodable(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _unknown_folder(root: Path, path: str, kind: str) -> LeftOut:
    count = sum(len(files) for _, _, files in os.walk(root / path))
    files = "1 file" if count == 1 else f"{count} files"
    reason = f"the folder's name is no {kind} that is known; it holds {files}"
    return LeftOut(_shown(path), reason, "unknown_folder")


def _shown(path: str) -> str:
    """The path as text that every table and terminal can hold."""
    return path.encode("utf-8", "backslashreplace").decode()


def _strays(root: Path, prefix: str, findings: Findings) -> None:
    """Files beside the class or split folders."""
    for entry in sorted(os.scandir(root / prefix), key=lambda entry: entry.name):
        if _is_folder(entry) or (not prefix and entry.name in OWN_FILES):
            continue
        image = Path(entry.name).suffix.lower() in IMAGE_SUFFIXES
        reason = "it lies outside every class folder" if image else _NOT_IMAGE
        kind = "stray" if image else "not_image"
        findings.left_out.append(LeftOut(_shown(f"{prefix}{entry.name}"), reason, kind))


def _no_class_folder(root: Path, names: list[str]) -> str:
    """One sentence, with a better folder where one lies just below."""
    for name in names:
        try:
            inner = _subfolders(root / name)
        except FolderError:
            continue
        if any(class_from_name(n) or split_from_name(n) for n in inner):
            return f"{root} has no class folders, but its folder {name} has: pass {root / name}"
    if class_from_name(root.name):
        return f"{root} is one class folder: pass the folder above it, {root.resolve().parent}"
    return (
        f"{root} has no folder named after a class ({', '.join(CLASSES)}): "
        f"arrange the images as {_LAYOUT}"
    )
