"""Intervals: the right method for the rows at hand, published values, and honest doubt."""

from __future__ import annotations

import numpy as np
import pytest
from made_groups import made_groups
from made_run import made_table
from scipy.stats import binomtest

from braintumor.classes import CLASSES
from braintumor.evaluation.intervals import intervals, variance, wilson
from braintumor.evaluation.metrics import PER_CLASS, measure
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.scoresums import NAMES


def made(groups: int, *, slices: float = 3, skill: float = 2.0) -> tuple:  # type: ignore[type-arg]
    rng = np.random.default_rng(0)
    truth, prob, codes = made_groups(rng, groups, skill=skill, share=0.5, slices=slices)
    return truth, prob, [f"patient {code}" for code in codes]


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17: 857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_the_published_one(k: int, n: int, low: float, high: float) -> None:
    assert wilson(k / n, n) == pytest.approx((low, high), abs=5e-5)
    reference = binomtest(k, n).proportion_ci(method="wilson")
    assert wilson(k / n, n) == pytest.approx((reference.low, reference.high), abs=1e-12)


def test_every_score_lies_in_its_interval_and_every_score_has_one() -> None:
    truth, prob, groups = made(80)
    found, metrics = intervals(truth, prob, groups), measure(truth, prob)
    assert tuple(found.scores) == NAMES
    for name, interval in found.scores.items():
        label, _, score = name.rpartition(".")
        value = metrics["per_class"][label][score] if label else metrics[score]
        assert interval.low <= value <= interval.high, name
        assert interval.high - interval.low < 0.7, name


def test_the_unit_decides_the_method() -> None:
    truth, prob, groups = made(80)
    grouped = intervals(truth, prob, groups)
    assert (grouped.unit, grouped.units) == ("group", 80)
    assert grouped.scores["accuracy"].method == "bootstrap"
    assert grouped.scores["glioma.auc"].method == "obuchowski"
    single = intervals(truth, prob, [f"{i}" for i in range(len(truth))])
    assert (single.unit, single.units) == ("image", len(truth))
    for score in ("accuracy", "glioma.sensitivity", "glioma.specificity", "glioma.precision"):
        assert single.scores[score].method == "wilson"
    assert single.scores["glioma.auc"].method == "delong"
    assert single.scores["macro_f1"].method == "bootstrap"
    right = (prob.argmax(axis=1) == truth).mean()
    accuracy = single.scores["accuracy"]
    assert (accuracy.low, accuracy.high) == wilson(right, len(truth))


def test_slices_alike_make_wider_intervals_than_as_many_patients() -> None:
    truth, prob, groups = made(80)
    grouped, single = intervals(truth, prob, groups), intervals(truth, prob)
    for score in ("accuracy", "macro_f1", "glioma.auc", "macro_auc", "log_loss"):
        width = [each.scores[score].high - each.scores[score].low for each in (grouped, single)]
        assert width[0] > 1.15 * width[1], score


def test_what_groups_are_known_is_said() -> None:
    truth, prob, groups = made(80)
    assert intervals(truth, prob).note().startswith("No groups are known")
    blank = ["", *groups[1:]]
    found = intervals(truth, prob, blank)
    assert found.unknown == 1
    assert "Of 1 slices no group is known" in found.note()
    assert "The units are the 80 groups" in intervals(truth, prob, groups).note()
    each = [str(i) for i in range(len(truth))]
    assert intervals(truth, prob, each).note().startswith("Every group")


def test_few_patients_or_a_handful_of_errors_make_it_unreliable() -> None:
    truth, prob, groups = made(80)
    many = intervals(truth, prob, groups)
    assert not many.scores["accuracy"].unreliable
    assert many.scores["pituitary.sensitivity"].unreliable, "a fifth of 80 patients"
    assert intervals(*made(49)).scores["accuracy"].unreliable
    few = intervals(*made(120, skill=6.0)).scores["accuracy"]
    assert few.units == 120
    assert few.errors < 5
    assert few.unreliable


def test_without_an_error_the_patients_bound_what_may_be_hidden() -> None:
    truth = np.tile(np.arange(4), 50)
    prob = np.eye(4)[truth] * 0.96 + 0.01
    groups = [f"patient {i // 2}" for i in range(200)]
    found = intervals(truth, prob, groups)
    accuracy = found.scores["accuracy"]
    assert (accuracy.errors, accuracy.high) == (0, 1.0)
    assert 0.95 < accuracy.low < 0.97, "100 patients, and not 200 slices"
    assert accuracy.unreliable
    assert found.scores["glioma.auc"].low < 0.94


