"""Masks of lesions: which image has one, and the mask brought to the network's canvas.

A masks folder holds `N.png` (any size, bright inside the lesion), one for each source slice N;
patients files tell by `source_slice` and `orientation` which image shows which of them. Of several
files the first that names an image's whole path is asked, else the first that names it at all, and
no other: the same file name may be another picture there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from braintumor.catalog.cache import cache_key, cached_rows
from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.evaluation.patients import Owner, Patients
from braintumor.files import sha256_of
from braintumor.images.decode import Slice
from braintumor.images.prepare import Preparation, prepare

# Pillow holds 20 times as many pixels for a decompression bomb; no mask of a slice is larger.
_MAX_PIXELS = 4096 * 4096
# The least grey of a lesion's pixels.
_INSIDE = 128


@dataclass(frozen=True)
class Lesion:
    """A mask file, and whether it is mirrored against the slice."""

    mask: Path
    mirrored: bool


@dataclass(frozen=True)
class Lesions:
    """Where the masks of lesions lie.

    Attributes:
        folder: holds `N.png`.
        patients: the files that say which slice is which.
    """

    folder: Path
    patients: Sequence[Patients]

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise BraintumorError(f"{self.folder} is no folder: give the one with the masks N.png")

    def digest(self) -> str:
        """SHA-256 of the names and the bytes of the folder's masks."""
        masks = sorted(self.folder.glob("*.png"))
        told = "".join(f"{mask.name} {sha256_of(mask)}\n" for mask in masks)
        return hashlib.sha256(told.encode()).hexdigest()

    def of(self, catalog: Catalog) -> list[Lesion | None]:
        """The lesion of every row; None where no mask of it is known."""
        splits = catalog.told_splits or [""] * len(catalog)
        rows = zip(catalog.table["path"], splits, catalog.table["label"], strict=True)
        return [self._find(*row) for row in rows]

    def require(self, catalog: Catalog) -> None:
        """Raise where no image has a mask, for then nothing would be learnt of where.

        Raises:
            BraintumorError: the patients files do not say which image shows which mask.
        """
        if not any(self.of(catalog)):
            raise BraintumorError(
                f"{self.folder}: no image has one of these masks; a file in --patients says by its "
                "columns source_slice and orientation (same, mirrored) which image shows which"
            )

    def prepared(
        self, catalog: Catalog, preparation: Preparation
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The masks on the canvas on which `catalog.cache.prepared` shows the same images.

        Returns:
            (masks, known): (n, size, size) uint8, 0 to 255; and (n,), whether the mask is to be
            believed. A slice of the class `no_tumor` has no lesion, and that is known.

        Raises:
            BraintumorError: a mask that cannot be read, or is dark everywhere.
        """
        found = self.of(catalog)
        # Caches from before dark masks were refused may hold some.
        digest = hashlib.sha256(b"bright")
        for lesion in found:
            digest.update(
                f"{sha256_of(lesion.mask)}{lesion.mirrored}-".encode() if lesion else b"-"
            )
        # The same bytes show the same lesion.
        by_bytes = {
            sha256: lesion
            for sha256, lesion in zip(catalog.table["sha256"], found, strict=True)
            if lesion is not None
        }

        def make(slice_: Slice) -> bytes:
            lesion = by_bytes.get(slice_.sha256)
            if lesion is None:
                return bytes(preparation.size**2)
            return _on_canvas(lesion, slice_, preparation).tobytes()

        masks = cached_rows(
            catalog,
            f"masks-{cache_key(catalog, preparation.key() + digest.hexdigest())}",
            dtype=np.dtype((np.uint8, (preparation.size, preparation.size))),
            make=make,
            what="Preparing masks",
        )
        healthy = (catalog.table["label"] == "no_tumor").to_numpy(bool)
        return masks, healthy | np.array([lesion is not None for lesion in found], bool)

    def _find(self, path: str, split: str, label: str) -> Lesion | None:
        for whole_path in (True, False):
            for patients in self.patients:
                owner = patients.find(path, split=split, label=label, whole_path=whole_path)
                if owner is not None:
                    return self._lesion(owner)
        return None

    def _lesion(self, owner: Owner) -> Lesion | None:
        if owner.orientation not in ("same", "mirrored") or not owner.source_slice.isalnum():
            return None
        mask = self.folder / f"{owner.source_slice}.png"
        return Lesion(mask, owner.orientation == "mirrored") if mask.is_file() else None


def read_mask(lesion: Lesion) -> Image.Image:
    """The mask as the slice lies, grey.

    Raises:
        BraintumorError: it cannot be read, is too large, or shows no lesion.
    """
    try:
        with Image.open(lesion.mask) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                raise Image.DecompressionBombError
            mask = picture.convert("L")
    except Image.DecompressionBombError as error:  # Pillow's own, of a giant's header alone
        raise BraintumorError(f"{lesion.mask} is too large for the mask of a slice") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise BraintumorError(f"{lesion.mask} cannot be read as a mask: remove it") from error
    if int(np.asarray(mask).max()) < _INSIDE:
        raise BraintumorError(
            f"{lesion.mask} is dark everywhere: masks are 0 outside the lesion and 255 inside it; "
            "make it so, or remove it"
        )
    return mask.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if lesion.mirrored else mask


def _on_canvas(lesion: Lesion, slice_: Slice, preparation: Preparation) -> NDArray[np.uint8]:
    seen = prepare(slice_.pixels, preparation)
    mask, (height, width), box = read_mask(lesion), seen.source_shape, seen.box
    wide, high = mask.width / width, mask.height / height
    bounds = (box.left * wide, box.top * high, box.right * wide, box.bottom * high)
    size = (preparation.size, preparation.size)
    return np.asarray(mask.resize(size, Image.Resampling.BILINEAR, box=bounds))
