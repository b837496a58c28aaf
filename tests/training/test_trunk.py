"""The frozen trunk's cache: the right output for every image, computed once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from braintumor.networks.augmentation import apply, draw  # noqa: E402
from braintumor.training.recipe import default_recipe  # noqa: E402
from braintumor.training.trunk import TrunkCache  # noqa: E402

COUNT, SIDE = 35, 8  # more than one batch, and not a whole number of them


@pytest.fixture
def trunk() -> object:
    """A stand-in with the trunk's face: means over patches, and over everything."""
    image = keras.layers.Input((SIDE, SIDE, 1))
    features = keras.layers.AveragePooling2D(4)(image)
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    return keras.Model(image, {"features": features, "pooled": pooled})


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (COUNT, SIDE, SIDE)).astype(np.uint8)


def test_each_row_is_the_trunks_answer_to_that_image(
    trunk: object, pixels: np.ndarray, tmp_path: Path
) -> None:
    output = TrunkCache(tmp_path, trunk).plain("valid", pixels)
    np.testing.assert_allclose(output.pooled[:, 0], pixels.mean(axis=(1, 2)), rtol=1e-5)
    patches = pixels.reshape(COUNT, 2, 4, 2, 4).mean(axis=(2, 4))
    np.testing.assert_allclose(output.features[..., 0], patches, rtol=1e-3)


def test_a_variant_is_the_image_under_that_epochs_augmentation(
    trunk: object, pixels: np.ndarray, tmp_path: Path
) -> None:
    recipe = default_recipe("resnet50")
    names = np.arange(COUNT) + 100
    output = TrunkCache(tmp_path, trunk).variant(3, pixels, names, recipe)
    for row in (0, 33, 34):
        change = draw(recipe.augmentation, seed=recipe.seed, epoch=3, image=100 + row)
        expected = apply(pixels[row], change).mean()
        assert output.pooled[row, 0] == pytest.approx(expected, rel=1e-5)


def test_what_is_there_is_not_computed_again_and_nothing_half_is_left(
    trunk: object, pixels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = TrunkCache(tmp_path, trunk)
    first = np.array(cache.plain("valid", pixels).features)

    def fail(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trunk, "predict_on_batch", fail)
    np.testing.assert_array_equal(cache.plain("valid", pixels).features, first)
    with pytest.raises(KeyboardInterrupt):
        cache.plain("other", pixels)
    assert not [file for file in tmp_path.iterdir() if "valid" not in file.name]
