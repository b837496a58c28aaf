"""What results/ says of the shipped networks was measured with those that are shipped.

A network that is replaced leaves the tables of the one before behind, and they would look right.
"""

from __future__ import annotations

import json

import healthy
import pandas as pd
import pytest
from aims import MODELS
from marks import ROOT

from braintumor.bundle.card import Card, read_card
from braintumor.bundle.shipped import find_bundle
from results import NETWORKS

AGAIN = "measure it again, as docs/reproduce.md says"


@pytest.mark.parametrize("model", MODELS)
def test_heads_of_other_scanners_were_shown_to_what_is_shipped(model: str) -> None:
    table = pd.read_csv(ROOT / "results" / "healthy" / f"{healthy.SHIPPED}.csv", dtype=str)
    asked = table[(table["model"] == model) & table["model_sha256"].notna()]
    assert set(asked["model_sha256"]) == {read_card(find_bundle(model)).identity}, AGAIN


@pytest.mark.parametrize("model", MODELS)
def test_the_gates_that_were_judged_are_those_that_are_shipped(model: str) -> None:
    judged = json.loads((ROOT / "results" / "gate.json").read_text())["models"][model]["gates"]
    names = [model] if model in NETWORKS else NETWORKS
    cards = [read_card(find_bundle(name)) for name in names]
    gates = [card.gate.sha256 for card in cards if isinstance(card, Card) and card.gate]
    assert sorted(judged) == sorted(gates), AGAIN


@pytest.mark.parametrize("network", NETWORKS)
def test_embeddings_are_of_the_networks_whose_folds_are_published(network: str) -> None:
    published = ROOT / "results" / "labeled-mri-grouped" / network / "predictions.csv"
    found = json.loads((ROOT / "results" / "embeddings.json").read_text())["networks"][network]
    assert set(found) == set(pd.read_csv(published)["model_sha256"]), AGAIN
