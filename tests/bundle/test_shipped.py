"""Bundles inside the package, by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_bundle import make_tiny_bundle

from braintumor.bundle import shipped
from braintumor.bundle.card import BundleError
from braintumor.bundle.classifier import Classifier


def test_what_is_shipped_is_whole_and_bears_its_name() -> None:
    for name in shipped.shipped():
        classifier = Classifier.load(name)  # reads and checks every file of it
        assert classifier.card.name == name
        for network in classifier.networks:
            assert not network.card.trained_on.phantom


def test_a_shipped_name_is_found_and_wins_over_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = make_tiny_bundle(tmp_path / "inside" / "cnn", name="shipped")
    make_tiny_bundle(tmp_path / "cnn", name="local")
    monkeypatch.setattr(shipped, "_HERE", inside.parent)
    monkeypatch.chdir(tmp_path)

    assert shipped.shipped() == ("cnn",)
    assert Classifier.load("cnn").card.name == "shipped"
    assert Classifier.load("./cnn").card.name == "local"
    assert Classifier.load(Path("cnn")).card.name == "local"


def test_a_network_that_is_not_shipped_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "_HERE", tmp_path / "nothing")
    monkeypatch.chdir(tmp_path)

    assert shipped.shipped() == ()
    with pytest.raises(BundleError, match="no bundle called resnet50 is shipped"):
        Classifier.load("resnet50")
    with pytest.raises(BundleError, match=r"elsewhere is no bundle: .*shipped: none"):
        Classifier.load("elsewhere")
    with pytest.raises(BundleError, match="a bundle is a folder with"):
        Classifier.load("./elsewhere")


def test_a_mistyped_name_is_told_which_there_are() -> None:
    with pytest.raises(BundleError, match=r"resnet is no bundle: .*shipped: cnn, ensemble, resnet"):
        shipped.find_bundle("resnet")
