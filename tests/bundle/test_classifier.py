"""Any picture in, a typed answer out; one bad file stops nothing."""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from pathlib import Path

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tiny_bundle import make_tiny_bundle, striped

import braintumor
from braintumor import CLASSES
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.prediction import COLUMNS
from braintumor.bundle.runtime import Runtime
from braintumor.bundle.sources import Named, Source
from braintumor.errors import BraintumorError
from braintumor.evaluation import tables
from braintumor.files import sha256_bytes, sha256_of

KNOWN = {
    "upright": "glioma",
    "level": "meningioma",
    "even": "no_tumor",
    "checked": "pituitary",
}


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier.load(make_tiny_bundle(tmp_path_factory.mktemp("bundle")))


def png(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def stack(*kinds: str) -> bytes:
    """A TIFF of a full page each."""
    stream = io.BytesIO()
    pages = [Image.fromarray(striped(kind)) for kind in kinds]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:], tiffinfo={254: 0})
    return stream.getvalue()


def saved(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.png"
    path.write_bytes(png(striped(kind)))
    return path


def test_a_volume_of_a_single_slice_is_answered_and_explained(classifier: Classifier) -> None:
    def volume(*kinds: str) -> Named:
        voxels = np.stack([striped(kind)[::-1, ::-1].T for kind in kinds], axis=2)
        return Named("head.nii", nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes())

    one = volume("upright")
    explained = classifier.explain(one)
    assert [explained.prediction] == classifier.predict([one]) == [classifier.predict(one)]
    assert (explained.label, explained.prediction.path) == ("glioma", "head.nii")
    assert explained.pixels.tolist() == striped("upright").tolist()
    with pytest.raises(BraintumorError, match="one slice is asked for"):
        classifier.explain(volume("upright", "level"))


def test_a_thumbnail_before_its_page_is_not_taken_for_it(
    classifier: Classifier, tmp_path: Path
) -> None:
    """Alone, explained and in a list, bytes and files: all are of the same page."""
    data = stack("even", "upright")
    full, reduced = (struct.pack("<HHII", 254, 4, 1, flag) for flag in (0, 1))
    data = data.replace(full, reduced, 1)
    (path := tmp_path / "one.tif").write_bytes(data)
    for source in (Named("one.tif", data), path):
        explained = classifier.explain(source)
        assert (
            [explained.prediction] == classifier.predict([source]) == [classifier.predict(source)]
        )
        assert explained.label == "glioma"
        assert explained.pixels.tolist() == striped("upright").tolist()


def test_a_file_of_several_pages_is_no_single_image(classifier: Classifier, tmp_path: Path) -> None:
    (path := tmp_path / "two.tif").write_bytes(stack("upright", "level"))
    for source in (path, Named("two.tif", path.read_bytes())):
        alone = classifier.predict(source)
        assert (alone.status, alone.predicted) == ("error", None)
        assert alone.reason == "it holds several pages, and one slice is asked for here"
        assert [one.status for one in classifier.predict([source])] == ["ok", "ok"]


@pytest.mark.parametrize("kind", KNOWN)
def test_it_knows_the_class_of_a_slice(classifier: Classifier, kind: str) -> None:
    prediction = classifier.predict(striped(kind))

    assert prediction.predicted == KNOWN[kind]
    assert prediction.status == "ok"
    assert prediction.reason == ""
    assert list(prediction.probabilities) == list(CLASSES)
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-12)
    assert prediction.confidence == max(prediction.probabilities.values())


def test_it_is_the_public_face_of_the_package() -> None:
    assert braintumor.Classifier is Classifier


def test_path_text_bytes_and_array_of_one_slice_get_one_answer(
    classifier: Classifier, tmp_path: Path
) -> None:
    path = saved(tmp_path, "upright")
    data = path.read_bytes()
    forms: list[Source] = [path, str(path), data, bytearray(data), memoryview(data)]
    answers = classifier.predict([*forms, striped("upright")])

    assert len({tuple(answer.probabilities.values()) for answer in answers}) == 1
    assert {answer.sha256 for answer in answers[:5]} == {sha256_of(path)}
    assert [answer.path for answer in answers] == [str(path), str(path), "", "", "", ""]
    assert answers[5].sha256 == ""


def test_bytes_and_arrays_can_bear_a_name(classifier: Classifier) -> None:
    data = png(striped("level"))
    named, array = classifier.predict([Named("scan.png", data), Named("a#1", striped("even"))])

    assert (named.path, named.sha256) == ("scan.png", sha256_bytes(data))
    assert array.path == "a#1"
    assert classifier.predict(Named("scan.png", data)) == named


