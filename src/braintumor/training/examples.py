"""Training images as they are drawn: augmented, and now and then a lesion put in or taken out.

A lesion is put into a slice without one, or taken out of one with it, by copying the region of
its mask between two slices: the slice keeps its scanner and its source, and changes its class.
What comes from which archive then says nothing of the class (the slices without a tumour of
public sets come from other archives than those with one). A form of CutMix (Yun et al., ICCV
2019) whose box is the lesion. Knows arrays, not files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from braintumor.classes import CLASSES
from braintumor.images.depth import head_depth
from braintumor.networks.augmentation import apply, apply_place, draw
from braintumor.networks.rim import without_rim
from braintumor.training.recipe import Recipe

_NO_TUMOR = CLASSES.index("no_tumor")
_TRANSPLANT = 7  # keeps this stream of random numbers apart
_RIM = 0.045  # width of the rim around a lesion that goes with it, as a share of the side
_SMALLEST = 0.002  # share of the canvas under which a mask is too small to be moved
_GAIN = (0.6, 1.7)  # how far the copied region may be brightened to fit in


@dataclass(frozen=True)
class Examples:
    """Prepared training images.

    Attributes:
        pixels: (n, size, size) uint8.
        labels: (n,) integers, 0 to 3.
        names: (n,) integers that name the images in the draws of augmentation.
        masks: (n, size, size) uint8, 0 to 255, the lesions; all 0 where none is known.
        known: (n,) whether the mask is to be believed (an empty one, too).
        shares: (n,) how often an image comes beside others of its class; None for all alike.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: NDArray[np.int64]
    masks: NDArray[np.uint8]
    known: NDArray[np.bool_]
    shares: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Drawn:
    """One image of one epoch: pixels and mask (size, size) uint8, label, whether it is known."""

    pixels: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    label: int
    known: bool


def joined(parts: list[Examples]) -> Examples:
    """Several sets as one, in order; of several none says how often its images come."""
    if len(parts) == 1:
        return parts[0]
    assert all(part.shares is None for part in parts)
    return Examples(
        pixels=np.concatenate([part.pixels for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        names=np.concatenate([part.names for part in parts]),
        masks=np.concatenate([part.masks for part in parts]),
        known=np.concatenate([part.known for part in parts]),
    )


def augmented(examples: Examples, row: int, recipe: Recipe, epoch: int) -> Drawn:
    """Image `row` as epoch `epoch` sees it, a function of (seed, epoch, image) alone; where a
    lesion is put in or taken out, of the other images as well, for one of them gives what comes.

    Where classes are balanced, an epoch here is a visit of the image: see `batches.epoch_rows`.
    """
    name = int(examples.names[row])
    one = _transplanted(examples, row, recipe, epoch)
    change = draw(recipe.augmentation, seed=recipe.seed, epoch=epoch, image=name)
    pixels, mask = one.pixels, one.mask
    # Where a lesion lies that no mask shows, nobody knows whether it would be cut away.
    if change.rim.depth and (one.known or one.label == _NO_TUMOR):
        pixels, mask = without_rim(pixels, mask, head_depth(pixels), change.rim)
    mask = apply_place(mask, change) if mask.any() else mask
    return Drawn(apply(pixels, change), mask, one.label, one.known)


def coarse(mask: NDArray[np.uint8], places: tuple[int, int]) -> NDArray[np.uint8]:
    """A mask at the places of the features: mean over each, (h, w) uint8."""
    height, width = places
    if not mask.any():
        return np.zeros(places, np.uint8)
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.BOX))


def _transplanted(examples: Examples, row: int, recipe: Recipe, epoch: int) -> Drawn:
    label, known = int(examples.labels[row]), bool(examples.known[row])
    pixels, mask = np.asarray(examples.pixels[row]), np.asarray(examples.masks[row])
    same = Drawn(pixels, mask, label, known)
    healthy = label == _NO_TUMOR
    random = np.random.default_rng([recipe.seed, epoch, int(examples.names[row]), _TRANSPLANT])
    rate = recipe.implant if healthy else recipe.heal
    if random.random() >= rate or not (healthy or _movable(mask)):
        return same
    # The pool is found by trying: a few tries find a partner in any set worth training on.
    for other in random.integers(len(examples), size=40):
        partner = int(examples.labels[other])
        theirs = np.asarray(examples.masks[other])
        if healthy and partner != _NO_TUMOR and _movable(theirs):
            content = np.asarray(examples.pixels[other])
            return Drawn(_pasted(pixels, content, theirs), theirs, partner, True)
        if not healthy and partner == _NO_TUMOR:
            content = np.asarray(examples.pixels[other])
            return Drawn(_pasted(pixels, content, mask), np.zeros_like(mask), _NO_TUMOR, True)
    return same


def _movable(mask: NDArray[np.uint8]) -> bool:
    return float((mask > 127).mean()) > _SMALLEST


def _pasted(
    into: NDArray[np.uint8], content: NDArray[np.uint8], mask: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """`into` with the region of the mask from `content`, its rim matched in grey and faded."""
    rim = max(1, round(_RIM * mask.shape[0]))
    # A blur and a low threshold grow the mask; a maximum filter would take ten times as long.
    blurred = Image.fromarray(mask).filter(ImageFilter.BoxBlur(rim))
    grown = Image.fromarray(np.where(np.asarray(blurred) > 12, np.uint8(255), np.uint8(0)))
    weight = np.asarray(grown.filter(ImageFilter.GaussianBlur(rim / 2)), np.float32) / 255
    ring = (np.asarray(grown) > 127) & (mask <= 127)
    gain = (into[ring].mean() + 1) / (content[ring].mean() + 1) if ring.any() else 1.0
    fitted = np.minimum(content.astype(np.float32) * np.clip(gain, *_GAIN), 255)
    mixed = into.astype(np.float32) * (1 - weight) + fitted * weight
    return np.asarray(np.round(mixed), np.uint8)
