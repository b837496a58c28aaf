"""The report's sections on probabilities: folded, in words, with the numbers of `acting`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_answers import answers, bent, table
from made_page import Page

from braintumor.evaluation import words
from braintumor.evaluation.judgement import Judgement, judge
from braintumor.evaluation.page import render_page
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.report import OF_PROBABILITIES, SECTIONS
from braintumor.evaluation.run_tables import RunTables
from braintumor.evaluation.sections import abstaining, calibration


def plain(text: str) -> str:
    """The text as `Page` gives it: every blank an ordinary one."""
    return " ".join(text.split())


def judged(rows: Predictions) -> Judgement:
    return judge(RunTables(None, Path("table.csv"), rows))


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    truth, prob, group = answers(260, 5, slices=2)
    n = len(truth)
    split = np.where(group < 140, "valid", "test")
    return judged(table(truth, bent(prob, 2.5), group, split=list(split[:n])))


@pytest.fixture(scope="module")
def page(judgement: Judgement) -> Page:
    sections = [make(judgement, images=False) for make in OF_PROBABILITIES]
    return Page(render_page("Probabilities", sections, phantom=False))


def test_the_report_has_them_all() -> None:
    assert set(OF_PROBABILITIES) <= set(SECTIONS)


def test_they_unfold_and_their_leads_do_not(page: Page, judgement: Judgement) -> None:
    for make in OF_PROBABILITIES:
        section = make(judgement, images=False)
        assert section.heading
        assert section.lead
        assert section.unfold
    assert page.tags.count("section") == 5
    page.require_alone()
    page.require_own_ids()


def test_an_over_confident_model_is_called_so(judgement: Judgement) -> None:
    own = judgement.acting.methods["none"]
    said = calibration.lead(judgement.acting)
    assert words.percent(own.ece) in said
    assert "They differ by more than chance would make" in said
    assert f"brings the log loss from {words.number(own.log_loss)} to" in said


def test_the_numbers_shown_are_those_computed(page: Page, judgement: Judgement) -> None:
    found = judgement.acting
    assert f"Vector scaling {words.number(found.methods['vector'].log_loss)}" in page.text
    assert found.sets is not None
    whole = found.sets.coverage[-1]
    interval = " to ".join(words.percent(x) for x in (whole.coverage.low, whole.coverage.high))
    assert plain(f"{words.percent(whole.coverage.value)} ({interval})") in page.text
    point = found.points[0]
    assert point.applied is not None
    assert words.number(point.threshold) in page.text
    assert words.number(point.applied.f1) in page.text
    for remark in found.sets.remarks:
        assert plain(remark) in page.text
    screening = next(r for r in found.mixes.results if r.mix.name == "screening")
    assert plain(words.percent(screening.npv["no_tumor"].value)) in page.text


def test_who_judges_whom_is_said(page: Page) -> None:
    assert "Fitted on the validation slices, judged on the test slices." in page.text
    assert "exchangeability is between patients" in page.text
    assert "Thresholds are chosen on the validation slices" in page.text
    assert "These are the calibrated answers, each by what was fitted without it" in page.text


def test_patients_who_were_fitted_on_too_are_told_of(judgement: Judgement, page: Page) -> None:
    assert judgement.acting.remarks == ()
    assert "also have slices in validation" not in page.text
    frame = judgement.run.predictions.frame
    found = judged(Predictions.from_frame(frame.assign(group=frame["group"].replace("p200", "p0"))))
    (remark,) = found.acting.remarks
    assert remark.startswith("1 of 120 judged patients also have slices in validation")
    assert found.acting.to_dict()["remarks"] == [remark]
    for make in (calibration.section, abstaining.section):
        shown = Page(render_page("One", [make(found, images=False)], phantom=False)).text
        assert plain(remark) in shown


def test_a_table_alone_says_what_it_lacks(judgement: Judgement) -> None:
    alone = judged(judgement.run.predictions.split("test"))
    sections = [make(alone, images=False) for make in OF_PROBABILITIES]
    text = Page(render_page("Alone", sections, phantom=False)).text
    assert "There is nothing to fit calibration on that is not judged too" in text
    assert "No prediction sets" in text
    assert "these numbers flatter them" in text
    assert "These are the calibrated answers" not in text


def test_what_is_left_to_a_person_is_what_the_table_calls_uncertain(judgement: Judgement) -> None:
    found = judgement.acting.sets
    assert found is not None
    told = f"left to a person are {words.percent(found.uncertain)}."
    assert told in abstaining.lead(judgement.acting)
    doubted = replace(judgement.acting, sets=replace(found, uncertain=0.7))
    assert f"left to a person are {words.percent(0.7)}." in abstaining.lead(doubted)


def test_an_area_that_a_handful_of_errors_made_has_no_interval() -> None:
    truth, _, group = answers(60, 1)
    sure = np.full((len(truth), 4), 0.01)
    sure[np.arange(len(truth)), truth] = 0.97
    page = render_page(
        "Sure", [abstaining.section(judged(table(truth, sure, group)), images=False)], phantom=False
    )
    assert "no interval: fewer than 5 groups have errors" in Page(page).text