def test_a_text_keeps_its_spelling(classifier: Classifier, tmp_path: Path) -> None:
    saved(tmp_path, "even")
    typed = f"{tmp_path}//./even.png"

    assert classifier.predict(typed).path == typed


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_arrays_of_any_real_type_will_do(classifier: Classifier, dtype: type) -> None:
    assert classifier.predict(striped("checked").astype(dtype)).predicted == "pituitary"


def test_grey_arrays_with_channels_count_as_grey(classifier: Classifier) -> None:
    flat = classifier.predict(striped("level"))
    for channels in (1, 3):
        deep = np.repeat(striped("level")[..., None], channels, axis=2)
        assert classifier.predict(deep) == flat


BAD: dict[str, Source] = {
    "no file": "nowhere/to be found.png",
    "no picture": b"just text",
    "empty": b"",
    "truncated": png(striped("even"))[:100],
    "three dimensions": np.zeros((4, 4, 4)),
    "coloured array": np.arange(48.0).reshape(4, 4, 3),
    "empty array": np.zeros((0, 4)),
    "nothing finite": np.full((8, 8), np.nan),
    "words": np.array([["a", "b"], ["c", "d"]]),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_gives_an_error_row_that_says_why(
    classifier: Classifier, case: str
) -> None:
    prediction = classifier.predict(BAD[case])

    assert prediction.status == "error"
    assert prediction.reason
    assert "\n" not in prediction.reason
    assert prediction.predicted is None
    assert prediction.confidence is None
    assert prediction.probabilities == {}


def test_bad_files_among_good_ones_stop_nothing_and_keep_their_places(
    classifier: Classifier, tmp_path: Path
) -> None:
    good = [str(saved(tmp_path, kind)) for kind in KNOWN]
    images: list[Source] = [b"", *good, b"text", *good * 10, "none.png"]
    answers = classifier.predict(images)

    assert [answer.path for answer in answers] == [x if isinstance(x, str) else "" for x in images]
    expected = [None, *KNOWN.values(), None, *[*KNOWN.values()] * 10, None]
    assert [answer.predicted for answer in answers] == expected


def test_nothing_but_bad_files_and_nothing_at_all(classifier: Classifier) -> None:
    assert [answer.status for answer in classifier.predict([b"", b"x"])] == ["error", "error"]
    assert classifier.predict([]) == []


def test_images_are_taken_as_they_come(classifier: Classifier) -> None:
    """No more than a batch is read ahead, so that an endless stream can be classified."""
    taken: list[int] = []

    def endless() -> Iterator[NDArray[np.uint8]]:
        for number in count():
            taken.append(number)
            yield striped("even")

    answers = list(islice(classifier.predict_many(endless(), batch_size=4, workers=2), 6))

    assert len(answers) == 6
    # Two batches are answered, two more are on their way, and two are read ahead.
    assert 8 <= len(taken) <= 24


@pytest.mark.parametrize("in_memory", [True, False])
def test_of_large_files_few_are_begun_ahead(
    classifier: Classifier, tmp_path: Path, in_memory: bool
) -> None:
    """A file that holds more than a batch keeps its bytes until it is read to its end."""
    data = stack(*["even"] * 6) + bytes(8 * 2**20)
    (tmp_path / "stack.tif").write_bytes(data)
    taken: list[int] = []

    def stacks() -> Iterator[Source]:
        for number in range(24):
            taken.append(number)
            yield Named(f"{number}", data if in_memory else tmp_path / "stack.tif")

    answers = classifier.predict_many(stacks(), batch_size=4, workers=1)
    first = next(answers)

    assert len(taken) <= 8
    assert len([first, *answers]) == 24 * 6


@pytest.mark.parametrize("name", ["head.nii.gz", "a.png"])
def test_of_packed_volumes_two_are_begun_whatever_they_are_called(
    classifier: Classifier, tmp_path: Path, name: str
) -> None:
    """A thousandth of the memory that they will take is what they have on the disk."""
    voxels = np.stack([striped("upright")] * 6, axis=2)
    data = gzip.compress(nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes())
    (tmp_path / name).write_bytes(data)
    taken: list[int] = []

    def volumes() -> Iterator[Source]:
        for number in range(12):
            taken.append(number)
            yield tmp_path / name

    answers = classifier.predict_many(volumes(), batch_size=2, workers=1)
    first = next(answers)

    assert len(taken) <= 3
    assert len([first, *answers]) == 12 * 6


def test_the_size_of_a_batch_changes_no_answer(classifier: Classifier) -> None:
    random = np.random.default_rng(0)
    slices = [random.integers(0, 255, (70, 60)).astype(np.uint8) for _ in range(9)]
    one = [p.probabilities["glioma"] for p in classifier.predict_many(slices, batch_size=1)]
    all_ = [p.probabilities["glioma"] for p in classifier.predict_many(slices, batch_size=9)]

    np.testing.assert_allclose(one, all_, atol=1e-6)


def test_hundreds_of_images_keep_their_order_whatever_they_are(classifier: Classifier) -> None:
    """More than are answered one batch after the other; good, bad, and of several slices."""
    pages = stack(*[*KNOWN] * 5)
    kinds = list(KNOWN)
    images: list[Source] = []
    expected: list[tuple[str, str | None]] = []
    for number in range(120):
        kind = kinds[number % 4]
        images.append(Named(f"{number}", striped(kind)))
        expected.append((f"{number}", KNOWN[kind]))
        if number % 30 == 7:
            images += [Named("stack", pages), Named("bad", b"no picture")]
            expected += [(f"stack#{k + 1}", KNOWN[kinds[k % 4]]) for k in range(20)]
            expected.append(("bad", None))

    found = list(classifier.predict_many(images, batch_size=8, workers=3))

    assert [(one.path, one.predicted) for one in found] == expected
    assert [one.status for one in found if one.path == "bad"] == ["error"] * 4


def test_threads_share_a_classifier(classifier: Classifier) -> None:
    kinds = [*KNOWN] * 8
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda kind: classifier.predict(striped(kind)).predicted, kinds))

    assert found == [KNOWN[kind] for kind in kinds]


