"""Altered pictures are recognised; other slices, however like, are not."""

from __future__ import annotations

import numpy as np
import pytest
from altered import ALTERATIONS, phantoms

from braintumor.catalog.alignment import ALTERED, compare
from braintumor.catalog.phantom.patient import Patient
from braintumor.catalog.thumbnails import FINE_SIDE, thumbnail


def fine(pictures: tuple[np.ndarray, ...]) -> np.ndarray:
    return np.stack([thumbnail(pixels, FINE_SIDE) for pixels in pictures])


@pytest.mark.parametrize("name", ALTERATIONS)
def test_what_people_do_to_a_picture_is_seen_through(name: str) -> None:
    pictures = phantoms()
    altered = tuple(ALTERATIONS[name](pixels) for pixels in pictures)
    assert np.mean(compare(fine(pictures), fine(altered)).likeness > ALTERED) >= 0.9


def test_the_rim_that_was_cut_off_is_found() -> None:
    whole = fine(phantoms()[:4])
    cropped = fine(tuple(pixels[16:, :-16] for pixels in phantoms()[:4]))
    change = compare(cropped, whole).change
    # The crop keeps 15/16 of the height, at the bottom, and of the width, at the left.
    assert np.allclose(change, [-1 / 16, -1 / 16, 1 / 16, -1 / 16], atol=0.01)


def test_slices_of_different_patients_are_not_alike() -> None:
    pictures = fine(phantoms())
    first, second = np.triu_indices(len(pictures), 1)
    assert compare(pictures[first], pictures[second]).likeness.max() < ALTERED - 0.03


def test_other_slices_of_the_same_patient_are_not_alike() -> None:
    patients = [Patient.draw(1, number, "glioma") for number in range(4)]
    cuts = [fine(tuple(p.cut("axial", number) for number in range(3))) for p in patients]
    likeness = [compare(cut[[0, 0, 1]], cut[[1, 2, 2]]).likeness for cut in cuts]
    assert np.concatenate(likeness).max() < ALTERED


def test_pictures_without_content_do_no_harm() -> None:
    blank = np.zeros((2, FINE_SIDE, FINE_SIDE), np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, blank.shape).astype(np.uint8)
    for first, second in ((blank, blank), (blank, noise), (noise, noise[::-1])):
        fit = compare(first, second)
        assert np.isfinite(fit.likeness).all()
        assert (fit.likeness < ALTERED).all()