def test_what_one_patient_alone_decides_may_be_anything_and_says_so() -> None:
    """Hundreds of slices of one patient against one of another: more logits than numbers hold."""
    truth = np.concatenate([np.zeros(251, np.int64), 1 + np.arange(60) % 3])
    prob = np.full((311, 4), 0.01)
    prob[np.arange(311), truth] = 0.97
    prob[250] = [0.001, 0.979, 0.01, 0.01]
    groups = ["A"] * 250 + ["B"] + [f"other {i}" for i in range(60)]
    found = intervals(truth, prob, groups).scores
    for name in ("macro_auc", "macro_ap", "glioma.average_precision"):
        assert found[name].low == pytest.approx(0, abs=1e-6), name
        assert found[name].high == pytest.approx(1, abs=1e-6), name
        assert found[name].unreliable, name


def test_a_log_loss_is_at_most_that_of_a_truth_called_impossible() -> None:
    prob = np.tile([1 - 3e-7, 1e-7, 1e-7, 1e-7], (201, 1))
    prob[200] = [1e-9, 1 - 3e-9, 1e-9, 1e-9]
    loss = intervals(np.zeros(201), prob, ["A"] * 200 + ["B"]).scores["log_loss"]
    assert loss.low == pytest.approx(0, abs=1e-6)
    assert loss.high == pytest.approx(-np.log(np.finfo(float).eps))
    assert loss.unreliable


def test_a_calibration_error_that_no_chance_explains_is_not_taken_for_noise() -> None:
    """400 answers that claim to be right 95 times of 100, and are so 60 times."""
    truth = np.repeat([0, 1], [240, 160])
    prob = np.tile([0.95, 0.03, 0.01, 0.01], (400, 1))
    ece = intervals(truth, prob).scores["ece"]
    assert 0.2 < ece.low < 0.35 < ece.high


def test_a_calibration_error_that_chance_may_explain_may_be_none() -> None:
    """Right 92 times of 100: an error larger than it varies, but not than that and noise."""
    truth = np.repeat([0, 1], [368, 32])
    prob = np.tile([0.95, 0.03, 0.01, 0.01], (400, 1))
    assert intervals(truth, prob).scores["ece"].low == 0.0


def test_a_variance_from_few_groups_is_not_made_too_small_by_the_bootstrap() -> None:
    """Of G groups drawn anew, what varies is (G - 1) / G of what it should be."""
    draws = np.random.default_rng(0).normal(size=200)
    assert variance(draws, 5) == pytest.approx(draws.var(ddof=1) * 1.25)
    undefined = np.append(draws, np.nan)
    assert variance(undefined, 5) == variance(draws, 5)
    assert np.isnan(variance(draws, 1))


def test_what_is_not_defined_has_no_interval() -> None:
    truth, prob, groups = made(60)
    found = intervals(np.where(truth == 3, 2, truth), prob, groups)
    assert np.isnan(found.scores["pituitary.sensitivity"].low)
    assert np.isnan(found.scores["pituitary.auc"].high)
    assert found.to_dict()["per_class"]["pituitary"]["auc"]["low"] is None
    one = intervals(truth[:1], prob[:1], groups[:1])
    assert np.isnan(one.scores["macro_f1"].low)


def test_a_tables_metrics_take_its_groups() -> None:
    table = made_table().split("test")
    metrics = table.metrics(intervals=True)
    plain = dict(metrics)
    found = plain.pop("intervals")
    assert plain == table.metrics()
    assert (found["level"], found["unit"], found["units"], found["seed"]) == (0.95, "group", 20, 0)
    assert found["accuracy"]["low"] < metrics["accuracy"] < found["accuracy"]["high"]
    assert set(found["per_class"]) == set(CLASSES)
    assert set(found["per_class"]["glioma"]) == set(PER_CLASS) - {"support"}
    assert found["accuracy"]["unreliable"] is True
    bare = Predictions.from_frame(table.frame.assign(group=""))
    assert bare.metrics(intervals=True)["intervals"]["unknown_groups"] == 80
