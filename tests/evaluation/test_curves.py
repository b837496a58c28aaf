"""The numbers behind the figures."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import sklearn.metrics as sk
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation.curves import Curves, confidence_histogram, curves, f1_curve
from braintumor.evaluation.predictions import Predictions


@pytest.fixture(scope="module")
def table() -> Predictions:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 250)
    logits = rng.normal(size=(250, 4))
    logits[np.arange(250), truth] += 2.0
    prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Predictions.from_arrays([f"{i}.png" for i in range(250)], truth, prob)


@pytest.fixture(scope="module")
def drawn(table: Predictions) -> Curves:
    return curves(table)


def test_areas_are_those_of_the_metrics(table: Predictions, drawn: Curves) -> None:
    each = table.metrics()["per_class"]
    assert list(drawn.roc) == list(drawn.precision_recall) == list(drawn.f1) == list(CLASSES)
    for name in CLASSES:
        assert drawn.roc[name].auc == pytest.approx(each[name]["auc"])
        curve = drawn.precision_recall[name]
        assert curve.average_precision == pytest.approx(each[name]["average_precision"])
        assert curve.prevalence == each[name]["support"] / 250
        assert drawn.roc[name].support == each[name]["support"]


def test_roc_runs_from_corner_to_corner(drawn: Curves) -> None:
    for curve in drawn.roc.values():
        assert (curve.fpr[0], curve.tpr[0], curve.fpr[-1], curve.tpr[-1]) == (0, 0, 1, 1)
        assert (np.diff(curve.fpr) >= 0).all()
        assert (np.diff(curve.tpr) >= 0).all()


def test_precision_recall_points_are_what_their_thresholds_give(
    table: Predictions, drawn: Curves
) -> None:
    curve = drawn.precision_recall["glioma"]
    positive, score = table.y_true == 0, table.y_prob[:, 0]
    for i in (0, 50, 150, len(curve.thresholds) - 1):
        taken = score >= curve.thresholds[i]
        assert curve.precision[i] == pytest.approx(sk.precision_score(positive, taken))
        assert curve.recall[i] == pytest.approx(sk.recall_score(positive, taken))
    assert (curve.recall[-1], curve.precision[-1]) == (0, 1)


def test_f1_at_each_threshold_and_the_best_of_all(table: Predictions, drawn: Curves) -> None:
    for i, name in enumerate(CLASSES):
        positive, score = table.y_true == i, table.y_prob[:, i]
        curve = drawn.f1[name]
        brute = [sk.f1_score(positive, score >= t) for t in curve.thresholds]
        np.testing.assert_allclose(curve.f1, brute, atol=1e-12)
        assert curve.best_f1 == pytest.approx(max(brute))
        achieved = sk.f1_score(positive, score >= curve.best_threshold)
        assert achieved == pytest.approx(curve.best_f1)


def test_the_best_threshold_lies_in_the_middle_of_the_gap() -> None:
    positive = np.array([False, False, True, True])
    curve = f1_curve(positive, np.array([0.1, 0.2, 0.6, 0.9]))
    assert curve.best_f1 == 1.0
    assert curve.best_threshold == pytest.approx(0.4)


def test_of_equal_thresholds_the_one_nearest_to_a_half_is_taken() -> None:
    # {0.9} and {0.9 .. 0.5} both give F1 2/3: (tp 1, fp 0, fn 1) and (tp 2, fp 2, fn 0).
    positive = np.array([True, False, False, True])
    curve = f1_curve(positive, np.array([0.9, 0.8, 0.7, 0.5]))
    np.testing.assert_allclose(curve.f1, [2 / 3, 0.4, 0.5, 2 / 3])
    assert curve.best_threshold == pytest.approx(0.25)  # 0.25 is nearer to 0.5 than 0.85


def test_confusion_counts_and_rates(table: Predictions, drawn: Curves) -> None:
    assert drawn.confusion.counts.tolist() == table.metrics()["confusion"]
    np.testing.assert_allclose(drawn.confusion.rates.sum(axis=1), 1.0)
    assert drawn.confusion.rates[0, 0] == table.metrics()["per_class"]["glioma"]["sensitivity"]


def test_the_histogram_counts_every_row_once_right_or_wrong(
    table: Predictions, drawn: Curves
) -> None:
    histogram = drawn.confidence
    assert histogram.right.sum() == (table.y_true == table.y_pred).sum()
    assert histogram.right.sum() + histogram.wrong.sum() == 250
    assert len(histogram.edges) == len(histogram.right) + 1
    # 1.0 and what rounding put above it fall into the last bin.
    edge: NDArray[np.float64] = np.array([1.0, 1.0 + 1e-9])
    assert confidence_histogram(edge, np.array([True, True])).right[-1] == 2


def test_reliability_is_the_metrics_own(table: Predictions, drawn: Curves) -> None:
    assert drawn.reliability.ece == table.metrics()["ece"]
    assert drawn.reliability.count.sum() == 250


def test_an_absent_class_is_a_bare_curve(table: Predictions) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bare = curves(table.take(table.y_true != 3))
        nothing = curves(table.take([]))
    assert len(bare.roc["pituitary"].fpr) == 0
    assert np.isnan(bare.roc["pituitary"].auc)
    assert len(bare.f1["pituitary"].thresholds) == 0
    assert np.isnan(bare.confusion.rates[3]).all()
    assert nothing.n == 0


def test_curves_are_plain_json(table: Predictions) -> None:
    plain = json.loads(json.dumps(curves(table.take(table.y_true != 3)).to_dict(), allow_nan=False))
    assert plain["roc"]["pituitary"]["auc"] is None
    assert plain["roc"]["glioma"]["thresholds"][0] is None  # infinite by definition
    assert len(plain["confusion"]["counts"]) == 4


def test_rows_that_cannot_be_judged_are_in_no_figure(table: Predictions) -> None:
    frame = table.frame.copy()
    frame.loc[:9, "label"] = ""
    assert curves(Predictions.from_frame(frame)).n == 240
