"""A gate for the tiny bundle: framed stripes are its heads, noise and ramps are foreign."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tiny_bundle import striped

from braintumor.bundle import gate as gates
from braintumor.bundle.card import Card, read_card
from braintumor.bundle.network import Network
from braintumor.bundle.parts import GATE_FILE
from braintumor.files import sha256_of
from braintumor.training.gate import fit_gate, look
from braintumor.training.gate_pictures import Named


def add_tiny_gate(bundle: Path) -> Path:
    """Give the bundle a gate that lets stripes in a frame pass and turns noise and blots away."""
    network = Network.load(bundle)
    random = np.random.default_rng(0)
    heads: list[Named] = []
    others: list[Named] = []
    for number in range(12):
        for kind in ("upright", "level", "even", "checked"):
            side = int(random.integers(80, 120))
            shaken = striped(kind, shape=(side, side)) + random.integers(0, 12, (side, side))
            heads.append((f"patient {number}", shaken.astype(np.uint8)))
            noise = random.integers(0, 256, (side, side)).astype(np.uint8)
            blots = np.kron(noise[:8, :8], np.ones((12, 12), np.uint8))
            ramp = np.tile(np.arange(side, dtype=np.uint8), (side, 1))
            others += [("noise", noise), ("blots", blots), ("ramp", ramp), ("dots", noise // 250)]
    statistics, numbers = fit_gate(look(network, heads), look(network, others))
    gates.write_gate_file(bundle / GATE_FILE, numbers)
    whole = statistics.model_copy(update={"sha256": sha256_of(bundle / GATE_FILE)})
    card = read_card(bundle)
    assert isinstance(card, Card)
    Card(**{**dict(card), "gate": whole}).write(bundle)
    return bundle
