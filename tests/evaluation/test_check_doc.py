"""docs/check.md quotes what the check says, and names the findings that there are."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from made_tables import draw

from braintumor.evaluation.check import check
from braintumor.evaluation.predictions import Predictions

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")


def test_the_examples_are_what_the_check_says() -> None:
    rng = np.random.default_rng(0)
    made = draw(rng, 246)
    for truth, prob in (
        (rng.permutation(made.truth), made.prob),
        (made.truth, made.prob[:, [0, 1, 3, 2]]),
    ):
        (finding,) = check(Predictions.from_arrays([""] * 246, truth, prob)).findings
        assert f"{finding.severity:<10} {finding.sentence}" in PAGE


def test_the_committed_predictions_are_sound() -> None:
    for table in sorted((ROOT / "results").glob("*/*/predictions.csv")):
        assert not check(Predictions.read(table)).wrong, table


def test_every_finding_that_is_named_exists() -> None:
    folder = ROOT / "src" / "braintumor" / "evaluation"
    code = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    named = [
        n for cell in re.findall(r"^\| (`.+?) \|", PAGE, re.M) for n in re.findall(r"`(\w+)`", cell)
    ]
    assert len(named) > 15
    assert [name for name in named if f'"{name}"' not in code] == []
