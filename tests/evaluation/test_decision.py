"""From raw out-of-fold predictions to the contract's table and what is shipped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_answers import answers, bent, table

from braintumor.classes import CLASSES
from braintumor.evaluation import tables
from braintumor.evaluation.decision import (
    Decision,
    answered,
    as_answered,
    fit_decision,
    fit_rules,
)
from braintumor.evaluation.predictions import Predictions, PredictionsError


def raw(patients: int = 300, seed: int = 0, *, folds: int = 4) -> Predictions:
    """Out-of-fold rows of an over-confident network that likes pituitaries."""
    truth, prob, group = answers(patients, seed, slices=3, gap=1.6)
    return table(truth, bent(prob, 2.0, [0, 0, 0, 0.7]), group, fold=group % folds)


@pytest.fixture(scope="module")
def given() -> Predictions:
    return raw()


@pytest.fixture(scope="module")
def found(given: Predictions) -> Decision:
    return fit_decision(given, alpha=0.1)


def test_the_table_is_the_contracts_with_all_rows_in_order(
    found: Decision, given: Predictions, tmp_path: Path
) -> None:
    frame = found.table.frame
    assert list(frame.columns) == list(tables.COLUMNS)
    assert list(frame["path"]) == list(given.frame["path"])
    assert found.table.y_prob.sum(axis=1) == pytest.approx(1)
    found.table.write(tmp_path / "predictions.csv")
    again = Predictions.read(tmp_path / "predictions.csv")
    assert again.frame["set"].tolist() == frame["set"].tolist()


def test_probabilities_are_better_than_raw(found: Decision, given: Predictions) -> None:
    assert found.table.metrics()["log_loss"] < given.metrics()["log_loss"] - 0.1
    assert found.table.metrics()["ece"] < given.metrics()["ece"] / 2


def test_predicted_and_confidence_are_those_of_the_new_probabilities(found: Decision) -> None:
    frame = found.table.frame
    assert frame["predicted"].tolist() == [CLASSES[k] for k in found.table.y_pred]
    assert frame["confidence"].to_numpy() == pytest.approx(found.table.confidence)


def test_the_probabilities_that_thresholds_were_chosen_by_are_the_runs_own(
    given: Predictions,
) -> None:
    """Other trainings are chosen on, too; where it was chosen is told of the run's rows alone."""
    again = np.where(np.arange(len(given))[:, None] < 40, given.y_prob, np.nan)
    both = replace(given, repeats=(again,))
    alone, pooled = fit_rules(given).chosen_by, fit_rules(both).chosen_by
    assert pooled.shape == alone.shape == given.y_prob.shape
    assert np.abs(pooled - alone).mean() < 0.02, "row for row"


def test_status_follows_from_the_set(found: Decision) -> None:
    frame = found.table.frame
    alone = frame["set"] == frame["predicted"]
    assert (frame["status"][alone] == "ok").all()
    assert (frame["status"][~alone] == "uncertain").all()
    assert (frame["reason"][~alone] != "").all()
    assert (frame["reason"][alone] == "").all()
    assert 0 < alone.mean() < 1
    pair = frame[frame["set"].str.count(r"\|") == 1].iloc[0]
    assert pair["reason"] == f"it could be {pair['set'].replace('|', ' or ')}"


def test_no_rows_label_touches_its_own_answer(given: Predictions) -> None:
    """All labels of fold 0 are changed: its own answers stay, those of the others do not."""
    first = (given.frame["fold"] == "0").to_numpy()
    label = given.frame["label"].where(~first, "no_tumor")
    before = fit_decision(given).table
    after = fit_decision(Predictions.from_frame(given.frame.assign(label=label))).table
    assert np.array_equal(before.y_prob[first], after.y_prob[first])
    assert before.frame["set"][first].equals(after.frame["set"][first])
    assert np.abs(before.y_prob[~first] - after.y_prob[~first]).max() > 0.01


def test_sets_cover_as_promised_on_new_patients_with_the_shipped_rules(found: Decision) -> None:
    new = found.rules.apply(raw(2000, seed=9))
    inside = np.array([label in chosen.split("|") for label, chosen in _pairs(new)])
    for name in CLASSES:
        rows = (new.frame["label"] == name).to_numpy()
        assert inside[rows].mean() == pytest.approx(0.9, abs=0.06), name


def _pairs(rows: Predictions) -> list[tuple[str, str]]:
    return list(zip(rows.frame["label"], rows.frame["set"], strict=True))


def test_of_validation_and_test_the_test_rows_are_answered_by_validation() -> None:
    truth, prob, group = answers(300, 3)
    split = ["valid" if i < 200 else "test" for i in range(300)]
    found = fit_decision(table(truth, prob, group, split=split))
    assert len(found.table) == 100
    assert (found.n, found.units) == (200, 200)
    assert found.fitted_on == "200 validation slices of 200 patients or near-copy groups"
    nobody = Predictions.from_frame(table(truth, prob, group, split=split).frame.assign(group=""))
    assert fit_decision(nobody).fitted_on == "200 validation slices of patients who are not known"
    again = found.rules.apply(table(truth[200:], prob[200:], group[200:]))
    assert np.array_equal(again.y_prob, found.table.y_prob), "the shipped rules are these"


