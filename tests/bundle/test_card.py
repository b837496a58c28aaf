"""A bundle is whole, of a known version and unchanged, or it is refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_bundle import make_tiny_bundle

from braintumor import CLASSES
from braintumor.bundle.card import VERSION, BundleError, Card, read_bundle, read_card
from braintumor.bundle.parts import Calibration
from braintumor.files import sha256_bytes
from braintumor.images.prepare import Preparation


def change(bundle: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Edit a bundle's card."""
    card = json.loads((bundle / "card.json").read_text())
    edit(card)
    (bundle / "card.json").write_text(json.dumps(card))


def complaint(bundle: Path) -> str:
    """The sentence with which a bundle is refused: one line, no word of Python's or pydantic's."""
    with pytest.raises(BundleError) as refused:
        read_bundle(bundle)
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert "pydantic" not in sentence.lower()
    assert str(bundle) in sentence
    return sentence


def test_a_card_survives_being_written_and_read(bundle: Path, tmp_path: Path) -> None:
    card = read_card(bundle)
    card.write(tmp_path)

    assert read_card(tmp_path) == card
    assert card.classes == CLASSES


def test_the_graph_that_is_handed_over_is_the_one_that_was_hashed(bundle: Path) -> None:
    card, graph = read_bundle(bundle)

    assert sha256_bytes(graph) == card.graph.sha256


def test_a_card_knows_every_parameter_of_its_preparation(tmp_path: Path) -> None:
    card = read_card(make_tiny_bundle(tmp_path, size=96))

    assert card.preparation_of_slices() == Preparation(size=96)


def test_a_changed_graph_is_refused_by_its_hash(bundle: Path) -> None:
    graph = bytearray((bundle / "model.onnx").read_bytes())
    graph[len(graph) // 2] ^= 1
    (bundle / "model.onnx").write_bytes(graph)

    assert "changed or damaged" in complaint(bundle)


@pytest.mark.parametrize("file", ["card.json", "model.onnx"])
def test_a_missing_file_is_named(bundle: Path, file: str) -> None:
    (bundle / file).unlink()

    assert f"{file} is missing" in complaint(bundle)


def test_what_is_no_folder_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"x")

    assert "is no bundle" in complaint(tmp_path / "picture.png")
    assert "is no bundle" in complaint(tmp_path / "nowhere")


@pytest.mark.parametrize("version", [VERSION + 1, 0, "1", True, None])
def test_another_version_is_refused_with_a_remedy(bundle: Path, version: object) -> None:
    change(bundle, lambda card: card.update(version=version))

    assert "export the run again" in complaint(bundle)


def test_a_newer_card_is_refused_for_its_version_not_for_its_new_fields(bundle: Path) -> None:
    change(bundle, lambda card: card.update(version=VERSION + 1, oracle={"temperature": 1.5}))

    assert f"has version {VERSION + 1}" in complaint(bundle)


def test_a_card_of_version_1_is_read_as_one_that_changes_and_doubts_nothing(bundle: Path) -> None:
    new = (
        *("calibration", "thresholds", "conformal", "heat_map_layer", "precision", "parity"),
        *("engines", "attribution"),
    )

    def as_it_was(card: dict[str, Any]) -> None:
        card.update(version=1)
        for field in new:
            card.pop(field)

    change(bundle, as_it_was)
    card = read_card(bundle)
    assert isinstance(card, Card)
    assert card.calibration == Calibration()
    assert (card.conformal, card.thresholds, card.precision) == (None, None, "float32")


def test_a_card_of_version_2_is_read_as_one_that_names_no_engines_nor_whose_the_data_are(
    bundle: Path,
) -> None:
    def as_it_was(card: dict[str, Any]) -> None:
        card.update(version=2)
        card.pop("engines")
        card.pop("attribution")

    change(bundle, as_it_was)
    card = read_card(bundle)
    assert isinstance(card, Card)
    assert (card.engines, card.attribution) == ({}, "")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"card"', "{}", '{"format": "other"}'])
def test_a_foreign_card_is_refused(bundle: Path, text: str) -> None:
    (bundle / "card.json").write_text(text)

    complaint(bundle)


def test_bytes_that_are_no_text_are_refused(bundle: Path) -> None:
    (bundle / "card.json").write_bytes(b"\x80\x04\x95pickle\xff")

    assert "is damaged" in complaint(bundle)


def test_an_absurdly_deep_card_is_refused(bundle: Path) -> None:
    (bundle / "card.json").write_text("[" * 200_000)

    assert "is damaged" in complaint(bundle)


EDITS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a field that does not exist": (lambda c: c.update(code="import os"), "code"),
    "a field missing": (lambda c: c.pop("licence"), "licence"),
    "classes in another order": (lambda c: c["classes"].reverse(), "classes"),
    "another network": (lambda c: c.update(network="vgg"), "network"),
    "a name with a path": (lambda c: c.update(name="../x"), "name"),
    "a graph elsewhere": (lambda c: c["graph"].update(file="../model.onnx"), "graph.file"),
    "an absolute graph": (lambda c: c["graph"].update(file="/etc/x.onnx"), "graph.file"),
    "a graph of another kind": (lambda c: c["graph"].update(file="model.pkl"), "graph.file"),
    "a hash that is none": (lambda c: c["graph"].update(sha256="0"), "graph.sha256"),
    "other outputs": (lambda c: c["graph"].update(outputs=["logits"]), "graph.outputs"),
    "half a preparation": (lambda c: c["preparation"].pop("margin"), "preparation"),
    "a preparation that is unknown": (lambda c: c["preparation"].update(blur=1), "preparation"),
    "a newer preparation": (lambda c: c["preparation"].update(version=2), "preparation"),
    "a size that is a text": (lambda c: c["preparation"].update(size="64"), "preparation"),
    "a size that is broken": (lambda c: c["preparation"].update(size=64.5), "preparation"),
    "a scale that turns the order": (
        lambda c: c["calibration"].update(scale=[1, -1, 1, 1]),
        "scale",
    ),
    "three biases": (lambda c: c["calibration"].update(bias=[0, 0, 0]), "calibration.bias"),
    "no error allowed": (lambda c: c.update(conformal={"alpha": 0, "quantiles": [1] * 4}), "alpha"),
    "a quantile above 1": (
        lambda c: c.update(conformal={"alpha": 0.1, "quantiles": [1, 1, 1, 2]}),
        "conformal.quantiles",
    ),
    "a threshold in per cent": (lambda c: c.update(thresholds=[80, 80, 80, 80]), "thresholds"),
    "a precision that is unknown": (lambda c: c.update(precision="int4"), "precision"),
    "a margin that is a text": (lambda c: c["preparation"].update(margin="2%"), "preparation"),
}


@pytest.mark.parametrize("case", EDITS)
def test_a_card_that_is_not_valid_is_refused_where_it_is_wrong(bundle: Path, case: str) -> None:
    edit, place = EDITS[case]
    change(bundle, edit)

    assert place in complaint(bundle)


def test_a_card_cannot_be_changed_in_memory(bundle: Path) -> None:
    card = read_card(bundle)

    with pytest.raises(ValueError, match="frozen"):
        card.name = "other"  # type: ignore[misc]
