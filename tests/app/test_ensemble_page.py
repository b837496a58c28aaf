"""An ensemble on the page: one answer, and each of its networks beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from page_helpers import make_table
from tiny_bundle import make_tiny_bundle

from braintumor.app.verdicts import set_in_words
from braintumor.bundle.ensemble import make_ensemble
from braintumor.bundle.judged import Judged
from braintumor.bundle.parts import Conformal


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_tiny_bundle(tmp_path / "one", name="one")
    make_tiny_bundle(tmp_path / "two", name="two", network="resnet50", turn=1)
    everything = Judged(conformal=Conformal(alpha=0.1, quantiles=(1, 1, 1, 1)))
    make_ensemble([tmp_path / "one", tmp_path / "two"], tmp_path / "both", judged=everything)
    return tmp_path


def test_members_speak_through_their_ensemble(home: Path, open_page: Any) -> None:
    page = open_page(home / "one", home / "two", home / "both")
    page.button(key="sample_glioma_False").click().run()

    assert not page.exception
    words = " ".join(one.value for one in page.markdown)
    assert "##### ensemble: " in words
    assert "**one** alone: " in words
    assert "**two** alone: " in words
    assert "##### one" not in words
    assert any("Classes that fit" in one.value for one in page.caption)


def test_what_the_threshold_does_is_said_of_those_alone_that_are_asked(
    home: Path, open_page: Any
) -> None:
    for folder, model in (("one", "one"), ("both", "ensemble")):
        make_table(model=model).write(home / folder / "predictions.csv")
    page = open_page(home / "one", home / "two", home / "both")
    page.button(key="sample_glioma_False").click().run()

    assert not page.exception
    (told,) = (one.value for one in page.caption if "judged on" in one.value)
    assert " ensemble w" in told


def test_a_set_in_words() -> None:
    assert set_in_words([]) == "No class fits this slice well enough."
    assert set_in_words(["no_tumor"]) == "Classes that fit: no tumour alone."
    assert set_in_words(["glioma", "pituitary"]) == (
        "Classes that fit: glioma and pituitary tumour."
    )
