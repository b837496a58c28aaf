"""Every image of a catalogue decoded and prepared once, kept as one memory-mapped array.

The file's name is a hash of the bytes of every image in order, the preparation and the version of
the decoder: other content is another file, so nothing is ever stale. It is written under another
name and renamed when whole; a lock lets the second of two processes wait and read. The cache holds
pictures of patients: its folder is for its owner only.

What it does not know: labels, splits, models.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from braintumor.catalog.cachefolder import cache_folder, lock
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.folder import workers
from braintumor.errors import BraintumorError
from braintumor.files import atomic_path
from braintumor.images.decode import DECODER_VERSION, ImageError, read_slice
from braintumor.images.prepare import Preparation, prepare
from braintumor.progress import track


def prepared(
    catalog: Catalog, preparation: Preparation, *, cache_dir: Path | str | None = None
) -> NDArray[np.uint8]:
    """The prepared images of a catalogue, from the cache or made now.

    Args:
        catalog: which images, in which order.
        preparation: how; see `images.prepare`.
        cache_dir: where to keep the array. Where None: `$BRAINTUMOR_CACHE`, else
            `$XDG_CACHE_HOME/braintumor`, else `~/.cache/braintumor`; a folder for temporary
            files where that one cannot be written.

    Returns:
        (n, size, size) uint8, read-only, memory-mapped, rows in catalogue order.

    Raises:
        BraintumorError: an image has gone, changed or cannot be decoded, or the disk is full.
    """
    shape = (len(catalog), preparation.size, preparation.size)
    if not len(catalog):
        return np.zeros(shape, np.uint8)
    folder = cache_folder(cache_dir)
    file = folder / f"prepared-{cache_key(catalog, preparation)}.npy"
    ready = _open(file, shape)
    if ready is not None:
        return ready
    with lock(file) as held:
        ready = _open(file, shape)
        if ready is None:
            if held:
                _sweep(file)
            _build(catalog, preparation, file, shape)
            ready = _open(file, shape)
    if ready is None:
        raise BraintumorError(f"The cache {file} could not be read back: is the disk in order?")
    return ready


def cache_key(catalog: Catalog, preparation: Preparation) -> str:
    """Name of the array: a hash of every image's bytes in order and of all parameters."""
    digest = hashlib.sha256(f"{DECODER_VERSION}:{preparation.key()}".encode())
    for sha256 in catalog.table["sha256"]:
        digest.update(sha256.encode())
    return digest.hexdigest()[:40]


def _open(file: Path, shape: tuple[int, int, int]) -> NDArray[np.uint8] | None:
    """The array, or None where the file is missing or not what its name says."""
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if isinstance(array, np.ndarray) and array.shape == shape and array.dtype == np.uint8:
        return array
    return None


def _sweep(file: Path) -> None:
    """Remove what a killed process left half written; only the lock's holder comes here."""
    for part in file.parent.glob(f".{file.stem}.*.part.npy"):
        part.unlink(missing_ok=True)


def _build(
    catalog: Catalog, preparation: Preparation, file: Path, shape: tuple[int, int, int]
) -> None:
    try:
        # Row after row through the file, not through a memory map: a full disk is then an error
        # that can be reported, and not the end of the process.
        with atomic_path(file) as temporary, temporary.open("wb") as out:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(out, header)
            for pixels in _rows(catalog, preparation):
                out.write(pixels.tobytes())
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        need = np.prod(shape) / 2**20
        raise BraintumorError(
            f"The cache {file.parent} cannot be written ({(error.strerror or 'error').lower()}); "
            f"{need:.0f} MiB are needed: make room, or set BRAINTUMOR_CACHE to another folder"
        ) from None


def _rows(catalog: Catalog, preparation: Preparation) -> Iterator[NDArray[np.uint8]]:
    def one(row: tuple[str, str]) -> NDArray[np.uint8]:
        path, sha256 = row
        slice_ = read_slice(catalog.root / path, name=path)
        if slice_.sha256 != sha256:
            raise ImageError(path, "it has changed since the catalogue was made: start again")
        return prepare(slice_.pixels, preparation).pixels

    rows = list(zip(catalog.table["path"], catalog.table["sha256"], strict=True))
    pool = ThreadPoolExecutor(max_workers=workers())
    try:
        yield from track(pool.map(one, rows), total=len(rows), what="Preparing images")
    finally:
        pool.shutdown(cancel_futures=True)
