"""Examples in docstrings are what happens: each is run, and none is skipped."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src"
# Found by their signs, so that no new example can be forgotten.
WITH_EXAMPLES = [
    path
    for path in sorted((SOURCES / "braintumor").rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


def test_there_are_examples() -> None:
    assert SOURCES / "braintumor" / "bundle" / "classifier.py" in WITH_EXAMPLES


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda p: p.relative_to(SOURCES).as_posix())
def test_every_example_gives_what_it_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    parts = path.relative_to(SOURCES).with_suffix("").parts
    module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
    found = doctest.testmod(module)

    assert found.failed == 0, "pytest shows above what was expected"
    # What stands outside a docstring, where nobody looks for it, or is skipped, is not run.
    assert found.attempted == text.count(">>> ")
    assert "+SKIP" not in text
