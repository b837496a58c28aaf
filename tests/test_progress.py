"""A bar with rate and time left, or a count, where a person sees it, and nothing anywhere else."""

from __future__ import annotations

import io
import re
import sys
import time
from collections.abc import Callable

import pytest

from braintumor import progress


class Terminal(io.StringIO):
    """Where a person looks."""

    def isatty(self) -> bool:
        return True


def looked_at(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in the place of standard error; in a fixture, pytest would take it away again."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(progress, "_PATIENCE_S", -1.0)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    return shown


def test_it_shows_how_many_of_all_the_rate_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = looked_at(monkeypatch)
    with progress.track_count(lambda: 50, what="Classifying", done=10) as advance:
        for done in (20, 30, 40):
            time.sleep(0.02)
            advance(done)

    last = terminal.getvalue().split("Classifying")[-1]
    assert "40/50" in last
    assert re.search(r"\d/s ", last)
    assert re.search(r"left 0:\d\d:\d\d", last)


def test_counting_all_does_not_hold_up_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = looked_at(monkeypatch)

    def slowly() -> int:
        time.sleep(0.5)
        return 50

    started = time.monotonic()
    with progress.track_count(slowly, what="Classifying") as advance:
        advance(1)
        assert time.monotonic() - started < 0.4

    assert "1/?" in terminal.getvalue()


def shown_of(terminal: Terminal, what: str) -> str:
    """The line as it stands in the end, without what moves the cursor."""
    last = terminal.getvalue().split(what)[-1]
    return " ".join(re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", last).split())


def test_where_nobody_knows_how_many_there_are_it_shows_count_rate_and_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = looked_at(monkeypatch)
    with progress.track_count(None, what="Classifying", done=1000) as advance:
        for done in (1200, 1300):
            time.sleep(0.02)
            advance(done)

    shown = shown_of(terminal, "Classifying")
    assert re.fullmatch(r"1,300 done [\d,]+/s 0:00:0\d", shown)


def test_items_of_unknown_number_are_counted_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = looked_at(monkeypatch)
    assert list(progress.track(iter("abc"), total=None, what="Unpacking")) == ["a", "b", "c"]

    shown = shown_of(terminal, "Unpacking")
    assert shown.startswith("3 done ")
    assert "left" not in shown


@pytest.mark.parametrize("total", [None, lambda: 50], ids=["unknown", "known"])
def test_what_must_not_be_drawn_is_not(
    monkeypatch: pytest.MonkeyPatch, total: Callable[[], int] | None
) -> None:
    terminal = looked_at(monkeypatch)
    with progress.track_count(total, what="Classifying", drawn=False) as advance:
        advance(1)

    assert terminal.getvalue() == ""


def test_where_nobody_looks_nothing_is_counted_or_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def never() -> int:
        raise AssertionError("counted")

    for total in (never, None):
        with progress.track_count(total, what="Classifying") as advance:
            advance(1)

    assert capsys.readouterr() == ("", "")
