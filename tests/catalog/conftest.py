"""A cache of its own for every test of this room, and one audit of the public set for all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from braintumor.catalog.audit import Audit


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("BRAINTUMOR_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def labelled_audit(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """One audit of the public set, with its patients, for all tests that look at it."""
    from braintumor.catalog.audit import audit
    from braintumor.evaluation.patients import read_patients

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BRAINTUMOR_CACHE", str(tmp_path_factory.mktemp("cache-of-labelled")))
        patients = read_patients(shared / "data/labeled-mri-patients.csv")
        return audit(shared / "data/labeled-mri", patients=patients)
