"""What the installed model card says of the bundles is what their cards and tables hold."""

from __future__ import annotations

import model_card
import pytest

from braintumor.evaluation import words
from braintumor.evaluation.predictions import Predictions


@pytest.fixture(scope="module")
def worth() -> dict[str, list[str]]:
    lines = [line for line in model_card.worth().splitlines() if line.startswith("| ")]
    return {(cells := line.strip("| ").split(" | "))[0]: cells[1:] for line in lines}


@pytest.mark.parametrize(("place", "name"), enumerate(model_card.MODELS))
def test_accuracy_and_doubt_are_those_of_the_shipped_answers(
    worth: dict[str, list[str]], place: int, name: str
) -> None:
    table = Predictions.read(model_card.SHIPPED / name / "predictions.csv").split("test")
    right = float((table.y_pred == table.y_true).mean())
    assert worth["accuracy"][place].startswith(words.percent(right).replace(words.NBSP, " "))
    doubted = float(table.frame["status"].eq("uncertain").mean())
    told = worth["left to a person as `uncertain`"][place]
    assert told == words.percent(doubted).replace(words.NBSP, " ")
    assert 0 < doubted < 1, "the shipped answers bear prediction sets"


def test_what_was_learnt_from_stands_on_the_card() -> None:
    assert "2,443 slices of labeled-mri" in model_card.learnt()
    assert "int8" in model_card.learnt()
