"""docs/experiments.md: a line from an experiment's own files; typed by hand are its words alone,
which may hold numbers that were looked at and not kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_run import made_run, with_folds

pytest.importorskip("tomli_w")
import experiments

from braintumor.errors import BraintumorError
from braintumor.evaluation import words
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.spread import spread

WORDS = {"hypothesis": "It helps", "why": "it did", "verdict": "kept"}


def run(folder: Path, *, skill: float = 2.0, seed: int = 1, change: str = "") -> Path:
    """A run judged on a grouped split: its slices lie in folders of other splits."""
    made_run(folder, skill=skill, seed=seed)
    table = Predictions.read(folder / "predictions.csv").frame
    paths = table["path"].str.replace("test/", "train/")
    Predictions.from_frame(table.assign(path=paths)).write(folder / "predictions.csv")
    recipe = (
        (folder / "recipe.toml").read_text().replace("epochs = 3", f"epochs = 3\nseed = {seed}")
    )
    recipe = recipe.replace("epochs = 3", change) if change else recipe
    (folder / "recipe.toml").write_text(f"{recipe}seconds = 600.0\n")
    return folder


@pytest.fixture
def add(tmp_path: Path):  # type: ignore[no-untyped-def]
    def added(runs: list[Path], name: str, **more: Any) -> Path:
        return experiments.add(runs, name, results=tmp_path / "results", **{**WORDS, **more})

    return added


def lines(tmp_path: Path) -> dict[str, list[str]]:
    """Cells by the experiment's name."""
    text = experiments.page(tmp_path / "results")
    found = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {cells[0].split("`")[1]: cells for cells in found}


def test_until_there_is_one_the_page_says_so(tmp_path: Path) -> None:
    assert experiments.page(tmp_path) == experiments.NONE_YET


