"""Cross-validation: every image judged once, by a network that saw nothing of its group."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("keras")

from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.evaluation.predictions import Predictions
from braintumor.images.prepare import Preparation
from braintumor.networks.imagenet import VARIABLE
from braintumor.training import folds, recipe, several
from braintumor.training.recipe import default_recipe, read_record
from braintumor.training.run import RunFolder
from braintumor.training.several import Common

RECIPE = default_recipe("cnn", preparation=Preparation(size=32))


def test_no_group_is_on_two_sides_of_a_fold(catalog: Catalog) -> None:
    folded = catalog.with_folds(3, seed=1)
    judged: list[str] = []
    for fold in range(3):
        own = folds.fold_catalog(folded, fold, seed=1).table
        sides = {split: set(own["group"][own["split"] == split]) for split in set(own["split"])}
        assert set(sides) == {"train", "valid", "test"}
        assert not sides["train"] & sides["valid"]
        assert not sides["test"] & (sides["train"] | sides["valid"])
        judged += list(own["path"][own["split"] == "test"])
    assert sorted(judged) == sorted(catalog.table["path"])


def test_where_the_last_epoch_is_kept_nothing_is_held_back_to_choose_by(catalog: Catalog) -> None:
    folded = catalog.with_folds(3, seed=1)
    own = folds.fold_catalog(folded, 0, seed=1, choosing=0.0).table
    assert set(own["split"]) == {"train", "test"}
    assert ((own["fold"] == 0) == (own["split"] == "test")).all()


def train_folds(catalog: Catalog, out: Path, *, resume: bool = False, **options: Any) -> RunFolder:
    plan = folds.Folds(catalog, RECIPE, out, resume=resume, **options)
    (run,) = several.carry_out([plan], several.Common(resume=resume))
    return run


def test_until_all_folds_are_done_a_fold_tells_the_recipe(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    assert (run.begun, run.folds) == (None, [])
    run.fold(0).mkdir(parents=True)
    assert run.begun is None, "it was stopped before its recipe was written"
    for number in (1, 2):
        RECIPE.write(RunFolder(run.fold(number)).recipe)
    assert run.begun == run.fold(1) / "recipe.toml"
    RECIPE.write(run.recipe)
    assert run.begun == run.recipe


def test_the_folds_answers_are_joined_in_the_catalogues_order(
    catalog: Catalog, tmp_path: Path, asked: list[tuple[str, bool]]
) -> None:
    run = train_folds(catalog, tmp_path / "run", count=3, resume=True)
    assert asked == [("fold-0", True), ("fold-1", True), ("fold-2", True)]
    table = Predictions.read(run.predictions).frame
    assert list(table["path"]) == list(catalog.table["path"])
    assert set(table["fold"].astype(str)) == {"0", "1", "2"}
    assert (table["predicted"] == table["label"]).all()
    assert "seconds_by_fold" in run.recipe.read_text()
    assert "best_epoch" not in read_record(run.recipe), "each fold has its own"


def test_what_a_recipe_leaves_to_the_computer_is_settled_before_it_travels(
    catalog: Catalog, tmp_path: Path, asked: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A computer of a cluster that lacks bfloat16 trains its folds as the others do."""
    train, here = several.train, [True]

    def elsewhere(*arguments: Any, **options: Any) -> RunFolder:
        here[0] = False
        try:
            return train(*arguments, **options)
        finally:
            here[0] = True

    monkeypatch.setattr(several, "train", elsewhere)
    monkeypatch.setattr(recipe, "has_bfloat16", lambda: here[0])
    run = train_folds(catalog, tmp_path / "run", count=3)
    files = [run.recipe, *(RunFolder(fold).recipe for fold in run.folds)]
    assert {recipe.Recipe.read(file).precision for file in files} == {"mixed_bfloat16"}
    assert len(files) == 4


def test_a_screen_trains_and_judges_the_folds_asked_for(
    catalog: Catalog, tmp_path: Path, asked: list[tuple[str, bool]]
) -> None:
    run = train_folds(catalog, tmp_path / "run", count=3, only=[2, 0])
    assert asked == [("fold-0", False), ("fold-2", False)]
    table = Predictions.read(run.predictions).frame
    folded = catalog.with_folds(3, seed=RECIPE.seed).table
    assert list(table["path"]) == list(folded["path"][folded["fold"] != 1])
    assert set(table["fold"].astype(str)) == {"0", "2"}
    train_folds(catalog, tmp_path / "run", count=3, resume=True)
    assert len(Predictions.read(run.predictions)) == len(catalog)


def test_folds_that_are_trained_one_after_the_other_are_judged_together(
    catalog: Catalog, tmp_path: Path, asked: list[tuple[str, bool]]
) -> None:
    run = train_folds(catalog, tmp_path / "run", count=3, only=[2])
    RECIPE.resolved().write(RunFolder(run.fold(1)).recipe, record={"cores": 2})  # not finished
    train_folds(catalog, run.root, count=3, only=[0], resume=True)
    assert [name for name, _ in asked] == ["fold-2", "fold-0"]
    table = Predictions.read(run.predictions).frame
    folded = catalog.with_folds(3, seed=RECIPE.seed).table
    assert list(table["path"]) == list(folded["path"][folded["fold"] != 1])
    assert set(table["fold"].astype(str)) == {"0", "2"}
    assert read_record(run.recipe)["seconds"] == 4.0