def test_rows_that_were_refused_or_doubted_stay_so(given: Predictions) -> None:
    frame = given.frame.copy()
    frame.loc[5, ["status", "reason"]] = "refused", "not a brain"
    frame.loc[5, [*tables.PROBABILITIES, "confidence"]] = np.nan
    frame.loc[5, ["predicted", "label"]] = ""
    frame.loc[6, ["status", "reason"]] = "uncertain", "hardly readable"
    frame.loc[7, "label"] = ""
    found = fit_decision(Predictions.from_frame(frame)).table.frame
    assert found.loc[5, "status"] == "refused"
    assert found.loc[5, "set"] == ""
    assert np.isnan(found.loc[5, "p_glioma"])
    assert found.loc[6, "status"] == "uncertain"
    assert found.loc[6, "reason"].startswith("hardly readable")
    assert found.loc[7, "p_glioma"] >= 0, "a row without label is answered too"


@pytest.mark.parametrize("status", ["refused", "error"])
def test_no_verdict_is_overruled_because_probabilities_stand_beside_it(
    given: Predictions, found: Decision, status: str
) -> None:
    """Foreign tables give them for all rows; the contract gives such a row no class."""
    frame = given.frame.copy()
    frame.loc[::10, ["status", "reason"]] = status, "not a brain"
    rows = Predictions.from_frame(frame)
    for answer in (fit_decision(rows).table, found.rules.apply(rows)):
        theirs = answer.frame[::10]
        assert (theirs["status"] == status).all()
        assert (theirs["reason"] == "not a brain").all()
        assert (theirs[["predicted", "set"]] == "").all(axis=None)
        assert theirs[[*tables.PROBABILITIES, "confidence"]].isna().all(axis=None)
        assert list(answer.scored().frame["path"]) == list(rows.scored().frame["path"])


def test_an_empty_set_and_a_stranger_are_uncertain() -> None:
    rows = table(*answers(3, 1))
    prob = np.array([[0.4, 0.3, 0.2, 0.1], [0.4, 0.35, 0.15, 0.1], [0.9, 0.1, 0, 0]])
    sets = np.array([[0, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]], bool)
    frame = answered(rows, prob, sets).frame
    assert frame["status"].tolist() == ["uncertain", "uncertain", "ok"]
    assert frame["set"].tolist() == ["", "meningioma", "glioma"]
    assert frame["reason"][0] == "no class fits well enough"
    assert "not the one that fits its kind, meningioma" in frame["reason"][1]


def test_what_is_shipped_is_plain_json_and_a_bundle_takes_it(
    found: Decision, tmp_path: Path
) -> None:
    from braintumor.bundle.judged import Judged

    path = tmp_path / "calibration.json"
    found.write(path)
    plain = json.loads(path.read_text())
    assert set(plain) == {"calibration", "conformal", "operating_points"}
    assert set(plain["operating_points"]["f1"]) == set(CLASSES)
    judged = Judged.read(path)
    assert judged.calibration.scale == found.rules.calibrator.scale
    assert judged.calibration.fitted_on == found.fitted_on
    assert judged.conformal is not None
    assert judged.conformal.quantiles == found.rules.quantiles.value
    assert judged.conformal.alpha == 0.1


def test_a_bundle_answers_as_the_table_does(found: Decision, given: Predictions) -> None:
    """The bundle computes from logits what is computed here from probabilities."""
    from braintumor.bundle import decision
    from braintumor.bundle.judged import Judged

    judged = Judged.model_validate(found.to_dict())
    ours = found.rules.apply(given.take(np.arange(50)))
    logits = np.log(given.y_prob[:50]) + 3.0
    theirs = decision.calibrated(decision.log_softmax(logits), judged.calibration)
    assert theirs == pytest.approx(ours.y_prob, abs=1e-9)
    sets = ["|".join(decision.prediction_set(p, judged.conformal) or ()) for p in theirs]
    assert sets == ours.frame["set"].tolist()
    doubt = [
        bool(
            decision.doubts(
                int(p.argmax()), float(p.max()), tuple(filter(None, s.split("|"))), None
            )
        )
        for p, s in zip(theirs, sets, strict=True)
    ]
    assert doubt == (ours.frame["status"] == "uncertain").tolist()


def test_what_cannot_be_fitted_on_is_refused_in_a_sentence(given: Predictions) -> None:
    with pytest.raises(PredictionsError, match="no row with both a label"):
        fit_decision(Predictions.from_frame(given.frame.assign(label="")))
    with pytest.raises(PredictionsError, match="train with --folds"):
        fit_decision(Predictions.from_frame(given.frame.assign(fold="")))


def test_where_the_test_labels_are_not_public_nothing_is_fitted() -> None:
    truth, prob, group = answers(60, 3)
    split = ["valid" if i < 40 else "test" for i in range(60)]
    truth[40:] = -1
    hidden = table(truth, prob, group, split=split)
    with pytest.raises(PredictionsError, match="both a label and probabilities to judge the fit"):
        fit_decision(hidden)
    assert as_answered(hidden).frame.equals(hidden.frame)
