"""Pictures for tests of copies: phantom slices, and what people do to pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from braintumor.catalog.phantom.patient import Patient
from braintumor.catalog.thumbnails import FINE_SIDE, SIDE, Thumbnails, hash_of_pixels, thumbnail
from braintumor.classes import CLASSES

Grey = NDArray[np.uint8]


@lru_cache(maxsize=1)
def phantoms() -> tuple[Grey, ...]:
    """16 slices, 256 x 256: four patients of each class, one slice of each."""
    patients = [Patient.draw(0, number, label) for number, label in enumerate(CLASSES * 4)]
    return tuple(patient.cut(patient.planes(1)[0], 0) for patient in patients)


def _filtered(change: Callable[[Image.Image], Image.Image]) -> Callable[[Grey], Grey]:
    return lambda pixels: np.asarray(change(Image.fromarray(pixels)))


ALTERATIONS: dict[str, Callable[[Grey], Grey]] = {
    "brighter": _filtered(lambda picture: ImageEnhance.Brightness(picture).enhance(1.6)),
    "darker": _filtered(lambda picture: ImageEnhance.Brightness(picture).enhance(0.6)),
    "more contrast": _filtered(lambda picture: ImageEnhance.Contrast(picture).enhance(1.6)),
    "gamma": lambda pixels: np.rint(255 * (pixels / 255.0) ** 0.6).astype(np.uint8),
    "sharpened": _filtered(lambda picture: picture.filter(ImageFilter.UnsharpMask(2, 100, 2))),
    "blurred": _filtered(lambda picture: picture.filter(ImageFilter.GaussianBlur(1.5))),
    "cropped": lambda pixels: pixels[10:-6, 4:-12],
    "cropped and brighter": lambda pixels: np.clip(pixels[8:-8, 6:-3] * 1.4, 0, 255).astype("u1"),
}


def thumbnails_of(pictures: list[Grey]) -> Thumbnails:
    """As the catalogue makes them, but for the grey levels, which copies do not depend on."""
    return Thumbnails(
        pixels=np.stack([thumbnail(pixels, SIDE) for pixels in pictures]),
        fine=np.stack([thumbnail(pixels, FINE_SIDE) for pixels in pictures]),
        histograms=np.zeros((len(pictures), 256), np.uint32),
        roughness=np.zeros(len(pictures), np.float32),
        hashes=np.stack([np.frombuffer(hash_of_pixels(p), np.uint8) for p in pictures]),
    )
