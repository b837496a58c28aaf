"""The figures: right numbers, the same bytes always, and many of them in one page."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from made_page import Page
from made_run import made_history, made_table

from braintumor.classes import CLASSES
from braintumor.evaluation import figures, words
from braintumor.evaluation.curves import Curves, curves
from braintumor.evaluation.predictions import Predictions

SVG = "{http://www.w3.org/2000/svg}"
Draw = Callable[..., str]


@pytest.fixture(scope="module")
def test_curves() -> Curves:
    return curves(made_table().split("test"))


@pytest.fixture(scope="module")
def others() -> Curves:
    return curves(made_table(seed=1, skill=1.5).split("test"))


@pytest.fixture(scope="module")
def drawn(test_curves: Curves, others: Curves) -> dict[str, str]:
    """Every kind of figure, by its key."""
    one, two = {"cnn": test_curves}, {"cnn": test_curves, "resnet50": others}
    found = {
        "one-roc": figures.roc(one, key="one-roc"),
        "one-pr": figures.precision_recall(one, key="one-pr"),
        "one-f1": figures.f1_threshold(one, key="one-f1"),
        "one-sure": figures.confidence(one, key="one-sure"),
        "one-rel": figures.reliability(one, key="one-rel"),
        "matrix": figures.confusion(test_curves.confusion, key="matrix"),
        "two-roc": figures.roc(two, key="two-roc", label="glioma"),
        "two-pr": figures.precision_recall(two, key="two-pr", label="glioma"),
        "two-f1": figures.f1_threshold(two, key="two-f1", label="glioma"),
        "two-sure": figures.confidence(two, key="two-sure"),
        "two-rel": figures.reliability(two, key="two-rel"),
    }
    for what in ("loss", "accuracy"):
        found[what] = figures.learning_curves(made_history(), key=what, what=what)
    return found


def texts(svg: str) -> list[str]:
    """What stands in a figure as text."""
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def title(svg: str) -> str:
    node = ElementTree.fromstring(svg).find(f"{SVG}title")
    assert node is not None
    assert node.text is not None
    return node.text


def test_every_figure_is_an_svg_that_scales_and_can_be_read_aloud(drawn: dict[str, str]) -> None:
    for svg in drawn.values():
        root = ElementTree.fromstring(svg)
        assert root.tag == f"{SVG}svg"
        assert "width" not in root.attrib
        assert len(root.attrib["viewBox"].split()) == 4
        assert root.attrib["role"] == "img"
        assert root.attrib["aria-label"] == title(svg)
        assert len(texts(svg)) > 5, "text stays text"


def test_many_figures_share_a_page(drawn: dict[str, str]) -> None:
    policy = "<meta content=\"default-src 'none'; \">"
    page = Page(policy + "".join(drawn.values()))
    page.require_own_ids()
    page.require_alone()
    assert "style" not in page.tags, "a style of a figure would reach the whole page"
    for key, svg in drawn.items():
        assert all(value.startswith(f"{key}-") for value in Page(svg).values("id"))


def test_the_same_numbers_give_the_same_bytes_whatever_the_users_settings(
    test_curves: Curves, drawn: dict[str, str]
) -> None:
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": False}):
        before = dict(mpl.rcParams)
        assert figures.roc({"cnn": test_curves}, key="one-roc") == drawn["one-roc"]
        assert dict(mpl.rcParams) == before
    assert re.search(r"20\d\d-\d\d-\d\d", drawn["one-roc"]) is None, "no date"


def test_titles_and_legends_hold_the_numbers(test_curves: Curves, drawn: dict[str, str]) -> None:
    for name in CLASSES:
        auc = words.number(test_curves.roc[name].auc)
        ap = words.number(test_curves.precision_recall[name].average_precision)
        best = test_curves.f1[name]
        expected = {
            "one-roc": f"{words.CLASS_NAMES[name]}: AUC {auc}",
            "one-pr": f"{words.CLASS_NAMES[name]}: AP {ap}",
            "one-f1": f"{words.CLASS_NAMES[name]}: {best.best_f1:.2f} at {best.best_threshold:.2f}",
        }
        for key, text in expected.items():
            assert text in texts(drawn[key])
            assert text in title(drawn[key])


def test_several_models_are_told_apart_by_colour_and_dashes(drawn: dict[str, str]) -> None:
    svg = drawn["two-roc"]
    assert any(text.startswith("cnn: AUC") for text in texts(svg))
    assert any(text.startswith("resnet50: AUC") for text in texts(svg))
    assert "Glioma" in title(svg)
    for colour in figures.MODEL_COLOURS[:2]:
        assert colour.lower() in svg.lower()
    lines = re.findall(r'<path[^>]*style="([^"]*)"', svg)
    assert any(figures.MODEL_COLOURS[1].lower() in s and "stroke-dasharray" in s for s in lines)


def test_several_models_in_one_figure_need_a_class(test_curves: Curves, others: Curves) -> None:
    with pytest.raises(ValueError, match="label"):
        figures.roc({"a": test_curves, "b": others}, key="x")


def test_the_confusion_matrix_shows_counts_and_rates(
    test_curves: Curves, drawn: dict[str, str]
) -> None:
    shown = texts(drawn["matrix"])
    for count, rate in zip(
        test_curves.confusion.counts.flat, test_curves.confusion.rates.flat, strict=True
    ):
        assert str(count) in shown
        assert words.percent(float(rate)) in shown
    assert {"Predicted", "Truth"} <= set(shown)
    assert "<image" not in drawn["matrix"], "squares, no bitmap"


def test_the_best_thresholds_are_marked(test_curves: Curves, drawn: dict[str, str]) -> None:
    assert drawn["one-f1"].count("<use") > drawn["one-pr"].count("<use")


def test_right_and_wrong_are_shown_apart(test_curves: Curves, drawn: dict[str, str]) -> None:
    histogram = test_curves.confidence
    said = f"cnn: {histogram.right.sum()} right, {histogram.wrong.sum()} wrong"
    assert said in title(drawn["one-sure"])
    assert {"Right: slices", "Wrong: slices"} <= set(texts(drawn["one-sure"]))
    assert "resnet50" in texts(drawn["two-sure"])


def test_the_learning_curve_marks_the_epoch_that_was_kept(drawn: dict[str, str]) -> None:
    # The head's first epoch has a lower loss, but the weights kept are those of the tail.
    assert figures.best_epoch(made_history()) == 3
    assert figures.best_epoch(made_history(), last=True) == len(made_history()) - 1 != 3
    assert "Kept: epoch 4, validation loss 0.400" in texts(drawn["loss"])
    assert "Kept: epoch 4, validation accuracy 0.800" in texts(drawn["accuracy"])
    assert {"head", "tail", "Training", "Validation"} <= set(texts(drawn["loss"]))


def test_learning_curves_of_one_epoch_or_without_validation() -> None:
    one = figures.learning_curves(made_history(("cnn",)), key="x", what="loss")
    assert "Kept: epoch 1, validation loss 0.100" in texts(one)
    blind = made_history().assign(val_loss=np.nan).drop(columns="phase")
    assert figures.best_epoch(blind) is None
    assert "kept" not in figures.learning_curves(blind, key="x", what="loss").lower()


def test_a_class_that_is_absent_leaves_a_dash() -> None:
    table = made_table().split("test")
    found = curves(table.take(table.y_true != 0))
    assert "Glioma: AUC –" in texts(figures.roc({"m": found}, key="x"))
    assert "Glioma: AP –" in texts(figures.precision_recall({"m": found}, key="x"))
    assert "Glioma: no such slice" in texts(figures.f1_threshold({"m": found}, key="x"))
    assert "–" in texts(figures.confusion(found.confusion, key="x"))


def test_no_rows_at_all_are_drawn_too() -> None:
    none = {"m": curves(made_table().take(np.zeros(0, int)))}
    for draw in (figures.roc, figures.precision_recall, figures.f1_threshold):
        assert ElementTree.fromstring(draw(none, key="x")) is not None
    for draw in (figures.confidence, figures.reliability):
        assert ElementTree.fromstring(draw(none, key="x")) is not None
    assert figures.confusion(none["m"].confusion, key="x")


@pytest.mark.parametrize("name", ["$x^2", "$\\frac{$", "<script>", 'a" id="b', "R&D", "脑"])
def test_names_are_text_and_nothing_else(test_curves: Curves, name: str) -> None:
    svg = figures.roc({name: test_curves, "b": test_curves}, key="x", label="glioma")
    assert any(text.startswith(f"{name}: AUC") for text in texts(svg))
    Page("<meta content=\"default-src 'none'; \">" + svg).require_alone()


def test_long_names_are_shortened_in_the_middle(test_curves: Curves) -> None:
    long = "resnet50-" + "x" * 60 + "-seed3"
    svg = figures.roc({long: test_curves, "b": test_curves}, key="x", label="glioma")
    assert any(re.match(r"resnet50-x+…x+-seed3: AUC", text) for text in texts(svg))


def test_large_tables_make_no_large_figures() -> None:
    rng = np.random.default_rng(0)
    n = 30_000
    truth = rng.integers(0, 4, n)
    logits = rng.normal(size=(n, 4))
    logits[np.arange(n), truth] += 1
    prob = np.exp(logits)
    prob /= prob.sum(axis=1, keepdims=True)
    found = {"m": curves(Predictions.from_arrays([""] * n, truth, prob))}
    for draw in (figures.roc, figures.precision_recall, figures.f1_threshold):
        assert len(draw(found, key="x")) < 200_000
