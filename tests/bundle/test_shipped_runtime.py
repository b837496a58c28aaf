"""A shipped graph answers the same however often, and for however many, it is compiled."""

from __future__ import annotations

import numpy as np
import pytest

from braintumor.bundle.network import Network
from braintumor.bundle.shipped import find_bundle, shipped


@pytest.mark.parametrize("name", [name for name in ("cnn", "resnet50") if name in shipped()])
def test_many_are_answered_as_few_are(name: str) -> None:
    """OpenVINO compiled for several streams was wrong every other time; four times never."""
    answers = []
    for _ in range(4):
        network = Network.load(find_bundle(name))
        size = network.card.preparation_of_slices().size
        canvases = np.random.default_rng(0).integers(0, 256, (4, size, size)).astype(np.uint8)
        few, many = (network.runtime.run(canvases, many=how) for how in (False, True))
        np.testing.assert_allclose(many.logits, few.logits, atol=1e-3)
        np.testing.assert_allclose(many.embedding, few.embedding, atol=1e-3)
        answers.append(few.logits)
    np.testing.assert_allclose(answers, np.broadcast_to(answers[0], np.shape(answers)), atol=1e-3)
