"""A run's judgement and report: true numbers, nothing hidden, nothing loaded, nothing leaked."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from made_page import Page
from made_run import made_run, made_table, picture, sha256_of_slice

from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.evaluation import report, words
from braintumor.evaluation.judgement import Judgement, judge, write_metrics
from braintumor.evaluation.patients import read_patients
from braintumor.evaluation.predictions import Predictions, PredictionsError
from braintumor.evaluation.report import render
from braintumor.evaluation.run_tables import RunTables, read_run
from braintumor.evaluation.sections import curves, training


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_run(tmp_path_factory.mktemp("runs") / "cnn")


@pytest.fixture(scope="module")
def judgement(run: Path) -> Judgement:
    return judge(read_run(run))


@pytest.fixture(scope="module")
def html(judgement: Judgement) -> str:
    return render(judgement)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def judged(table: Predictions, **facts: object) -> Judgement:
    """The judgement of a table that stands alone, or has what `facts` say of its run."""
    return judge(RunTables(None, Path("table.csv"), table, **facts))  # type: ignore[arg-type]


def without_figures(judgement: Judgement, *, images: bool = True) -> str:
    """The page without its figures and without the sections on probabilities, which take seconds
    and have tests of their own."""
    quick = [make for make in report.SECTIONS if make not in report.OF_PROBABILITIES]
    with (
        patch.object(curves, "part_figures", return_value=[]),
        patch.object(training, "learning_figures", return_value=[]),
        patch.object(report, "SECTIONS", quick),
    ):
        return render(judgement, images=images)


def text_of(judgement: Judgement) -> str:
    return Page(without_figures(judgement)).text


# --- the numbers


def test_every_split_is_measured_on_its_own_rows(judgement: Judgement, run: Path) -> None:
    table = Predictions.read(run / "predictions.csv")
    for split in ("valid", "test"):
        assert judgement.parts[split].metrics == table.split(split).metrics(intervals=True)


def test_metrics_json_holds_every_part(judgement: Judgement, tmp_path: Path) -> None:
    path = write_metrics(judgement, tmp_path / "new" / "folder")
    found = json.loads(path.read_text())
    assert set(found["splits"]) == {"valid", "test", "valid_unseen", "test_unseen"}
    assert found["splits"]["test"]["accuracy"] == judgement.parts["test"].metrics["accuracy"]
    assert found["model"] == "cnn"
    assert found["made_with"].startswith("braintumor ")
    assert [p.name for p in path.parent.iterdir()] == ["metrics.json"], "nothing half-written"


def test_test_slices_are_the_headline_and_validation_slices_flatter(judgement: Judgement) -> None:
    assert judgement.headline.name == "test"
    valid = judged(made_table().split("valid"))
    assert valid.headline.name == "valid"
    assert "these numbers flatter it" in text_of(valid)
    assert "these numbers flatter it" not in text_of(judgement)


def test_a_table_without_splits_is_judged_as_a_whole() -> None:
    found = judged(made_table(split=""))
    assert list(found.parts) == ["all"]
    assert found.headline.metrics["n"] == 140


def test_rows_of_an_unknown_split_are_left_out_and_counted() -> None:
    table = made_table()
    frame = table.frame.copy()
    frame.loc[:4, "split"] = "holdout"
    found = judged(Predictions.from_frame(frame))
    assert found.parts["valid"].metrics["n"] == 55
    assert "5 rows of the table name no known split and are left out." in found.notes
    empty = frame.assign(label=np.where(frame["split"] == "holdout", frame["label"], ""))
    table = Predictions.from_frame(empty)
    with pytest.raises(PredictionsError, match="no row of a known split"):
        judged(table)


def test_what_could_not_be_judged_is_counted() -> None:
    frame = made_table().frame.copy()
    probabilities = [c for c in frame if c.startswith("p_")]
    frame.loc[:2, [*probabilities, "confidence"]] = np.nan
    frame.loc[:2, "predicted"] = ""
    frame.loc[:2, "status"] = "refused"
    found = judged(Predictions.from_frame(frame))
    assert "3 rows could not be judged: 3 refused." in found.notes
    assert "3 rows could not be judged: 3 refused." in text_of(found)


# --- unseen slices


def test_unseen_slices_are_those_whose_group_is_not_in_train(
    judgement: Judgement, run: Path
) -> None:
    table = Predictions.read(run / "predictions.csv").split("test")
    unseen = table.take(~table.frame["group"].isin(["pat0", "pat1", "pat2"]).to_numpy())
    assert judgement.parts["test_unseen"].metrics == unseen.metrics(intervals=True)
    counts = judgement.unseen["test"]
    assert (counts.slices, counts.in_train, counts.unseen, counts.unknown) == (80, 12, 68, 0)
    assert "of 80 slices, 12 are of a group" in text_of(judgement)


@pytest.mark.parametrize("groups", [("pat0", ""), ()])
def test_nothing_is_called_unseen_where_training_is_not_wholly_known(
    tmp_path: Path, groups: tuple[str, ...]
) -> None:
    found = judge(read_run(made_run(tmp_path, train_groups=groups)))
    assert "test_unseen" not in found.parts
    assert not found.unseen


def test_slices_of_unknown_group_are_neither_seen_nor_unseen(tmp_path: Path) -> None:
    made_run(tmp_path)
    frame = made_table().frame
    blank = (frame["group"] == "pat5") & (frame["split"] == "test")
    Predictions.from_frame(frame.assign(group=frame["group"].mask(blank, ""))).write(
        tmp_path / "predictions.csv"
    )
    found = judge(read_run(tmp_path))
    assert found.unseen["test"].unknown == 4
    assert found.parts["test_unseen"].metrics["n"] == 64
    assert "Of 4 test slices no group is known; they are not counted as unseen." in found.notes


def patients_file(path: Path, rows: list[tuple[str, str, str, str]]) -> Path:
    pd.DataFrame(rows, columns=["split", "class", "file", "group"]).to_csv(path, index=False)
    return path


def rows_of(table: Predictions, group: str) -> list[tuple[str, str, str, str]]:
    cells = zip(*(table.frame[name] for name in ("split", "label", "path")), strict=True)
    return [(s, label, Path(p).name, f"{group}{i}") for i, (s, label, p) in enumerate(cells)]


def test_a_patients_file_fills_groups_and_says_what_is_unseen(tmp_path: Path) -> None:
    table = made_table(group="")
    rows = rows_of(table, "new")
    seen = rows[60][3]
    file = patients_file(
        tmp_path / "patients.csv", [*rows, ("Training", "no_tumour", "t.jpg", seen)]
    )
    found = judge(RunTables(None, Path("t.csv"), table), patients=read_patients(file))
    assert found.parts["test_unseen"].metrics["n"] == 79
    assert list(found.run.predictions.frame["group"]) == [row[3] for row in rows]
    assert found.unseen["test"].source == "patients.csv"


def test_a_patients_file_that_lacks_slices_trained_on_tells_units_and_not_what_is_unseen(
    tmp_path: Path,
) -> None:
    run = read_run(made_run(tmp_path / "run"))
    rows = rows_of(run.predictions, "g")
    file = patients_file(tmp_path / "p.csv", [*rows, ("train", "glioma", "t0.jpg", "a")])
    found = judge(run, patients=read_patients(file))
    (note,) = [one for one in found.notes if one.startswith("p.csv")]
    assert "gives no group to 2 of the 3 slices" in note
    assert "(first: t1.jpg), so what is unseen cannot be told" in note
    assert (found.unseen, "test_unseen" in found.parts) == ({}, False)
    assert list(found.run.predictions.frame["group"]) == [row[3] for row in rows]
    fitting = [("train", "glioma", f"t{i}.jpg", "a") for i in range(3)]
    file = patients_file(tmp_path / "p.csv", [*rows, *fitting])
    assert judge(run, patients=read_patients(file)).parts["test_unseen"].metrics["n"] == 80


def test_a_patients_file_of_other_slices_is_refused(tmp_path: Path) -> None:
    file = patients_file(tmp_path / "p.csv", [("train", "glioma", "x.jpg", "a")])
    with pytest.raises(BraintumorError, match=r"p\.csv names none of the slices"):
        judge(RunTables(None, Path("t.csv"), made_table()), patients=read_patients(file))


def test_a_patients_file_without_train_tells_units_and_not_what_is_unseen(tmp_path: Path) -> None:
    table = made_table(group="")
    pairs = [(*row[:3], f"g{i // 2}") for i, row in enumerate(rows_of(table, ""))]
    file = patients_file(tmp_path / "p.csv", pairs)
    found = judge(RunTables(None, Path("t.csv"), table), patients=read_patients(file))
    assert (found.unseen, "test_unseen" in found.parts) == ({}, False)
    assert any("p.csv names no slice of the split train, so what" in note for note in found.notes)
    told = found.parts["test"].metrics["intervals"]
    assert (told["unit"], told["units"]) == ("group", 40)


def test_rows_that_a_table_has_in_train_tell_what_is_unseen(tmp_path: Path) -> None:
    table = made_table(group="")
    split = table.frame["split"].replace("valid", "train")
    names = [f"{i}.jpg" for i in range(len(table))]
    table = Predictions.from_frame(table.frame.assign(split=split, path=names))
    bare = [("", *row[1:3], f"g{i % 70}") for i, row in enumerate(rows_of(table, ""))]
    file = patients_file(tmp_path / "p.csv", bare)
    found = judge(RunTables(None, Path("t.csv"), table), patients=read_patients(file))
    assert (found.unseen["test"].in_train, found.unseen["test"].unseen) == (60, 20)


def test_classes_that_a_part_lacks_are_named() -> None:
    table = made_table().split("test")
    found = judged(table.take(table.y_true != 3))
    (note,) = [one for one in found.notes if one.startswith("Test: no slice of pituitary")]
    assert "macro F1 counts as 0" in note  # the model says pituitary of some
    (said,) = [part.rows.y_pred for part in found.parts.values()]
    never = found.parts["test"].rows.take(said != 3)
    (note,) = [one for one in judged(never).notes if one.startswith("Test: no slice of")]
    assert note.endswith("means over classes are over the others.")


# --- the first screen


def test_the_first_screen_says_how_good_and_where_it_fails(judgement: Judgement) -> None:
    head = text_of(judgement).split("Numbers")[0]
    metrics = judgement.parts["test"].metrics
    wrong = len(judgement.parts["test"].errors)
    assert f"{words.percent(metrics['accuracy']).replace(chr(160), ' ')} right" in head
    assert f"{80 - wrong} of 80 test slices" in head
    assert "Accuracy, unseen" in head
    sensitivity = {name: metrics["per_class"][name]["sensitivity"] for name in CLASSES}
    weakest = min(CLASSES, key=lambda name: sensitivity[name])
    assert f"Weakest class: {words.CLASS_NAMES[weakest].lower()}" in head
    truth, said, count, of = judgement.parts["test"].confusions[0]
    assert metrics["confusion"][CLASSES.index(truth)][CLASSES.index(said)] == count
    assert f"taken for {words.CLASS_NAMES[said].lower()} ({count} of {of})" in head
    assert words.RESEARCH_ONLY in head


def test_the_first_screen_says_how_sure_and_which_model(judgement: Judgement) -> None:
    head = text_of(judgement).split("Numbers")[0]
    found = judgement.parts["test"].metrics["intervals"]
    low, high = (f"{100 * found['accuracy'][end]:.1f}" for end in ("low", "high"))
    assert f"95 % interval of the accuracy: {low}–{high} %." in head
    assert "The units are the 20 groups" in head
    assert "unreliable, because it rests on 20 patients" in head
    assert "Model: cnn, sha256 000000000000" in head
    bare = judged(made_table(group=""))
    assert "No groups are known" in text_of(bare).split("Numbers")[0]


def test_a_table_without_error_says_so() -> None:
    found = judged(made_table(skill=50.0).split("test"))
    text = text_of(found)
    assert "100.0 % right: 80 of 80 test slices" in text
    assert "Nowhere in these 80 slices" in text


def test_only_what_is_perfect_reads_as_perfect() -> None:
    assert words.percent(0.9996) == "99.9\N{NO-BREAK SPACE}%"
    assert words.percent(1.0) == "100.0\N{NO-BREAK SPACE}%"
    assert words.percent(0.0001) == "0.1\N{NO-BREAK SPACE}%"
    assert words.percent(0.0) == "0.0\N{NO-BREAK SPACE}%"
    assert words.number(0.99996) == "0.999"
    assert words.number(1.0) == "1.000"
    assert words.number(float("nan")) == words.percent(None) == "–"


def test_labels_out_of_step_are_shouted_about() -> None:
    table = made_table(skill=6.0)
    frame = table.frame.copy()
    frame["label"] = np.random.default_rng(0).permutation(frame["label"].to_numpy())
    assert "Cannot be true:" in text_of(judged(Predictions.from_frame(frame)))
    assert "Cannot be true:" not in text_of(judged(table))


# --- tables and figures


def test_every_score_stands_in_the_tables(judgement: Judgement, page: Page) -> None:
    for part in judgement.parts.values():
        for key, _, share in words.SCORES:
            value = words.score(part.metrics[key], share).replace("\N{NO-BREAK SPACE}", " ")
            assert value in page.text, (part.name, key)
            ends = words.span(part.metrics["intervals"][key], share)
            assert ends in page.text, (part.name, key)
    for heading in ("Sensitivity", "Specificity", "Precision", "F1", "AUC", "AP"):
        assert heading in page.text


def test_all_figures_and_learning_curves_are_there(page: Page) -> None:
    titles = [value.split(".")[0] for value in page.values("aria-label")]
    for kind in (
        *("Confusion matrix", "ROC curves", "Precision-recall curves"),
        *("F1 against threshold, best marked", "Confidence, right and wrong"),
        "Reliability diagram",
    ):
        assert titles.count(kind) == 2, "of test and of valid"
    assert "Learning curve: loss" in titles
    assert "Learning curve: accuracy" in titles


def test_the_recipe_is_shown(page: Page) -> None:
    assert "recipe.epochs 3" in page.text
    assert "recipe.preparation.size 128" in page.text


def test_the_page_needs_nothing_else(page: Page) -> None:
    page.require_alone()
    page.require_own_ids()


# --- pictures


def uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def test_the_gallery_shows_the_surest_errors_first(
    judgement: Judgement, run: Path, html: str, page: Page
) -> None:
    errors = judgement.parts["test"].errors
    assert (np.diff(errors.confidence) <= 0).all()
    assert (errors.y_pred != errors.y_true).all()
    expected = []
    for sha256 in errors.frame["sha256"][:24]:
        expected += [uri(run / kind / f"{sha256[:16]}.png") for kind in ("thumbs", "maps")]
    expected += [uri(run / "augmentation" / f"{kind}.png") for kind in ("before", "after")]
    assert page.values("src") == expected
    worst = errors.frame.iloc[0]
    caption = html.split("<figcaption><strong>")[1].split("</figcaption>")[0]
    assert caption.startswith(words.CLASS_NAMES[worst["predicted"]])
    assert words.percent(worst["confidence"]) in caption
    assert f"<strong>{words.CLASS_NAMES[worst['label']]}</strong>" in caption
    assert worst["path"] in caption


def test_without_images_no_pixel_of_a_slice_is_in_the_page(judgement: Judgement) -> None:
    bare = render(judgement, images=False)
    assert "data:image" not in bare
    page = Page(bare)
    assert "img" not in page.tags
    assert "image" not in page.tags
    assert "without pictures of slices" in page.text
    assert judgement.parts["test"].errors.frame["path"].iloc[0] in page.text, "but listed"


def test_a_table_alone_has_no_pictures_and_no_training(run: Path, tmp_path: Path) -> None:
    table = tmp_path / "given.csv"
    table.write_bytes((run / "predictions.csv").read_bytes())
    found = judge(read_run(table))
    page = Page(without_figures(found))
    assert "img" not in page.tags
    assert "Recipe" not in page.text
    assert "Training" not in page.text
    assert found.parts["test"].metrics["n"] == 80


def test_only_a_hash_is_looked_up_and_only_a_small_png_is_shown(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run")
    picture(tmp_path / "secret.png", np.zeros((2, 2), "u1"))
    found = read_run(run)
    for sha256 in ("../../secret", "../secret.png", "", "x" * 64, "A" * 64):
        assert found.picture("thumbs", sha256) is None
    known = sha256_of_slice("test", 0)
    path = run / "thumbs" / f"{known[:16]}.png"
    picture(path, np.zeros((2, 2), "u1"))
    assert found.picture("thumbs", known) == uri(path)
    path.write_bytes(b"<svg onload='alert(1)'>")
    assert found.picture("thumbs", known) is None
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5 * 2**20))
    assert found.picture("thumbs", known) is None