def test_a_row_has_the_columns_of_the_contract(classifier: Classifier, tmp_path: Path) -> None:
    assert COLUMNS == tables.COLUMNS

    path = saved(tmp_path, "upright")
    prediction = classifier.predict(path)
    row = prediction.row()
    assert tuple(row) == COLUMNS
    assert row["path"] == str(path)
    assert row["predicted"] == "glioma"
    assert row["p_glioma"] == row["confidence"] == prediction.confidence
    assert row["model"] == "tiny"
    assert row["model_sha256"] == classifier.card.graph.sha256
    assert row["group"] is row["label"] is row["split"] is row["fold"] is row["reason"] is None


def test_the_row_of_an_error_has_no_class(classifier: Classifier) -> None:
    row = classifier.predict(b"").row()

    assert row["status"] == "error"
    assert row["reason"]
    empty = ["predicted", "confidence", "set", *(f"p_{name}" for name in CLASSES)]
    assert all(row[column] is None for column in empty)


def test_an_answer_that_is_no_number_is_never_given_as_a_class(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Runtime.run

    def broken(self: Runtime, canvases: NDArray[np.uint8], *, many: bool) -> object:
        answer = run(self, canvases)
        answer.logits[:] = np.nan
        return answer

    monkeypatch.setattr(Runtime, "run", broken)
    with pytest.raises(BraintumorError, match="no finite number"):
        classifier.predict(striped("even"))


class TestExplain:
    def test_the_heat_map_has_the_slices_own_resolution(self, classifier: Classifier) -> None:
        explanation = classifier.explain(striped("upright", shape=(90, 133)))

        assert explanation.heat.shape == explanation.grey.shape == (90, 133)
        assert explanation.heat.max() == 1.0
        assert explanation.heat.min() >= 0.0
        assert explanation.prepared.pixels.shape == (64, 64)

    def test_it_shows_where_the_class_is_seen(self, classifier: Classifier) -> None:
        slice_ = striped("even")
        slice_[:, 48:] = striped("upright")[:, 48:]
        heat = classifier.explain(slice_, "glioma").heat

        assert heat[10:-10, 60:86].mean() > 5 * heat[10:-10, 10:36].mean()

    def test_it_explains_the_predicted_class_unless_told_otherwise(
        self, classifier: Classifier
    ) -> None:
        explanation = classifier.explain(striped("level"))
        other = explanation.for_label("glioma")

        assert explanation.label == explanation.prediction.predicted == "meningioma"
        assert explanation.prediction == classifier.predict(striped("level"))
        assert other.label == "glioma"
        expected = classifier.explain(striped("level"), "glioma").heat
        np.testing.assert_array_equal(other.heat, expected)
        assert not np.array_equal(other.heat, explanation.heat)

    def test_what_cannot_be_read_cannot_be_explained(self, classifier: Classifier) -> None:
        with pytest.raises(BraintumorError, match=r"^scan\.png cannot be explained"):
            classifier.explain(Named("scan.png", b"text"))

    def test_an_unknown_class_is_refused(self, classifier: Classifier) -> None:
        with pytest.raises(BraintumorError, match="unknown class 'cyst'"):
            classifier.explain(striped("even"), "cyst")
