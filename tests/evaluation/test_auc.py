"""The variance of an AUC: published figures, and what theory says of it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from braintumor.evaluation.auc import auc_covariance
from braintumor.evaluation.paired import auc_difference

# The ovarian cancer patients of DeLong et al. (1988): albumin, total protein, Krebs-Goplerud score
# and outcome, as printed in SAS/STAT User's Guide, "Comparing Receiver Operating Characteristic
# Curves" (PROC LOGISTIC, last example).
OVARIAN = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0
1.6 5.6 5 1  3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1
4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1
3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1
3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1
3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
3.6 6.6 5 1
"""
# S100B in the subarachnoid haemorrhage data of Turck et al. (2010) that come with R's pROC (Robin
# et al. 2011): patients of good and of poor outcome at each value, the highest value first.
S100B_GOOD = (
    "0 0 0 0 0 0 0 0 0 0 0 2 0 1 2 1 1 0 1 0 1 0 1 1 1 "
    "0 1 0 0 0 1 0 0 2 1 2 3 4 4 3 0 4 7 6 6 6 2 3 5 0"
)
S100B_POOR = (
    "1 1 1 1 1 1 2 1 1 1 1 0 1 1 0 0 0 2 0 1 0 1 0 1 1 "
    "1 0 1 1 1 0 1 1 0 0 0 1 0 1 2 1 1 2 2 1 3 0 0 0 1"
)


def ratings(good: str, poor: str) -> tuple[np.ndarray, np.ndarray]:
    counts = [np.array(text.split(), int) for text in (good, poor)]
    levels = -np.arange(len(counts[0]), dtype=float)
    scores = np.concatenate([np.repeat(levels, count) for count in counts])
    return np.repeat([False, True], [count.sum() for count in counts]), scores


def test_delongs_variance_is_that_of_proc() -> None:
    # pROC: var(roc(outcome, s100b)) is 0.00266868245717244, ci.auc prints 0.6301-0.8326 (DeLong).
    (area,), ((variance,),) = auc_covariance(*ratings(S100B_GOOD, S100B_POOR))
    assert area == pytest.approx(0.73136856368563685, abs=1e-12)
    assert variance == pytest.approx(0.00266868245717244, abs=1e-12)
    assert area - 1.959964 * variance**0.5 == pytest.approx(0.6301, abs=5e-5)


def test_paired_areas_are_those_of_delongs_own_example() -> None:
    # SAS prints the areas 0.7366 (0.0927), 0.6478 (0.1000) and 0.7258 (0.1028); against the
    # K-G score 0.0108 (0.0953), p 0.9102, and -0.0780 (0.1046), p 0.4561; chi-square 2.5340.
    table = np.array(OVARIAN.split(), float).reshape(-1, 4)
    scores = table[:, :3] * [1, 1, -1]
    area, covariance = auc_covariance(table[:, 3] == 1, scores)
    assert area == pytest.approx([0.7366, 0.6478, 0.7258], abs=5e-5)
    assert np.sqrt(np.diag(covariance)) == pytest.approx([0.0927, 0.1000, 0.1028], abs=5e-5)
    for column, printed in ((0, (0.0108, 0.0953, 0.9102)), (1, (-0.0780, 0.1046, 0.4561))):
        difference, variance, p = auc_difference(table[:, 3] == 1, scores[:, [column, 2]])
        assert (difference, variance**0.5, p) == pytest.approx(printed, abs=5e-5)
    contrast = np.array([[1, 0, -1], [0, 1, -1]])
    apart = contrast @ area
    chi2 = apart @ np.linalg.solve(contrast @ covariance @ contrast.T, apart)
    assert chi2 == pytest.approx(2.5340, abs=5e-5)


def test_areas_are_scikit_learns_ties_and_all() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(300) < 0.3
    scores = np.round(rng.normal(size=(300, 3)) + positive[:, None], 1)
    area, covariance = auc_covariance(positive, scores)
    assert area == pytest.approx([roc_auc_score(positive, s) for s in scores.T], abs=1e-12)
    assert (np.linalg.eigvalsh(covariance) > 0).all()


def test_with_every_row_its_own_group_obuchowskis_formula_is_delongs() -> None:
    rng = np.random.default_rng(1)
    positive, scores = rng.random(80) < 0.5, rng.normal(size=80)
    alone = auc_covariance(positive, scores, rng.permutation(80))
    assert alone[1] == pytest.approx(auc_covariance(positive, scores)[1], abs=1e-15)


def test_a_table_copied_tenfold_is_no_surer() -> None:
    # Obuchowski's variance of rows repeated within their group is that of the rows alone.
    rng = np.random.default_rng(2)
    positive, scores, codes = rng.random(60) < 0.5, rng.normal(size=60), np.arange(60)
    copied = [np.repeat(column, 10) for column in (positive, scores, codes)]
    assert auc_covariance(*copied)[1] == pytest.approx(
        auc_covariance(positive, scores, codes)[1], rel=1e-9
    )
    assert auc_covariance(*copied[:2])[1][0, 0] < auc_covariance(*copied)[1][0, 0] / 8


def test_what_rows_cannot_define_is_nan() -> None:
    area, covariance = auc_covariance([True, True], [0.2, 0.3])
    assert np.isnan(area).all()
    assert np.isnan(covariance).all()
    area, covariance = auc_covariance([True, False, True], [0.3, 0.2, 0.4], np.array([0, 1, 0]))
    assert area == 1.0
    assert np.isnan(covariance).all(), "one group of each tells nothing of variance"
