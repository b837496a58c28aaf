"""What the seed does: scores of each repeat, and their spread, from the tables alone."""

from __future__ import annotations

import json
import math
import shutil
import statistics
from pathlib import Path

import pytest
from made_page import Page
from made_run import made_run, made_table, with_folds

from braintumor.errors import BraintumorError
from braintumor.evaluation import words
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import find_seeds, read_run
from braintumor.evaluation.spread import deviation, sentences, spread
from braintumor.evaluation.spread_report import write_spread

SEEDS = (1, 2, 10)


def repeat(folder: Path, seed: int, *, change: str = "", record: str = "", **made: object) -> Path:
    """A run whose recipe says its seed, and at the end of its record what is given."""
    run = made_run(folder / f"seed-{seed}", seed=seed, **made)  # type: ignore[arg-type]
    recipe = (run / "recipe.toml").read_text()
    told = change or f"epochs = 3\nseed = {seed}"
    (run / "recipe.toml").write_text(recipe.replace("epochs = 3", told) + record)
    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in SEEDS:
        repeat(tmp_path / "cnn", seed)
    return tmp_path / "cnn"


def test_every_score_has_its_mean_deviation_and_ends(folder: Path) -> None:
    found = spread(folder)
    assert (found.model, found.split, tuple(found.seeds)) == ("cnn", "test", SEEDS)
    tables = [Predictions.read(run / "predictions.csv") for run in find_seeds(folder).values()]
    metrics = [table.split("test").metrics() for table in tables]
    for key, *_ in words.SCORES:
        values = [one[key] for one in metrics]
        assert [one[key] for one in found.seeds.values()] == values
        summary = found.of(key)
        assert summary.mean == pytest.approx(statistics.mean(values))
        assert summary.sd == pytest.approx(statistics.stdev(values))
        assert (summary.lowest, summary.highest) == (min(values), max(values))
        assert summary.lowest < summary.highest


def test_tables_alone_say_the_same(folder: Path, tmp_path: Path) -> None:
    bare = tmp_path / "published"
    bare.mkdir()
    for seed, run in find_seeds(folder).items():
        shutil.copy(run / "predictions.csv", bare / f"seed-{seed}.csv")
    assert spread(bare).to_dict()["seeds"] == spread(folder).to_dict()["seeds"]


def test_a_table_that_names_no_model_has_the_folders_name(tmp_path: Path) -> None:
    for seed in SEEDS:
        made_table(seed=seed, model="", split="").write(tmp_path / "mine" / f"seed-{seed}.csv")
    found = spread(tmp_path / "mine")
    assert (found.model, found.split) == ("mine", "")
    assert found.seeds[1]["n"] == 140


def test_a_score_that_a_seed_has_not_has_no_spread(tmp_path: Path) -> None:
    for seed in SEEDS:
        one_class = made_table(seed=seed, label="glioma")
        one_class.write(tmp_path / f"seed-{seed}.csv")
    found = spread(tmp_path)
    assert math.isnan(found.of("macro_auc").mean)
    assert found.to_dict()["scores"]["macro_auc"]["sd"] is None


def test_page_and_json_show_every_seed_and_the_spread(folder: Path, tmp_path: Path) -> None:
    found = spread(folder)
    written, report = write_spread(found, tmp_path / "out")
    content = json.loads(written.read_text())
    assert list(content["seeds"]) == ["1", "2", "10"]
    assert content["scores"]["ece"]["highest"] == max(m["ece"] for m in found.seeds.values())
    page = Page(report.read_text())
    page.require_alone()
    accuracy = found.of("accuracy")
    for text in (
        f"Mean {words.percent(accuracy.mean)}",
        f"SD {100 * accuracy.sd:.1f}",
        *(f"{seed} {words.percent(m['accuracy'])}" for seed, m in found.seeds.items()),
    ):
        assert text.replace(words.NBSP, " ") in page.text.replace(words.NBSP, " ")


def test_the_words_say_what_the_spread_is_and_is_not(folder: Path) -> None:
    first, *_, last = sentences(spread(folder))
    assert first.startswith("Accuracy over 3 seeds: ")
    assert "other patients" in last
    assert deviation(0.0123, True) == "1.2"
    assert deviation(0.0123, False) == "0.012"


def test_folds_dealt_anew_and_other_slices_are_said(folder: Path) -> None:
    assert spread(folder).notes == ()
    runs = find_seeds(folder)
    for run in runs.values():
        with_folds(Predictions.read(run / "predictions.csv")).write(run / "predictions.csv")
    assert spread(folder).notes == (), "the same folds"
    frame = Predictions.read(runs[2] / "predictions.csv").frame
    dealt = [str((int(fold) + 1) % 4) for fold in frame["fold"]]
    Predictions.from_frame(frame.assign(fold=dealt)).write(runs[2] / "predictions.csv")
    assert "folds of its own" in spread(folder).notes[0]
    Predictions.from_frame(frame.iloc[1:]).write(runs[2] / "predictions.csv")
    assert "different slices" in spread(folder).notes[0]


def test_an_unfinished_seed_is_left_out_and_said(folder: Path) -> None:
    (folder / "seed-2" / "predictions.csv").unlink()
    found = spread(folder)
    assert tuple(found.seeds) == (1, 10)
    assert found.notes[0].startswith("Seed 2: no predictions yet")
    (folder / "seed-1" / "predictions.csv").unlink()
    with pytest.raises(BraintumorError, match="holds 1 of 3 seeds with predictions"):
        spread(folder)


