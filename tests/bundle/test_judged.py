"""What judging found out is read whole, or refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from braintumor.bundle.judged import Judged
from braintumor.errors import BraintumorError


def test_what_a_card_needs_is_read_and_the_rest_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    content = {
        "calibration": {"scale": [0.8] * 4, "bias": [0] * 4, "method": "temperature"},
        "conformal": {"alpha": 0.05, "quantiles": [0.9, 0.8, 0.7, 0.6]},
        "notes": ["whatever"],
    }
    path.write_text(json.dumps(content))

    judged = Judged.read(path)
    assert judged.calibration.scale == (0.8,) * 4
    assert judged.conformal is not None
    assert judged.conformal.quantiles == (0.9, 0.8, 0.7, 0.6)
    assert judged.thresholds is None
    assert judged.for_card().keys() > {"calibration", "conformal", "thresholds", "evidence"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[]", "the file"),
        ('{"calibration": {"scale": [1, 1, 1, 0]}}', "calibration.scale"),
        ('{"calibration": {"scale": [1, 1, 1, NaN]}}', "calibration.scale"),
        ('{"conformal": {"alpha": 0.1}}', "conformal.quantiles"),
        ('{"thresholds": [2, 0, 0, 0]}', "thresholds"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(text)

    with pytest.raises(BraintumorError, match=r"calibration\.json") as refused:
        Judged.read(path)
    assert place in str(refused.value)
    assert "\n" not in str(refused.value)
