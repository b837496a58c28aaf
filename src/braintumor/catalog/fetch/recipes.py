"""Fetches a data set of the table: downloads, verifies, lays out, puts it in place when whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from braintumor.catalog.fetch.download import Expected, Fetched, Patience, download, named
from braintumor.catalog.fetch.figshare import fetch_article, lay_out
from braintumor.catalog.fetch.kaggle import fetch_kaggle
from braintumor.catalog.fetch.place import (
    Earlier,
    Workplace,
    adopt,
    counts_of,
    earlier,
    release_name,
    unpack_images,
    working,
    write_manifest,
)
from braintumor.catalog.fetch.sources import Source
from braintumor.catalog.manifest import MANIFEST
from braintumor.errors import BraintumorError
from braintumor.files import sha256_bytes

URL_VARIABLE = "BRAINTUMOR_LABELED_MRI_URL"


@dataclass(frozen=True)
class Fetch:
    """What to fetch, and how.

    Attributes:
        source: the data set.
        out: the folder that it becomes.
        url: of an export that the user has made; only for sources of the kind "zip".
        archive: the same, downloaded already.
        same_as: manifest.json of an earlier fetch: what differs from it is refused.
        patience: with servers.
    """

    source: Source
    out: Path
    url: str = ""
    archive: Path | None = None
    same_as: Path | None = None
    patience: Patience = field(default_factory=Patience)


def fetch(wish: Fetch) -> dict[str, Any]:
    """Fetch a data set.

    Returns:
        name, out, release, images, counts, and manifest: as  braintumor data fetch --json  prints.

    Raises:
        BraintumorError: it cannot be had, or is not what it should be; nothing stands under the
            final name then.
    """
    source = wish.source
    before = _before(source, wish.same_as) if wish.same_as else None
    seen = before.downloads if before else {}
    with working(wish.out) as place, _refused_is_thrown_away(wish, place):
        facts: dict[str, Any] = {}
        if source.kind == "kaggle":
            origin: list[Fetched] = []
            folder, facts["kaggle_version"] = fetch_kaggle(source.handle, place.downloads)
            adopt(folder, place.made)
        elif source.kind == "figshare":
            origin = fetch_article(source, place.downloads, seen, wish.patience)
            facts["patients"] = lay_out([one.path for one in origin], place.made)
            _check_patients(source, facts["patients"])
        else:
            origin = [_export(wish, place, seen)]
            unpack_images(origin[0].path, str(wish.archive or "the archive"), place.scratch)
            adopt(place.scratch, place.made)
        counts = counts_of(place.made)
        facts |= {"release": release_name(source, counts), "counts": counts}
        files = write_manifest(place.made, source, origin, facts)
        # Of figshare the downloads have been held against it; what is made of them is encoded here,
        # and not by every version of Pillow in the same bytes.
        if before and source.kind != "figshare" and files != before.files:
            raise BraintumorError(
                f"What was fetched as {source.name} is not what {wish.same_as} was written of: "
                "leave out --same-as to have it all the same"
            )
    return {
        "name": source.name,
        "out": str(wish.out),
        "images": sum(counts.values()),
        "manifest": str(wish.out / MANIFEST),
        **facts,
    }


def _before(source: Source, manifest: Path) -> Earlier:
    """What an earlier fetch of the same data set wrote down, with every download in it.

    Raises:
        BraintumorError: it is of another data set, or does not know a download, which then could
            not be held against anything.
    """
    before = earlier(manifest)
    unknown = [name for name in source.files if name not in before.downloads]
    if before.source != source.name:
        why = f"is of {before.source}"
    elif unknown or (source.kind == "zip" and len(before.downloads) != 1):
        why = f"does not know {', '.join(unknown) or 'the export'}"
    else:
        return before
    raise BraintumorError(
        f"{manifest} {why}: name the manifest.json of an earlier fetch of {source.name}"
    )


def _check_patients(source: Source, patients: int) -> None:
    if source.patients and patients != source.patients:
        raise BraintumorError(
            f"What was fetched as {source.name} is of {patients} patients, not of "
            f"{source.patients}: look at {source.page} for what has changed"
        )


def _export(wish: Fetch, place: Workplace, seen: dict[str, str]) -> Fetched:
    """The user's export, from the disk or the address that was given."""
    # There is one download, which an earlier fetch may know by the name of the user's own file.
    expected = Expected(sha256=next(iter(seen.values()), ""))
    if wish.archive is not None:
        return _own(wish.archive, expected.sha256)
    if not wish.url:
        raise BraintumorError(
            f"{wish.source.name} is exported by yourself: make a ZIP export of the class folders "
            f"at {wish.source.page} and give its link with --url (or in {URL_VARIABLE}), or the "
            "downloaded file with --from"
        )
    return download(wish.url, _place_of_export(wish, place), expected, wish.patience)


def _place_of_export(wish: Fetch, place: Workplace) -> Path:
    """Where an export from an address is put: beside, and not over, what another one gave.

    The query makes no other address, because links are signed anew with every visit.
    """
    address = hashlib.sha256(named(wish.url).encode()).hexdigest()[:16]
    return place.downloads / address / f"{wish.source.name}.zip"


@contextmanager
def _refused_is_thrown_away(wish: Fetch, place: Workplace) -> Iterator[None]:
    """A download that turns out to be something else is fetched anew the next time.

    It may be a page that asks for a login, or another export under the same address. What was
    fetched from figshare has been held against its hash, and what is the user's own stays.
    """
    try:
        yield
    except BraintumorError:
        if wish.source.kind == "zip" and wish.archive is None:
            _place_of_export(wish, place).unlink(missing_ok=True)
        raise


def _own(archive: Path, sha256: str) -> Fetched:
    """The user's own file, which is read and never touched."""
    data = archive.read_bytes()
    found = sha256_bytes(data)
    if sha256 and found != sha256:
        raise BraintumorError(f"{archive} is not the file that was fetched the time before")
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return Fetched(archive, "", len(data), found, md5)
