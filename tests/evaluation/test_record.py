"""Model card and checklists: filled with what the run knows, open where only a person knows."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from made_run import made_run, made_table

from braintumor.evaluation.judgement import Judgement, judge
from braintumor.evaluation.record import checklists, model_card, write_record
from braintumor.evaluation.run_tables import read_run

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture
def judgement(tmp_path: Path) -> Judgement:
    return judge(read_run(made_run(tmp_path / "cnn")))


def head_of(card: str) -> dict[str, Any]:
    match = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    assert match
    head: dict[str, Any] = yaml.safe_load(match.group(1))
    return head


def test_the_card_has_the_hubs_form_and_the_runs_numbers(judgement: Judgement) -> None:
    head = head_of(model_card(judgement))
    assert head["license"] == "apache-2.0"
    assert head["pipeline_tag"] == "image-classification"
    (model,) = head["model-index"]
    (result,) = model["results"]
    assert set(result) == {"task", "dataset", "metrics"}
    assert set(result["dataset"]) >= {"name", "type"}
    given = {metric["name"]: metric["value"] for metric in result["metrics"]}
    assert given["accuracy"] == pytest.approx(judgement.headline.metrics["accuracy"], abs=1e-6)
    assert all(set(metric) == {"type", "name", "value"} for metric in result["metrics"])


def test_the_card_names_the_file_of_each_fact_and_leaves_the_use_open(
    judgement: Judgement,
) -> None:
    card = model_card(judgement)
    assert "*(recipe.toml)*" in card
    assert "*(metrics.json)*" in card
    assert "*Open: only a person can say for whom" in card
    assert "Not a medical device" in card


def test_names_that_are_markup_stay_text(tmp_path: Path) -> None:
    evil = "x](http://a) <script>`|"
    made_table(name=evil).write(tmp_path / "foreign.csv")
    judged = judge(read_run(tmp_path / "foreign.csv"))
    card = model_card(judged)
    assert "<script>" not in card.split("---")[2].replace("\\<script\\>", "")
    assert head_of(card)["model-index"][0]["name"] == evil
    paths = write_record(judged, tmp_path / "out")
    assert "<script>" not in (tmp_path / "out" / "checklist.html").read_text(encoding="utf-8")
    row = next(
        line
        for line in paths[1].read_text(encoding="utf-8").splitlines()
        if line.startswith("| 27 |")
    )
    assert len(re.findall(r"(?<!\\)\|", row)) == 5


def test_every_item_of_both_guidelines_is_there_once(judgement: Judgement) -> None:
    lists = checklists(judgement)
    assert [item.number for item in lists["claim"]] == [str(i) for i in range(1, 45)]
    numbers = [item.number for item in lists["tripod"]]
    assert len(set(numbers)) == len(numbers) == 52
    assert sorted({int(re.sub(r"[a-g]", "", n)) for n in numbers}) == list(range(1, 28))


def test_items_are_filled_from_the_run_or_open(judgement: Judgement) -> None:
    claim = {item.number: item for item in checklists(judgement)["claim"]}
    assert claim["37"].fact is not None
    assert claim["37"].fact.source == "metrics.json"
    assert "Test: accuracy" in claim["37"].fact.value
    assert claim["9"].fact is not None
    assert claim["9"].fact.source == "recipe.toml"
    for number in ("3", "8", "11", "16", "44"):
        assert claim[number].only_a_person
        assert claim[number].fact is None


def test_every_fact_that_a_list_asks_for_can_be_known(tmp_path: Path) -> None:
    """A misspelt name in checklists.toml would stay open for ever."""
    root = made_run(tmp_path / "cnn")
    (root / "stress.json").write_text("{}", encoding="utf-8")
    shutil.copy(RESULTS / "labeled-mri-given" / "cnn" / "recipe.toml", root / "recipe.toml")
    judged = replace(judge(read_run(root)), notes=("A note.",))
    for items in checklists(judged).values():
        asked = [item.number for item in items if item.fact is None and not item.only_a_person]
        assert asked == []


def test_a_bare_table_leaves_open_what_only_a_run_knows(tmp_path: Path) -> None:
    made_table().write(tmp_path / "foreign.csv")
    judged = judge(read_run(tmp_path / "foreign.csv"))
    claim = {item.number: item for item in checklists(judged)["claim"]}
    assert claim["25"].fact is None
    assert claim["39"].fact is not None
    written = write_record(judged, tmp_path / "out")
    assert [path.name for path in written] == ["model_card.md", "checklist.md", "checklist.html"]
    text = written[1].read_text(encoding="utf-8")
    assert "**OPEN**: not in the run's record" in text
    assert "**OPEN**: only a person can know" in text
