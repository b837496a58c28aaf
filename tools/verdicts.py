"""What may be said of two networks: sentences that follow from intervals, and from nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from braintumor.evaluation import words
from braintumor.evaluation.paired import Difference, holm
from braintumor.evaluation.rates import Estimate
from results import NETWORKS

CUSTOM, TRANSFER = NETWORKS


def clear(found: Difference, p: float) -> int:
    """1 where the first's score is surely higher, -1 where lower, 0 where that cannot be told.

    Args:
        found: the difference.
        p: its p-value, corrected for whatever else was looked at; NaN where there is no test.
    """
    if found.unreliable or p >= 0.05:
        return 0
    return int(found.low > 0) - int(found.high < 0)


def told_apart(
    tests: Mapping[str, Difference], *, share: bool, more: bool
) -> tuple[dict[str, int], dict[str, str]]:
    """Which of two models is surely the better where, and the words for it.

    Args:
        tests: where -> difference of a score; p-values are corrected over those that are large
            enough to be concluded from.
        share: whether the score reads as a percentage.
        more: whether more of it is better.

    Returns:
        Where -> 1 for the first, -1 for the second, 0 for neither; and where -> words.
    """
    p = holm([math.nan if test.unreliable else test.p for test in tests.values()])
    sign = 1 if more else -1
    ahead = {
        where: sign * clear(test, q) for (where, test), q in zip(tests.items(), p, strict=True)
    }
    told = {
        where: f"{where} ({apart(test, share)}{'' if math.isnan(q) else ', ' + words.p_value(q)})"
        for (where, test), q in zip(tests.items(), p, strict=True)
    }
    return ahead, told


def verdict(
    ahead: Mapping[str, int],
    told: Mapping[str, str],
    *,
    names: tuple[str, str] = (f"`{CUSTOM}`", f"`{TRANSFER}`"),
) -> str:
    """What may be said where some settings tell the networks apart and others do not.

    Args:
        ahead: setting -> 1 for the first model, -1 for the second, 0 for neither.
        told: setting -> what it is called in a sentence, with its numbers.
        names: of the two.
    """
    parts = []
    for name, sign in zip(names, (1, -1), strict=True):
        places = [told[setting] for setting, value in ahead.items() if value == sign]
        if places:
            parts.append(f"{name} {words.listed(places)}")
    unsure = _nowhere([told[setting] for setting, value in ahead.items() if value == 0])
    text = ("It depends: " if len(parts) > 1 else "") + "; ".join(parts)
    return " ".join(f"{part}." for part in (text, unsure) if part)


def _nowhere(places: Sequence[str]) -> str:
    if not places:
        return ""
    if len(places) == 1:
        return f"No difference can be concluded {places[0]}"
    return f"No difference can be concluded, neither {', nor '.join(places)}"


def apart(found: Difference, share: bool) -> str:
    """A difference with its interval: "−0.8, −3.4 to +1.7"."""
    low, high = (words.apart(end, share) for end in (found.low, found.high))
    dagger = "†" if found.unreliable else ""
    return f"{words.apart(found.difference, share)}, {low} to {high}{dagger}"


def spread(found: Estimate) -> str:
    """A share with its interval: "93.9 % (90.1–96.4)"."""
    if not math.isfinite(found.low):
        return words.percent(found.value)
    ends = words.span({"low": found.low, "high": found.high}, True)
    return f"{words.percent(found.value)} ({ends})"


def points(found: Estimate) -> str:
    """A difference of shares in points, with its interval: "−0.8, −3.8 to +2.1"."""
    value, low, high = (words.points(one) for one in (found.value, found.low, found.high))
    return f"{value}, {low} to {high}"
