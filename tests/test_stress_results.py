"""The published stress test: the document quotes what the committed tables give."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from made_stress import frail, rows, sturdy, write

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    pytest.importorskip("pyarrow")
    spec = importlib.util.spec_from_file_location("stress_tool", ROOT / "tools" / "stress.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_document_quotes_what_the_committed_tables_give(tool: ModuleType) -> None:
    text = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    quoted = text.split(tool.BEGIN)[1].split(tool.END)[0].strip()
    assert quoted == tool.section(), "run  python tools/stress.py doc --write"


def test_a_test_is_published_by_model_and_read_back_the_same(
    tool: ModuleType, tmp_path: Path
) -> None:
    table = write(tmp_path / "t.csv", rows(sturdy, model="a"), rows(frail, model="b"))
    written = tool.publish(table, tmp_path / "results")
    assert [path.parent.name for path in written] == ["a", "b"]
    stress, _ = tool.judged(tmp_path / "results")
    blur = stress.models["b"].conditions["blur"]
    assert [cell.accuracy for cell in blur.cells] == [7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8]
    assert "| Blur | 100.0 %" in tool.section(tmp_path / "results")
