"""Names and numbers as reports and tables print them.

Knows words only: no tables, no figures, no files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

CLASS_NAMES: dict[str, str] = {
    "glioma": "Glioma",
    "meningioma": "Meningioma",
    "no_tumor": "No tumour",
    "pituitary": "Pituitary",
}
PART_NAMES: dict[str, str] = {
    "train": "Training",
    "valid": "Validation",
    "test": "Test",
    "valid_unseen": "Validation, unseen",
    "test_unseen": "Test, unseen",
    "all": "All rows",
}
RESEARCH_ONLY = "For research only. Not a medical device; not for diagnosis or treatment."
NOT_DEFINED = "–"
NBSP = "\N{NO-BREAK SPACE}"

# Key in `Metrics`, heading, and whether it reads best as a percentage.
SCORES: tuple[tuple[str, str, bool], ...] = (
    ("accuracy", "Accuracy", True),
    ("balanced_accuracy", "Balanced accuracy", True),
    ("macro_f1", "Macro F1", False),
    ("mcc", "MCC", False),
    ("macro_auc", "Macro AUC", False),
    ("macro_ap", "Macro AP", False),
    ("log_loss", "Log loss", False),
    ("ece", "ECE", False),
)
CLASS_SCORES: tuple[tuple[str, str, bool], ...] = (
    ("support", "Slices", False),
    ("sensitivity", "Sensitivity", True),
    ("specificity", "Specificity", True),
    ("precision", "Precision", True),
    ("f1", "F1", False),
    ("auc", "AUC", False),
    ("average_precision", "AP", False),
)


def percent(share: float | None) -> str:
    """A share as a percentage: 0.9634 is "96.3 %" (with a no-break space); NaN and None a dash.

    Only a perfect share reads 100 %: 0.9996 is "99.9 %", and so at the other end.
    """
    if share is None or not math.isfinite(share):
        return NOT_DEFINED
    tenths = round(share * 1000)
    if share < 1:
        tenths = min(tenths, 999)
    if share > 0:
        tenths = max(tenths, 1)
    return f"{tenths / 10:.1f}\N{NO-BREAK SPACE}%"


def points(difference: float | None) -> str:
    """A difference of shares in points of a hundred, with its sign: 0.0123 is "+1.2"."""
    if difference is None or not math.isfinite(difference):
        return NOT_DEFINED
    text = f"{100 * difference:+.1f}".replace("-", "\N{MINUS SIGN}")
    return "0.0" if text[1:] == "0.0" else text


def apart(difference: float | None, as_percent: bool) -> str:
    """A difference of two scores with its sign: in points where they read as percentages."""
    if as_percent or difference is None or not math.isfinite(difference):
        return points(difference)
    text = f"{difference:+.3f}".replace("-", "\N{MINUS SIGN}")
    return "0.000" if text[1:] == "0.000" else text


def span(interval: Mapping[str, Any] | None, as_percent: bool) -> str:
    """The ends of an interval: "92.1–97.5", or "0.931–0.978"; "" where there is none."""
    if not interval or interval["low"] is None or interval["high"] is None:
        return ""
    low, high = (score(interval[end], as_percent) for end in ("low", "high"))
    return f"{low.removesuffix(NBSP + '%')}–{high.removesuffix(NBSP + '%')}"


def number(value: float | None, digits: int = 3) -> str:
    """A score with three digits; an integer as it is; NaN and None a dash.

    As for `percent`, only a perfect score reads 1.000.
    """
    if value is None or not math.isfinite(value):
        return NOT_DEFINED
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    rounded = round(value, digits)
    if rounded == 1.0 and value < 1.0:
        rounded = 1.0 - 10.0**-digits
    return f"{rounded:.{digits}f}"


def score(value: Any, as_percent: bool) -> str:
    """A score as a percentage or as a number."""
    return percent(value) if as_percent else number(value)


def p_value(p: float) -> str:
    """A p-value as people write it: "p = 0.034", "p < 0.001"; NaN a dash."""
    if math.isnan(p):
        return NOT_DEFINED
    return "p < 0.001" if p < 0.001 else f"p = {number(p, 3 if p < 0.1 else 2)}"


def slices(count: int, what: str = "slice") -> str:
    """A count with its noun: "1 slice", "246 slices"."""
    return f"{number(count)} {what}" + ("" if count == 1 else "s")


def part_name(part: str) -> str:
    """What a reader calls a part of the table: "Test", "Test, unseen"."""
    return PART_NAMES.get(part, part)


def shortened(text: str, longest: int) -> str:
    """The text, its middle replaced by an ellipsis where it is longer than `longest`."""
    if len(text) <= longest:
        return text
    head = (longest - 1) // 2
    return f"{text[:head]}…{text[len(text) - (longest - 1 - head) :]}"


def listed(items: Sequence[str]) -> str:
    """Words in a row: "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
