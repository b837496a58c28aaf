"""docs/data.md quotes the committed audit, and nothing is typed by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("tomli_w")
import data_page
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
    for part in data_page.PARTS:
        page = marks.replaced(page, part.mark, "")
    assert not re.search(r"\d+(\.\d+)? ?%", page)
