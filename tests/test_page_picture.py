"""The README's picture of a report is of the report that is committed."""

from __future__ import annotations

from pathlib import Path

import page_picture
import pytest


def test_the_picture_of_the_report_is_of_the_committed_one() -> None:
    told = page_picture.REPORT_OF.read_text(encoding="utf-8")
    assert told == page_picture.made_of(), "run  python tools/page_picture.py report"
    assert page_picture.REPORT.is_file()


def test_another_report_is_another_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = tmp_path / "results" / "report.html"
    report.parent.mkdir()
    monkeypatch.setattr(page_picture, "ROOT", tmp_path)
    monkeypatch.setattr(page_picture, "SOURCE", report)
    lines = []
    for text in ("94.7 % right", "95.9 % right"):
        report.write_text(text)
        lines.append(page_picture.made_of())
    assert lines[0] != lines[1]
    assert lines[0].endswith("  results/report.html\n")
