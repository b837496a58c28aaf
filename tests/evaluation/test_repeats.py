"""Answers of other trainings: matched slice by slice, fitted on, never judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_answers import answers, bent, table

from braintumor.evaluation import repeats
from braintumor.evaluation.decision import as_answered, fit_decision, fit_rules
from braintumor.evaluation.ensemble import combined
from braintumor.evaluation.judgement import judge
from braintumor.evaluation.predictions import Predictions, PredictionsError
from braintumor.evaluation.repeats import with_repeats
from braintumor.evaluation.run_tables import RunTables, read_run
from braintumor.evaluation.tables import PROBABILITIES

FOLDS = 4


def training(luck: int) -> Predictions:
    """Out-of-fold answers to the same slices; another luck, other answers and other folds."""
    truth, prob, group = answers(120, 0, slices=3, gap=1.4)
    other = answers(120, 100 + luck, slices=3, gap=1.0)[1]
    noise = np.resize(other, prob.shape)
    rows = table(truth, bent(prob, 1.0, 0.5 * np.log(noise)), group, fold=(group + luck) % FOLDS)
    hashes = [f"{i:02x}" * 32 for i in range(len(truth))]
    return Predictions.from_frame(rows.frame.assign(sha256=hashes), source=f"training {luck}")


@pytest.fixture(scope="module")
def own() -> Predictions:
    return training(0)


@pytest.fixture(scope="module")
def both(own: Predictions) -> Predictions:
    return with_repeats(own, [training(1)])


def changed(rows: Predictions, **columns: object) -> Predictions:
    return Predictions.from_frame(rows.frame.assign(**columns), source=rows.source)


def test_another_training_is_matched_by_hash_in_whatever_order(own: Predictions) -> None:
    other = training(1)
    shuffled = other.take(np.random.default_rng(0).permutation(len(other)))
    short = changed(shuffled, sha256=shuffled.frame["sha256"].str[:16], path="")
    (found,) = with_repeats(own, [short]).repeats
    assert np.array_equal(found, other.y_prob)


def test_without_hashes_it_is_matched_by_path(own: Predictions) -> None:
    other = changed(training(1), sha256="").take(np.arange(len(own))[::-1])
    (found,) = with_repeats(own, [other]).repeats
    assert np.array_equal(found, training(1).y_prob)


def test_a_slice_that_it_lacks_refused_or_calls_by_another_label_is_left_out(
    own: Predictions,
) -> None:
    frame = training(1).frame.copy()
    frame.loc[3, "label"] = "glioma" if frame.loc[3, "label"] != "glioma" else "pituitary"
    frame.loc[4, "status"] = "refused"
    other = Predictions.from_frame(frame.drop(index=2))
    (found,) = with_repeats(own, [other]).repeats
    assert np.flatnonzero(np.isnan(found).all(axis=1)).tolist() == [2, 3, 4]


def test_a_patient_whom_its_folds_part_is_left_out(own: Predictions) -> None:
    """The network that judged the one slice had learnt from the other: that answer flatters."""
    several = own.frame["group"].value_counts()
    patient = several.index[0]
    rows = np.flatnonzero(own.frame["group"] == patient)
    assert len(rows) > 1
    frame = training(1).frame.copy()
    frame.loc[rows[0], "fold"] = str((int(frame.loc[rows[0], "fold"]) + 1) % FOLDS)
    # It need not know the patient: the groups are those of the run.
    other = Predictions.from_frame(frame.assign(group=""))
    (found,) = with_repeats(own, [other]).repeats
    assert np.flatnonzero(np.isnan(found).any(axis=1)).tolist() == rows.tolist()


def test_fitting_sees_every_answer_and_counts_a_patient_once(both: Predictions) -> None:
    rows, prob = repeats.pooled_rows(both)
    twice = both.take(rows)
    stacked = replace(changed(twice, **dict(zip(PROBABILITIES, prob.T, strict=True))), repeats=())
    found, by_hand = fit_rules(both), fit_rules(stacked)
    assert found.calibrator == by_hand.calibrator
    assert found.quantiles == by_hand.quantiles
    assert found.thresholds == by_hand.thresholds
    assert found.quantiles.units == fit_rules(replace(both, repeats=())).quantiles.units


def test_fitted_with_other_trainings_the_rules_differ(own: Predictions, both: Predictions) -> None:
    assert fit_rules(both).calibrator != fit_rules(own).calibrator


def test_no_label_of_a_fold_touches_its_own_answers_through_another_training(
    both: Predictions,
) -> None:
    """The leak to fear: the same slice's other answer, under its label, among what is fitted."""
    first = (both.frame["fold"] == "0").to_numpy()
    label = both.frame["label"].where(~first, "no_tumor")
    after = fit_decision(replace(both, frame=both.frame.assign(label=label))).table
    before = fit_decision(both).table
    assert np.array_equal(before.y_prob[first], after.y_prob[first])
    assert before.frame["set"][first].equals(after.frame["set"][first])
    assert not np.array_equal(before.y_prob[~first], after.y_prob[~first])


