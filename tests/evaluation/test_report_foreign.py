"""Reports of what others wrote: escaped, damaged, incomplete, phantom."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from made_page import Page
from made_run import made_run, made_table

from braintumor.errors import BraintumorError
from braintumor.evaluation.judgement import Judgement, judge
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.report import render, write_report
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
    """The page without its figures, which take seconds and have tests of their own."""
    with (
        patch.object(curves, "part_figures", return_value=[]),
        patch.object(training, "learning_figures", return_value=[]),
    ):
        return render(judgement, images=images)


def text_of(judgement: Judgement) -> str:
    return Page(without_figures(judgement)).text


# --- what others write


def test_everything_is_escaped(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    run = made_run(tmp_path)
    made_table(name=evil, path=evil, group=evil).write(run / "predictions.csv")
    (run / "recipe.toml").write_text(f"[recipe]\nnetwork = {json.dumps(evil)}\n")
    page = Page(without_figures(judge(read_run(run))))
    page.require_alone()
    assert all(value.startswith("data:") for value in page.values("src"))
    assert evil in page.text


@pytest.mark.parametrize("name", ["recipe.toml", "history.csv", "catalog.csv"])
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a,b\n1", b'"', b""])
def test_a_damaged_side_file_is_named_and_the_rest_is_shown(
    tmp_path: Path, name: str, content: bytes
) -> None:
    run = made_run(tmp_path)
    (run / name).write_bytes(content)
    found = judge(read_run(run))
    assert "80 test slices" in text_of(found)
    if content:
        assert any(name in note for note in found.notes), found.notes


@pytest.mark.parametrize("content", ["x = " + "1" * 5000, "x = " + "[" * 10_000])
def test_a_recipe_that_no_reader_can_hold_is_named(tmp_path: Path, content: str) -> None:
    run = made_run(tmp_path)
    (run / "recipe.toml").write_text(content)
    assert any("recipe.toml cannot be read" in note for note in judge(read_run(run)).notes)


def test_a_run_without_anything_else_is_judged(tmp_path: Path) -> None:
    made_table().write(tmp_path / "predictions.csv")
    page = Page(write_report(judge(read_run(tmp_path)), tmp_path).read_text())
    assert "Learning curve" not in page.text


def test_several_models_in_one_table_are_told() -> None:
    frame = made_table().frame
    names = np.where(np.arange(len(frame)) % 2, "a", "b")
    found = judged(Predictions.from_frame(frame.assign(model=names)))
    assert any("several models (a, b)" in note for note in found.notes)


# --- phantoms


def test_phantoms_are_announced(tmp_path: Path, page: Page) -> None:
    assert "PHANTOM DATA" not in page.text
    run = made_run(tmp_path / "a", phantom=True)
    for keep in ("catalog.csv", "recipe.toml"):
        other = made_run(tmp_path / keep)
        (other / keep).write_bytes((run / keep).read_bytes())
        assert read_run(other).phantom
        assert "PHANTOM DATA" in text_of(judge(read_run(other))).split("Numbers")[0]


def test_a_run_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BraintumorError, match="does not exist"):
        read_run(tmp_path / "nowhere")
    with pytest.raises(BraintumorError, match=r"holds no predictions\.csv: make it with"):
        read_run(tmp_path)
