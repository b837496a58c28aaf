"""What the page makes of predictions."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import ClassVar

import pandas as pd
import pytest

from braintumor.app import texts, verdicts
from braintumor.bundle.prediction import COLUMNS, Prediction
from braintumor.classes import CLASSES
from braintumor.evaluation.predictions import Predictions
from braintumor.images.decode import Place

GLIOMA = Prediction(
    path="a.png",
    sha256="0" * 64,
    status="ok",
    predicted="glioma",
    confidence=0.7,
    probabilities=dict(zip(CLASSES, (0.7, 0.2, 0.0625, 0.0375), strict=True)),
    model="cnn",
    model_sha256="1" * 64,
)
PITUITARY = replace(
    GLIOMA,
    predicted="pituitary",
    confidence=0.9,
    probabilities=dict(zip(CLASSES, (0.05, 0.03, 0.02, 0.9), strict=True)),
    model="resnet50",
)
BROKEN = Prediction(
    path="b.png",
    sha256="",
    status="error",
    reason="the file is truncated",
    model="cnn",
    model_sha256="1" * 64,
)


class TestThreshold:
    def test_below_it_a_person_should_look_and_the_row_says_why(self) -> None:
        doubted = verdicts.apply_threshold(GLIOMA, 0.71)
        assert doubted.status == "uncertain"
        assert "0.700" in doubted.reason
        assert "0.71" in doubted.reason
        assert doubted.predicted == "glioma"  # a prediction is given all the same

    def test_what_is_just_below_it_does_not_read_as_if_it_were_at_it(self) -> None:
        doubted = verdicts.apply_threshold(replace(GLIOMA, confidence=0.98999), 0.99)
        assert doubted.reason == "confidence 0.98999 is below the threshold 0.99000"

    def test_at_it_the_prediction_stands(self) -> None:
        assert verdicts.apply_threshold(GLIOMA, 0.7) is GLIOMA

    def test_what_could_not_be_read_stays_an_error(self) -> None:
        assert verdicts.apply_threshold(BROKEN, 1.0) is BROKEN


class TestTogether:
    def test_one_sure_network_is_clear(self) -> None:
        assert verdicts.outcome([GLIOMA]) == "clear"

    def test_different_classes_are_a_disagreement_however_sure_each_is(self) -> None:
        assert verdicts.outcome([GLIOMA, PITUITARY]) == "disagree"
        assert verdicts.outcome([verdicts.apply_threshold(GLIOMA, 0.8), PITUITARY]) == "disagree"

    def test_one_doubter_is_enough_for_doubt(self) -> None:
        sure = replace(GLIOMA, confidence=0.95)
        assert verdicts.outcome([sure, verdicts.apply_threshold(GLIOMA, 0.8)]) == "uncertain"

    def test_an_unreadable_file_is_nothing_else(self) -> None:
        assert verdicts.outcome([BROKEN, BROKEN]) == "error"

    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            ({"cnn": GLIOMA}, "Glioma."),
            ({"cnn": GLIOMA, "resnet50": GLIOMA}, "Both networks say Glioma."),
            ({"a": GLIOMA, "b": GLIOMA, "c": GLIOMA}, "All networks say Glioma."),
            (
                {"cnn": GLIOMA, "resnet50": PITUITARY},
                "The networks disagree, so let a person look: cnn says Glioma, 70.0 % and "
                "resnet50 says Pituitary tumour, 90.0 %.",
            ),
            ({"cnn": replace(GLIOMA, status="uncertain")}, f"Glioma, but {texts.PERSON}."),
            (
                {"cnn": GLIOMA, "resnet50": replace(GLIOMA, status="uncertain")},
                f"Glioma, but {texts.PERSON} (resnet50 in doubt).",
            ),
            ({"cnn": BROKEN}, "This file could not be read: the file is truncated."),
        ],
    )
    def test_is_said_in_a_sentence(self, said: dict[str, Prediction], expected: str) -> None:
        assert verdicts.in_words(said) == expected

    @pytest.mark.parametrize(
        ("place", "what"),
        [
            (None, "file"),
            (Place(series="a", instance=3), "file"),
            (Place(series="a", number=3), "slice"),
        ],
        ids=["picture", "file of a series", "slice of a volume"],
    )
    def test_one_of_several_slices_of_a_file_is_not_called_a_file(
        self, place: Place | None, what: str
    ) -> None:
        refused = replace(BROKEN, status="refused", reason="it is empty", place=place)
        assert verdicts.in_words({"cnn": refused}) == f"This {what} was refused: it is empty."


class TestOfAnEnsemble:
    VOICES: ClassVar = {"cnn": GLIOMA, "resnet50": PITUITARY}
    TOLD = "disagree, so let a person look: cnn says Glioma, 70.0 % and resnet50 says Pituitary"

    def test_networks_that_disagree_are_told_with_the_answer(self) -> None:
        doubted = replace(GLIOMA, status="uncertain", model="ensemble")
        said = verdicts.in_words({"ensemble": doubted}, {"ensemble": self.VOICES})
        assert said == f"Glioma, but the networks {self.TOLD} tumour, 90.0 %."

    def test_it_is_told_whose_they_are_where_others_are_asked_too(self) -> None:
        doubted = replace(GLIOMA, status="uncertain", model="ensemble")
        asked = {"ensemble": doubted, "mine": GLIOMA}
        said = verdicts.in_words(asked, {"ensemble": self.VOICES, "mine": {}})
        assert said == f"Glioma, but the networks of ensemble {self.TOLD} tumour, 90.0 %."

    def test_networks_that_agree_change_nothing(self) -> None:
        agreed = {"cnn": GLIOMA, "resnet50": GLIOMA}
        assert verdicts.in_words({"ensemble": GLIOMA}, {"ensemble": agreed}) == "Glioma."

    def test_a_network_alone_has_its_own_class_and_no_doubt_of_the_ensemble(self) -> None:
        together = replace(GLIOMA, status="uncertain", reason="x", set=("glioma",))
        assert verdicts.alone("resnet50", PITUITARY.probabilities, together) == PITUITARY


class TestCounts:
    def test_say_how_many_images_ended_how(self) -> None:
        counts = verdicts.tally(["clear", "uncertain", "uncertain", "disagree", "error"])
        assert counts.in_words() == (
            "Of 4 images at this threshold, 1 is clear; 2 are uncertain: let a person look; "
            "on 1 the networks disagree. 1 image could not be read."
        )

    def test_call_slices_of_a_volume_no_files(self) -> None:
        told = verdicts.tally(["clear", *["refused"] * 19]).in_words()  # type: ignore[list-item]
        assert told.endswith("19 images given no class.")

    def test_add_up(self) -> None:
        counts = verdicts.tally(["clear", "error", "refused"])
        assert counts.total == sum(counts.by_outcome.values()) == 3


class TestCsv:
    def test_has_the_columns_of_the_contract_in_their_order(self) -> None:
        assert verdicts.to_csv([]).strip() == ",".join(COLUMNS)

    def test_is_a_table_that_the_evaluation_reads(self) -> None:
        text = verdicts.to_csv([verdicts.apply_threshold(GLIOMA, 0.8), BROKEN])
        table = Predictions.from_frame(pd.read_csv(io.StringIO(text), dtype={"path": str}))
        assert list(table.frame["path"]) == ["a.png", "b.png"]
        assert list(table.frame["status"]) == ["uncertain", "error"]
        assert table.y_prob[0].tolist() == [0.7, 0.2, 0.0625, 0.0375]

    def test_keeps_small_probabilities(self) -> None:
        tiny = replace(GLIOMA, probabilities={**GLIOMA.probabilities, "pituitary": 1.2345678e-9})
        assert "1.2345678e-09" in verdicts.to_csv([tiny])

    @pytest.mark.parametrize("name", ['odd, "name"\n.png', "carriage\rreturn.png"])
    def test_quotes_names_with_commas_and_line_ends(self, name: str) -> None:
        text = verdicts.to_csv([replace(GLIOMA, path=name)])
        assert pd.read_csv(io.StringIO(text))["path"][0] == name

    def test_holds_no_name_that_a_spreadsheet_takes_for_a_formula(self) -> None:
        text = verdicts.to_csv([replace(GLIOMA, path='=HYPERLINK("u").png')])
        assert pd.read_csv(io.StringIO(text))["path"][0] == './=HYPERLINK("u").png'