def test_what_differs_in_more_than_the_seed_or_in_less_is_no_repeat(folder: Path) -> None:
    repeat(folder, 2, change="epochs = 9\nseed = 2")
    with pytest.raises(BraintumorError, match="differ in epochs, not in the seed alone"):
        spread(folder)
    repeat(folder, 2, change="epochs = 3\nseed = 1")
    with pytest.raises(BraintumorError, match="trained with seed 1, and its name says another"):
        spread(folder)


def test_tables_of_different_networks_are_no_repeats(tmp_path: Path) -> None:
    for seed, name in ((1, "cnn"), (2, "cnn"), (3, "resnet50")):
        made_table(seed=seed, name=name).write(tmp_path / f"seed-{seed}.csv")
    with pytest.raises(
        BraintumorError, match=r"seed-1\.csv is of cnn and .*seed-3\.csv of resnet50"
    ):
        spread(tmp_path)
    made_table(seed=3, model="").write(tmp_path / "seed-3.csv")
    assert spread(tmp_path).model == "cnn", "a table that names none is taken at its place"


GIVEN = 'catalog_sha256 = "{c}"\nextra_sha256 = "{e}"\n'
DEALT = GIVEN + 'extra_given_sha256 = "{g}"\n'


@pytest.mark.parametrize(
    ("one", "two", "said"),
    [
        ('dataset = "a"\n', 'dataset = "b"\n', "data set"),
        ('start_sha256 = "a"\n', 'start_sha256 = "b"\n', "begun with another run"),
        ('masks_sha256 = "a"\n', 'masks_sha256 = "b"\n', "masks"),
        (GIVEN.format(c="x", e="a"), GIVEN.format(c="x", e="b"), "folders of further slices"),
        (GIVEN.format(c="x", e="a"), GIVEN.format(c="y", e="b c"), "folders of further slices"),
        (
            DEALT.format(c="x", e="a", g="a"),
            DEALT.format(c="y", e="b", g="b"),
            "folders of further",
        ),
    ],
    ids=[
        "data set",
        "start",
        "masks",
        "further slices",
        "their number",
        "further slices, patients dealt",
    ],
)
def test_the_bytes_that_were_learnt_from_must_be_the_same(
    tmp_path: Path, one: str, two: str, said: str
) -> None:
    repeat(tmp_path, 1, record=one)
    repeat(tmp_path, 2, record=two)
    with pytest.raises(BraintumorError, match=f"differ in {said}.*not in the seed alone"):
        spread(tmp_path)


def test_a_seed_that_holds_back_others_learns_from_others_and_is_a_repeat(tmp_path: Path) -> None:
    repeat(tmp_path / "old", 1, record=GIVEN.format(c="x", e="a"))
    repeat(tmp_path / "old", 2, record=GIVEN.format(c="y", e="b"))
    repeat(tmp_path / "new", 1, record=DEALT.format(c="x", e="a b", g="a b"))
    repeat(tmp_path / "new", 2, record=DEALT.format(c="y", e="b", g="a b"))
    assert len(spread(tmp_path / "old").seeds) == len(spread(tmp_path / "new").seeds) == 2


def test_runs_over_folds_and_others_are_not_mixed(folder: Path) -> None:
    table = folder / "seed-2" / "predictions.csv"
    with_folds(Predictions.read(table)).write(table)
    with pytest.raises(BraintumorError, match="not judged over the same number of folds"):
        spread(folder)


def test_tables_of_different_splits_have_no_spread(tmp_path: Path) -> None:
    for seed, split in ((1, "test"), (2, "valid")):
        made_table(seed=seed, split=split).write(tmp_path / f"seed-{seed}.csv")
    with pytest.raises(BraintumorError, match="no split in common"):
        spread(tmp_path)


def test_what_only_looks_like_a_seed_is_none(folder: Path) -> None:
    for name in ("seed-x", "seed-01", "seed-3-evaluation"):
        (folder / name).mkdir()
    (folder / "seed-4.txt").touch()
    assert tuple(find_seeds(folder)) == SEEDS


def test_names_that_are_nearly_right_are_told_the_form(tmp_path: Path) -> None:
    for name in ("seed-01", "seed-02"):
        made_table(seed=1).write(tmp_path / f"{name}.csv")
    with pytest.raises(BraintumorError, match=r"seed-01\.csv, and a repeat is called seed-N or"):
        read_run(tmp_path)
    made_table(seed=3).write(tmp_path / "seed-3.csv")
    with pytest.raises(
        BraintumorError, match=r"rename seed-01\.csv and seed-02\.csv, for a repeat"
    ):
        spread(tmp_path)
    made_table(seed=4).write(tmp_path / "seed-4.csv")
    assert spread(tmp_path).notes[0].startswith("Left out: seed-01.csv and seed-02.csv, for a")


def test_a_table_goes_before_an_empty_folder_of_its_seed(tmp_path: Path) -> None:
    for seed in (1, 2):
        made_table(seed=seed).write(tmp_path / f"seed-{seed}.csv")
    (tmp_path / "seed-1").mkdir()
    assert tuple(spread(tmp_path).seeds) == (1, 2)


def test_one_table_alone_is_not_told_to_resume_a_training(tmp_path: Path) -> None:
    made_table(seed=1).write(tmp_path / "seed-1.csv")
    with pytest.raises(BraintumorError, match=r"needs two: put the table of another beside it"):
        spread(tmp_path)


def test_other_commands_say_that_one_seed_is_to_be_named(folder: Path) -> None:
    with pytest.raises(BraintumorError, match=r"name one of them, as .*seed-1\.$"):
        read_run(folder)
