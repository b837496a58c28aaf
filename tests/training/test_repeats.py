"""Repeats: one training with several seeds, each a run of its own, gone on with at any time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("keras")

from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import find_seeds
from braintumor.images.prepare import Preparation
from braintumor.training import several
from braintumor.training.folds import Folds
from braintumor.training.recipe import Recipe, default_recipe
from braintumor.training.repeats import repeats
from braintumor.training.run import RunFolder
from braintumor.training.several import Common, Training, carry_out

RECIPE = default_recipe("cnn", preparation=Preparation(size=32))
Asked = list[tuple[str, bool]]


def trained(
    catalog: Catalog,
    out: Path,
    *seeds: int,
    folds: int | None = None,
    resume: bool = False,
    recipe: Recipe = RECIPE,
) -> list[RunFolder]:
    make = partial(Folds, count=folds, resume=resume) if folds else Training
    plans = repeats(dict.fromkeys(seeds, catalog), recipe, out, make, resume=resume)
    return list(carry_out(plans, Common(resume=resume)))


def test_each_seed_is_a_run_of_its_own(catalog: Catalog, tmp_path: Path, asked: Asked) -> None:
    runs = trained(catalog, tmp_path / "run", 3, 10, 2)
    assert asked == [("seed-3", False), ("seed-10", False), ("seed-2", False)]
    assert [run.root.name for run in runs] == ["seed-3", "seed-10", "seed-2"]
    assert [Recipe.read(run.recipe).seed for run in runs] == [3, 10, 2]
    assert list(find_seeds(tmp_path / "run")) == [2, 3, 10]


def test_each_seed_has_the_catalogue_that_it_dealt(
    catalog: Catalog, tmp_path: Path, asked: Asked
) -> None:
    dealt = {seed: catalog.grouped(seed=seed) for seed in (1, 2)}
    runs = list(carry_out(repeats(dealt, RECIPE, tmp_path / "run", Training), Common()))
    judged = [list(Predictions.read(run.predictions).frame["path"]) for run in runs]
    assert judged == [list(own.subset("test").table["path"]) for own in dealt.values()]
    assert judged[0] != judged[1]


def test_folds_of_each_seed_make_its_run_as_soon_as_they_are_there(
    catalog: Catalog, tmp_path: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, there = several.train, []

    def watched(own: Catalog, recipe: Recipe, out: Path, **options: object) -> RunFolder:
        there.append((tmp_path / "run" / "seed-1" / "predictions.csv").is_file())
        return train(own, recipe, out, **options)

    monkeypatch.setattr(several, "train", watched)
    runs = trained(catalog, tmp_path / "run", 1, 2, folds=3)
    assert [name for name, _ in asked] == ["fold-0", "fold-1", "fold-2"] * 2
    assert there == [False] * 3 + [True] * 3
    tables = [Predictions.read(run.predictions).frame for run in runs]
    for table, seed in zip(tables, (1, 2), strict=True):
        assert list(table["path"]) == list(catalog.table["path"])
        dealt = catalog.with_folds(3, seed=seed).table["fold"].astype(str)
        assert list(table["fold"].astype(str)) == list(dealt)
    assert list(tables[0]["fold"]) != list(tables[1]["fold"])


def test_after_a_kill_the_same_seeds_are_gone_on_with_and_others_may_join(
    catalog: Catalog, tmp_path: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = several.train

    def stopped(own: Catalog, recipe: Recipe, out: Path, **options: object) -> RunFolder:
        if out.name == "seed-2":
            raise KeyboardInterrupt
        return train(own, recipe, out, **options)

    with monkeypatch.context() as patch:
        patch.setattr(several, "train", stopped)
        with pytest.raises(KeyboardInterrupt):
            trained(catalog, tmp_path / "run", 1, 2)
    with pytest.raises(BraintumorError, match=r"is not empty.*--resume"):
        trained(catalog, tmp_path / "run", 1, 2)
    runs = trained(catalog, tmp_path / "run", 1, 2, 3, resume=True)
    assert asked == [("seed-1", False), ("seed-1", True), ("seed-2", True), ("seed-3", True)]
    assert len(runs) == 3


def test_a_folder_that_is_a_run_itself_is_left_alone(
    catalog: Catalog, tmp_path: Path, asked: Asked
) -> None:
    RECIPE.write(tmp_path / "run" / "recipe.toml")
    (tmp_path / "folds" / "fold-0").mkdir(parents=True)
    for name in ("run", "folds"):
        with pytest.raises(BraintumorError, match=f"{name} is a run itself"):
            trained(catalog, tmp_path / name, 1, 2, resume=True)
    assert asked == []


def test_a_run_is_given_before_the_next_is_trained(
    catalog: Catalog, tmp_path: Path, asked: Asked
) -> None:
    plans = repeats(dict.fromkeys((1, 2), catalog), RECIPE, tmp_path / "run", Training)
    runs = carry_out(plans, Common())
    assert next(runs).root.name == "seed-1"
    assert asked == [("seed-1", False)]


def test_a_repeat_by_another_recipe_is_none(catalog: Catalog, tmp_path: Path, asked: Asked) -> None:
    trained(catalog, tmp_path / "run", 1, 2)
    other = replace(RECIPE, epochs=RECIPE.epochs + 1)
    with pytest.raises(BraintumorError, match="seed-1 was begun with another recipe"):
        trained(catalog, tmp_path / "run", 3, 4, resume=True, recipe=other)
    assert len(asked) == 2


def test_folds_by_another_recipe_are_seen_before_they_make_a_run(
    catalog: Catalog, tmp_path: Path, asked: Asked
) -> None:
    trained(catalog, tmp_path / "run", 1, 2, folds=3)
    for seed in (1, 2):
        RunFolder(tmp_path / "run" / f"seed-{seed}").recipe.unlink()
    other = replace(RECIPE, epochs=RECIPE.epochs + 1)
    with pytest.raises(BraintumorError, match="seed-1 was begun with another recipe"):
        trained(catalog, tmp_path / "run", 3, 4, folds=3, resume=True, recipe=other)


def test_for_another_computer_every_path_is_whole(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    near = replace(catalog, root=Path("data"))
    one = Training(near, RECIPE, Path("run"), Path("trunk")).elsewhere()
    assert (one.catalog.root, one.out, one.trunk) == tuple(
        tmp_path / name for name in ("data", "run", "trunk")
    )
    materials = replace(Common().materials, extra=(near,))
    common = Common(materials=materials, start=Path("start"), weights=Path("w.h5")).elsewhere()
    assert (common.start, common.weights) == (tmp_path / "start", tmp_path / "w.h5")
    assert common.materials.extra[0].root == tmp_path / "data"
    assert common.resume
