"""Claimed 95 % intervals: around their value, and as wide as the number of patients demands.

The commonest mistake in intervals of slices is to count slices: twenty of one patient are not
twenty patients. A claimed interval is held against that which the table's rows give, each taken
for a patient, and against that of its groups. Methods differ, so only a much narrower one is
called wrong. Knows claims and tables.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from braintumor.classes import split_from_name
from braintumor.evaluation import claims as told
from braintumor.evaluation.findings import Finding
from braintumor.evaluation.intervals import Interval, intervals, wilson
from braintumor.evaluation.predictions import Predictions

# Wald, Wilson, DeLong and the bootstrap differ by less than this, except at 0 and 1.
_NARROW = 0.55
# Enough for a width to a twentieth.
_DRAWS = 200
_LOW = "low|lower|lo|lower_bound|low_bound|lcl|min"
_HIGH = "high|upper|hi|upper_bound|high_bound|ucl|max"
_CI = re.compile(r"(?:^|_)(?:95_?)?(?:ci|conf_int|confidence_interval|interval)s?(?:_?95)?(?=_|$)")
_END = r"(\d+(?:\.\d*)?|\.\d+)"  # journals write .92 too; 0.9.2 is no number
_SURE = r"(?:95\s*%\s*)?(?:CI|confidence interval)\s*[:=,]?\s*"
_INLINE = re.compile(
    rf"[\[(]\s*(?:{_SURE})?{_END}\s*(%?)\s*(?:-|–|,|;|to)\s*{_END}\s*(%?)\s*[\])]\s*%?\s*$",
    re.IGNORECASE,
)
_PATIENTS = ("patients", "n_patients", "groups", "n_groups", "subjects", "n_subjects")
_PROPORTIONS = ("accuracy", "sensitivity", "specificity", "precision")


@dataclass(frozen=True)
class Claimed:
    """A claimed interval; `value` is the score claimed with it, or None."""

    low: float
    high: float
    value: float | None


def narrow(claims: Mapping[str, Any], table: Predictions) -> Iterator[Finding]:
    """Intervals that cannot be, each split for itself.

    Args:
        claims: as `claims.read_claims` gives them.
        table: with probabilities.
    """
    parts = told.by_split(claims)
    plain = {k: v for k, v in claims.items() if k != "splits" and k not in parts}
    scored = table.scored()
    for name, part in {"": plain, **parts}.items():
        found = read(part)
        if not found:
            continue
        rows = _meant(name, part, scored, alone=len(parts) == 1)
        if rows is not None:
            yield from _judged(found, rows, _patients(part) or _patients(plain))


def _meant(
    name: str, part: Mapping[str, Any], scored: Predictions, *, alone: bool
) -> Predictions | None:
    """The rows that a claim is about, as `claims.compare` finds them; None where the table has
    none of them. Of a table of several splits, a claim without one means the test where its other
    numbers fit that as well as anything."""
    if name:
        split = split_from_name(name)
        if split in scored.splits:
            return scored.split(str(split))
        return scored if alone and not scored.splits else None
    readings = told.best_readings(part, scored)
    reading = "test" if "test" in readings else readings[0]
    return scored if reading == "all" else scored.split(reading)


def read(part: Mapping[str, Any]) -> dict[str, Claimed]:
    """Claimed intervals by the metric's name in `Metrics`, dotted.

    Understood are `accuracy_ci: [low, high]`, `accuracy: {value, low, high}`, `accuracy_ci_lower`,
    `intervals: {accuracy: {low, high}}`, and "0.95 (0.92-0.97)" or "0.95 (95 % CI: 0.92-0.97)".
    """
    ends: dict[str, dict[str, float]] = {}
    for key, value in told.flat(part):
        word = re.sub(r"[\s\-]+", "_", key.strip().lower())
        inline = _INLINE.search(value) if isinstance(value, str) else None
        name = told.metric_name(word)
        if name is not None and inline:
            lower, _, upper, sign = inline.groups()  # "0.5-1.4 %": the sign is of both
            unit = "%" if told.is_percent(value) else sign
            low, high = (told.meant(name, f"{end}{unit}")[0] for end in (lower, upper))
            ends.setdefault(name, {}).update(low=low, high=high)
        if name is not None and told.number(value) is not None:
            ends.setdefault(name, {})["value"] = told.meant(name, value)[0]
        side, rest = _side(word)
        if side and (name := told.metric_name(rest)) and told.number(value) is not None:
            ends.setdefault(name, {})[side] = told.meant(name, value)[0]
    return {
        name: Claimed(found["low"], found["high"], found.get("value"))
        for name, found in ends.items()
        if {"low", "high"} <= set(found)
    }


def _side(key: str) -> tuple[str, str]:
    """("low" or "high", the metric's name) of an end of an interval; ("", "") of another key."""
    *rest, last = key.split(".")
    match = re.fullmatch(rf"(.*?)_?(?:(?P<low>{_LOW})|(?P<high>{_HIGH}))", last)
    if match:
        side = "low" if match.group("low") else "high"
        rest.append(match.group(1))
    elif last in ("0", "1") and any(_CI.search(token) for token in rest):
        side = "low" if last == "0" else "high"
    else:
        return "", ""
    stripped = [_CI.sub("", token).strip("_") for token in rest]
    return side, ".".join(token for token in stripped if token)


def _patients(part: Mapping[str, Any]) -> int:
    for key, value in part.items():
        number = told.number(value)
        if key.strip().lower() in _PATIENTS and number is not None:
            return int(number)
    return 0


def _judged(found: Mapping[str, Claimed], rows: Predictions, patients: int) -> Iterator[Finding]:
    alone, grouped = _given(rows)
    for name, claim in found.items():
        key = name.removeprefix("per_class.")
        inside = claim.value is None or claim.low - 1e-9 <= claim.value <= claim.high + 1e-9
        if claim.low > claim.high or not inside:
            text = f"{name}: the claimed interval {_shown(claim)} does not hold its own value."
            yield Finding("claims_contradict", "wrong", text, {"metric": name})
        elif key in alone:
            finding = _width(name, claim, alone[key], grouped.get(key), patients, len(rows))
            if finding is not None:
                yield finding


@lru_cache(maxsize=4)
def _given(rows: Predictions) -> tuple[Mapping[str, Interval], Mapping[str, Interval]]:
    """The intervals with each row a patient, and by group; the second empty where none is known.

    Kept, because a person tries several claims on one table.
    """
    alone = intervals(rows.y_true, rows.y_prob, draws=_DRAWS).scores
    groups = rows.frame["group"].to_numpy(object)
    if not (groups != "").any():
        return alone, {}
    return alone, intervals(rows.y_true, rows.y_prob, groups, draws=_DRAWS).scores


def _width(
    name: str, claim: Claimed, alone: Interval, grouped: Interval | None, patients: int, n: int
) -> Finding | None:
    width = claim.high - claim.low
    by = [
        (alone, f"{n} slices, were they all of different patients,", alone.errors < 2),
        (grouped, f"{grouped.units if grouped else 0} patients (groups)", False),
    ]
    for given, whose, doubtful in by:
        if given is None or not math.isfinite(given.high - given.low):
            continue
        if width < _NARROW * (given.high - given.low):
            sure = not doubtful and (given is alone or not given.unreliable)
            return _narrow(name, claim, (given.low, given.high), whose, sure)
    value = claim.value if claim.value is not None else (claim.low + claim.high) / 2
    if grouped is None and 0 < patients < n and name.split(".")[-1] in _PROPORTIONS:
        low, high = wilson(value, patients)
        if width < _NARROW * (high - low):
            whose = f"{patients} patients, did the slices of one stand or fall together,"
            return _narrow(name, claim, (low, high), whose, False)
    return None


def _narrow(
    name: str, claim: Claimed, ends: tuple[float, float], whose: str, sure: bool
) -> Finding:
    text = (
        f"{name}: the claimed interval {_shown(claim)} is too narrow: {whose} give "
        f"{ends[0]:.3f} to {ends[1]:.3f}."
    )
    numbers = {"metric": name, "claimed": [claim.low, claim.high], "given": list(ends)}
    return Finding("interval_too_narrow", "wrong" if sure else "improbable", text, numbers)


def _shown(claim: Claimed) -> str:
    return f"{claim.low:g} to {claim.high:g}"
