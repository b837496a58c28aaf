"""The page "How good is it?", driven without a browser."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from page_helpers import as_read, make_table, words

from braintumor.app import texts

OpenPage = Any


def evaluation() -> None:
    from braintumor.app import evaluation_page

    evaluation_page.render()


def test_without_a_table_there_is_a_sentence_with_the_remedy(
    open_page: OpenPage, turned: Path
) -> None:
    page = open_page(turned, main=evaluation)
    assert not page.exception
    assert texts.NO_EVIDENCE in words(page)


def test_the_headline_is_that_of_the_test_split(open_page: OpenPage, tiny: Path) -> None:
    page = open_page(tiny, main=evaluation)
    expected = make_table().split("test").metrics()
    assert not page.exception
    shown = {one.label: one.value for one in page.metric}
    assert shown["Accuracy"] == f"{expected['accuracy']:.3f}"
    assert shown["Macro AUC"] == f"{expected['macro_auc']:.3f}"
    assert "100 test slices" in words(page)


def test_the_data_set_is_named_and_phantoms_are_called_phantoms(
    open_page: OpenPage, tiny: Path
) -> None:
    told = words(open_page(tiny, main=evaluation)).replace("**", "")
    assert "of the data set phantoms" in told
    assert "drawn pictures, no patients" in told


def test_that_other_networks_were_judged_is_said(
    open_page: OpenPage, tiny: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "shipped"))
    card = json.loads((folder / "card.json").read_text())
    card["evidence"]["judged"] = "the networks of 5 folds"
    (folder / "card.json").write_text(json.dumps(card))
    told = words(open_page(folder, main=evaluation))
    assert "Judged were the networks of 5 folds." in told
    assert "It learnt from" not in told


def test_the_split_can_be_chosen(open_page: OpenPage, tiny: Path) -> None:
    page = open_page(tiny, main=evaluation)
    page.radio(key="split").set_value("valid").run()
    expected = make_table().split("valid").metrics()
    assert {one.label: one.value for one in page.metric}["Accuracy"] == (
        f"{expected['accuracy']:.3f}"
    )
    assert "50 validation slices" in words(page)
    assert "flatter it" in words(page)


def test_every_curve_is_there_with_words_for_the_blind(open_page: OpenPage, tiny: Path) -> None:
    page = open_page(tiny, main=evaluation)
    told = [one.proto.alt for one in page.get("vega_lite_chart")]
    assert len(told) == 6
    for title in ("ROC", "Precision", "F1", "Reliability", "Confusion", "How sure"):
        assert any(one.startswith(title) for one in told), title
    assert any("Area: Glioma 0.9" in one for one in told)
    assert len(page.header) == 6 + 1, "the next below the title, of every chart and the table"
    assert not page.subheader


def test_the_table_has_every_class(open_page: OpenPage, tiny: Path) -> None:
    (table,) = open_page(tiny, main=evaluation).table
    assert list(table.value["Class"]) == list(texts.CLASS_NAMES.values())
    expected = make_table().split("test").metrics()["per_class"]["glioma"]
    assert table.value["Sensitivity"].iloc[0] == f"{expected['sensitivity']:.3f}"
    assert table.value["Slices"].iloc[0] == str(expected["support"])


def test_several_networks_can_be_chosen_and_stand_side_by_side(
    open_page: OpenPage, tiny: Path, turned: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(turned, tmp_path / "other"))
    make_table(80, model="turned").write(other / "predictions.csv")
    page = open_page(tiny, other, main=evaluation)
    assert list(page.table[1].value["Network"]) == ["tiny", "turned"]
    page.radio(key="judged").set_value("turned").run()
    assert not page.exception
    assert "40 test slices" in words(page)


def test_a_bad_table_is_a_sentence_and_the_others_are_shown(
    open_page: OpenPage, tiny: Path, turned: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(turned, tmp_path / "other"))
    (other / "predictions.csv").write_text("not,a\ntable,at all\n")
    page = open_page(other, tiny, main=evaluation)
    assert not page.exception
    assert len(page.warning) >= 1
    assert "predictions.csv" in as_read(page.warning[0].value)
    assert "100 test slices" in words(page)


def test_a_class_that_is_absent_leaves_its_curve_bare(
    open_page: OpenPage, turned: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(turned, tmp_path / "other"))
    table = make_table(model="turned")
    table.take((table.frame["label"] != "pituitary").to_numpy()).write(other / "predictions.csv")
    page = open_page(other, main=evaluation)
    assert not page.exception
    assert page.table[0].value["AUC"].iloc[3] == "–"


def test_slices_without_relatives_are_the_numbers_to_believe(
    open_page: OpenPage, tiny: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(tiny, tmp_path / "other"))
    card = json.loads((other / "card.json").read_text())
    card["evidence"]["splits"]["test_unseen"] = {"n": 61, "accuracy": 0.8125, "macro_auc": None}
    (other / "card.json").write_text(json.dumps(card))
    told = words(open_page(other, main=evaluation))
    assert "On the 61 slices without a copy or patient in training: accuracy 0.81" in told
    assert "macro AUC –" in told


@pytest.mark.parametrize("shown", ["slices", "shares of each truth"])
def test_the_confusion_matrix_shows_slices_or_shares(
    open_page: OpenPage, tiny: Path, shown: str
) -> None:
    page = open_page(tiny, main=evaluation)
    page.radio[-1].set_value(shown).run()
    assert not page.exception


@pytest.mark.parametrize(
    ("doubted", "told"),
    [
        (40, "It leaves 40.0 % of these slices to a person, as uncertain; of the others, "),
        (100, "It leaves 100 % of these slices to a person, as uncertain."),
    ],
)
def test_what_is_left_to_a_person_is_told_and_what_of_the_others_is_right(
    open_page: OpenPage, tiny: Path, tmp_path: Path, doubted: int, told: str
) -> None:
    other = Path(shutil.copytree(tiny, tmp_path / "other"))
    table = make_table().split("test")
    status = ["uncertain"] * doubted + ["ok"] * (100 - doubted)
    type(table)(table.frame.assign(status=status)).write(other / "predictions.csv")
    page = open_page(other, main=evaluation)
    (said,) = [one.value for one in page.caption if one.value.startswith("It leaves")]
    assert said.startswith(told)
    assert "not defined" not in said
