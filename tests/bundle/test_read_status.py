"""What reading has to say of a slice becomes its row's status and reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from tiny_bundle import make_tiny_bundle, striped

from braintumor.bundle.classifier import Classifier
from braintumor.bundle.sources import Named
from braintumor.images.choice import Choice
from braintumor.images.decode import ImageError, Place, RefusedError, Slice, read_slice


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier.load(make_tiny_bundle(tmp_path_factory.mktemp("bundle")))


@pytest.fixture
def slice_(tmp_path: Path) -> Slice:
    Image.fromarray(striped("level")).save(tmp_path / "level.png")
    return replace(read_slice(tmp_path / "level.png"), name="level.png#3")


def test_a_slice_that_was_read_already_is_classified_under_its_name(
    classifier: Classifier, slice_: Slice
) -> None:
    placed = replace(slice_, place=Place(series="a", number=3, along=-4.5))
    prediction = classifier.predict(placed)

    assert (prediction.path, prediction.sha256) == ("level.png#3", slice_.sha256)
    assert (prediction.status, prediction.predicted) == ("ok", "meningioma")
    assert prediction.place == placed.place
    assert classifier.predict(Named("mine", placed)).path == "mine"
    assert classifier.explain(placed).prediction == prediction


def test_a_note_makes_it_uncertain_and_a_prediction_is_given(
    classifier: Classifier, slice_: Slice
) -> None:
    prediction = classifier.predict(replace(slice_, notes=("it is T2-weighted", "it is old")))

    assert (prediction.status, prediction.predicted) == ("uncertain", "meningioma")
    assert prediction.reason == "it is T2-weighted; it is old"


def test_the_window_of_a_file_is_for_the_eyes_only(classifier: Classifier, slice_: Slice) -> None:
    seen = classifier.explain(replace(slice_, window=(0.0, 1000.0)))

    assert seen.grey.max() == round(slice_.pixels.max() / 1000 * 255)
    assert seen.prediction.probabilities == classifier.predict(slice_).probabilities


def test_what_reading_refuses_has_no_class_but_the_hash_of_its_file(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: object, *, name: str | None = None) -> Slice:
        raise RefusedError(name or "", "it is a knee", "ab12")

    monkeypatch.setattr("braintumor.bundle.sources.read_slice", refuse)
    prediction = classifier.predict("knee.dcm")

    assert (prediction.path, prediction.status) == ("knee.dcm", "refused")
    assert (prediction.reason, prediction.sha256) == ("it is a knee", "ab12")
    assert prediction.predicted is None
    assert prediction.probabilities == {}


@pytest.mark.parametrize("kind", [ImageError, RefusedError])
def test_what_could_not_be_read_keeps_its_place_in_the_series(
    classifier: Classifier, kind: type[ImageError]
) -> None:
    error = kind("v.nii#3", "it is damaged")
    error.place = Place(series="a", number=3, along=-4.5)

    assert classifier.predict(Named("mine.nii#3", error)).place == error.place


def test_nor_does_a_slice_lose_its_place_that_cannot_be_prepared(
    classifier: Classifier, slice_: Slice
) -> None:
    placed = replace(slice_, pixels=np.zeros((0, 4), np.uint8), place=Place(series="a", number=3))
    prediction = classifier.predict(placed)

    assert (prediction.status, prediction.place) == ("error", placed.place)


class TestSeveralSlices:
    def volume(self) -> bytes:
        kinds = ("upright", "level", "even")
        # columns of the screen run against x, rows against y
        voxels = np.stack([striped(kind)[::-1, ::-1].T for kind in kinds], axis=2)
        return bytes(nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes())

    def test_a_file_in_a_list_gives_a_prediction_a_slice(self, classifier: Classifier) -> None:
        found = classifier.predict([Named("v.nii", self.volume()), striped("checked")])

        assert [one.path for one in found] == ["v.nii#1", "v.nii#2", "v.nii#3", ""]
        assert [one.predicted for one in found] == ["glioma", "meningioma", "no_tumor", "pituitary"]

    def test_only_the_chosen_slices(self, classifier: Classifier) -> None:
        choice = Choice(first=2, every=2)
        found = list(classifier.predict_many([Named("v.nii", self.volume())], choice=choice))

        assert [one.path for one in found] == ["v.nii#2"]

    def test_a_file_alone_is_no_single_image(self, classifier: Classifier) -> None:
        prediction = classifier.predict(self.volume())

        assert prediction.status == "error"
        assert "one slice is asked for" in prediction.reason
