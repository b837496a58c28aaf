"""docs/data.md quotes the committed audit, and nothing is typed by hand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from braintumor.evaluation.predictions import Predictions

pytest.importorskip("tomli_w")
import data_page
import embeddings
import marks

ROOT = Path(__file__).parents[1]


def test_the_committed_audit_holds_no_picture() -> None:
    html = data_page.AUDIT.with_suffix(".html").read_text(encoding="utf-8")
    assert "<img" not in html
    assert "data:image" not in html
    assert "data:image" not in data_page.AUDIT.read_text(encoding="utf-8")


def test_the_committed_audit_has_every_key_of_the_contract() -> None:
    audit = data_page.read_audit()
    for split in ("test", "valid"):
        assert set(audit["near_copies"][split]["in_train"]) >= {"upright", "mirrored", "any"}
        assert set(audit["patients"][split]) >= {"named", "in_train"}
    assert set(audit["stems"]) == {"repeated", "across_splits"}
    assert isinstance(audit["label_conflicts"], int)
    for scores in audit["shortcuts"].values():
        assert set(scores) == {"given", "grouped"}


def test_no_number_of_the_set_stands_outside_the_marks() -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    for part in (*data_page.PARTS, *embeddings.PARTS):
        page = marks.replaced(page, part.mark, "")
    assert not re.search(r"\d+(\.\d+)? ?%", page)


@pytest.mark.parametrize(
    ("published", "called"),
    [
        ("labeled-mri-grouped", "The published folds"),
        ("labeled-mri-grouped-before", "The folds that learnt nothing from other scanners"),
    ],
)
def test_copies_that_folds_part_are_counted_and_their_worth_is_told(
    tmp_path: Path, published: str, called: str
) -> None:
    folder = tmp_path / published / "cnn"
    folder.mkdir(parents=True)
    truth = np.array([0, 0, 0, 0, 1])
    p = np.full((5, 4), 0.1)
    p[[0, 1, 2, 3, 4], [0, 0, 1, 0, 1]] = 0.7
    Predictions.from_arrays(
        [f"{n}.png" for n in range(5)], truth, p, fold=["0", "1", "0", "0", "1"], model="cnn"
    ).write(folder / "predictions.csv")
    pairs = [("0.png", "1.png"), ("0.png", "3.png")]
    audit = {"copies": [{"first": one, "second": two} for one, two in pairs]}

    told = data_page.astride(audit, tmp_path)
    assert told.startswith(f"{called} are not quite clean")
    assert "1 pairs of the audit's copies (2 of 5 slices: 2 glioma) lie in two folds" in told
    assert told.endswith("`cnn` 66.7\N{NO-BREAK SPACE}% in place of 80.0\N{NO-BREAK SPACE}%.")
    assert data_page.astride({"copies": audit["copies"][1:]}, tmp_path) == ""
