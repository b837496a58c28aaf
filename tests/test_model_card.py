"""What the installed model card says of the bundles is what their cards and tables hold."""

from __future__ import annotations

import json

import model_card
import pytest

from braintumor.evaluation import words
from braintumor.evaluation.predictions import Predictions


@pytest.fixture(scope="module")
def worth() -> dict[str, list[str]]:
    lines = [line for line in model_card.worth().splitlines() if line.startswith("| ")]
    return {(cells := line.strip("| ").split(" | "))[0]: cells[1:] for line in lines}


@pytest.mark.parametrize(("place", "name"), list(enumerate(model_card.MODELS)))
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


def test_tumours_called_free_stand_on_the_card(worth: dict[str, list[str]]) -> None:
    (row,) = (cells for title, cells in worth.items() if "called free of it" in title)
    table = Predictions.read(model_card.SHIPPED / "cnn" / "predictions.csv").split("test").frame
    missed = table["label"].ne("no_tumor") & table["predicted"].eq("no_tumor")
    surely = int((missed & table["status"].eq("ok")).sum())
    assert row[0] == f"{int(missed.sum())} ({surely})"


def test_refused_heads_of_other_scanners_stand_beside_those_of_the_data_set() -> None:
    (row,) = (line for line in model_card.learnt().splitlines() if "other scanners' heads" in line)
    of = json.loads((model_card.SHIPPED / "cnn" / "card.json").read_text())["gate"]["evidence"]
    slices = of["brain_slices"]
    heads = [one for key, one in slices.items() if key.startswith("beside:") and "extra" not in key]
    refused = sum(one["n"] * one["refused"] for one in heads) / sum(one["n"] for one in heads)
    assert row.split(" | ")[1].startswith(f"{words.percent(refused)} of ")


def test_what_was_learnt_from_stands_on_the_card() -> None:
    assert "2,443 slices of labeled-mri" in model_card.learnt()
    assert "int8" in model_card.learnt()
