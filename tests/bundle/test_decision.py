"""Raw answers become probabilities, sets and doubts by the formulas on the card."""

from __future__ import annotations

import math

import numpy as np
import pytest

from braintumor.bundle.decision import (
    apart,
    calibrated,
    combined,
    doubts,
    log_softmax,
    prediction_set,
    softmax,
)
from braintumor.bundle.parts import Calibration, Conformal

LOGITS = np.array([[3.0, 1.0, 0.0, -2.0], [0.1, 0.2, 0.3, 0.4]], np.float32)


def test_probabilities_keep_their_digits_where_the_network_is_sure() -> None:
    logits = np.array([[90.0, -90.0, 0.0, 0.0]], np.float32)

    shares = softmax(logits)
    assert shares.dtype == np.float64
    assert shares[0, 1] == pytest.approx(np.exp(-180.0), rel=1e-12)
    assert softmax(logits + 1e4)[0].sum() == pytest.approx(1, abs=1e-15)


def test_calibration_that_changes_nothing_changes_nothing() -> None:
    np.testing.assert_allclose(
        calibrated(log_softmax(LOGITS), Calibration()), softmax(LOGITS), rtol=1e-12
    )


def test_equal_scales_are_a_temperature() -> None:
    warm = Calibration(scale=(0.5,) * 4)

    found = calibrated(log_softmax(LOGITS), warm)
    np.testing.assert_allclose(found, softmax(LOGITS / 2), rtol=1e-12)
    assert (found.max(axis=1) < softmax(LOGITS).max(axis=1)).all()


def test_scale_and_bias_act_on_the_log_probabilities_of_each_class() -> None:
    vector = Calibration(scale=(1.0, 2.0, 0.5, 1.0), bias=(0.0, 1.0, -1.0, 0.3))

    q = softmax(LOGITS)
    expected = q ** np.array(vector.scale) * np.exp(vector.bias)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(calibrated(log_softmax(LOGITS), vector), expected, rtol=1e-12)


def test_one_network_is_combined_to_itself() -> None:
    np.testing.assert_allclose(np.exp(combined([LOGITS])), softmax(LOGITS), rtol=1e-12)


def test_several_networks_are_a_geometric_mean_whatever_the_offset_of_their_logits() -> None:
    other = np.array([[0.0, 4.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]], np.float32)

    expected = np.sqrt(softmax(LOGITS) * softmax(other))
    expected /= expected.sum(axis=1, keepdims=True)
    found = np.exp(combined([LOGITS, other + 50]))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_set_holds_every_class_whose_shortfall_its_quantile_allows() -> None:
    quantiles = Conformal(alpha=0.1, quantiles=(0.5, 0.3, 1.0, 0.0))

    assert prediction_set(np.array([0.5, 0.3, 0.2, 0.0]), quantiles) == ("glioma", "no_tumor")
    assert prediction_set(np.array([0.0, 0.75, 0.0, 0.25]), quantiles) == ("meningioma", "no_tumor")
    assert prediction_set(np.array([0.0, 0.0, 0.0, 1.0]), quantiles) == ("no_tumor", "pituitary")
    assert prediction_set(np.array([1.0, 0.0, 0.0, 0.0]), None) is None


@pytest.mark.parametrize(
    ("classes", "thresholds", "told"),
    [
        (None, None, ""),
        (("glioma",), None, ""),
        ((), None, "no class fits"),
        (("glioma", "pituitary"), None, "could be glioma or pituitary"),
        (("pituitary",), None, "pituitary"),
        (None, (0.8, 0.0, 0.0, 0.0), ""),
        (None, (0.81, 0.0, 0.0, 0.0), "0.800 is below 0.810"),
        (None, (0.0, 1.0, 1.0, 1.0), ""),
    ],
)
def test_a_person_is_asked_for_where_the_set_or_the_threshold_says_so(
    classes: tuple[str, ...] | None, thresholds: tuple[float, ...] | None, told: str
) -> None:
    found = doubts(0, 0.8, classes, thresholds)

    assert len(found) == bool(told)
    assert told in "; ".join(found)


@pytest.mark.parametrize(
    ("lower", "upper", "told"),
    [
        (0.7, 0.71, ("0.700", "0.710")),
        (0.9896, 0.99, ("0.9896", "0.9900")),
        (0.81312, 0.81346, ("0.8131", "0.8135")),
        (math.nextafter(0.99, 0), 0.99, ("0.9899999999999999", "0.9900000000000000")),
    ],
)
def test_a_confidence_below_a_threshold_is_told_as_one(
    lower: float, upper: float, told: tuple[str, str]
) -> None:
    assert apart(lower, upper) == told
    (clause,) = doubts(0, lower, None, (upper, 0.0, 0.0, 0.0))
    assert clause == "confidence {} is below {}".format(*told)