def test_processor_time_is_that_of_all_folds_or_not_told(
    catalog: Catalog, tmp_path: Path, asked: list[tuple[str, bool]]
) -> None:
    run = train_folds(catalog, tmp_path / "run", count=3)
    assert "cpu_seconds" not in read_record(run.recipe), "no fold has told it"
    for fold, spent in enumerate((3.5, 4.0, 5.0)):
        own = RunFolder(run.fold(fold)).recipe
        RECIPE.resolved().write(own, record={**read_record(own), "cpu_seconds": spent})
    plan = folds.Folds(catalog, RECIPE, run.root, count=3, resume=True)
    plan.finish([RunFolder(run.fold(fold)) for fold in range(3)])
    record = read_record(run.recipe)
    assert (record["seconds"], record["cpu_seconds"]) == (6.0, 12.5)
    RECIPE.resolved().write(own, record={"seconds": 2.0, "catalog_sha256": "c"})
    plan.finish([RunFolder(run.fold(fold)) for fold in range(3)])
    assert "cpu_seconds" not in read_record(run.recipe), "two of three are not all"


def test_the_record_of_all_folds_says_nothing_that_holds_for_one_alone(
    catalog: Catalog, tmp_path: Path, asked: list[tuple[str, bool]]
) -> None:
    run = train_folds(catalog, tmp_path / "run", count=3)
    for fold, (train, further) in enumerate(((10, 4), (11, 5), (12, 9))):
        own = RunFolder(run.fold(fold)).recipe
        more = {
            "images": {"train": train, "test": 5},
            "extra_images": further,
            "extra_sha256": f"left {fold}",
            "extra_given_sha256": "given",
            "lesions_sha256": f"masks {fold}",
        }
        RECIPE.resolved().write(own, record={**read_record(own), **more})
    plan = folds.Folds(catalog, RECIPE, run.root, count=3, resume=True)
    plan.finish([RunFolder(run.fold(fold)) for fold in range(3)])
    record = read_record(run.recipe)
    assert record["images"] == {"train": 11, "test": len(catalog)}
    assert record["extra_images"] == 6
    assert record["extra_given_sha256"] == "given"
    assert not {"extra_sha256", "lesions_sha256", "best_epoch"} & set(record)
    written = Catalog.read(run.catalog, root=catalog.root)
    assert record["catalog_sha256"] == written.digest()


def test_folds_that_learnt_from_other_things_are_not_joined(
    catalog: Catalog, tmp_path: Path, asked: list[tuple[str, bool]]
) -> None:
    run = train_folds(catalog, tmp_path / "run", count=3, only=[2])
    own = RunFolder(run.fold(2)).recipe
    RECIPE.resolved().write(own, record={**read_record(own), "extra_given_sha256": "others"})
    with pytest.raises(BraintumorError, match="fold-2 was trained with other --extra images than"):
        train_folds(catalog, run.root, count=3, only=[0], resume=True)


def test_one_fold_gone_on_with_leaves_a_whole_table_whole(
    catalog: Catalog, tmp_path: Path, asked: list[tuple[str, bool]]
) -> None:
    run = train_folds(catalog, tmp_path / "run", count=3)
    before = run.predictions.read_text()
    train_folds(catalog, run.root, count=3, only=[1], resume=True)
    assert run.predictions.read_text() == before
    assert read_record(run.recipe)["seconds_by_fold"] == [2.0] * 3


def test_folds_of_another_recipe_or_of_other_images_are_not_joined(
    catalog: Catalog, tmp_path: Path, asked: list[tuple[str, bool]]
) -> None:
    run = train_folds(catalog, tmp_path / "run", count=3, only=[2])
    with pytest.raises(BraintumorError, match="fold-2 was begun with another recipe"):
        folds.Folds(
            catalog, RECIPE.changed(epochs=7), run.root, count=3, only=[0], resume=True
        )  # fmt: skip
    fewer = replace(catalog, table=catalog.table.iloc[:-4])
    with pytest.raises(BraintumorError, match="fold-2 was begun with other images, or another"):
        folds.Folds(fewer, RECIPE, run.root, count=3, only=[0], resume=True)
    assert len(asked) == 1


def test_a_run_that_is_none_over_these_folds_is_left_alone(
    catalog: Catalog, tmp_path: Path, asked: list[tuple[str, bool]]
) -> None:
    run = RunFolder(tmp_path / "run")
    RECIPE.write(run.recipe, record={"seconds": 2.0})
    before = run.recipe.read_text()
    with pytest.raises(BraintumorError, match="no run over 3 folds"):
        train_folds(catalog, run.root, count=3, resume=True)
    assert (run.recipe.read_text(), asked) == (before, [])


def test_a_fold_that_there_is_not(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(BraintumorError, match="counted from 0 to 2"):
        train_folds(catalog, tmp_path / "run", count=3, only=[3])


def test_a_cluster_is_told_which_imagenet_weights_the_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its computers were started before the variable was set; one that is given wins."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert Common().elsewhere().weights is None
    monkeypatch.setenv(VARIABLE, "named.h5")
    assert Common().elsewhere().weights == tmp_path / "named.h5"
    assert Common(weights=Path("given.h5")).elsewhere().weights == tmp_path / "given.h5"
    assert Common(start=Path("run")).elsewhere().weights is None
