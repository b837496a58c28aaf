"""A stress table made without models: who is right where is given, and everything else follows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from braintumor.classes import CLASSES
from braintumor.evaluation.stress_table import COLUMNS

STATES = (
    ("clean", 0),
    *((name, severity) for name in ("blur", "jpeg") for severity in (1, 2, 3, 4, 5)),
    ("mirrored", 1),
)
# (image, condition, severity) -> confidence in the right class, or a status without an answer.
Say = Callable[[int, str, int], float | str]


def rows(
    say: Say,
    *,
    model: str = "cnn",
    images: int = 8,
    met: str | None = "jpeg",
    phantom: bool = False,
) -> list[dict[str, Any]]:
    """Rows of one model; image i is of class i modulo 4, and two images make a patient.

    A confidence below a half means that the next class gets the rest.
    """
    made = []
    for image in range(images):
        label = image % 4
        for condition, severity in STATES:
            said = say(image, condition, severity)
            row: dict[str, Any] = {
                "path": f"test/{CLASSES[label]}/{image}.png",
                "sha256": f"{image:064x}",
                "group": f"patient{image // 2}",
                "label": CLASSES[label],
                "model": model,
                "model_sha256": model.encode().hex().ljust(64, "0"),
                "split": "test",
                "condition": condition,
                "severity": severity,
                "in_training": "" if met is None else str(condition == met).lower(),
                "phantom": str(phantom).lower(),
            }
            if isinstance(said, str):
                made.append({**row, "status": said, "reason": "as told"})
                continue
            shares = [0.0] * 4
            shares[label], shares[(label + 1) % 4] = said, 1 - said
            best = max(range(4), key=shares.__getitem__)
            made.append(
                {
                    **row,
                    "status": "ok" if shares[best] > 0.55 else "uncertain",
                    "predicted": CLASSES[best],
                    "confidence": shares[best],
                    **{f"p_{name}": p for name, p in zip(CLASSES, shares, strict=True)},
                }
            )
    return made


def write(path: Path, *parts: list[dict[str, Any]]) -> Path:
    """Write rows as a table."""
    frame = pd.DataFrame([row for part in parts for row in part], columns=list(COLUMNS))
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False)
    return path


def sturdy(image: int, condition: str, severity: int) -> float:
    """Always right, a little less sure where it is hard."""
    return 0.9 - 0.02 * severity


def frail(image: int, condition: str, severity: int) -> float | str:
    """Blur takes one more image at each severity; JPEG changes nothing; mirrors confuse wholly."""
    if condition == "mirrored":
        return 0.1
    if condition == "blur" and image < severity:
        return 0.2
    return 0.9
