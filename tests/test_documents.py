"""Every part of a document that a program writes is what the committed files give."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("tomli_w")
pytest.importorskip("pyarrow")
import documents
import marks
from marks import Part

TEXT = "before <!-- one:begin -->\nold\n<!-- one:end --> between <!-- two:begin --><!-- two:end -->"


@pytest.mark.parametrize("part", documents.PARTS, ids=lambda part: f"{part.document} {part.mark}")
def test_a_document_quotes_what_the_committed_files_give(part: Part) -> None:
    assert part.quoted() == part.content().strip(), "run  python tools/documents.py --write"


def test_only_what_lies_between_the_marks_is_replaced() -> None:
    text = marks.replaced(TEXT, "one", "new")
    assert text == TEXT.replace("old", "new")
    assert marks.between(text, "one") == "new"
    assert marks.between(text, "two") == ""


@pytest.mark.parametrize("text", ["no marks", TEXT + TEXT])
def test_marks_that_are_missing_or_there_twice_are_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="must stand there once"):
        marks.replaced(text, "one", "new")


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert marks.table(("a",), [["x | y"]])[2] == "| x \\| y |"


def test_what_is_stale_is_found_and_put_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text(TEXT)
    drawn: list[str] = []
    part = Part("page.md", "one", lambda: "new", lambda: drawn.append("figure"))
    monkeypatch.setattr(documents, "PARTS", (part,))
    monkeypatch.setattr("sys.argv", ["documents.py"])
    assert documents.main() == 1
    assert part.quoted() == "old"
    monkeypatch.setattr("sys.argv", ["documents.py", "--write"])
    assert documents.main() == 0
    assert part.quoted() == "new"
    assert drawn == ["figure"]
