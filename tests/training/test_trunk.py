"""The frozen trunk's cache: the right output for every image, computed once."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from braintumor.errors import BraintumorError  # noqa: E402
from braintumor.training.examples import Examples, augmented, coarse  # noqa: E402
from braintumor.training.recipe import default_recipe  # noqa: E402
from braintumor.training.trunk import TrunkCache  # noqa: E402

COUNT, SIDE, PLACES = 35, 8, (2, 2)  # more than one batch, and not a whole number of them


@pytest.fixture
def trunk() -> object:
    """A stand-in with the trunk's face: means over patches."""
    image = keras.layers.Input((SIDE, SIDE, 1))
    return keras.Model(image, keras.layers.AveragePooling2D(4)(image))


@pytest.fixture
def examples() -> Examples:
    random = np.random.default_rng(1)
    return Examples(
        pixels=random.integers(0, 256, (COUNT, SIDE, SIDE)).astype(np.uint8),
        labels=np.arange(COUNT) % 4,
        names=np.arange(COUNT) + 100,
        masks=(random.integers(0, 2, (COUNT, SIDE, SIDE)) * 255).astype(np.uint8),
        known=np.arange(COUNT) % 3 == 0,
    )


def patches(pixels: np.ndarray) -> np.ndarray:
    return pixels.reshape(2, 4, 2, 4).mean(axis=(1, 3))


def test_each_row_is_the_trunks_answer_to_that_image(
    trunk: object, examples: Examples, tmp_path: Path
) -> None:
    features = TrunkCache(tmp_path, trunk, PLACES).plain(examples.pixels).whole()
    for row in (0, 33, 34):
        np.testing.assert_allclose(features[row, ..., 0], patches(examples.pixels[row]), rtol=1e-3)


def test_a_variant_is_what_that_epoch_draws_of_each_image(
    trunk: object, examples: Examples, tmp_path: Path
) -> None:
    recipe = default_recipe("resnet50", implant=0.5, heal=0.5)
    output = TrunkCache(tmp_path, trunk, PLACES).variant(3, examples, recipe)
    for row in range(COUNT):
        drawn = augmented(examples, row, recipe, 3)
        np.testing.assert_allclose(output.features[row][..., 0], patches(drawn.pixels), rtol=1e-3)
        np.testing.assert_array_equal(output.masks[row], coarse(drawn.mask, PLACES))
        assert (output.labels[row], output.known[row]) == (drawn.label, drawn.known)
    assert (output.labels != examples.labels).any(), "some lesion was put in or taken out"


def test_what_was_shown_before_is_not_computed_again_and_nothing_half_is_left(
    trunk: object, examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = TrunkCache(tmp_path, trunk, PLACES).plain(examples.pixels).whole()
    kept = sorted(tmp_path.glob("*.npy"))
    again = TrunkCache(tmp_path, trunk, PLACES)

    def fail(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(again.halved, "predict_on_batch", fail)
    turned = again.plain(examples.pixels[::-1]).whole()
    np.testing.assert_array_equal(turned, first[::-1])
    with pytest.raises(KeyboardInterrupt):
        again.plain(255 - examples.pixels)
    assert sorted(tmp_path.glob("*.npy")) == kept


def test_only_what_is_new_is_run(
    trunk: object, examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = TrunkCache(tmp_path, trunk, PLACES)
    cache.plain(examples.pixels[:20])
    run, shown = cache.halved.predict_on_batch, []
    monkeypatch.setattr(
        cache.halved, "predict_on_batch", lambda images: shown.append(len(images)) or run(images)
    )
    cache.plain(examples.pixels)
    assert sum(shown) == COUNT - 20


def test_another_trunk_in_the_same_folder_answers_for_itself(
    trunk: object, examples: Examples, tmp_path: Path
) -> None:
    image = keras.layers.Input((SIDE, SIDE, 1))
    other = keras.Model(image, keras.layers.Conv2D(1, 4, strides=4)(image))
    TrunkCache(tmp_path, trunk, PLACES).plain(examples.pixels)
    answers = TrunkCache(tmp_path, other, PLACES).plain(examples.pixels).whole()
    wanted = other.predict_on_batch(examples.pixels.astype(np.float32)[..., None])
    np.testing.assert_allclose(answers, wanted, rtol=2e-2, atol=0.5)


def at_first_batch(cache: TrunkCache, do: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have something done while the cache is writing."""
    run, once = cache.halved.predict_on_batch, [do]

    def predict(images: object) -> object:
        while once:
            once.pop()()  # type: ignore[operator]
        return run(images)

    monkeypatch.setattr(cache.halved, "predict_on_batch", predict)


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob(".*.part.npy"))


def test_a_full_disk_is_a_sentence_and_leaves_nothing(
    trunk: object, examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = TrunkCache(tmp_path / "new", trunk, PLACES)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(BraintumorError, match=r"no space left.*MiB are needed.*--trunk-cache"):
            cache.plain(examples.pixels)
    assert list((tmp_path / "new").glob("*.npy")) == []
    assert len(cache.plain(examples.pixels)) == COUNT


def test_no_room_on_the_disk_is_promised_before_it_is_written(
    trunk: object, examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file with holes, filled through memory, ends the process where the disk is full."""
    cache, sizes = TrunkCache(tmp_path, trunk, PLACES), []
    at_first_batch(
        cache, lambda: sizes.extend(part.stat().st_size for part in parts(tmp_path)), monkeypatch
    )
    cache.plain(examples.pixels)
    (file,) = tmp_path.glob("*.features.npy")
    assert len(sizes) == 1
    assert sizes[0] <= file.stat().st_size - COUNT * 2 * 2 * 2, "at most the header is there"


def test_what_killed_processes_left_half_written_is_swept_up(trunk: object, tmp_path: Path) -> None:
    for kind in ("features", "keys"):
        (tmp_path / f".{'0' * 16}-{'a' * 16}.{kind}.x1_y2z3w.part.npy").touch()
    other = tmp_path / ".somebody-elses.part.npy"
    other.touch()
    TrunkCache(tmp_path, trunk, PLACES)
    assert parts(tmp_path) == [other]


def test_what_another_process_is_writing_is_left_alone(
    trunk: object, examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, seen = TrunkCache(tmp_path, trunk, PLACES), []

    def another() -> None:
        TrunkCache(tmp_path, trunk, PLACES)
        seen.extend(parts(tmp_path))

    at_first_batch(cache, another, monkeypatch)
    assert len(cache.plain(examples.pixels)) == COUNT
    assert len(seen) == 1
    assert parts(tmp_path) == []


def test_of_two_that_want_the_same_the_second_waits_and_reads(
    trunk: object, examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (TrunkCache(tmp_path, trunk, PLACES) for _ in range(2))
    read, shown = [], []
    monkeypatch.setattr(second.halved, "predict_on_batch", shown.append)
    waiting = Thread(target=lambda: read.append(second.plain(examples.pixels).whole()))
    at_first_batch(first, waiting.start, monkeypatch)
    written = first.plain(examples.pixels).whole()
    waiting.join(60)
    assert shown == []
    np.testing.assert_array_equal(read[0], written)
