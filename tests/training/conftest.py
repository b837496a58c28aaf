"""Fixtures of the plans of several trainings."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_training import made_catalog, stand_in

from braintumor.catalog.catalog import Catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return made_catalog(tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    return stand_in(monkeypatch)
