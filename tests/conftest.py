"""Fixtures for every test: where the shared data lie, and a loud skip where they do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# A machine that has other work too is slow now and then, and nothing is wrong for that.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with data and weights: beside the checkout, or $BRAINTUMOR_SHARED."""
    folder = Path(os.environ.get("BRAINTUMOR_SHARED", ROOT.parent / "shared"))
    if not (folder / "data" / "labeled-mri").is_dir():
        pytest.skip(f"SKIPPED FOR WANT OF DATA: {folder} holds no data/labeled-mri")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests leave the user's own cache alone."""
    os.environ.setdefault("BRAINTUMOR_CACHE", str(tmp_path_factory.mktemp("cache")))
