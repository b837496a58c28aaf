"""What a user names on the command line -> the image files that are meant, in a fixed order.

Files, folders and patterns; volumes and ZIP archives are files like others. Names stay as they
were typed, joined with the path below them, for they become the `path` column. Knows file names
and a file's first bytes; opens no image.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from braintumor.errors import BraintumorError
from braintumor.images.decode import IMAGE_SUFFIXES, VOLUME_SUFFIXES
from braintumor.images.sniff import HEAD, looks_like_dicom


@dataclass(frozen=True)
class Inputs:
    """The image files that are meant.

    Attributes:
        names: paths as typed, joined with the path below; in the order of the arguments, those
            of a folder or pattern sorted.
        skipped: how many files in folders and patterns are no images.
    """

    names: tuple[str, ...]
    skipped: int


def find_inputs(arguments: Sequence[str]) -> Inputs:
    """Find the files of files, folders (with all below them) and patterns such as `*.png`.

    A file that is named itself is always taken, whatever it is and even if it does not exist:
    its row will say what is wrong. In folders and patterns, files that are no images by their
    suffix (DICOM: by their first bytes too) are skipped and counted; hidden ones are not looked
    at. Where a folder holds a folder by a link, it is not followed.

    Raises:
        BraintumorError: a folder that cannot be listed, or not a single image.
    """
    names: list[str] = []
    skipped = 0
    for argument in arguments:
        if Path(argument).is_dir():
            found = [_join(argument, below) for below in _below(argument)]
        elif not os.path.lexists(argument) and glob.has_magic(argument):
            found = _matches(argument)
            if not found:  # its row will say that there is no such file
                names.append(argument)
        else:
            names.append(argument)
            continue
        images = [name for name in found if _is_image(name)]
        names += images
        skipped += len(found) - len(images)
    if not names:
        raise BraintumorError(
            f"{', '.join(arguments)} holds no image ({skipped} other files): name files or folders "
            f"with PNG, JPEG, BMP, WebP, TIFF, GIF, DICOM or NIfTI images, or ZIP archives of them"
        )
    return Inputs(tuple(names), skipped)


def _below(folder: str) -> list[str]:
    """All files below a folder, sorted by the parts of their path, "/" between them."""
    files: list[tuple[str, ...]] = []

    def complain(error: OSError) -> None:
        raise BraintumorError(
            f"{error.filename} cannot be listed ({error.strerror}): check who may read it"
        ) from error

    for where, folders, names in os.walk(folder, onerror=complain):
        folders[:] = [name for name in folders if not name.startswith(".")]
        parts = Path(where).relative_to(folder).parts
        files += [(*parts, name) for name in names if not name.startswith(".")]
    return ["/".join(parts) for parts in sorted(files)]


def _matches(pattern: str) -> list[str]:
    """Files that a pattern matches; a folder that it matches stands for what is below it."""
    found: set[str] = set()
    for name in glob.glob(pattern, recursive=True):  # noqa: PTH207 - pathlib knows no absolute ones
        if Path(name).is_dir():
            found.update(_join(name, below) for below in _below(name))
        else:
            found.add(name)
    return sorted(found, key=lambda name: Path(name).parts)


def _join(folder: str, below: str) -> str:
    ends = folder.endswith(("/", os.sep))
    return f"{folder}{below}" if ends else f"{folder}/{below}"


def _is_image(name: str) -> bool:
    path = Path(name)
    if path.suffix.lower() in IMAGE_SUFFIXES or name.lower().endswith((*VOLUME_SUFFIXES, ".zip")):
        return True
    try:  # scanners often name DICOM files by a number alone
        if not path.is_file():  # opening a pipe would wait for ever
            return False
        with path.open("rb") as file:
            return looks_like_dicom(file.read(HEAD))
    except OSError:
        return False
