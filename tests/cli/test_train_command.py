"""`braintumor train`: options that go together, and one run folder a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_training import stand_in
from small_folders import CLASS_FOLDERS, data_set

pytest.importorskip("keras")
pytest.importorskip("tomli_w")

from braintumor.catalog.catalog import Catalog
from braintumor.cli import train as module
from braintumor.cli.main import run as braintumor
from braintumor.errors import BraintumorError
from braintumor.evaluation.predictions import Predictions
from braintumor.training import several
from braintumor.training.recipe import Recipe

Asked = list[tuple[str, bool]]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What the stand-in of the training was asked, in a working folder with `data`."""
    monkeypatch.chdir(tmp_path)
    data_set(tmp_path / "data")
    return stand_in(monkeypatch)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Folders that were given to `braintumor evaluate`."""
    found: list[str] = []

    def judge(run: Path, *, no_images: bool = False) -> None:
        found.append(run.as_posix())

    monkeypatch.setattr(module, "_evaluate", judge)
    return found


def ended(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        braintumor(["train", "data", *arguments])
    return int(str(stop.value.code))


def test_seeds_make_a_run_each_and_are_judged_together_at_the_end(
    asked: Asked, judged: list[str]
) -> None:
    assert ended("--seeds", "1, 7", "--epochs", "3", "--out", "run") == 0
    assert asked == [("seed-1", False), ("seed-7", False)]
    assert judged == ["run/seed-1", "run/seed-7", "run"]
    recipe = Recipe.read(Path("run/seed-7/recipe.toml"))
    assert (recipe.seed, recipe.epochs) == (7, 3)


def test_resumed_they_need_no_settings_and_more_seeds_may_join(
    asked: Asked, judged: list[str]
) -> None:
    assert ended("--seeds", "1,2", "--epochs", "3", "--out", "run") == 0
    assert ended("--seeds", "1,2,3", "--out", "run", "--resume") == 0
    assert asked[2:] == [("seed-1", True), ("seed-2", True), ("seed-3", True)]
    assert Recipe.read(Path("run/seed-3/recipe.toml")).epochs == 3


def killed_in(monkeypatch: pytest.MonkeyPatch, folder: str, *arguments: str) -> None:
    """A training that ends when it comes to this folder."""
    train = several.train

    def stopped(own: Any, recipe: Recipe, out: Path, **options: Any) -> Any:
        if out.as_posix().endswith(folder):
            raise KeyboardInterrupt
        return train(own, recipe, out, **options)

    with monkeypatch.context() as patch:
        patch.setattr(several, "train", stopped)
        assert ended(*arguments) == 130


@pytest.mark.parametrize("more", [["--seeds", "1,2"], []], ids=["of repeats", "of one run"])
def test_killed_between_folds_they_are_gone_on_with_as_they_were_begun(
    asked: Asked, judged: list[str], monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    out = [*more, "--folds", "3", "--out", "run"]
    killed_in(monkeypatch, "fold-1", *out, "--epochs", "3")
    assert ended(*out, "--resume") == 0
    recipes = list(Path("run").rglob("recipe.toml"))
    assert len(recipes) == (8 if more else 4)
    assert {Recipe.read(path).epochs for path in recipes} == {3}


def test_a_kill_in_the_second_seed_leaves_the_report_of_the_first(
    asked: Asked, judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_in(monkeypatch, "seed-2", "--seeds", "1,2", "--out", "run")
    assert judged == ["run/seed-1"]


def test_a_report_that_cannot_be_written_keeps_no_seed_from_being_trained(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def judge(run: Path, *, no_images: bool = False) -> None:
        raise BraintumorError(f"{run.name} cannot be judged")

    monkeypatch.setattr(module, "_evaluate", judge)
    assert ended("--seeds", "1,2", "--out", "run") == 1
    assert [name for name, _ in asked] == ["seed-1", "seed-2"]
    assert "seed-1 cannot be judged" in capsys.readouterr().err


def test_without_pictures_seeds_are_judged_together_all_the_same(asked: Asked) -> None:
    assert ended("--seeds", "1,2", "--split", "grouped", "--no-images", "--out", "run") == 0
    assert Path("run/seed-2/report.html").is_file()
    assert Path("run/spread.html").is_file()


def test_a_grouped_split_is_drawn_anew_by_each_seed(asked: Asked, judged: list[str]) -> None:
    assert ended("--seeds", "1,2", "--split", "grouped", "--out", "run") == 0
    one, two = (
        set(Predictions.read(Path(f"run/seed-{n}/predictions.csv")).frame["path"]) for n in (1, 2)
    )
    assert one != two


def test_folds_of_every_seed(asked: Asked, judged: list[str]) -> None:
    assert ended("--seeds", "1,2", "--folds", "3", "--only-fold", "1", "--out", "run") == 0
    assert asked == [("fold-1", False)] * 2
    assert judged == ["run/seed-1", "run/seed-2", "run"]


def test_where_nothing_is_held_back_nothing_is_judged(
    asked: Asked, judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_said", lambda run: False)
    assert ended("--seeds", "1,2", "--split", "all", "--out", "run") == 0
    assert (len(asked), judged) == (2, [])
    assert Recipe.read(Path("run/seed-2/recipe.toml")).keep == "last"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--seeds", "1,2,1"], "1 is named twice"),
        (["--seeds", "1,02,2"], "2 is named twice"),
        (["--seeds", "3"], "for one use --seed 3"),
        (["--seeds", "1,x"], "whole numbers from 0"),
        (["--seeds", "1,-2"], "whole numbers from 0"),
        (["--seeds", "1,,2"], "whole numbers from 0"),
        (["--seeds", "1,4294967296"], "whole numbers from 0 to 4294967295"),
        (["--seeds", "1," + "9" * 5000], "whole numbers from 0"),
        (["--seeds", "1,2", "--seed", "3"], "leave out --seed"),
        (["--engine", "ray"], "add --folds or --seeds"),
        (["--only-fold", "1", "--seeds", "1,2"], "add --folds"),
        (["--folds", "2", "--only-fold", "2"], "counts from 0: of --folds 2 to 1"),
        (["--folds", "3", "--split", "all", "--seeds", "1,2"], "without --start, --split all"),
        (["--folds", "3", "--ray-address", "auto"], "--ray-address needs --engine ray"),
        (["--weights", "w.h5"], "for resnet50, not for cnn"),
        (["--trunk-cache", "trunk"], "for resnet50, not for cnn"),
        (["--network", "resnet50", "--start", "data", "--weights", "w.h5"], "leave out --weights"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_options_that_make_no_sense_are_refused_before_anything_is_read(
    asked: Asked, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    Path("w.h5").touch()
    assert ended(*options, "--out", "run") == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not asked
    assert not Path("run").exists()


def test_repeats_are_not_gone_on_with_as_one_run(
    asked: Asked, judged: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended("--seeds", "1,2", "--out", "run") == 0
    assert ended("--out", "run", "--resume") == 1
    assert "run holds repeats: go on with the --seeds" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("holder", "options"), [("run", []), ("run/seed-2", ["--seeds", "1,2"])], ids=["run", "repeat"]
)
def test_unfinished_folds_are_not_gone_on_with_as_one_run(
    asked: Asked,
    judged: list[str],
    capsys: pytest.CaptureFixture[str],
    holder: str,
    options: list[str],
) -> None:
    Recipe().write(Path(holder) / "fold-0" / "recipe.toml")
    assert ended("--out", "run", "--resume", *options) == 1
    assert f"{holder} holds folds, not all of them done: go on with the --folds" in (
        capsys.readouterr().err
    )
    assert not asked


@pytest.fixture
def trained_on(asked: Asked, judged: list[str], monkeypatch: pytest.MonkeyPatch) -> list[Catalog]:
    """The catalogues that were given to the stand-in of the training."""
    found: list[Catalog] = []
    train = several.train

    def noted(own: Catalog, *arguments: Any, **options: Any) -> Any:
        found.append(own)
        return train(own, *arguments, **options)

    monkeypatch.setattr(several, "train", noted)
    return found


def test_patients_who_are_named_are_the_groups_of_the_split_as_it_is_given(
    trained_on: list[Catalog],
) -> None:
    """Else the intervals of its report would take every slice for a patient."""
    Path("p.csv").write_text("path,patient\ntrain/glioma/img_0.png,A\ntest/glioma/img_0.png,A\n")
    assert ended("--out", "plain") == 0
    assert ended("--patients", "p.csv", "--out", "named") == 0
    plain, named = (own.table.set_index("path") for own in trained_on)
    assert set(plain["group"]) == {""}
    assert (named["group"] != "").all()
    assert named["group"]["train/glioma/img_0.png"] == named["group"]["test/glioma/img_0.png"]
    assert named["split"].equals(plain["split"])
    assert trained_on[0].digest() == trained_on[1].digest()


def test_a_cleaned_list_keeps_its_patients_together_without_their_file(
    trained_on: list[Catalog],
) -> None:
    lines = [f"{s}/glioma/img_{n}.png,A" for s in ("train", "valid", "test") for n in range(2)]
    Path("p.csv").write_text("\n".join(["path,patient", *lines]) + "\n")
    with pytest.raises(SystemExit) as stop:
        braintumor(["audit", "data", "--patients", "p.csv", "--fix", "clean.csv"])
    assert stop.value.code == 0
    with pytest.raises(SystemExit):
        braintumor(["train", "clean.csv", "--folds", "3", "--out", "run"])
    for own in trained_on:
        of = own.table[own.table["path"].isin([line.removesuffix(",A") for line in lines])]
        assert (len(of), of["split"].nunique()) == (6, 1)
    assert len(trained_on) == 3


def test_further_images_that_cannot_be_read_are_told(
    asked: Asked, judged: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    data_set(Path("more"), splits=("",), classes=("glioma",))
    Path("more/glioma/img_0.png").write_bytes(b"no picture")
    Path("p.csv").write_text("class,file,patient\nglioma,img_1.png,X\nglioma,img_2.png,X\n")
    assert ended("--extra", "more", "--patients", "p.csv", "--out", "run") == 0
    said = capsys.readouterr().err
    assert "warning: more: Left out (1): glioma/img_0.png: " in said
    assert "no images of" not in said, "which classes and splits they have is of no account"


def test_folds_that_would_be_empty_are_refused_before_anything_is_trained(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        f"{split},{label},img_{n}.png,{label}-{n % 2}"
        for split in ("train", "valid", "test")
        for label in CLASS_FOLDERS
        for n in range(3)
    ]
    Path("p.csv").write_text("\n".join(["split,class,file,group", *rows]) + "\n")
    assert ended("--folds", "5", "--patients", "p.csv", "--out", "run") == 1
    assert "only 2 of them would hold any, so ask for 2" in capsys.readouterr().err
    assert not asked


def test_a_fold_without_a_class_is_told(
    asked: Asked, judged: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{s},glioma,img_{n}.png,one" for s in ("train", "valid", "test") for n in range(3)]
    Path("p.csv").write_text("\n".join(["split,class,file,group", *rows]) + "\n")
    assert ended("--folds", "3", "--patients", "p.csv", "--out", "run") == 0
    assert capsys.readouterr().err.count("has no images of glioma: too few groups") == 2
