"""Bundles for the tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_bundle import make_tiny_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of its own for each test, free to be damaged."""
    return make_tiny_bundle(tmp_path / "bundle")
