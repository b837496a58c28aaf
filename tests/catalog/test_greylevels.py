"""Statistics of grey levels, held against SciPy and against what they must be."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from braintumor.catalog.greylevels import GREY_STATISTICS, grey_statistics, histogram, roughness


def of(picture: np.ndarray) -> dict[str, float]:
    return dict(zip(GREY_STATISTICS, grey_statistics(histogram(picture)[None])[0], strict=True))


def test_there_are_thirteen_and_they_are_right() -> None:
    picture = np.random.default_rng(0).gamma(2, 20, (90, 70)).clip(0, 255).astype(np.uint8)
    found, values = of(picture), picture.ravel().astype(float)
    assert len(found) == 13
    assert found["mean grey level"] == pytest.approx(values.mean())
    assert found["standard deviation"] == pytest.approx(values.std())
    assert found["skewness"] == pytest.approx(stats.skew(values))
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(values))
    assert found["entropy"] == pytest.approx(stats.entropy(np.bincount(picture.ravel()), base=2))
    assert found["percentile 75"] == np.percentile(values, 75, method="inverted_cdf")
    assert found["maximum"] == values.max()


def test_a_picture_of_one_value_has_finite_statistics() -> None:
    found = of(np.full((8, 8), 7, np.uint8))
    assert (found["mean grey level"], found["maximum"], found["percentile 1"]) == (7, 7, 7)
    assert (found["standard deviation"], found["skewness"], found["kurtosis"]) == (0, 0, 0)


def test_where_the_levels_lie_makes_no_difference() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (32, 32)).astype(np.uint8)
    assert of(picture) == of(np.sort(picture, axis=None).reshape(32, 32))


def test_enlarging_makes_a_picture_less_rough() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (64, 64)).astype(np.uint8)
    enlarged = np.asarray(Image.fromarray(noise).resize((128, 128), Image.Resampling.BICUBIC))
    slope = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    assert roughness(noise) == pytest.approx(3**0.5, abs=0.1)
    assert roughness(enlarged) < 1.3
    assert roughness(slope) == 0
    assert roughness(np.zeros((4, 4), np.uint8)) == 0
