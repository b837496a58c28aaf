"""Every image of a catalogue decoded and prepared once, kept as one memory-mapped array.

What is kept of an image is one row: the prepared picture (`prepared`), or whatever else is made
of it once (`cached_rows`: thumbnails, for one). The file's name is a hash of the bytes of every
image in order, of all parameters and the version of the decoder: other content is another file, so
nothing is ever stale. It is written under another name and renamed when whole; a lock lets the
second of two processes wait and read. The cache holds pictures of patients: its folder is for its
owner only.

What it does not know: labels, splits, models.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.catalog.cachefolder import cache_folder
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.folder import workers
from braintumor.errors import BraintumorError
from braintumor.files import atomic_path, lock
from braintumor.images.decode import DECODER_VERSION, ImageError, Slice, read_slice
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
    dtype = np.dtype((np.uint8, (preparation.size, preparation.size)))
    return cached_rows(
        catalog,
        f"prepared-{cache_key(catalog, preparation.key())}",
        dtype=dtype,
        make=lambda slice_: prepare(slice_.pixels, preparation).pixels.tobytes(),
        what="Preparing images",
        cache_dir=cache_dir,
    )


def cached_rows(
    catalog: Catalog,
    name: str,
    *,
    dtype: np.dtype[Any],
    make: Callable[[Slice], bytes],
    what: str,
    cache_dir: Path | str | None = None,
) -> NDArray[Any]:
    """One row of bytes for every image, from the cache or made now, each image decoded once.

    Args:
        catalog: which images, in which order.
        name: of the file, without suffix; with `cache_key` in it, so that it is never stale.
        dtype: of one row.
        make: a decoded slice -> the bytes of its row, `dtype.itemsize` of them.
        what: a word or two for the progress bar.
        cache_dir: see `prepared`.

    Returns:
        (n, ...) of `dtype`, read-only, memory-mapped, rows in catalogue order.

    Raises:
        BraintumorError: as `prepared`.
    """
    shape = (len(catalog), *dtype.shape)
    if not len(catalog):
        return np.zeros(shape, dtype.base)
    file = cache_folder(cache_dir) / f"{name}.npy"
    ready = _open(file, shape, dtype.base)
    if ready is not None:
        return ready
    with lock(file) as held:
        ready = _open(file, shape, dtype.base)
        if ready is None:
            if held:
                _sweep(file)
            _build(_made(catalog, make, what), file, shape, dtype.base)
            ready = _open(file, shape, dtype.base)
    if ready is None:
        raise BraintumorError(f"The cache {file} could not be read back: is the disk in order?")
    return ready


def cache_key(catalog: Catalog, parameters: str) -> str:
    """Name of the array: a hash of every image's bytes in order and of all parameters."""
    digest = hashlib.sha256(f"{DECODER_VERSION}:{parameters}".encode())
    for sha256 in catalog.table["sha256"]:
        digest.update(sha256.encode())
    return digest.hexdigest()[:40]


def _open(file: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """The array, or None where the file is missing or not what its name says."""
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if isinstance(array, np.ndarray) and array.shape == shape and array.dtype == dtype:
        return array
    return None


def _sweep(file: Path) -> None:
    """Remove what a killed process left half written; only the lock's holder comes here."""
    for part in file.parent.glob(f".{file.stem}.*.part.npy"):
        part.unlink(missing_ok=True)


def _build(rows: Iterable[bytes], file: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    try:
        # Pictures of patients, and the folder may have been there before, open to everybody.
        write_array(file, rows, shape, dtype, private=True)
    except OSError as error:
        need = math.prod(shape) * dtype.itemsize / 2**20
        raise BraintumorError(
            f"The cache {file.parent} cannot be written ({(error.strerror or 'error').lower()}); "
            f"{need:.0f} MiB are needed: make room, or set BRAINTUMOR_CACHE to another folder"
        ) from None


def write_array(
    file: Path,
    pieces: Iterable[bytes],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    *,
    private: bool = False,
) -> None:
    """Write an array's bytes, piece after piece, as a file of NumPy's, whole or not at all.

    Through the file, not through a memory map: a full disk is then an error that can be reported,
    and not the end of the process. `private` as for `atomic_path`.

    Raises:
        OSError: it cannot be written.
    """
    with (
        atomic_path(file, private=private, durable=True) as temporary,
        temporary.open("wb") as out,
    ):
        descr = np.lib.format.dtype_to_descr(dtype)
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(out, header)
        for piece in pieces:
            out.write(piece)


def _made(catalog: Catalog, make: Callable[[Slice], bytes], what: str) -> Iterator[bytes]:
    def one(row: tuple[str, str]) -> bytes:
        path, sha256 = row
        slice_ = read_slice(catalog.root / path, name=path)
        if slice_.sha256 != sha256:
            raise ImageError(path, "it has changed since the catalogue was made: start again")
        return make(slice_)

    rows = list(zip(catalog.table["path"], catalog.table["sha256"], strict=True))
    pool = ThreadPoolExecutor(max_workers=workers())
    try:
        yield from track(pool.map(one, rows), total=len(rows), what=what)
    finally:
        pool.shutdown(cancel_futures=True)
