"""Every image of a catalogue as a small grey picture: what copies are found by.

Each image is decoded once, averaged over areas to 64 and to 128 pixels a side (the whole picture,
stretched to a square: no head is looked for, so that nothing about the head can hide a copy), and
kept in the cache. The hash is of the decoded pixels, so that the same pixels in a PNG and in a
TIFF file are the same.

What it does not know: labels, splits, what a copy is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from braintumor.catalog.cache import cache_key, cached_rows
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.greylevels import histogram, roughness
from braintumor.images.decode import Slice

SIDE = 64
FINE_SIDE = 128
# Raised whenever the same pixels give other thumbnails.
_VERSION = 2
_ROW = np.dtype(
    [
        ("pixels", np.uint8, (SIDE, SIDE)),
        ("fine", np.uint8, (FINE_SIDE, FINE_SIDE)),
        ("histogram", np.uint32, (256,)),
        ("roughness", np.float32),
        ("sha256", np.uint8, (32,)),
    ]
)
# Share of the pixels of a 16-bit or float slice that may be brighter than 255.
_BRIGHTEST = 0.001


@dataclass(frozen=True)
class Thumbnails:
    """Small pictures, rows in catalogue order.

    Attributes:
        pixels: (n, 64, 64) uint8.
        fine: (n, 128, 128) uint8.
        histograms: (n, 256) how many pixels of the whole picture have each grey level.
        roughness: (n,) of the whole picture; see `greylevels`.
        hashes: (n, 32) uint8, SHA-256 of the decoded pixels.
    """

    pixels: NDArray[np.uint8]
    fine: NDArray[np.uint8]
    histograms: NDArray[np.uint32]
    roughness: NDArray[np.float32]
    hashes: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.pixels)


def thumbnails(catalog: Catalog) -> Thumbnails:
    """The thumbnails of a catalogue, from the cache or made now.

    Args:
        catalog: which images, in which order.

    Raises:
        BraintumorError: an image has gone, changed or cannot be decoded, or the disk is full.
    """
    rows = cached_rows(
        catalog,
        f"thumbnails-{cache_key(catalog, f'thumbnails {_VERSION}')}",
        dtype=_ROW,
        make=_row,
        what="Making thumbnails",
    )
    return Thumbnails(
        pixels=rows["pixels"],
        fine=rows["fine"],
        histograms=rows["histogram"],
        roughness=rows["roughness"],
        hashes=rows["sha256"],
    )


def together(parts: Sequence[Thumbnails]) -> Thumbnails:
    """The thumbnails of several catalogues as of one, in their order."""
    names = (one.name for one in fields(Thumbnails))
    return Thumbnails(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )


def thumbnail(pixels: NDArray[Any], side: int = SIDE) -> NDArray[np.uint8]:
    """One grey slice, averaged over areas to `side` pixels a side.

    Mirroring or turning the slice mirrors or turns the thumbnail, whatever the slice's size.

    Args:
        pixels: (height, width) of any real type. Bytes keep their values; of other types the
            range from the least to nearly the largest value becomes 0 to 255.
        side: of the thumbnail, pixels.

    Returns:
        (side, side) uint8.
    """
    height, width = pixels.shape
    small = (_areas(width, side) @ (_areas(height, side) @ pixels.astype(np.float32)).T).T
    if pixels.dtype != np.uint8:
        small = _to_bytes(small)
    return _rounded(small)


def hash_of_pixels(pixels: NDArray[Any]) -> bytes:
    """SHA-256 of a slice's size and values, 32 bytes; 8-bit values in a 16-bit file count as 8."""
    if pixels.dtype == np.uint16 and pixels.max() < 256:
        pixels = pixels.astype(np.uint8)
    digest = hashlib.sha256(f"{pixels.dtype.str} {pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()


def _row(slice_: Slice) -> bytes:
    pixels = slice_.pixels
    grey = np.asarray(pixels, np.uint8) if pixels.dtype == np.uint8 else _scaled(pixels)
    parts = (
        thumbnail(pixels).tobytes(),
        thumbnail(pixels, FINE_SIDE).tobytes(),
        histogram(grey).tobytes(),
        np.float32(roughness(grey)).tobytes(),
        hash_of_pixels(pixels),
    )
    return b"".join(parts)


@lru_cache(maxsize=256)
def _areas(length: int, parts: int) -> csr_array:
    """(parts, length): the share of each pixel in the mean of each of `parts` equal parts.

    Parts end within pixels where the length does not divide. (Pillow's box filter rounds to
    whole pixels there, and a mirrored picture would get another thumbnail.)
    """
    edges = np.arange(parts + 1) * (length / parts)
    pixel = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return csr_array((np.clip(overlap, 0, None) * (parts / length)).astype(np.float32))


def _scaled(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    return _rounded(_to_bytes(pixels.astype(np.float32)))


def _rounded(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _to_bytes(small: NDArray[np.float32]) -> NDArray[np.float32]:
    finite = np.nan_to_num(small, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(np.quantile(finite, 1 - _BRIGHTEST))
    scale = 255 / (high - low) if high > low else 0.0
    return np.asarray((finite - low) * scale, np.float32)
