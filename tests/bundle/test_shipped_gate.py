"""The shipped gates turn away what is no brain and let brain slices of other places pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from braintumor.bundle.classifier import Classifier, Source
from braintumor.bundle.shipped import default_model, shipped
from braintumor.catalog.foreign import draw

pytestmark = pytest.mark.shared
# Kinds that everybody would refuse at once, drawn with a seed that no gate is fitted on.
PLAIN = ("chest_radiograph", "hand", "screenshot", "noise", "scene", "leaves", "gradient")


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    if default_model() not in shipped():
        pytest.skip("SKIPPED: this tree ships no network")
    found = Classifier.load(default_model())
    if not any(network.gate for network in found.networks):
        pytest.skip("SKIPPED: the networks of this tree have no gate")
    return found


def refused(classifier: Classifier, pictures: list[Source]) -> list[bool]:
    return [one.status == "refused" for one in classifier.predict(pictures)]


def test_radiographs_and_other_parts_of_the_body_get_no_class(
    classifier: Classifier, shared: Path
) -> None:
    samples = shared / "data" / "samples"
    pictures = sorted((samples / "not-a-brain").iterdir())
    pictures += [*(samples / "dicom-codecs").glob("MR*")]

    told = {path.name: classifier.predict(path).status for path in pictures}
    assert {name: status for name, status in told.items() if status != "refused"} == {}


def test_drawn_pictures_get_no_class(classifier: Classifier) -> None:
    pictures: list[Source] = [draw(kind, n, seed=77) for kind in PLAIN for n in range(4)]

    assert np.mean(refused(classifier, pictures)) >= 0.95


def test_slices_of_another_scanner_pass(classifier: Classifier, shared: Path) -> None:
    head: list[Source] = sorted((shared / "data" / "samples" / "dicom-head-t1").iterdir())

    assert np.mean(refused(classifier, head)) <= 0.1


def test_test_slices_of_the_data_set_pass(classifier: Classifier, shared: Path) -> None:
    slices: list[Source] = sorted((shared / "data" / "labeled-mri" / "test").glob("*/*.jpg"))[::4]

    assert np.mean(refused(classifier, slices)) <= 0.02
