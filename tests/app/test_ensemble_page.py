"""An ensemble on the page: one answer, and each of its networks beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from page_helpers import make_table, stripes, upload, words
from tiny_bundle import make_tiny_bundle, striped

from braintumor.app import texts
from braintumor.app.verdicts import headline, set_in_words
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.ensemble import make_ensemble
from braintumor.bundle.judged import Judged
from braintumor.bundle.parts import Conformal


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An ensemble, `both`, beside its networks, which disagree about everything."""
    return ensemble_in(tmp_path, turn=1)


def ensemble_in(tmp_path: Path, *, turn: int) -> Path:
    make_tiny_bundle(tmp_path / "one", name="one")
    make_tiny_bundle(tmp_path / "two", name="two", network="resnet50", turn=turn)
    everything = Judged(conformal=Conformal(alpha=0.1, quantiles=(1, 1, 1, 1)))
    make_ensemble([tmp_path / "one", tmp_path / "two"], tmp_path / "both", judged=everything)
    return tmp_path


def test_members_speak_through_their_ensemble(home: Path, open_page: Any) -> None:
    page = open_page(home / "one", home / "two", home / "both")
    page.button(key="sample_glioma_False").click().run()

    assert not page.exception
    words = " ".join(one.value for one in page.markdown)
    assert "### ensemble: " in words
    assert "**one** alone: " in words
    assert "**two** alone: " in words
    assert "### one" not in words
    assert any("Classes that fit" in one.value for one in page.caption)


def test_each_member_has_bars_of_all_four_classes_beside_those_of_the_ensemble(
    home: Path, open_page: Any
) -> None:
    page = upload(open_page(home / "both"), stripes("upright"))

    assert not page.exception
    told = [one.text.strip("*") for one in page.get("progress")]
    shown = [
        [f"{texts.class_name(name)}: {texts.percent(share)}" for name, share in shares.items()]
        for shares in (
            Classifier.load(home / folder).predict(striped("upright")).probabilities
            for folder in ("both", "one", "two")
        )
    ]
    assert told == [bar for bars in shown for bar in bars]
    assert len(told) == 12


def test_where_members_disagree_the_head_says_so_with_what_each_says(
    home: Path, open_page: Any
) -> None:
    page = upload(open_page(home / "both"), stripes("upright"))

    one, two, both = (
        headline(Classifier.load(home / name).predict(striped("upright")))
        for name in ("one", "two", "both")
    )
    (head,) = (box.value for box in page.warning if "disagree" in box.value)
    assert head.replace("\\", "") == (
        f"**{both.partition(',')[0]}, but the networks disagree, so let a person look: "
        f"one says {one} and two says {two}.**"
    )


def test_members_that_agree_are_not_said_to_disagree(tmp_path: Path, open_page: Any) -> None:
    home = ensemble_in(tmp_path, turn=0)
    page = upload(open_page(home / "both"), stripes("upright"))

    assert not page.exception
    assert "disagree" not in words(page)
    assert len(page.get("progress")) == 12


def test_of_several_that_are_asked_it_is_said_whose_networks_disagree(
    home: Path, tiny: Path, open_page: Any
) -> None:
    both = Classifier.load(home / "both").predict(striped("upright"))
    single = Classifier.load(tiny).predict(striped("upright"))
    assert both.predicted == single.predicted  # or the head had that to say
    page = upload(open_page(home / "both", tiny), stripes("upright"))

    assert not page.exception
    assert "Glioma, but the networks of ensemble disagree, so let a person look: one" in words(page)


def test_bars_maps_and_the_head_cost_one_forward_pass(
    home: Path, open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(home / "both")
    asked: list[str] = []
    real = Classifier._ask

    def counted(self: Classifier, *given: Any, **more: Any) -> Any:
        asked.append(self.card.name)
        return real(self, *given, **more)

    monkeypatch.setattr(Classifier, "_ask", counted)
    upload(page, stripes("upright"))
    assert asked == ["ensemble"]


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
