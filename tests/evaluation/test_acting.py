"""What a report says of probabilities: of the right rows, by what was fitted without them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from made_answers import answers, bent, table

from braintumor.classes import CLASSES
from braintumor.evaluation.acting import Acting, acting
from braintumor.evaluation.decision import fit_decision
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.probability_scores import probability_scores


def split_table(seed: int = 0) -> Predictions:
    """Over-confident answers, 160 of validation and 140 of test."""
    truth, prob, group = answers(300, seed)
    split = ["valid" if i < 160 else "test" for i in range(300)]
    return table(truth, bent(prob, 2.5), group, split=split)


@pytest.fixture(scope="module")
def given() -> Predictions:
    return split_table()


@pytest.fixture(scope="module")
def found(given: Predictions) -> Acting:
    return acting(given, given.split("test"))


def test_test_rows_are_judged_by_what_validation_rows_taught(
    found: Acting, given: Predictions
) -> None:
    test = given.split("test")
    assert found.rows.frame.equals(test.frame)
    assert found.fitted_on == "validation"
    assert found.methods["none"] == probability_scores(test.y_true, test.y_prob)
    for method in ("temperature", "vector"):
        table_ = fit_decision(given, method=method).table
        assert found.methods[method] == probability_scores(table_.y_true, table_.y_prob)
        assert found.methods[method].log_loss < found.methods["none"].log_loss


def test_sets_are_those_of_the_fitted_decision(found: Acting, given: Predictions) -> None:
    table_ = fit_decision(given).table
    inside = [
        label in chosen.split("|")
        for label, chosen in zip(table_.frame["label"], table_.frame["set"], strict=True)
    ]
    assert found.sets is not None
    assert found.decision is not None
    assert found.decision.rules.calibrator.method == "temperature"
    assert found.sets.alpha == 0.05
    assert found.sets.coverage[-1].name == "all"
    assert found.sets.coverage[-1].coverage.value == pytest.approx(np.mean(inside))


def test_class_mixes_are_of_the_calibrated_answers(found: Acting, given: Predictions) -> None:
    """Adaptation to a mix holds for calibrated probabilities; of the raw ones its sign may turn."""
    assert found.mixes.results[0].mix.name == "given"
    assert found.mixes.n == len(found.rows)
    assert found.mixes.results[0].log_loss == pytest.approx(found.methods["temperature"].log_loss)
    test = given.split("test")
    alone = acting(test, test)
    assert alone.decision is None
    assert alone.mixes.results[0].log_loss == pytest.approx(alone.methods["none"].log_loss)


def test_the_thresholds_shown_are_those_that_travel_with_the_model(
    found: Acting, given: Predictions
) -> None:
    assert found.decision is not None
    rules = found.decision.rules
    for point in found.points:
        assert point.threshold == rules.thresholds[point.rule][CLASSES.index(point.name)]
    # And applied to what they are for: calibrated probabilities.
    test = found.decision.table.split("test")
    first = next(point for point in found.points if point.rule == "sensitivity")
    own = test.y_true == CLASSES.index(first.name)
    called = test.y_prob[own, CLASSES.index(first.name)] >= first.threshold
    assert first.applied is not None
    assert first.applied.sensitivity.value == pytest.approx(called.mean())


def test_a_table_that_came_with_sets_is_judged_by_its_own(given: Predictions) -> None:
    test = given.split("test")
    frame = test.frame.assign(set=test.frame["predicted"])
    frame.loc[:9, "set"] = ""
    own = acting(Predictions.from_frame(frame), Predictions.from_frame(frame))
    assert own.sets is not None
    assert own.sets.alpha is None
    assert own.decision is None, "its probabilities are calibrated already"
    whole = own.sets.coverage[-1]
    assert whole.empty == pytest.approx(10 / 140)
    assert whole.coverage.value == pytest.approx((test.y_true == test.y_pred)[10:].sum() / 140)


def test_left_to_a_person_is_whatever_the_answer_doubts() -> None:
    truth, prob, group = answers(120, 3)
    doubted = table(truth, prob, group, fold=group % 3).frame
    doubted.loc[::4, "status"] = "uncertain"  # as where the members of an ensemble disagree
    found = acting(Predictions.from_frame(doubted), Predictions.from_frame(doubted))
    assert found.decision is not None
    assert found.sets is not None
    status = found.decision.table.frame["status"]
    assert found.sets.uncertain == pytest.approx((status == "uncertain").mean())
    assert found.sets.uncertain > 1 - found.sets.coverage[-1].single + 0.05
    assert found.to_dict()["sets"]["uncertain"] == found.sets.uncertain


def test_where_no_status_says_so_the_sets_of_a_table_do(given: Predictions) -> None:
    test = given.split("test")
    frame = test.frame.assign(status="ok", set=test.frame["predicted"])
    frame.loc[:6, "set"] = "glioma|pituitary"
    other = frame["predicted"].iloc[7:14].map(lambda name: CLASSES[CLASSES.index(name) - 1])
    frame.loc[7:13, "set"] = other
    rows = Predictions.from_frame(frame)
    found = acting(rows, rows)
    assert found.sets is not None
    assert found.sets.uncertain == pytest.approx(14 / 140), "two classes, or another than predicted"


def test_out_of_fold_rows_are_all_judged() -> None:
    truth, prob, group = answers(120, 3)
    rows = table(truth, prob, group, fold=group % 3)
    found = acting(rows, rows)
    assert len(found.rows) == 120
    assert found.fitted_on == "out-of-fold"
    assert found.decision is not None
    assert found.decision.rules.calibrator.method == "vector"
    assert all(point.applied is not None and point.applied.n == 120 for point in found.points)


def test_where_nothing_can_be_kept_apart_nothing_is_fitted(given: Predictions) -> None:
    test = given.split("test")
    found = acting(test, test)
    assert list(found.methods) == ["none"]
    assert found.fitted_on == ""
    assert found.sets is None
    assert all(point.applied is None for point in found.points)


@pytest.mark.parametrize(("bare", "judged"), [("valid", "test"), ("test", "valid")])
def test_an_unlabelled_split_is_no_obstacle(given: Predictions, bare: str, judged: str) -> None:
    """Where nothing can be fitted, or nothing be judged apart, the rows are judged as they are."""
    label = given.frame["label"].where(given.frame["split"] == judged, "")
    rows = Predictions.from_frame(given.frame.assign(label=label))
    found = acting(rows, rows.split(judged))
    assert found.fitted_on == ""
    assert list(found.methods) == ["none"]
    assert found.rows.frame.equals(rows.split(judged).frame)


def test_a_refused_row_is_not_judged_though_it_has_probabilities() -> None:
    truth, prob, group = answers(120, 3)
    frame = table(truth, prob, group, fold=group % 3).frame.copy()
    frame.loc[::10, "status"] = "refused"
    rows = Predictions.from_frame(frame)
    found = acting(rows, rows.scored())
    assert found.decision is not None
    assert len(found.rows) == len(found.decision.table.scored()) == 108
    json.dumps(found.to_dict(), allow_nan=False)


def test_json_holds_what_the_curves_come_to(found: Acting) -> None:
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["n"] == 140
    assert plain["calibration"]["vector"]["brier"]["score"] == pytest.approx(
        found.methods["vector"].brier.score
    )
    assert [part["name"] for part in plain["sets"]["coverage"]] == [*CLASSES, "all"]
    assert plain["risk_coverage"]["aurc"]["value"] == pytest.approx(found.risk.aurc.value)
    assert len(plain["operating_points"]) == 16
    assert plain["decision_curves"]["glioma"] == list(found.curves["glioma"].useful or ())
    assert "curves" not in plain["class_mixes"]


def test_few_odd_rows_break_nothing() -> None:
    truth, prob, group = answers(3, 4)
    rows = table(np.zeros(3, np.int64) + truth[0], prob, group, split=["valid", "test", "test"])
    json.dumps(acting(rows, rows.split("test")).to_dict(), allow_nan=False)
