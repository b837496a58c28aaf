"""Foreign tables: the headings and codes that people use, and what is said of a guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_tables import draw

from braintumor.classes import CLASSES
from braintumor.evaluation import foreign
from braintumor.evaluation.predictions import PredictionsError

MADE = draw(np.random.default_rng(0), 40)
PROB, TRUTH = MADE.prob, MADE.truth
NAMES = np.array(["glioma", "meningioma", "notumor", "pituitary"], dtype=object)


def columns(form: str, values: Any = PROB, order: tuple[int, ...] = (0, 1, 2, 3)) -> dict[str, Any]:
    """Four columns; `form` holds {} for the class, or {i} for its number."""
    return {form.format(NAMES[k], i=k, j=k + 1): values[:, k] for k in order}


FORMS: dict[str, dict[str, Any]] = {
    "bare names": {"filename": range(40), "true_label": NAMES[TRUTH], **columns("{}")},
    "numbers": {"y_true": TRUTH, "y_pred": PROB.argmax(axis=1), **columns("prob_{i}")},
    "numbers from one": {"y_true": TRUTH + 1, **columns("p{j}")},
    "floats": {"target": TRUTH.astype(float), **columns("class_{i}")},
    "digits alone": {"label": NAMES[TRUTH], **columns("{i}")},
    "brackets": {"Actual Class": NAMES[TRUTH], **columns("P({})")},
    "suffix": {"ground_truth": NAMES[TRUTH], **columns("{}_probability")},
    "by file order": {"label": 3 - TRUTH, **columns("score_{}", order=(3, 2, 1, 0))},
    "by the alphabet": {"label": TRUTH, **columns("score_{}", order=(3, 2, 1, 0))},
    "letters": {"label": np.array(list("GMNP"))[TRUTH], **columns("softmax_{}")},
    "one-hot": {
        **{f"true_{name}": (i == TRUTH).astype(int) for i, name in enumerate(NAMES)},
        **columns("pred_{}"),
    },
    "one-hot as pandas writes it": {
        **{f"true_{name}": i == TRUTH for i, name in enumerate(NAMES)},
        **columns("pred_{}"),
    },
    "names beside numbers by file order": {
        "label": NAMES[TRUTH],
        "pred": 3 - PROB.argmax(axis=1),
        **columns("p_{}", order=(3, 2, 1, 0)),
    },
    "a list": {"label": NAMES[TRUTH], "probs": [str(list(row)) for row in PROB]},
    "a list before its labels": {"probs": [str(list(row)) for row in PROB], "label": TRUTH},
    "folders": {"image": [f"Testing/{NAMES[k]}/{k}.jpg" for k in TRUTH], **columns("prob_{}")},
}


@pytest.mark.parametrize("form", FORMS)
def test_labels_and_probabilities_are_found(form: str, tmp_path: Path) -> None:
    pd.DataFrame(FORMS[form]).to_csv(tmp_path / "t.csv", index=False)
    table = foreign.read(tmp_path / "t.csv").predictions
    np.testing.assert_array_equal(table.y_true, TRUTH)
    np.testing.assert_allclose(table.y_prob, PROB, rtol=1e-9)
    np.testing.assert_array_equal(table.y_said, PROB.argmax(axis=1))


def test_percent_signs_and_decimal_commas_are_read(tmp_path: Path) -> None:
    cells = np.array([[f"{100 * v:.4f} %".replace(".", ",") for v in row] for row in PROB])
    frame = pd.DataFrame({"label": NAMES[TRUTH], **columns("{} (%)", cells)})
    frame.to_csv(tmp_path / "t.csv", index=False, sep=";")
    reading = foreign.read(tmp_path / "t.csv")
    np.testing.assert_allclose(reading.predictions.y_prob, PROB, atol=1e-6)
    named, scaled = (note.sentence for note in reading.notes)
    assert named.startswith("Columns read: 'glioma (%)' as p_glioma, ")
    assert scaled == "Percentages are read as shares."


def test_labels_from_one_are_counted_from_zero_though_the_list_stands_first() -> None:
    some = TRUTH > 0
    lists = [str(list(row)) for row in PROB[some]]
    for frame in ({"probs": lists, "label": TRUTH[some]}, {"label": TRUTH[some], "probs": lists}):
        table = foreign.interpret(pd.DataFrame(frame), "t.csv").predictions
        np.testing.assert_array_equal(table.y_true, TRUTH[some])


def test_a_row_without_a_flag_has_no_label() -> None:
    flags = {f"true_{name}": (i == TRUTH).astype(float) for i, name in enumerate(NAMES)}
    frame = pd.DataFrame({**flags, **columns("pred_{}")})
    frame.loc[3, list(flags)] = 0
    frame.loc[5, list(flags)] = np.nan
    truth = foreign.interpret(frame, "t.csv").predictions.y_true
    assert (truth[3], truth[5]) == (-1, -1)
    assert (np.delete(truth, [3, 5]) == np.delete(TRUTH, [3, 5])).all()
    with pytest.raises(PredictionsError, match="can be taken for labels"):
        foreign.interpret(frame.assign(true_glioma=0.5), "t.csv")


def test_a_cell_among_percentages_that_is_no_number_is_named() -> None:
    cells = np.array([[f"{100 * v:.4f}%" for v in row] for row in PROB], dtype=object)
    cells[2, 1] = "<0.1%"
    frame = pd.DataFrame({"label": NAMES[TRUTH], **columns("p_{}", cells)})
    with pytest.raises(PredictionsError, match=r"row 3, column p_meningioma: '<0\.1%'"):
        foreign.interpret(frame, "t.csv")


def test_a_column_set_of_something_else_is_no_prediction_set() -> None:
    frame = pd.DataFrame({"label": NAMES[TRUTH], **columns("p_{}"), "set": "A"})
    table = foreign.interpret(frame, "t.csv").predictions.frame
    assert (table["set"] == "").all()
    assert list(foreign.interpret(frame.assign(set="test"), "t.csv").predictions.splits) == ["test"]


def test_what_was_guessed_is_said() -> None:
    reading = foreign.interpret(pd.DataFrame(FORMS["numbers"]), "t.csv")
    said = " ".join(note.sentence for note in reading.notes)
    assert "'y_true' as label" in said
    assert "prob_0, prob_1, prob_2, prob_3 are read as glioma, meningioma, no_tumor" in said
    assert "Labels 0 to 3 are read as glioma" in said
    assert {note.severity for note in reading.notes} == {"note"}


def test_columns_of_flags_and_of_other_names_are_said_too() -> None:
    flags = {f"true_{name}": (i == TRUTH).astype(int) for i, name in enumerate(NAMES)}
    frame = pd.DataFrame({**flags, **columns("P({})")})
    (note,) = foreign.interpret(frame, "t.csv").notes
    for name, known in zip(NAMES, CLASSES, strict=True):
        assert f"'P({name})' as p_{known}" in note.sentence
        assert f"'true_{name}' as label {known}" in note.sentence


@pytest.mark.parametrize("heading", ["p_glioma", "P_Glioma", "true_glioma"])
def test_a_column_that_stands_there_twice_is_refused(heading: str) -> None:
    """Either may be meant, and the other would go by in silence."""
    flags = {f"true_{name}": (i == TRUTH).astype(int) for i, name in enumerate(NAMES)}
    frame = pd.DataFrame({**flags, **columns("p_{}")})
    again = pd.concat([frame, pd.DataFrame({heading: np.zeros(len(frame))})], axis=1)
    with pytest.raises(PredictionsError, match=f"the column {heading.lower()} twice"):
        foreign.interpret(again, "t.csv")


def test_columns_that_are_not_used_are_neither_refused_nor_spoken_of() -> None:
    frame = pd.DataFrame({"label": NAMES[TRUTH], "No": 1, "No.": 1, **columns("prob_{i}")})
    np.testing.assert_array_equal(foreign.interpret(frame, "t.csv").predictions.y_true, TRUTH)
    frame = pd.DataFrame({"label": NAMES[TRUTH], "is glioma": 1, "is_glioma": 1, **columns("p_{}")})
    assert foreign.interpret(frame, "t.csv").notes == ()
    paths = [f"test/{name}/{i}.png" for i, name in enumerate(NAMES[TRUTH])]
    frame = pd.DataFrame({"path": paths, "is_glioma": 1, **columns("p_{}")})
    (note,) = foreign.interpret(frame, "t.csv").notes
    assert note.sentence.startswith("There is no column of labels; the classes that the paths name")


def test_the_contracts_own_form_needs_no_guess() -> None:
    frame = pd.DataFrame({"label": NAMES[TRUTH], **columns("p_{}")})
    assert foreign.interpret(frame, "t.csv").notes == ()


def test_what_is_told_is_not_guessed() -> None:
    frame = pd.DataFrame({"diag": NAMES[TRUTH], "label": "glioma", **columns("w{i}x")})
    told = {"label": "diag", "glioma": "w0x", "p_meningioma": "w1x"}
    told |= {"no_tumor": "w2x", "pituitary": "w3x"}
    table = foreign.interpret(frame, "t.csv", told).predictions
    np.testing.assert_array_equal(table.y_true, TRUTH)
    with pytest.raises(PredictionsError, match="has no column 'w9x', to be read as glioma"):
        foreign.interpret(frame, "t.csv", {"glioma": "w9x"})
    with pytest.raises(PredictionsError, match="mood is no column of a predictions table"):
        foreign.interpret(frame, "t.csv", {"mood": "diag"})


def test_a_class_without_column_is_zero_only_where_no_label_is_it() -> None:
    three = TRUTH != 2
    prob = PROB[three] / (1 - PROB[three, 2:3])
    frame = pd.DataFrame({"label": NAMES[TRUTH][three], **columns("p_{}", prob, (0, 1, 3))})
    assert (foreign.interpret(frame, "t.csv").predictions.y_prob[:, 2] == 0).all()
    frame.loc[0, "label"] = "notumor"
    with pytest.raises(PredictionsError, match="lacks the column p_no_tumor"):
        foreign.interpret(frame, "t.csv")


def test_what_cannot_be_found_is_one_sentence_with_the_remedy() -> None:
    with pytest.raises(PredictionsError, match="can be taken for probabilities: say which with"):
        foreign.interpret(pd.DataFrame({"label": NAMES[TRUTH], "x": PROB[:, 0]}), "t.csv")
    with pytest.raises(PredictionsError, match="can be taken for labels"):
        foreign.interpret(pd.DataFrame(columns("p_{}")), "t.csv")
    doubled = pd.DataFrame({"label": NAMES[TRUTH], "Label ": NAMES[TRUTH], **columns("p_{}")})
    with pytest.raises(PredictionsError, match="the column label twice"):
        foreign.interpret(doubled, "t.csv")
    with pytest.raises(PredictionsError, match="'tooth' is none of the classes"):
        foreign.interpret(pd.DataFrame({"label": "tooth", **columns("p_{}")}), "t.csv")
