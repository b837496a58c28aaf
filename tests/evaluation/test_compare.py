"""Comparing models: the same images in whatever order, and honest words on the difference."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from made_page import Page
from made_run import made_run, made_table

from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.evaluation import words
from braintumor.evaluation.compare import (
    Comparison,
    compare,
    sentences,
)
from braintumor.evaluation.compare_report import render, write_comparison
from braintumor.evaluation.paired import holm
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import RunTables, read_run
from braintumor.evaluation.sections import compare_curves


def alone(table: Predictions, name: str = "table") -> RunTables:
    return RunTables(None, Path(f"{name}.csv"), table)


def without_figures(comparison: Comparison) -> str:
    """The page without its figures, which take seconds."""
    with patch.object(compare_curves, "figure_rows", return_value=[]):
        return render(comparison)


def shuffled(table: Predictions, seed: int = 0) -> Predictions:
    return table.take(np.random.default_rng(seed).permutation(len(table)))


@pytest.fixture(scope="module")
def tables() -> tuple[Predictions, Predictions]:
    return made_table(name="cnn"), made_table(seed=1, skill=2.0, name="resnet50")


@pytest.fixture(scope="module")
def two(tables: tuple[Predictions, Predictions]) -> Comparison:
    return compare([alone(tables[0]), alone(shuffled(tables[1]))])


def test_rows_meet_by_the_hash_of_their_image_whatever_their_order(
    tables: tuple[Predictions, Predictions], two: Comparison
) -> None:
    assert (two.names, two.n, two.split, two.joined_by) == (
        ("cnn", "resnet50"),
        80,
        "test",
        "sha256",
    )
    for name, table in zip(two.names, tables, strict=True):
        assert two.metrics[name] == table.split("test").metrics(intervals=True)
        assert list(two.rows[name].frame["path"]) == list(table.split("test").frame["path"])


def test_without_hashes_rows_meet_by_path(tables: tuple[Predictions, Predictions]) -> None:
    bare = Predictions.from_frame(shuffled(tables[1]).frame.assign(sha256=""))
    found = compare([alone(tables[0]), alone(bare)])
    assert found.joined_by == "path"
    assert found.metrics["resnet50"] == tables[1].split("test").metrics(intervals=True)


def test_who_is_right_where_is_counted(
    tables: tuple[Predictions, Predictions], two: Comparison
) -> None:
    a, b = (t.split("test") for t in tables)
    right_a, right_b = a.y_pred == a.y_true, b.y_pred == b.y_true
    (pair,) = two.pairs
    counted = (pair.both, pair.only_a, pair.only_b, pair.neither)
    assert counted == (
        (right_a & right_b).sum(),
        (right_a & ~right_b).sum(),
        (~right_a & right_b).sum(),
        (~right_a & ~right_b).sum(),
    )
    assert sum(counted) == 80
    assert set(two.only("cnn")) == set(np.flatnonzero(right_a & ~right_b))
    assert set(two.none()) == set(np.flatnonzero(~right_a & ~right_b))
    assert (np.diff(a.confidence[two.only("cnn")]) <= 0).all(), "the surest first"


def test_groups_that_one_table_knows_hold_for_all(tables: tuple[Predictions, Predictions]) -> None:
    known, other = (table.split("test") for table in tables)
    bare = Predictions.from_frame(other.frame.assign(group=""))
    found = compare([alone(bare), alone(shuffled(known)), alone(shuffled(bare, 1))])
    assert {of["intervals"]["unit"] for of in found.metrics.values()} == {"group"}
    assert next(iter(found.metrics.values())) == other.metrics(intervals=True)
    assert {pair.tests.unit for pair in found.pairs} == {"group"}
    assert "no group is known" not in " ".join(sentences(found))


def test_the_units_do_not_depend_on_which_table_is_named_first(
    tables: tuple[Predictions, Predictions],
) -> None:
    """A table that knows two groups must not hide the twenty that the other knows."""
    known, other = (table.split("test").frame for table in tables)
    few = Predictions.from_frame(other.assign(group=[*"aabb", *[""] * 76]))
    most = Predictions.from_frame(known.assign(group=[*known["group"][:70], *[""] * 10]))
    found = [compare([alone(first), alone(second)]) for first, second in ((few, most), (most, few))]
    assert [pair.tests.units for one in found for pair in one.pairs] == [30, 30]
    assert found[0].metrics == found[1].metrics
    assert found[0].pairs[0].tests.to_dict()["rows_of_unknown_group"] == 10
    for one in found:
        assert "Of 10 of the 80 images no group is known" in " ".join(sentences(one))


def test_images_in_one_table_only_are_left_out_and_counted(
    tables: tuple[Predictions, Predictions],
) -> None:
    a, b = (t.split("test") for t in tables)
    found = compare([alone(a.take(np.arange(5, 80))), alone(b.take(np.arange(70)))])
    assert found.n == 65
    assert found.only_in == {"cnn": 10, "resnet50": 5}
    text = Page(without_figures(found)).text
    assert "10 images that cnn judged and not every other model did" in text
    assert found.metrics["cnn"]["n"] == found.metrics["resnet50"]["n"] == 65


def test_refused_rows_are_left_out_and_counted(tables: tuple[Predictions, Predictions]) -> None:
    frame = tables[1].split("test").frame.copy()
    probabilities = [c for c in frame if c.startswith("p_")]
    frame.loc[:3, [*probabilities, "confidence"]] = np.nan
    frame.loc[:3, "predicted"] = ""
    frame.loc[:3, "status"] = "refused"
    found = compare([alone(tables[0]), alone(Predictions.from_frame(frame))])
    assert (found.n, found.only_in["cnn"]) == (76, 4)
    assert found.left_out["resnet50"]["refused"] == 4
    assert "Not judged by resnet50: 4 refused." in Page(without_figures(found)).text


def test_nothing_in_common_is_one_sentence(tables: tuple[Predictions, Predictions]) -> None:
    a, b = (t.split("test") for t in tables)
    with pytest.raises(BraintumorError, match=r"no judged image of the split test in common"):
        compare([alone(a.take(np.arange(10))), alone(b.take(np.arange(10, 20)))])


def test_two_truths_are_one_sentence(tables: tuple[Predictions, Predictions]) -> None:
    frame = tables[1].split("test").frame.copy()
    frame.loc[3, "label"] = CLASSES[(CLASSES.index(frame.loc[3, "label"]) + 1) % 4]
    with pytest.raises(BraintumorError, match="different labels to 1 of 80 common images"):
        compare([alone(tables[0]), alone(Predictions.from_frame(frame))])


def test_copies_of_one_file_meet_their_like() -> None:
    def table(order: list[int], model: str, right: bool) -> Predictions:
        labels = np.array([0, 1, 0])
        prob = np.eye(4)[labels if right else [2, 2, 2]] * 0.96 + 0.01
        made = Predictions.from_arrays(
            ["a/x.png", "b/x.png", "c/x.png"], labels, prob, sha256="a" * 64, model=model
        )
        return made.take(np.array(order))

    found = compare([alone(table([0, 1, 2], "m", True)), alone(table([1, 2, 0], "w", False))])
    assert found.n == 3
    assert list(found.rows["w"].frame["path"]) == list(found.rows["m"].frame["path"])


def test_rows_that_cannot_be_matched_are_one_sentence(
    tables: tuple[Predictions, Predictions],
) -> None:
    bare = Predictions.from_frame(tables[1].frame.assign(sha256="", path=""))
    with pytest.raises(BraintumorError, match="cannot be matched"):
        compare([alone(tables[0]), alone(bare)])
    twice = Predictions.from_frame(tables[1].frame.assign(sha256="", path="x.jpg"))
    with pytest.raises(BraintumorError, match=r"holds the path x\.jpg twice"):
        compare([alone(tables[0]), alone(twice)])


def test_the_split_can_be_chosen(tables: tuple[Predictions, Predictions]) -> None:
    runs = [alone(table) for table in tables]
    assert compare(runs, split="validation").n == 60
    with pytest.raises(BraintumorError, match=r"table\.csv has no rows of the split train"):
        compare(runs, split="train")
    nameless = [alone(Predictions.from_frame(t.frame.assign(split=""))) for t in tables]
    whole = compare(nameless)
    assert (whole.split, whole.n) == ("", 140)
    assert compare([runs[0], nameless[1]]).n == 80, "the named split decides"


def test_models_of_one_name_are_told_apart(tmp_path: Path) -> None:
    runs = [read_run(made_run(tmp_path / name, seed=i)) for i, name in enumerate(("one", "two"))]
    assert compare(runs).names == ("one", "two")
    same = compare([runs[0], runs[0]])
    assert len(set(same.names)) == 2
    assert same.pairs[0].p == 1.0


def test_three_models_make_three_pairs(tables: tuple[Predictions, Predictions]) -> None:
    third = made_table(seed=2, skill=1.0, name="third")
    found = compare([alone(t) for t in (*tables, third)])
    assert [(p.a, p.b) for p in found.pairs] == [
        ("cnn", "resnet50"),
        ("cnn", "third"),
        ("resnet50", "third"),
    ]
    right = found.right
    assert set(found.only("third")) == set(
        np.flatnonzero(right[:, 2] & ~right[:, 0] & ~right[:, 1])
    )
    assert "corrected for it by Holm's method" in sentences(found)[-1]
    p = [pair.accuracy.p for pair in found.pairs]
    assert [pair.p_holm for pair in found.pairs] == holm(p)
    page = Page(render(found))
    page.require_alone()
    page.require_own_ids()


def test_the_json_holds_it_all(two: Comparison, tmp_path: Path) -> None:
    with patch.object(compare_curves, "figure_rows", return_value=[]):
        path, _ = write_comparison(two, tmp_path / "deep" / "out")
    found = json.loads(path.read_text())
    assert found["images"] == 80
    assert found["models"]["cnn"]["accuracy"] == two.metrics["cnn"]["accuracy"]
    (pair,) = found["pairs"]
    assert pair["mcnemar_exact_p"] == two.pairs[0].p
    accuracy = pair["differences"]["accuracy"]
    assert accuracy["difference"] == pytest.approx(accuracy["first"] - accuracy["second"])
    assert accuracy["low"] < accuracy["difference"] < accuracy["high"]
    assert pair["differences"]["unit"] == "group"
    assert set(pair["differences"]["per_class"]) == set(CLASSES)
    assert len(found["only_right"]["cnn"]) == pair["only_a_right"]
    assert len(found["only_right"]["resnet50"]) == pair["only_b_right"]
    assert len(found["none_right"]) == pair["neither_right"]
    assert found["all_right"] == pair["both_right"]
    assert found["words"] == sentences(two)


def test_the_page_shows_every_difference_with_its_interval(two: Comparison) -> None:
    text = Page(without_figures(two)).text
    differences = two.pairs[0].tests.differences
    for key, heading, share in words.SCORES:
        found = differences[key]
        low, high = (words.apart(end, share) for end in (found.low, found.high))
        assert f"{words.apart(found.difference, share)} {low} to {high}" in text, heading
    assert "Is the difference real?" in text
    assert "one error is 1.25 points of accuracy" in text


def test_the_page_shows_both_in_every_figure(two: Comparison) -> None:
    page = Page(render(two))
    page.require_alone()
    page.require_own_ids()
    titles = page.values("aria-label")
    for kind in ("ROC curves", "Precision-recall curves", "F1 against threshold"):
        drawn = [title for title in titles if title.startswith(kind)]
        assert len(drawn) == len(CLASSES)
        assert all("cnn: " in title and "resnet50: " in title for title in drawn)
    assert sum(title.startswith("Confusion matrix") for title in titles) == 2
    assert any(title.startswith("Reliability") for title in titles)


def test_the_images_that_only_one_gets_right_are_shown(tmp_path: Path) -> None:
    runs = [
        made_run(tmp_path / "cnn", phantom=True),
        made_run(tmp_path / "resnet50", seed=1, skill=2.0, name="resnet50"),
    ]
    with patch.object(compare_curves, "figure_rows", return_value=[]):
        found = compare([read_run(run) for run in runs])
        page = Page(write_comparison(found, tmp_path / "out")[1].read_text())
    for name in found.names:
        assert len(found.only(name)) > 0
        assert found.path(int(found.only(name)[0])) in page.text
        assert f"Only {name} gets right: {len(found.only(name))} image" in page.text
    # A thumb of each, from the run that erred, and the heat map of every model that has one.
    assert "img" in page.tags
    page.require_alone()
    assert "PHANTOM DATA" in page.text
    with patch.object(compare_curves, "figure_rows", return_value=[]):
        bare = render(found, images=False)
    assert "data:image" not in bare
    assert found.path(int(found.only("cnn")[0])) in bare


def test_names_and_paths_are_escaped(tables: tuple[Predictions, Predictions]) -> None:
    evil = "<script>alert(1)</script>\"'><b onclick=x>"
    bad = Predictions.from_frame(tables[1].frame.assign(model=evil, path=evil))
    page = Page(without_figures(compare([alone(tables[0]), alone(bad)])))
    page.require_alone()
    assert evil in page.text
