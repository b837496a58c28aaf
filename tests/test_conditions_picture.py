"""The picture of the scanner conditions in the documents is the one that its command draws."""

from __future__ import annotations

from pathlib import Path

import conditions
import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]


def test_the_committed_picture_is_what_the_command_draws() -> None:
    with Image.open(ROOT / "docs" / "pictures" / "conditions.png") as committed:
        drawn, stored = (
            np.asarray(p, np.int16) for p in (conditions.sheet(), committed.convert("L"))
        )
    assert drawn.shape == stored.shape
    # Fonts and the last bit of a Fourier transform may differ from machine to machine.
    assert np.mean(np.abs(drawn - stored) > 8) < 0.005
