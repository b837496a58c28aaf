"""Scores, PPV and NPV under a mix, by hand and against known examples."""

from __future__ import annotations

import numpy as np
import pytest

from braintumor.evaluation import mix_scores

# Of glioma 90 % are found, 9 % of the others are taken for it, whichever they are.
RATE = np.array(
    [[0.90, 0.04, 0.03, 0.03], [0.09, 0.91, 0, 0], [0.09, 0, 0.91, 0], [0.09, 0, 0, 0.91]]
)


def test_a_textbook_example_of_ppv() -> None:
    """Prevalence 1 %, sensitivity 90 %, false alarms 9 %: of ten alarms nine are false.

    (Gigerenzer et al. 2007, Psychological Science in the Public Interest 8:53-96: mammography.)
    """
    share = np.array([0.01, 0.33, 0.33, 0.33])
    ppv, npv = mix_scores.predictive_values(RATE, share)
    assert ppv[0] == pytest.approx(9 / (9 + 89.1), abs=1e-9)
    assert npv[0] == pytest.approx(0.99 * 0.91 / (0.99 * 0.91 + 0.001))


def test_scores_by_hand() -> None:
    share = np.array([0.5, 0.0, 0.5, 0.0])
    found = mix_scores.scores(RATE, share, mix_scores.counted(RATE, share))
    assert found["accuracy"] == pytest.approx(0.5 * 0.90 + 0.5 * 0.91)
    assert found["balanced_accuracy"] == pytest.approx((0.90 + 0.91) / 2)
    glioma = 2 * 0.45 / (0.5 + 0.495)
    none = 2 * 0.455 / (0.5 + 0.47)
    assert found["macro_f1"] == pytest.approx((glioma + none) / 4), "two are said and not there"
    assert found["weighted_precision"] == pytest.approx(0.5 * 0.45 / 0.495 + 0.5 * 0.455 / 0.47)


def test_macro_f1_is_over_the_classes_of_the_mix_and_those_that_are_said() -> None:
    assert mix_scores.counted(RATE, np.array([0.5, 0.0, 0.5, 0.0])).all()
    kept = mix_scores.counted(RATE, np.array([0.0, 0.5, 0.5, 0.0]))
    assert kept.tolist() == [True, True, True, False], "nothing of the two is taken for pituitary"


def test_a_class_without_rates_does_no_harm_where_it_has_no_share() -> None:
    rate = RATE.copy()
    rate[1] = np.nan
    share = np.array([0.5, 0.0, 0.25, 0.25])
    counted = mix_scores.counted(rate, share)
    assert np.isfinite(list(mix_scores.scores(rate, share, counted).values())).all()
    even = mix_scores.scores(rate, np.full(4, 0.25), counted)
    assert np.isnan(list(even.values())).all(), "but where it has one, nothing can be said"


def test_predictive_values_by_prevalence_run_from_nothing_to_all() -> None:
    curve = mix_scores.by_prevalence(RATE, RATE[None], 0, np.full(4, 0.25))
    at = list(curve.prevalence).index(0.01)
    assert curve.ppv[at] == pytest.approx(9 / (9 + 89.1))
    assert (np.diff(curve.ppv) > 0).all()
    assert (np.diff(curve.npv) < 0).all()
    assert curve.ppv[0] < 0.01
    assert curve.ppv[-1] > 0.99
