"""Thresholds: chosen for a purpose, judged where they were not chosen."""

from __future__ import annotations

import numpy as np
import pytest
from made_answers import answers, bent, table

from braintumor.classes import CLASSES
from braintumor.evaluation import operating
from braintumor.evaluation.curves import f1_curve
from braintumor.evaluation.decision import fit_rules
from braintumor.evaluation.operating import operating_points, outcome, thresholds

TRUTH = np.array([0, 0, 0, 0, 1, 1, 1, 1])
SCORE = np.array([0.9, 0.8, 0.6, 0.3, 0.7, 0.4, 0.2, 0.1])
PROB = np.column_stack([SCORE, 1 - SCORE, 0 * SCORE, 0 * SCORE])


def test_thresholds_by_hand() -> None:
    found = thresholds(TRUTH, PROB, sensitivity=0.75, specificity=0.75, miss_cost=10)
    assert found["sensitivity"][0] == pytest.approx((0.6 + 0.4) / 2)
    assert found["specificity"][0] == pytest.approx((0.6 + 0.4) / 2)
    assert found["f1"][0] == pytest.approx((0.3 + 0.2) / 2), "F1 8/10 beats 6/8 at 0.6"
    assert found["cost"][0] == pytest.approx((0.3 + 0.2) / 2)
    cheap = thresholds(TRUTH, PROB, miss_cost=0.1)["cost"][0]
    assert cheap == pytest.approx((0.8 + 0.7) / 2)


def test_the_f1_threshold_is_the_best_of_the_f1_curve() -> None:
    truth, prob, _ = answers(500, 1)
    found = thresholds(truth, prob)["f1"]
    for k in range(4):
        curve = f1_curve(truth == k, prob[:, k])
        assert outcome(truth == k, prob[:, k] >= found[k], np.arange(500)).f1 == pytest.approx(
            curve.best_f1
        )


def test_with_calibrated_probabilities_the_cheapest_threshold_is_elkans() -> None:
    """1 / (1 + cost of a miss in false alarms) (Elkan 2001, The foundations of cost-sensitive
    learning)."""
    truth, prob, _ = answers(60_000, 2, gap=1.0)
    for cost in (1.0, 4.0, 10.0):
        found = thresholds(truth, prob, miss_cost=cost)["cost"]
        assert np.mean(found) == pytest.approx(1 / (1 + cost), abs=0.03)


@pytest.mark.parametrize("rule", ["sensitivity", "specificity"])
def test_a_wanted_rate_is_reached_where_it_was_chosen_and_no_more_than_needed(rule: str) -> None:
    truth, prob, group = answers(800, 3, gap=1.0)
    found = thresholds(truth, prob)[rule]
    for k in range(4):
        rate = getattr(outcome(truth == k, prob[:, k] >= found[k], group), rule).value
        assert 0.95 <= rate < 0.96


def test_every_class_and_rule_is_judged_where_chosen_and_elsewhere() -> None:
    truth, prob, group = answers(400, 4)
    split = ["valid" if i < 250 else "test" for i in range(400)]
    points = operating_points(table(truth, prob, group, split=split), draws=50)
    assert [(p.name, p.rule) for p in points] == [
        (name, rule) for name in CLASSES for rule in operating.RULES
    ]
    first = points[0]
    assert first.chosen.n == 250
    assert first.applied is not None
    assert first.applied.n == 150
    assert first.threshold == pytest.approx(thresholds(truth[:250], prob[:250])["sensitivity"][0])
    called = prob[250:, 0] >= first.threshold
    assert first.applied.sensitivity.value == pytest.approx(called[truth[250:] == 0].mean())


def test_where_it_was_chosen_it_looks_better() -> None:
    chosen, applied = [], []
    for seed in range(25):
        truth, prob, group = answers(120, 50 + seed)
        rows = table(truth, prob, group, fold=group % 4)
        for point in operating_points(rows, draws=2):
            if point.rule == "f1" and point.applied is not None:
                chosen.append(point.chosen.f1)
                applied.append(point.applied.f1)
    assert np.mean(chosen) > np.mean(applied) + 0.005


def test_where_it_was_chosen_a_wanted_rate_is_reached_whatever_is_fitted_besides() -> None:
    """The thresholds that travel are chosen on cross-fitted probabilities, and the final
    calibrator, which saw the rows, would give others."""
    for seed in range(8):
        truth, prob, group = answers(90, 80 + seed)
        rows = table(truth, bent(prob, 2.5, [0, 0, 0, 0.5]), group, fold=group % 3)
        points = {
            (p.name, p.rule): p.chosen for p in operating_points(rows, fit=fit_rules, draws=2)
        }
        by = fit_rules(rows).chosen_by
        for k, name in enumerate(CLASSES):
            assert points[name, "sensitivity"].sensitivity.value >= 0.95
            assert points[name, "specificity"].specificity.value >= 0.95
            best = f1_curve(truth == k, by[:, k]).best_f1
            assert points[name, "f1"].f1 == pytest.approx(best)


def test_with_folds_every_row_is_called_by_thresholds_of_the_others() -> None:
    truth, prob, group = answers(90, 5)
    fold = group % 3
    points = operating_points(table(truth, prob, group, fold=fold), draws=50)
    cost = next(p for p in points if p.name == "glioma" and p.rule == "cost")
    called = np.zeros(90, bool)
    for k in range(3):
        others = thresholds(truth[fold != k], prob[fold != k])["cost"][0]
        called[fold == k] = prob[fold == k, 0] >= others
    assert cost.applied is not None
    assert cost.applied.sensitivity.value == pytest.approx(called[truth == 0].mean())


def test_a_table_with_neither_folds_nor_splits_is_judged_where_chosen_only() -> None:
    points = operating_points(table(*answers(60, 6)))
    assert all(p.applied is None for p in points)


def test_an_absent_class_has_no_threshold() -> None:
    truth, prob, group = answers(60, 7)
    keep = truth != 1
    points = operating_points(table(truth[keep], prob[keep], group[keep]))
    absent = [p for p in points if p.name == "meningioma"]
    assert all(np.isnan(p.threshold) for p in absent)
    assert all(np.isnan(p.chosen.sensitivity.value) for p in absent)


def test_a_class_that_is_better_never_called_gets_a_threshold_that_nothing_reaches() -> None:
    prob = np.array([[1.0, 0, 0, 0], [1.0, 0, 0, 0], [0.0, 1, 0, 0]])
    found = thresholds([1, 1, 0], prob, miss_cost=0.1)["cost"][0]
    assert not (prob[:, 0] >= found).any()