def test_a_line_says_what_was_tried_on_what_and_what_it_gave(add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    source = run(tmp_path / "run")
    folder = add([source], "first", show=["preparation.size"])
    cells = lines(tmp_path)["first"]
    assert cells[0] == "`first` (screen)"
    assert cells[1] == "It helps"
    assert cells[2] == "3 epochs, preparation size 128; 10 min"
    assert cells[3] == "test of a grouped split, 80 slices of 20 groups, seed 1"
    metrics = Predictions.read(source / "predictions.csv").split("test").metrics()
    assert cells[4].startswith(f"{100 * metrics['balanced_accuracy']:.1f} % (")
    assert cells[4].endswith(")†"), "twenty groups are few"
    assert cells[5].startswith(f"{metrics['macro_auc']:.3f} (")
    assert cells[9] == "**kept**: it did"
    assert max(len(line) for line in (folder / "seed-1.csv").read_text().splitlines()) < 100


def test_what_changed_is_told_by_the_recipes_and_the_difference_by_common_slices(  # type: ignore[no-untyped-def]
    add, tmp_path: Path
) -> None:
    add([run(tmp_path / "a", skill=1.0)], "first")
    add([run(tmp_path / "b", skill=5.0, change="epochs = 9")], "second", against="first")
    cells = lines(tmp_path)["second"]
    assert cells[2] == "epochs 3 → 9; 10 min"
    first, second = (
        Predictions.read(tmp_path / name / "predictions.csv").split("test").metrics()
        for name in "ab"
    )
    apart = 100 * (second["balanced_accuracy"] - first["balanced_accuracy"])
    assert cells[8].startswith(f"`first`: +{apart:.1f} points (+")
    assert "may be chance" not in cells[8]
    assert "2 experiments were judged on one set of slices" in experiments.page(
        tmp_path / "results"
    )


def test_further_slices_of_other_bytes_are_told(add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for name, given, against in (
        ("first", "aa bb", ""),
        ("second", "aa bb", "first"),
        ("third", "aa cc", "second"),
        ("fourth", "", "third"),
    ):
        source = run(tmp_path / name)
        record = f'extra_sha256 = "x y"\nextra_given_sha256 = "{given}"\n' if given else ""
        (source / "recipe.toml").write_text((source / "recipe.toml").read_text() + record)
        add([source], name, against=against)
    found = lines(tmp_path)
    assert found["second"][2] == "the same; 10 min"
    assert found["third"][2] == "other bytes in 1 of 2 folders of further slices; 10 min"
    assert found["fourth"][2] == "folders of further slices 2 → 0; 10 min", "nobody knows its bytes"


def test_how_much_the_screens_were_judged_on_is_counted(add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    add([run(tmp_path / "split")], "split")
    for name, count in (("one", 1), ("two", 2), ("other", 2), ("all", 4)):
        source = run(tmp_path / name)
        table = with_folds(Predictions.read(source / "predictions.csv"))
        kept = table.frame["fold"].astype(int) < count
        Predictions.from_frame(table.frame[kept]).write(source / "predictions.csv")
        add([source], name, stage="finalist" if name == "all" else "screen")
    assert (
        "Of 4 screens 1 was judged on one grouped split, 1 on one fold and 2 on 2 folds."
        in experiments.page(tmp_path / "results")
    )


def test_a_difference_that_may_be_chance_is_called_so(add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    add([run(tmp_path / "a", seed=1)], "first")
    add([run(tmp_path / "b", seed=2)], "second", against="first")
    assert lines(tmp_path)["second"][2].startswith("the same; "), "a seed is no change"
    assert lines(tmp_path)["second"][8].endswith(", may be chance")


def test_seeds_are_shown_with_their_spread(add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    runs = [run(tmp_path / f"{seed}", seed=seed) for seed in (1, 2, 3)]
    add(runs, "first", stage="winner")
    cells = lines(tmp_path)["first"]
    tables = [Predictions.read(one / "predictions.csv").split("test") for one in runs]
    found = [table.metrics()["balanced_accuracy"] for table in tables]
    assert cells[0] == "`first` (winner)"
    assert cells[2] == "3 epochs; 30 min for all seeds"
    assert cells[3].endswith("seeds 1, 2, 3")
    assert cells[4].startswith(f"{100 * np.mean(found):.1f} % (")
    assert cells[4].endswith("by seed " + ", ".join(f"{100 * value:.1f} %" for value in found))


def apart(one: Path, other: Path) -> str:
    """Balanced accuracy of one run less the other's, in points."""
    first, second = (
        Predictions.read(folder / "predictions.csv").split("test").metrics()["balanced_accuracy"]
        for folder in (one, other)
    )
    return words.points(first - second)


def test_every_seed_is_held_against_the_only_one_of_the_other(add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The mean over the seeds, and the hull of their intervals; not the first seed's alone."""
    other = run(tmp_path / "other", seed=1, skill=2.0)
    runs = [run(tmp_path / f"{n}", seed=n, skill=skill) for n, skill in ((1, 4.0), (2, 0.5))]
    add([other], "other")
    for name, some in (("first", runs[:1]), ("second", runs[1:]), ("both", runs)):
        add(some, name, against="other")
    cells = {name: cells[8] for name, cells in lines(tmp_path).items()}
    one, two = (apart(each, other) for each in runs)
    assert cells["both"].endswith(f", may be chance; by seed {one}, {two}")
    assert cells["first"].startswith(f"`other`: {one} points (+"), "above by itself"
    assert cells["second"].startswith(f"`other`: {two} points (−"), "and below"
    ends = [cells[name].split("(")[1].split(")")[0].split(" to ") for name in ("first", "second")]
    assert f" points ({ends[1][0]} to {ends[0][1]})" in cells["both"]


def test_seeds_of_the_same_number_belong_together(add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """In whatever order and number they are there; one without a partner is held against none."""
    skills = {"a": {1: 1.0, 2: 2.0, 3: 3.0}, "b": {2: 3.0, 3: 1.0, 4: 2.0}}
    runs = {
        (name, seed): run(tmp_path / f"{name}{seed}", seed=seed, skill=skill)
        for name, of in skills.items()
        for seed, skill in of.items()
    }
    for name, against in (("a", ""), ("b", "a")):
        add([runs[name, seed] for seed in skills[name]], name, against=against)
    told = [apart(runs["b", seed], runs["a", seed]) for seed in (2, 3)]
    assert lines(tmp_path)["b"][8].endswith(f"; by seed {told[0]}, {told[1]}, –")
    assert told[0].startswith("+")
    assert told[1].startswith("−")


def test_without_a_seed_in_common_nothing_is_held_against_the_other(add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    add([run(tmp_path / f"{seed}", seed=seed) for seed in (1, 2)], "first")
    add([run(tmp_path / "3", seed=3)], "second", against="first")
    assert lines(tmp_path)["second"][8] == "`first`: other seeds"


def test_a_folder_of_repeats_stands_for_its_seeds(add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for seed in (1, 2, 10):
        run(tmp_path / "runs" / f"seed-{seed}", seed=seed)
    folder = add([tmp_path / "runs"], "first")
    assert lines(tmp_path)["first"][3].endswith("seeds 1, 2, 10")
    assert tuple(spread(folder).seeds) == (1, 2, 10), "what is committed tells the spread"


def test_a_run_over_folds_is_judged_out_of_fold(add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    source = run(tmp_path / "run")
    with_folds(Predictions.read(source / "predictions.csv")).write(source / "predictions.csv")
    add([source], "first")
    assert lines(tmp_path)["first"][3] == "4 folds, 140 slices of 20 groups, seed 1"


def test_the_published_test_split_decides_nothing(add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    published = made_run(tmp_path / "run")
    (published / "recipe.toml").write_text(
        "[recipe]\nnetwork = 'cnn'\nepochs = 3\nseed = 1\n[record]\nseconds = 1.0\n"
    )
    with pytest.raises(BraintumorError, match="kept for the record"):
        add([published], "first")
    assert not (tmp_path / "results" / "first").exists()
    add([published], "first", split="valid")
    assert lines(tmp_path)["first"][3].startswith("valid of a grouped split, 60 slices")
    add([published], "first", record=True)
    assert "80 slices" in lines(tmp_path)["first"][3], "an experiment added again is replaced"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"against": "nobody"}, "no experiment nobody"),
        ({"show": ["wings"]}, "no setting wings"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(  # type: ignore[no-untyped-def]
    add, tmp_path: Path, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(BraintumorError, match=said):
        add([run(tmp_path / "a")], "first", **more)


def test_runs_that_differ_in_more_than_the_seed_are_no_repetition(add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    runs = [run(tmp_path / "a"), run(tmp_path / "b", seed=2, change="epochs = 9")]
    with pytest.raises(BraintumorError, match="differ in epochs, not in seed"):
        add(runs, "first")
    with pytest.raises(BraintumorError, match="the seed of another run"):
        add([runs[0], runs[0]], "first")
