"""Bundles, pictures and a page for the tests of this room."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from page_helpers import make_table
from tiny_bundle import make_tiny_bundle

from braintumor.bundle.card import Card, read_card
from braintumor.files import sha256_of

pytest.importorskip("streamlit", reason="SKIPPED FOR WANT OF THE EXTRA [app]")

OpenPage = Callable[..., Any]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that knows stripes, with the table of its judgement."""
    folder = make_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")
    make_table().write(folder / "predictions.csv")
    return folder


@pytest.fixture(scope="session")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that disagrees with `tiny` about everything, without a table."""
    folder = tmp_path_factory.mktemp("bundles") / "turned"
    return make_tiny_bundle(folder, name="turned", network="resnet50", turn=1)


@pytest.fixture(scope="session")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with another graph that says the same as `tiny`."""
    folder = make_tiny_bundle(tmp_path_factory.mktemp("bundles") / "twin", name="twin")
    graph = onnx.load(folder / "model.onnx")
    graph.doc_string = "the same, but another file"
    onnx.save(graph, folder / "model.onnx")
    card = read_card(folder)
    own = card.graph.model_copy(update={"sha256": sha256_of(folder / "model.onnx")})
    Card(**{**dict(card), "graph": own}).write(folder)
    return folder


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """Opens the page with these bundles and no shipped ones, and runs it once."""
    from streamlit.testing.v1 import AppTest

    import braintumor.app

    # Running a page puts its script there, where processes started later would look for theirs.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def open_(*bundles: Path | str, main: Callable[[], None] | None = None) -> Any:
        monkeypatch.setattr("braintumor.app.models.shipped", lambda: ())
        monkeypatch.setenv("BRAINTUMOR_APP_MODELS", "\n".join(map(str, bundles)))
        if main is not None:
            return AppTest.from_function(main, default_timeout=60).run()
        script = Path(braintumor.app.__file__).parent / "main.py"
        return AppTest.from_file(script, default_timeout=60).run()

    return open_
