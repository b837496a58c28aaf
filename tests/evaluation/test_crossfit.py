"""Nothing that is fitted to predictions ever meets its own."""

from __future__ import annotations

import numpy as np
import pytest
from made_answers import answers, table

from braintumor.evaluation import crossfit
from braintumor.evaluation.acting import acting
from braintumor.evaluation.predictions import Predictions, PredictionsError


def folded(n: int = 40) -> Predictions:
    truth, prob, group = answers(n, 1, slices=3)
    return table(truth, prob, group, fold=group % 4)


def test_no_row_is_judged_by_what_it_helped_to_fit() -> None:
    rows = crossfit.plan(folded())

    def apply(fitted: set[str], judged: Predictions) -> np.ndarray:
        return np.array([float(path in fitted) for path in judged.frame["path"]])

    met = crossfit.apart(rows, lambda on: set(on.frame["path"]), apply)
    assert met.shape == (len(rows.judge),)
    assert not met.any()


def test_no_patient_either() -> None:
    rows = crossfit.plan(folded())

    def apply(fitted: set[str], judged: Predictions) -> np.ndarray:
        return np.array([float(group in fitted) for group in judged.frame["group"]])

    assert not crossfit.apart(rows, lambda on: set(on.frame["group"]), apply).any()


def test_each_answer_stands_in_its_own_row() -> None:
    rows = crossfit.plan(folded())
    own = crossfit.apart(rows, len, lambda _, judged: judged.y_prob)
    assert np.array_equal(own, rows.judge.y_prob)


def test_without_folds_validation_is_fitted_on_and_test_is_judged() -> None:
    truth, prob, group = answers(30, 2)
    split = ["valid" if i < 20 else "test" for i in range(30)]
    rows = crossfit.plan(table(truth, prob, group, split=split))
    assert rows.kind == "validation"
    assert (
        crossfit.apart(rows, len, lambda n, on: np.full(len(on), float(n))).tolist() == [20.0] * 10
    )


def test_patients_in_validation_and_test_are_counted() -> None:
    truth, prob, group = answers(30, 2)
    split = ["valid" if i < 20 else "test" for i in range(30)]
    shared = np.where(np.arange(30) < 24, group % 20, group)
    assert crossfit.plan(table(truth, prob, group, split=split)).shared_groups == (0, 10)
    rows = table(truth, prob, shared, split=split)
    assert crossfit.plan(rows).shared_groups == (4, 10)
    nameless = Predictions.from_frame(rows.frame.assign(group=""))
    assert crossfit.plan(nameless).shared_groups == (0, 0)
    assert crossfit.plan(folded()).shared_groups == (0, 40)


def test_where_splits_are_named_folds_say_only_how_slices_were_dealt() -> None:
    truth, prob, group = answers(30, 2)
    split = ["train" if i < 10 else "valid" if i < 20 else "test" for i in range(30)]
    rows = crossfit.plan(table(truth, prob, group, split=split, fold=group % 5))
    assert (rows.kind, len(rows.fit), len(rows.judge)) == ("validation", 10, 10)


@pytest.mark.parametrize("others", ["valid", "test"])
def test_folds_of_slices_that_were_trained_on_are_not_taken_for_out_of_fold(others: str) -> None:
    truth, prob, group = answers(30, 2)
    split = ["train" if i < 20 else others for i in range(30)]
    rows = table(truth, prob, group, split=split, fold=group % 5)
    with pytest.raises(PredictionsError, match=f"splits train and {others}.*out-of-fold rows"):
        crossfit.plan(rows)
    assert acting(rows, rows.split(others)).fitted_on == ""


def test_a_patient_in_two_folds_is_refused() -> None:
    truth, prob, group = answers(20, 3, slices=3)
    with pytest.raises(PredictionsError, match=r"slices of p\d+ in two folds"):
        crossfit.plan(table(truth, prob, group, fold=np.arange(len(truth)) % 3))


@pytest.mark.parametrize("fold", [None, np.zeros(20, np.int64)])
def test_without_folds_or_splits_the_remedy_is_named(fold: np.ndarray | None) -> None:
    truth, prob, group = answers(20, 4)
    with pytest.raises(PredictionsError, match="train with --folds"):
        crossfit.plan(table(truth, prob, group, fold=fold))


def test_dealt_folds_keep_groups_whole_and_even() -> None:
    group = np.repeat(np.arange(23), 3)
    fold = crossfit.group_folds(group, folds=5)
    assert all(len(set(fold[group == g])) == 1 for g in range(23))
    sizes = np.bincount(fold[::3])
    assert sizes.max() - sizes.min() <= 1
    assert np.array_equal(fold, crossfit.group_folds(group, folds=5))
    assert len(set(crossfit.group_folds(np.arange(2), folds=5))) == 2


def test_a_single_fold_cannot_be_cross_fitted() -> None:
    with pytest.raises(ValueError, match="two folds"):
        crossfit.cross_fitted(np.zeros(3, np.int64), len, lambda _, on: on * 1.0)
