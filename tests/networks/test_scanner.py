"""Another scanner's slice: replayable, and each property doing what it says."""

from __future__ import annotations

import numpy as np
import pytest

from braintumor.networks.scanner import Scan, draw_scan, scanned


@pytest.fixture
def slice_() -> np.ndarray:
    """Stripes of two pixels on the left, plain grey on the right."""
    picture = np.full((64, 64), 120, np.uint8)
    picture[:, :32:4] = picture[:, 1:32:4] = 60
    return picture


def test_a_rate_of_zero_draws_nothing_and_changes_nothing(slice_: np.ndarray) -> None:
    scan = draw_scan(np.random.default_rng(0), 0.0)
    assert scan == Scan()
    np.testing.assert_array_equal(scanned(slice_, scan), slice_)


def test_a_rate_of_one_draws_everything_and_can_be_replayed(slice_: np.ndarray) -> None:
    scan = draw_scan(np.random.default_rng(0), 1.0)
    assert scan.noise > 0
    assert scan.blur > 0
    assert scan.resolution < 1
    assert any(scan.shading)
    assert any(scan.window)
    assert scan.erased[2] > 0
    np.testing.assert_array_equal(scanned(slice_, scan), scanned(slice_, scan))


def test_each_property_comes_at_its_rate() -> None:
    random = np.random.default_rng(1)
    scans = [draw_scan(random, 0.3) for _ in range(600)]
    assert 0.22 < np.mean([scan.noise > 0 for scan in scans]) < 0.38
    assert 0.22 < np.mean([scan.resolution < 1 for scan in scans]) < 0.38


def test_shading_brightens_one_side(slice_: np.ndarray) -> None:
    shaded = scanned(slice_, Scan(shading=(0.3, 0, 0, 0, 0))).astype(int)
    assert shaded[:, 60].mean() > 120 * 1.2
    assert shaded[:, 34].mean() == pytest.approx(120, abs=8)


def test_noise_has_its_spread_and_lifts_the_dark(slice_: np.ndarray) -> None:
    noisy = scanned(slice_, Scan(noise=10.0, noise_seed=1))
    assert noisy[:, 32:].std() == pytest.approx(10, rel=0.15)
    black = scanned(np.zeros((64, 64), np.uint8), Scan(noise=10.0, noise_seed=1))
    assert black.mean() == pytest.approx(10 * np.sqrt(np.pi / 2), rel=0.1), "Rayleigh"


@pytest.mark.parametrize("scan", [Scan(blur=3.0), Scan(resolution=0.45)])
def test_blur_and_low_resolution_take_the_stripes_away(slice_: np.ndarray, scan: Scan) -> None:
    assert scanned(slice_, scan)[:, :32].std() < 0.6 * slice_[:, :32].std()
    np.testing.assert_allclose(scanned(slice_, scan)[:, 40:], 120, atol=1)


def test_a_window_cuts_the_ends(slice_: np.ndarray) -> None:
    cut = scanned(slice_, Scan(window=(0.25, 0.25)))
    assert cut[0, 0] == 0
    assert cut[0, 40] == pytest.approx((120 - 63.75) * 2, abs=1)


def test_an_erased_patch_is_plain(slice_: np.ndarray) -> None:
    erased = scanned(slice_, Scan(erased=(0.25, 0.0, 0.25)))
    assert erased[16:32, :16].std() == 0
    np.testing.assert_array_equal(erased[32:], slice_[32:])
