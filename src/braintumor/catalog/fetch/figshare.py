"""The collection of Cheng et al. from figshare: MATLAB files become class folders of PNG slices.

Slices are 16-bit PNG with the values as they were acquired: nothing is lost, and every reader of
braintumor windows by the head's own percentiles anyway.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from braintumor.catalog.fetch.download import (
    DownloadError,
    Expected,
    Fetched,
    Patience,
    download,
)
from braintumor.catalog.fetch.matlab import MatlabError, read_folds, read_mat_slice
from braintumor.catalog.fetch.sources import Source
from braintumor.errors import BraintumorError
from braintumor.files import CsvLines, write_text
from braintumor.images.archive import entries
from braintumor.images.decode import ImageError, Limits
from braintumor.progress import track

_COLUMNS = ("class", "file", "patient", "source_slice", "orientation", "fold")


def fetch_article(
    source: Source, downloads: Path, seen: dict[str, str], patience: Patience
) -> list[Fetched]:
    """Fetch the files of the article, each held against the MD5 that figshare gives with it.

    Args:
        source: the table's entry.
        downloads: where they go.
        seen: SHA-256 by name of an earlier fetch; empty where there was none.
        patience: with the server.

    Raises:
        DownloadError: not to be had, or not what it should be.
    """
    listed = _listed(source, downloads, patience)
    missing = [name for name in source.files if name not in listed]
    if missing:
        raise DownloadError(
            f"{source.page} no longer has {', '.join(missing)}: look there for what has changed"
        )
    found = []
    for name in source.files:
        entry = listed[name]
        expected = Expected(
            size=int(entry["size"]),
            md5=str(entry.get("computed_md5") or entry.get("supplied_md5") or ""),
            sha256=seen.get(name, ""),
        )
        found.append(download(str(entry["download_url"]), downloads / name, expected, patience))
    return found


def _listed(source: Source, downloads: Path, patience: Patience) -> dict[str, dict[str, Any]]:
    """The article's files by name, as figshare's interface lists them today."""
    answer = downloads / "article.json"
    answer.unlink(missing_ok=True)  # an earlier answer may be out of date
    answer.with_name("article.json.part").unlink(missing_ok=True)
    download(source.api, answer, patience=patience)
    try:
        files = json.loads(answer.read_text(encoding="utf-8"))["files"]
        return {
            str(one["name"]): one for one in files if {"size", "download_url"} <= set(one)
        }  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise DownloadError(
            f"{source.api} does not answer as figshare's interface does: try again later"
        ) from error


def lay_out(files: Sequence[Path], made: Path) -> int:
    """Write slices, masks and patients.csv.

    Args:
        files: ZIP archives with `N.mat`, and `cvind.mat`.
        made: gets CLASS/N.png (16-bit), masks/N.png (0 and 255) and patients.csv with the columns
            class, file, patient, source_slice, orientation (same) and fold (0 to 4).

    Returns:
        How many patients there are.

    Raises:
        BraintumorError: a file is damaged, a slice occurs twice, or the folds do not fit.
    """
    folds: list[int] = []
    rows: dict[int, tuple[str, ...]] = {}
    for path in files:
        if path.suffix == ".mat":
            folds = read_folds(path.read_bytes(), path.name)
    for number, name, data in track(_slices(files), total=len(folds) or None, what="Laying out"):
        if number in rows:
            raise BraintumorError(f"{name} occurs twice in the archives")
        if folds and not 1 <= number <= len(folds):
            raise BraintumorError(f"{name} has no fold: cvind.mat knows {len(folds)} slices")
        rows[number] = _write(number, name, data, made, folds)
    if folds and len(rows) != len(folds):
        raise BraintumorError(f"cvind.mat knows {len(folds)} slices, and {len(rows)} were found")
    table = io.StringIO()
    writer = csv.writer(CsvLines(table))
    writer.writerow(_COLUMNS)
    writer.writerows(rows[number] for number in sorted(rows))
    write_text(made / "patients.csv", table.getvalue())
    return len({row[2] for row in rows.values()})


def _write(number: int, name: str, data: bytes, made: Path, folds: list[int]) -> tuple[str, ...]:
    one = read_mat_slice(data, name)
    for folder, pixels in (
        (made / one.label, one.image),
        (made / "masks", one.mask.astype(np.uint8) * 255),
    ):
        folder.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    fold = str(folds[number - 1]) if folds else ""
    return one.label, f"{number}.png", one.patient, str(number), "same", fold


def _slices(files: Sequence[Path]) -> Iterator[tuple[int, str, bytes]]:
    """Number, name and bytes of every `N.mat` in the archives."""
    for path in files:
        if path.suffix != ".zip":
            continue
        for entry in entries(path, name=path.name, limits=Limits(), wanted=_is_mat):
            if isinstance(entry, ImageError):
                raise entry
            name, data = entry
            stem = Path(name).stem
            if not (stem.isascii() and stem.isdigit()):
                raise MatlabError(f"{name} has no slice's number for a name")
            yield int(stem), name, data


def _is_mat(label: str, head: bytes) -> bool:
    return label.lower().endswith(".mat")
