"""docs/data.md quotes the committed audit, and nothing is typed by hand."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("data_page", ROOT / "tools" / "data_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_quotes_what_the_committed_audit_says(tool: ModuleType) -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    quoted = page.split(tool.BEGIN)[1].split(tool.END)[0].strip()
    assert quoted == tool.content(tool.read_audit()), "run  python tools/data_page.py --write"


def test_the_committed_audit_holds_no_picture(tool: ModuleType) -> None:
    html = tool.AUDIT.with_suffix(".html").read_text(encoding="utf-8")
    assert "<img" not in html
    assert "data:image" not in html
    assert "data:image" not in tool.AUDIT.read_text(encoding="utf-8")


def test_the_committed_audit_has_every_key_of_the_contract(tool: ModuleType) -> None:
    audit = tool.read_audit()
    for split in ("test", "valid"):
        assert set(audit["near_copies"][split]["in_train"]) >= {"upright", "mirrored", "any"}
        assert set(audit["patients"][split]) >= {"named", "in_train"}
    assert set(audit["stems"]) == {"repeated", "across_splits"}
    assert isinstance(audit["label_conflicts"], int)
    for scores in audit["shortcuts"].values():
        assert set(scores) == {"given", "grouped"}


def test_only_what_lies_between_the_marks_is_replaced(tool: ModuleType) -> None:
    text = f"before {tool.BEGIN}\nold\n{tool.END} after"
    assert tool.replaced(text, "new") == f"before {tool.BEGIN}\nnew\n{tool.END} after"


def test_no_number_of_the_set_stands_outside_the_marks(tool: ModuleType) -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    before, _, rest = page.partition(tool.BEGIN)
    prose = before + rest.partition(tool.END)[2].partition("<!-- results:begin -->")[0]
    assert not re.search(r"\d+(\.\d+)? ?%", prose)
