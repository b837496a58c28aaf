"""How many cores there are to work with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from braintumor import processor
from braintumor.processor import cores


@pytest.fixture(autouse=True)
def quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a container's share of the processor is told; nothing is told here."""
    file = tmp_path / "cpu.max"
    monkeypatch.setattr(processor, "_QUOTA", file)
    return file


def test_a_process_that_is_bound_to_one_core_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert cores() == 1


def test_where_that_is_not_known_all_of_them_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert cores() == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


@pytest.mark.parametrize(
    ("told", "usable"),
    [("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("max 100000", 64), ("", 64)],
)
def test_a_container_has_no_more_than_its_share(
    monkeypatch: pytest.MonkeyPatch, quota: Path, told: str, usable: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    quota.write_text(told + "\n")
    assert cores() == usable
