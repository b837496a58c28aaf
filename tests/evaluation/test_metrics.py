"""Scores, held against scikit-learn and against numbers worked out by hand."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
import sklearn.metrics as sk
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation import metrics
from braintumor.evaluation.metrics import measure

# 8 rows: glioma 3 (2 found, 1 called meningioma), meningioma 2 (both found), no_tumor 2 (one
# called pituitary), pituitary 1 (found).
TRUTH = [0, 0, 0, 1, 1, 2, 2, 3]
SAID = [0, 0, 1, 1, 1, 2, 3, 3]


def sharp(said: list[int]) -> NDArray[np.float64]:
    prob = np.full((len(said), 4), 0.1)
    prob[np.arange(len(said)), said] = 0.7
    return prob


def drawn(n: int, seed: int, *, skew: float = 1.0) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    share = np.array([1, 1, 1, 1]) ** skew * np.array([8, 4, 2, 1]) ** (skew != 1)
    truth = rng.choice(4, n, p=share / share.sum())
    logits = rng.normal(size=(n, 4))
    logits[np.arange(n), truth] += 1.0
    prob = np.exp(logits)
    return truth, prob / prob.sum(axis=1, keepdims=True)


def test_scores_by_hand() -> None:
    m = measure(TRUTH, sharp(SAID))
    assert m["n"] == 8
    assert m["accuracy"] == 6 / 8
    assert m["balanced_accuracy"] == pytest.approx((2 / 3 + 1 + 1 / 2 + 1) / 4)
    assert m["confusion"] == [[2, 1, 0, 0], [0, 2, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]]
    meningioma = m["per_class"]["meningioma"]
    assert meningioma["sensitivity"] == 1.0
    assert meningioma["specificity"] == pytest.approx(5 / 6)
    assert meningioma["precision"] == pytest.approx(2 / 3)
    assert meningioma["f1"] == pytest.approx(4 / 5)
    assert meningioma["support"] == 2
    # 2 positives at 0.7, 1 of 6 negatives at 0.7, 5 at 0.1: ties count half.
    assert meningioma["auc"] == pytest.approx((5 + 0.5) / 6)
    assert meningioma["average_precision"] == pytest.approx(2 / 3)
    assert m["log_loss"] == pytest.approx(-(6 * math.log(0.7) + 2 * math.log(0.1)) / 8)
    # All rows are equally sure, so they share one bin: 0.75 right, 0.7 claimed.
    assert m["ece"] == pytest.approx(0.05)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("skew", [1.0, 2.0])
def test_scores_are_scikit_learns(seed: int, skew: float) -> None:
    truth, prob = drawn(300, seed, skew=skew)
    said = prob.argmax(axis=1)
    m = measure(truth, prob)
    assert m["accuracy"] == pytest.approx(sk.accuracy_score(truth, said))
    assert m["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(truth, said))
    assert m["macro_f1"] == pytest.approx(sk.f1_score(truth, said, average="macro"))
    assert m["mcc"] == pytest.approx(sk.matthews_corrcoef(truth, said))
    assert m["log_loss"] == pytest.approx(sk.log_loss(truth, prob))
    assert m["macro_auc"] == pytest.approx(sk.roc_auc_score(truth, prob, multi_class="ovr"))
    assert m["macro_ap"] == pytest.approx(sk.average_precision_score(np.eye(4)[truth], prob))
    assert m["confusion"] == sk.confusion_matrix(truth, said).tolist()
    each = m["per_class"]
    for i, name in enumerate(CLASSES):
        positive, taken = truth == i, said == i
        assert each[name]["sensitivity"] == pytest.approx(sk.recall_score(positive, taken))
        assert each[name]["specificity"] == pytest.approx(sk.recall_score(~positive, ~taken))
        assert each[name]["precision"] == pytest.approx(sk.precision_score(positive, taken))
        assert each[name]["f1"] == pytest.approx(sk.f1_score(positive, taken))
        assert each[name]["auc"] == pytest.approx(sk.roc_auc_score(positive, prob[:, i]))
        assert each[name]["support"] == int(positive.sum())


def test_a_class_that_is_absent_has_no_scores_and_spoils_no_mean() -> None:
    truth, prob = drawn(200, 1)
    keep = truth != 2
    truth, prob = truth[keep], prob[keep]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        m = measure(truth, prob)
    absent = m["per_class"]["no_tumor"]
    assert absent["support"] == 0
    for key in ("sensitivity", "auc", "average_precision"):
        assert math.isnan(absent[key]), key
    assert absent["f1"] == 0.0  # it was said, and never right
    others = [m["per_class"][name]["auc"] for name in CLASSES if name != "no_tumor"]
    assert m["macro_auc"] == pytest.approx(np.mean(others))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sk.balanced_accuracy_score(truth, prob.argmax(axis=1))
    assert m["balanced_accuracy"] == pytest.approx(expected)


def test_one_class_alone_and_no_rows_at_all_are_undefined_not_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = measure([1, 1], sharp([1, 1]))
        nothing = measure([], np.zeros((0, 4)))
    assert alone["accuracy"] == 1.0
    assert math.isnan(alone["mcc"])
    assert math.isnan(alone["macro_auc"])
    assert math.isnan(alone["per_class"]["meningioma"]["specificity"])
    assert math.isnan(alone["per_class"]["glioma"]["precision"])
    assert nothing["n"] == 0
    for key in ("accuracy", "macro_f1", "log_loss", "ece", "mcc"):
        assert math.isnan(nothing[key]), key


def test_undefined_scores_are_null_in_json() -> None:
    plain = measure([1, 1], sharp([1, 1])).to_dict()
    again = json.loads(json.dumps(plain, allow_nan=False))
    assert again["mcc"] is None
    assert again["per_class"]["glioma"]["auc"] is None
    assert again["per_class"]["meningioma"]["sensitivity"] == 1.0
    assert again["confusion"][1] == [0, 2, 0, 0]


def test_a_certain_mistake_costs_much_but_not_infinity() -> None:
    loss = measure([0], [[0.0, 1.0, 0.0, 0.0]])["log_loss"]
    assert loss == pytest.approx(-math.log(np.finfo(np.float64).eps))


def test_rounded_probabilities_are_brought_to_one_for_the_log_loss() -> None:
    assert measure([0], [[0.495, 0.495, 0.0, 0.0]])["log_loss"] == pytest.approx(math.log(2))


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.9, 0.9, 0.9, 0.9, 0.6, 0.6, 0.6, 0.6])
    right = np.array([1, 1, 1, 0, 1, 0, 0, 0], dtype=bool)
    bins = metrics.reliability(confidence, right, bins=2)
    assert bins.confidence == pytest.approx([0.6, 0.9])
    assert bins.accuracy == pytest.approx([0.25, 0.75])
    assert bins.count.tolist() == [4, 4]
    assert bins.ece == pytest.approx((0.35 + 0.15) / 2)


def test_calibration_bins_hold_equal_numbers_and_ignore_the_order_of_rows() -> None:
    rng = np.random.default_rng(3)
    confidence = rng.uniform(0.25, 1.0, 1000)
    confidence[:400] = 1.0  # saturated rows must share one bin
    right = rng.uniform(size=1000) < confidence
    bins = metrics.reliability(confidence, right)
    assert bins.count.sum() == 1000
    assert bins.count[-1] >= 400
    assert max(bins.count[:-1]) - min(bins.count[:-2]) <= 1
    order = rng.permutation(1000)
    assert metrics.reliability(confidence[order], right[order]).ece == pytest.approx(bins.ece)
    distinct = metrics.reliability(np.linspace(0.25, 1, 300), np.ones(300, bool))
    assert distinct.count.tolist() == [20] * 15


def test_a_calibrated_model_has_a_small_error_and_a_boaster_a_large_one() -> None:
    rng = np.random.default_rng(4)
    confidence = rng.uniform(0.25, 1.0, 20_000)
    right = rng.uniform(size=20_000) < confidence
    assert metrics.reliability(confidence, right).ece < 0.02
    boast = np.minimum(confidence + 0.2, 1.0)
    assert metrics.reliability(boast, right).ece > 0.12


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 4\)"):
        measure([0, 1], np.zeros((2, 3)))
