"""Labels that out-of-fold predictions call into question."""

from __future__ import annotations

import numpy as np
import pytest

from braintumor.classes import CLASSES
from braintumor.evaluation.label_errors import find_label_errors
from braintumor.evaluation.predictions import Predictions, PredictionsError


def table(split: str = "test", fold: str = "", wrong: tuple[int, ...] = (7, 60)) -> Predictions:
    """120 slices, 30 a class, predicted well; the labels in `wrong` are those of the next class."""
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(4), 30)
    prob = np.full((120, 4), 0.03) + rng.uniform(0, 0.01, (120, 4))
    prob[np.arange(120), truth] += rng.uniform(0.2, 0.9, 120)
    prob[list(wrong), truth[list(wrong)]] = 0.9  # surer than usual: the rule asks for that
    prob /= prob.sum(axis=1, keepdims=True)
    labels = truth.copy()
    labels[list(wrong)] = (truth[list(wrong)] + 1) % 4
    paths = [f"{row}.png" for row in range(120)]
    return Predictions.from_arrays(paths, labels, prob, split=split, fold=fold)


def test_wrong_labels_are_found_and_nothing_else() -> None:
    found = find_label_errors(table())
    assert found.judged == 120
    assert {suspect.path for suspect in found.suspects} == {"7.png", "60.png"}
    first = next(suspect for suspect in found.suspects if suspect.path == "7.png")
    assert (first.label, first.suggested) == (CLASSES[1], CLASSES[0])
    assert first.p_suggested > 0.85 > 0.1 > first.p_label


def test_right_labels_are_left_alone() -> None:
    assert find_label_errors(table(wrong=())).suspects == ()


def test_logits_are_one_sentence() -> None:
    logits = Predictions.from_arrays(["1.png", "2.png"], [0, 1], [[9.0, -2, 0, 0], [0, 5, 1, 0]])
    with pytest.raises(PredictionsError, match="are no probabilities"):
        find_label_errors(logits)


def test_slices_that_the_model_was_fitted_to_are_not_judged() -> None:
    assert find_label_errors(table(split="train")).judged == 0
    assert find_label_errors(table(split="train", fold="2")).judged == 120


def test_a_table_with_one_class_or_none_judged_gives_nothing() -> None:
    assert find_label_errors(table(wrong=()).take(np.arange(5, 20))).suspects == ()
    assert find_label_errors(table().take([])).judged == 0
