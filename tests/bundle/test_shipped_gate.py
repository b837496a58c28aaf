"""The shipped gates turn away what is no brain and let brain slices of other places pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from braintumor.bundle.classifier import Classifier
from braintumor.bundle.shipped import default_model, shipped
from braintumor.bundle.sources import Source
from braintumor.catalog.foreign import KINDS, draw
from braintumor.images import conditions
from braintumor.images.choice import Choice
from braintumor.images.decode import read_slice
from braintumor.images.read import read_slices

pytestmark = pytest.mark.shared
# The share of foreign pictures that may pass, and how many of each drawn kind are shown.
PASSED, DRAWN = 0.01, 4


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    if default_model() not in shipped():
        pytest.skip("SKIPPED: this tree ships no network")
    found = Classifier.load(default_model())
    if not any(network.gate for network in found.networks):
        pytest.skip("SKIPPED: the networks of this tree have no gate")
    return found


def refused(classifier: Classifier, pictures: dict[str, Source]) -> set[str]:
    """The names of those that are given no class."""
    answers = classifier.predict(list(pictures.values()))
    return {name for name, one in zip(pictures, answers, strict=True) if one.status == "refused"}


def slices_of(folder: Path, every: int) -> Iterator[tuple[str, Source]]:
    """Slices by their pixels alone: what tags say must not help."""
    for path in sorted(folder.iterdir()):
        planes = ("axial", "coronal", "sagittal") if ".nii" in path.name else ("axial",)
        for plane in planes:
            for one in read_slices(path, choice=Choice(plane=plane, every=every)):
                yield f"{path.name} {plane} {one.name}", one.pixels  # type: ignore[union-attr]


def test_radiographs_get_no_class(classifier: Classifier, shared: Path) -> None:
    paths = sorted((shared / "data" / "samples" / "not-a-brain").iterdir())
    pictures: dict[str, Source] = {path.name: path for path in paths}

    assert refused(classifier, pictures) == pictures.keys()


def test_files_of_other_parts_of_the_body_get_no_class(
    classifier: Classifier, shared: Path
) -> None:
    paths = sorted((shared / "data" / "samples" / "dicom-codecs").glob("MR*"))
    pictures: dict[str, Source] = {path.name: path for path in paths}

    assert refused(classifier, pictures) == pictures.keys()


def test_hardly_any_drawn_picture_of_a_known_kind_gets_a_class(classifier: Classifier) -> None:
    """Drawn with a seed that no gate is fitted on, of the kinds that the shipped gates know."""
    known = set(KINDS)
    for network in classifier.networks:
        if network.gate:
            known &= set(network.gate.statistics.evidence["foreign"])  # type: ignore[arg-type]
    pictures: dict[str, Source] = {
        f"{kind} {n}": draw(kind, n, seed=77) for kind in sorted(known) for n in range(DRAWN)
    }

    passed = pictures.keys() - refused(classifier, pictures)
    assert len(pictures) >= 100
    assert len(passed) <= PASSED * len(pictures), passed


def test_hardly_any_picture_of_scikit_image_gets_a_class(classifier: Classifier) -> None:
    """Those that its wheel holds: photographs, textures, an eye, a galaxy, and no brain."""
    pytest.importorskip("skimage", reason="SKIPPED FOR WANT OF scikit-image")
    from gate_shown import bundled_pictures

    pictures: dict[str, Source] = {f"{n}": one for n, one in enumerate(bundled_pictures())}
    passed = pictures.keys() - refused(classifier, pictures)
    assert len(pictures) > 20
    assert len(passed) <= PASSED * len(pictures), passed


def test_slices_of_other_scanners_and_planes_pass(classifier: Classifier, shared: Path) -> None:
    samples = shared / "data" / "samples"
    heads = dict(slices_of(samples / "dicom-head-t1", 1))
    middle = {
        name: pixels
        for name, pixels in slices_of(samples / "nifti", 12)
        if pixels.mean() > 0.15 * pixels.max()  # type: ignore[union-attr]
    }

    assert len(refused(classifier, heads)) <= 2
    assert len(middle) >= 20
    assert len(refused(classifier, middle)) <= 1


def test_slices_of_the_test_split_pass_under_every_condition(
    classifier: Classifier, shared: Path
) -> None:
    paths = sorted((shared / "data" / "labeled-mri" / "test").glob("*/*.jpg"))
    plain: dict[str, Source] = {path.name: path for path in paths[::6]}
    stressed: dict[str, Source] = {
        name: conditions.apply(
            read_slice(paths[7 * k]).pixels,
            name,
            max(s for s in conditions.severities(name) if s <= 3),
        )
        for k, name in enumerate(conditions.CONDITIONS)
    }

    assert len(refused(classifier, plain)) <= 1
    assert len(refused(classifier, stressed)) <= 1