def test_the_rows_that_are_judged_and_their_order_stay(own: Predictions, both: Predictions) -> None:
    found = fit_decision(both)
    assert list(found.table.frame["path"]) == list(own.frame["path"])
    assert found.n == len(own)
    assert found.fitted_on.endswith("by 2 trainings of one recipe")
    assert "trainings" not in fit_decision(own).fitted_on
    assert as_answered(both).repeats == (), "calibrated rows beside raw ones would mix two things"


def test_scores_are_those_of_the_run_alone_and_the_reader_is_told(
    own: Predictions, both: Predictions
) -> None:
    alone, beside = (judge(RunTables(None, Path("predictions.csv"), t)) for t in (own, both))
    assert alone.headline.metrics == beside.headline.metrics
    assert not any("another training" in note for note in alone.notes)
    (note,) = [note for note in beside.notes if "another training" in note]
    assert f"({len(own)} of {len(own)})" in note


def test_the_pool_of_two_networks_has_the_pool_of_their_other_trainings(
    both: Predictions,
) -> None:
    theirs = with_repeats(training(4), [training(5), training(6)])
    whole = combined([both, theirs])
    by_hand = combined([training(1), training(5)])
    assert len(whole.repeats) == 1, "the first network was trained twice only"
    assert whole.repeats[0] == pytest.approx(by_hand.y_prob)


def test_what_is_written_is_read_with_the_run(both: Predictions, tmp_path: Path) -> None:
    both.write(tmp_path / "predictions.csv")
    assert repeats.write(both, tmp_path) == tmp_path / "repeats.csv"
    again = read_run(tmp_path).predictions
    assert again.repeats[0] == pytest.approx(both.repeats[0], rel=1e-8)
    assert fit_rules(again).quantiles.value == pytest.approx(fit_rules(both).quantiles.value)


def test_what_was_left_out_stays_out_when_read_again(own: Predictions, tmp_path: Path) -> None:
    other = training(1).take(np.arange(5, len(own)))
    found = with_repeats(own, [other, training(2)])
    found.write(tmp_path / "predictions.csv")
    repeats.write(found, tmp_path)
    first, second = read_run(tmp_path).predictions.repeats
    assert np.isnan(first[:5]).all()
    assert not np.isnan(first[5:]).any()
    assert not np.isnan(second).any()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("repeat,sha256,label,fold,p_glioma\n1,ab,glioma,0,1\n", "lacks the columns p_meningioma"),
        ("repeat,sha256,label,fold,p_glioma\n", "holds no answers"),
        ("a,b\n1,2\n", "lacks the column repeat"),
        ("", "is empty"),
    ],
)
def test_a_damaged_file_is_named_and_left_out(
    own: Predictions, tmp_path: Path, text: str, told: str
) -> None:
    own.write(tmp_path / "predictions.csv")
    (tmp_path / "repeats.csv").write_text(text)
    run = read_run(tmp_path)
    assert run.predictions.repeats == ()
    (note,) = run.notes
    assert told in note
    assert note.endswith("So repeats.csv is left out.")


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (lambda own: changed(own, split=np.resize(["valid", "test"], len(own))), "no table of"),
        (lambda own: changed(own, fold=""), "no table of out-of-fold"),
        (lambda own: changed(own, set="glioma"), "calibrated answers"),
        (lambda own: changed(own, model="resnet50"), "is of resnet50"),
        (lambda own: changed(own, sha256="f" * 64), "no slice in common"),
        (lambda own: own, "the very answers"),
    ],
    ids=["splits", "no folds", "answered", "network", "others", "itself"],
)  # fmt: skip
def test_what_is_no_other_training_is_refused(own: Predictions, other: object, told: str) -> None:
    with pytest.raises(PredictionsError, match=told):
        with_repeats(own, [other(own)])  # type: ignore[operator]


def test_where_its_folds_part_everybody_the_sentence_says_so(own: Predictions) -> None:
    frame = training(1).frame
    several = frame["group"].duplicated(keep=False)
    halves = frame[several].groupby("group").cumcount() % 2
    whole = own.take(several.to_numpy())
    other = Predictions.from_frame(frame[several].assign(fold=halves.astype(str)), source="theirs")
    with pytest.raises(PredictionsError, match="folds of theirs part every group"):
        with_repeats(whole, [other])


def test_a_run_that_is_not_over_folds_has_no_other_trainings(own: Predictions) -> None:
    with pytest.raises(PredictionsError, match="no table of out-of-fold"):
        with_repeats(changed(own, fold=""), [training(1)])
