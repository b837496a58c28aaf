"""Where it looked: the report shows what was scored, of the network that it reports on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_page import Page
from made_run import made_run

from braintumor.evaluation.judgement import Judgement, judge
from braintumor.evaluation.localisation import SIDE, Located, judge_maps
from braintumor.evaluation.page import render_page
from braintumor.evaluation.run_tables import LOCALISATION_FILE, read_run
from braintumor.evaluation.sections import localisation


def found(**changes: Any) -> dict[str, Any]:
    """Four tumours, three of them hit; and a network that forgets."""
    heat, mask = np.zeros((4, SIDE, SIDE), np.uint8), np.zeros((4, SIDE, SIDE), bool)
    mask[:, 40:70, 40:70] = True
    heat[:3, 50, 50] = heat[3, 200, 200] = 255
    scored = judge_maps(
        Located(
            heat=heat,
            mask=mask,
            head=np.array([[12, 12, 212, 212]] * 4),
            label=np.array(["glioma", "glioma", "pituitary", "pituitary"]),
            right=np.ones(4, bool),
            group=np.array(["a", "a", "b", "c"]),
            path=np.array(["a.png", "b.png", "c.png", "d.png"]),
        )
    )
    sanity = [{"share": 0.0, "likeness": 1.0}, {"share": 1.0, "likeness": 0.12}]
    return {**scored, "judged": ["0" * 64], "sanity": sanity, **changes}


def judgement(folder: Path, content: Any) -> Judgement:
    run = made_run(folder)
    text = content if isinstance(content, str) else json.dumps(content)
    (run / LOCALISATION_FILE).write_text(text)
    return judge(read_run(run))


def page(made: Judgement) -> Page:
    return Page(render_page("x", [localisation.section(made, images=False)], phantom=False))


def test_it_says_how_often_and_what_that_is_worth(tmp_path: Path) -> None:
    shown = page(judgement(tmp_path / "run", found())).text.replace("\N{NO-BREAK SPACE}", " ")
    for said in (
        "Of 4 tumours that people outlined, the hottest place of the heat map lies in it",
        "within 15 of 224 pixels of it, in 75.0 % (",
        "the middle of the head does so in 0.0 %",
        "resemble the trained ones by 0.12 (rank correlation; 1 is the same map). So the maps show",
        "Pituitary",
    ):
        assert said in shown


def test_a_network_that_masks_have_taught_is_called_so(tmp_path: Path) -> None:
    made = judgement(tmp_path / "run", found())
    assert "Masks of training slices have taught" not in page(made).text
    with (tmp_path / "run" / "recipe.toml").open("a") as file:
        file.write("masks = true\n")
    assert "Masks of training slices have taught" in page(judge(read_run(tmp_path / "run"))).text


@pytest.mark.parametrize(
    ("likeness", "said"), [(0.12, "show what the network learnt"), (0.9, "may show the picture")]
)
def test_the_check_is_read_as_it_falls(likeness: float, said: str) -> None:
    assert said in localisation.check(found(sanity=[{"share": 1.0, "likeness": likeness}]))


def test_a_check_that_was_not_made_is_not_shown(tmp_path: Path) -> None:
    assert localisation.check(found(sanity=[])) == ""
    assert "forgets" not in page(judgement(tmp_path / "run", found(sanity=[]))).text


def test_without_scores_there_is_no_such_section(tmp_path: Path) -> None:
    made = judge(read_run(made_run(tmp_path / "run")))
    assert localisation.section(made, images=True) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (found(judged=["1" * 64]), "is of another network than the table"),
        ("{", "cannot be read"),
        ({"classes": {}}, "cannot be read"),
        ([1], "cannot be read"),
        ("[" * 100_000, "cannot be read"),
    ],
)
def test_scores_of_another_network_or_a_broken_file_are_named_and_left_out(
    tmp_path: Path, content: Any, said: str
) -> None:
    made = judgement(tmp_path / "run", content)
    assert localisation.section(made, images=True) is None
    assert any(said in note for note in made.notes)
