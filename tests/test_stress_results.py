"""The published stress test: a table by model, and the document's part of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_stress import frail, rows, sturdy, write

pytest.importorskip("pyarrow")
import stress


def test_a_test_is_published_by_model_and_read_back_the_same(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", rows(sturdy, model="a"), rows(frail, model="b"))
    written = stress.publish(table, tmp_path / "results")
    assert [path.parent.name for path in written] == ["a", "b"]
    found, _ = stress.judged(tmp_path / "results")
    blur = found.models["b"].conditions["blur"]
    assert [cell.accuracy for cell in blur.cells] == [7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8]
    assert "| Blur | 100.0 %" in stress.section(tmp_path / "results")
