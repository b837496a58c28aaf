"""Where a data set is put together: in a folder beside the final one, whole or not there.

What was downloaded stays in that folder until all is done, so that a second try goes on from
there. Knows folders and counts, not where anything comes from.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from braintumor.catalog.fetch.download import Fetched
from braintumor.catalog.fetch.sources import Source
from braintumor.catalog.folder import FolderError, find
from braintumor.catalog.manifest import MANIFEST
from braintumor.errors import BraintumorError
from braintumor.files import alone, sha256_of, write_text
from braintumor.images.archive import entries, is_image
from braintumor.images.decode import ImageError, Limits
from braintumor.progress import track


@dataclass(frozen=True)
class Workplace:
    """The working folder of one data set.

    Attributes:
        downloads: files as they were fetched; kept until all is done.
        made: what becomes the final folder; empty at the start.
        scratch: for what is only passed through; empty at the start.
    """

    downloads: Path
    made: Path
    scratch: Path


@contextmanager
def working(out: Path) -> Iterator[Workplace]:
    """A workplace whose `made` becomes `out` when the block ends well.

    Raises:
        BraintumorError: `out` holds something, or somebody else is fetching into it.
    """
    out = out.absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BraintumorError(f"{out} holds something already: name a folder that is new or empty")
    folder = out.parent / f".{out.name}.fetching"
    folder.mkdir(parents=True, exist_ok=True)
    place = Workplace(folder / "downloads", folder / "made", folder / "scratch")
    busy = BraintumorError(f"Another process is fetching into {out}: wait for it")
    with alone(folder / "fetching", busy):
        for one in (place.made, place.scratch):
            shutil.rmtree(one, ignore_errors=True)
            one.mkdir()
        place.downloads.mkdir(exist_ok=True)
        yield place
        if out.exists():
            out.rmdir()  # it was empty
        place.made.rename(out)
    shutil.rmtree(folder, ignore_errors=True)


def unpack_images(archive: Path, name: str, folder: Path, limits: Limits | None = None) -> None:
    """Unpack the images of a ZIP archive, within the limits that hold for every archive.

    Args:
        archive: the file.
        name: what it is called in messages.
        folder: where they go; nothing lands outside it, whatever the archive names its files.

    Raises:
        ImageError: not a ZIP archive, damaged, or too large.
    """
    found = entries(archive, name=name, limits=limits or Limits(), wanted=is_image)
    for entry in track(found, total=None, what="Unpacking"):
        if isinstance(entry, ImageError):
            raise entry
        label, data = entry
        target = folder / label.removeprefix(f"{name}/")
        if not target.resolve().is_relative_to(folder.resolve()):
            raise ImageError(name, "a file in it would land outside its folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def adopt(root: Path, made: Path) -> None:
    """Copy the images in class folders below `root`, under the names that they have there.

    Args:
        root: split folders that hold class folders, or class folders; perhaps one folder deeper.
        made: where they go.

    Raises:
        FolderError: there are no class folders.
    """
    inner = [one for one in root.iterdir() if one.is_dir()]
    try:
        files = find(root).files
    except FolderError:
        if len(inner) != 1:
            raise
        adopt(inner[0], made)
        return
    for file in track(files, total=len(files), what="Copying"):
        target = made / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / file.path, target)


def counts_of(root: Path) -> dict[str, int]:
    """Images by "split/class", or by "class" where there are no splits."""
    return dict(Counter(f"{f.split}/{f.label}" if f.split else f.label for f in find(root).files))


def release_name(source: Source, counts: dict[str, int]) -> str:
    """Which release this is, as words for a sentence.

    Raises:
        BraintumorError: none that is known, and the source is strict about it.
    """
    release = source.release_of(counts)
    if release is not None:
        return release.name
    known = " nor ".join(one.name for one in source.releases)
    found = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    if source.strict:
        raise BraintumorError(
            f"What was fetched as {source.name} is not {known}, for it holds {found}: "
            "fetch it anew, without augmentation"
        )
    return f"neither {known}: {sum(counts.values())} images ({found})"


def write_manifest(
    made: Path, source: Source, origin: Sequence[Fetched], facts: dict[str, Any]
) -> dict[str, str]:
    """Write down what was fetched: each download's and each file's SHA-256, licence and citation.

    The next fetch can be held against it.

    Returns:
        SHA-256 of every file, by its path.
    """
    paths = sorted(path for path in made.rglob("*") if path.is_file())
    files = {
        path.relative_to(made).as_posix(): sha256_of(path)
        for path in track(paths, total=len(paths), what="Hashing")
    }
    manifest = {
        "name": source.name,
        "page": source.page,
        "licence": source.licence,
        "citation": source.citation,
        "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        **facts,
        "downloads": {
            one.path.name: {
                "url": one.url, "bytes": one.size, "sha256": one.sha256, "md5": one.md5,
            }
            for one in origin
        },
        "files": files,
    }  # fmt: skip
    write_text(made / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    return files


@dataclass(frozen=True)
class Earlier:
    """What an earlier fetch wrote down: of which data set, and SHA-256 of downloads and of files,
    by name."""

    source: str
    downloads: dict[str, str]
    files: dict[str, str]


def earlier(manifest: Path) -> Earlier:
    """Read the manifest of an earlier fetch.

    Raises:
        BraintumorError: no such file, or no manifest.
    """
    try:
        table = json.loads(manifest.read_text(encoding="utf-8"))
        downloads = {name: str(entry["sha256"]) for name, entry in table["downloads"].items()}
        files = {name: str(value) for name, value in table["files"].items()}
        return Earlier(str(table["name"]), downloads, files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BraintumorError(
            f"{manifest} is no manifest.json of an earlier fetch, or cannot be read"
        ) from error
