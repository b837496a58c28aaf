"""What the split does to accuracy: folds, or one grouped split, beside the published one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_run import made_run, made_table, with_folds

pytest.importorskip("tomli_w")
import splits

from braintumor.evaluation.predictions import Predictions


@pytest.fixture
def results(tmp_path: Path) -> Path:
    given = made_run(tmp_path / splits.GIVEN / "cnn", skill=4.0)
    paths = Predictions.read(given / "predictions.csv").frame["path"]
    tie = pd.DataFrame({"path": paths, "copy_in_train": 1, "group_in_train": 1})
    tie.iloc[-30:, 1:] = 0
    tie.to_csv(tmp_path / splits.GIVEN / splits.TIES, index=False)
    return tmp_path


def grouped(results: Path, table: Predictions, *, epochs: int = 3) -> None:
    folder = made_run(results / splits.GROUPED / "cnn")
    table.write(folder / "predictions.csv")
    recipe = (folder / "recipe.toml").read_text().replace("epochs = 3", f"epochs = {epochs}")
    (folder / "recipe.toml").write_text(recipe)


def test_until_there_is_one_the_page_says_so(results: Path) -> None:
    assert splits.section(results) == splits.NONE_YET


def test_of_a_run_over_folds_the_same_slices_are_compared(results: Path) -> None:
    table = with_folds(made_table(skill=1.0))
    grouped(results, table)
    text = splits.section(results)
    assert "| `cnn` | published split, test | 80 of 20 |" in text
    assert "| `cnn` | of it, nothing of their group in train | 30 of 20 |" in text
    assert "| `cnn` | 4 grouped folds | 140 of 20 |" in text
    accuracy = (table.y_pred == table.y_true).mean()
    assert f"{100 * accuracy:.1f} %" in text
    test = table.take(np.flatnonzero(table.frame["path"].str.startswith("test/")))
    right = (test.y_pred == test.y_true).mean()
    assert "Of the same 80 test slices" in text
    assert f"{100 * right:.1f} % where it has seen nothing of their groups" in text
    assert "by the same recipe" in text
    assert "from too few groups to conclude anything" in text, "20 groups are fewer than 50"


def test_the_published_split_by_the_folds_recipe_is_what_the_folds_are_held_against(
    results: Path,
) -> None:
    grouped(results, with_folds(made_table(skill=1.0)), epochs=2)
    assert "the recipes differ in epochs 3 and 2" in splits.section(results)
    folder = made_run(results / splits.AGAIN / "cnn", skill=2.0)
    recipe = (folder / "recipe.toml").read_text().replace("epochs = 3", "epochs = 2")
    (folder / "recipe.toml").write_text(recipe)
    text = splits.section(results)
    assert "| `cnn` | published split by the folds' recipe, test | 80 of 20 |" in text
    test = Predictions.read(folder / "predictions.csv").split("test")
    assert f"gets {100 * (test.y_pred == test.y_true).mean():.1f} % right" in text
    assert "by the same recipe" in text
    assert "differ" not in text


def test_folds_that_learnt_from_more_since_do_not_take_part_in_the_comparison(
    results: Path,
) -> None:
    now, before = (with_folds(made_table(skill=skill)) for skill in (0.2, 1.0))
    grouped(results, now)
    made_run(results / splits.AGAIN / "cnn", skill=2.0)
    folder = made_run(results / splits.EARLIER / "cnn")
    before.write(folder / "predictions.csv")
    text = splits.section(results)
    assert "| `cnn` | 4 grouped folds, nothing learnt from other scanners | 140 of 20 |" in text
    assert "| `cnn` | 4 grouped folds | 140 of 20 |" in text
    test = before.take(np.flatnonzero(before.frame["path"].str.startswith("test/")))
    right = (test.y_pred == test.y_true).mean()
    assert f"{100 * right:.1f} % where it has seen nothing of their groups" in text


def learnt(folder: Path, train: int, further: int, *, folds: int = 0, judged: int = 0) -> None:
    """What a record says of the slices that were learnt from."""
    record = (folder / "recipe.toml").read_text() + f"extra_images = {further}\n"
    record += f"folds = {folds}\n" * bool(folds)
    record += f"[record.images]\ntrain = {train}\n" + f"test = {judged}\n" * bool(judged)
    (folder / "recipe.toml").write_text(record)


def test_a_network_that_learnt_from_fewer_slices_does_not_tell_what_the_split_is_worth(
    results: Path,
) -> None:
    """By the same settings: the published split holds back whom the further slices are of."""
    grouped(results, with_folds(made_table(skill=1.0)))
    assert "learnt from" not in splits.section(results), "the records do not say it"
    learnt(results / splits.GIVEN / "cnn", 1700, 100)
    learnt(results / splits.GROUPED / "cnn", 1900, 1100, folds=4)
    text = splits.section(results)
    assert (
        "by the same recipe; on the published split it learnt from 1,800 slices, and in the last "
        "fold from 3,000. Split and number of slices learnt from together make "
    ) in text
    assert "The split is worth" not in text
    assert text.endswith("teach less, so the split's own share may be larger.")


def test_a_record_that_counts_all_judged_slices_tells_a_mean_over_the_folds(results: Path) -> None:
    table = with_folds(made_table(skill=1.0))
    grouped(results, table)
    learnt(results / splits.GIVEN / "cnn", 1700, 100)
    learnt(results / splits.GROUPED / "cnn", 1900, 1100, folds=4, judged=len(table))
    text = splits.section(results)
    assert "from 1,800 slices, and on average over the folds from 3,000. " in text


def test_as_many_slices_are_nothing_to_speak_of_and_more_of_them_no_excuse(results: Path) -> None:
    grouped(results, with_folds(made_table(skill=1.0)))
    before = splits.section(results)
    for split, train, further in ((splits.GIVEN, 1500, 500), (splits.GROUPED, 2000, 0)):
        learnt(results / split / "cnn", train, further)
    assert splits.section(results) == before
    recipe = results / splits.GROUPED / "cnn" / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("train = 2000", "train = 1000"))
    text = splits.section(results)
    assert "it learnt from 2,000 slices, and on the grouped one from 1,000." in text
    assert "teach less" not in text


def test_of_one_grouped_split_other_slices_are_compared_and_settings_are_told(
    results: Path,
) -> None:
    table = made_table(skill=1.0)
    other = table.frame["path"].str.replace("slice", "other")
    sha256 = ["f" * 56 + f"{i:08d}" for i in range(len(other))]
    few = table.frame.index % 3 == 0
    frame = table.frame.assign(
        path=other.where(~few, table.frame["path"]),
        sha256=np.where(few, table.frame["sha256"], sha256),
    )
    grouped(results, Predictions.from_frame(frame), epochs=9)
    text = splits.section(results)
    assert "| `cnn` | one grouped split, test | 80 of 20 |" in text
    assert "of other slices, whose groups it has not seen" in text
    assert "the recipes differ in epochs 3 and 9" in text


def big(skill: float, seed: int = 0) -> Predictions:
    """300 slices of as many groups, all of the test split."""
    rng, truth = np.random.default_rng(seed), np.arange(300) % 4
    logits = rng.normal(size=(300, 4))
    logits[np.arange(300), truth] += skill
    prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = [f"test/{k}/{i}.png" for i, k in enumerate(truth)]
    groups = [f"g{i}" for i in range(300)]
    return Predictions.from_arrays(
        names, truth, prob, split="test", group=groups, sha256=[f"{i:064x}" for i in range(300)]
    )


@pytest.mark.parametrize(
    ("skill", "said"),
    [
        (1.0, "The published split flatters it by +"),
        (4.0, "that it flatters this network cannot be concluded"),
        (9.0, "On the published split it does worse"),
    ],
)
def test_the_words_follow_from_the_interval(tmp_path: Path, skill: float, said: str) -> None:
    for split, how_good, seed in ((splits.GIVEN, 3.0, 0), (splits.GROUPED, skill, 1)):
        folder = made_run(tmp_path / split / "cnn")
        big(how_good if skill != 4.0 else 3.0, seed).write(folder / "predictions.csv")
    tie = pd.DataFrame({"path": big(1.0).frame["path"], "copy_in_train": 1, "group_in_train": 1})
    tie.to_csv(tmp_path / splits.GIVEN / splits.TIES, index=False)
    text = splits.section(tmp_path)
    assert said in text
    assert "nothing of their group in train |" not in text, "no such slice, no such row"


def test_a_setting_that_came_later_is_no_change_where_it_changes_nothing(tmp_path: Path) -> None:
    runs = [made_run(tmp_path / name) for name in "abc"]
    for run, value in zip(runs[1:], ("0.0", "1.0"), strict=True):
        recipe = (run / "recipe.toml").read_text().split("epochs = 3")
        (run / "recipe.toml").write_text(f"epochs = 3\nbalance = {value}".join(recipe))
    old, same, other = (splits.read_run(run) for run in runs)
    assert splits.differing(old, same) == []
    assert splits.differing(old, other) == [("balance", "0.0", "1.0")]


def test_where_settings_differ_too_nothing_is_laid_on_the_split() -> None:
    found = splits._unpaired(shares(180, 200), shares(120, 200))
    assert splits._worth(found).startswith("The published split flatters it by +30")
    told = splits._worth(found, ["settings", "number of slices learnt from"])
    assert told.startswith("Split, settings and number of slices learnt from together make +30")
    assert told.endswith("); what is the split's share is unknown.")
    near = splits._worth(splits._unpaired(shares(125, 200), shares(120, 200)), ["settings"])
    assert near.endswith("), which may be chance; what is the split's share is unknown.")
    few = splits._worth(splits._unpaired(shares(18, 20), shares(12, 20)), ["settings"])
    assert few.startswith("Split and settings together make +30")
    assert few.endswith("from too few groups to conclude anything.")


def test_without_common_slices_the_interval_is_of_two_independent_shares() -> None:
    """Newcombe's example (1998, table II, a): 56/70 - 48/80 is 0.2 (0.0524 to 0.3339)."""
    first, second = shares(56, 70), shares(48, 80)
    found = splits._unpaired(first, second)
    assert found.difference == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def shares(right: int, n: int) -> Predictions:
    """n slices of as many groups, so many of them right."""
    truth = np.arange(n) % 4
    said = np.where(np.arange(n) < right, truth, (truth + 1) % 4)
    prob = np.full((n, 4), 0.1)
    prob[np.arange(n), said] = 0.7
    return Predictions.from_arrays(
        [f"{i}.png" for i in range(n)], truth, prob, group=[f"g{i}" for i in range(n)]
    )
