"""A stress test in words: who is right more often, where each breaks, and what cannot be told.

Every sentence is made from the numbers of `stress.Stress`, and says "cannot be told" where an
interval holds zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from braintumor.evaluation import words
from braintumor.evaluation.rates import Estimate
from braintumor.evaluation.stress import Difference, ModelResult, Stress, clear


def condition_name(name: str) -> str:
    """A condition as people read it: "rician_noise" is "Rician noise"."""
    spelled = {"jpeg": "JPEG", "gibbs_ringing": "Gibbs ringing"}
    return spelled.get(name, name.replace("_", " ").capitalize())


def answer(stress: Stress, titles: Mapping[str, str] | None = None) -> list[str]:
    """Who is right more often, over conditions and over class mixes: a sentence or two a pair.

    It says nothing of who loses less: whoever is ahead untouched may lose as much and stay ahead.

    Args:
        stress: the numbers.
        titles: name of a class mix -> as people read it.
    """
    if not stress.differences:
        (name,) = stress.models
        return [_alone(name, stress)]
    said = []
    for difference in stress.differences:
        said.append(over_conditions(difference))
        if difference.mixes:
            said.append(_over_mixes(difference, titles or {}))
    return said


def findings(stress: Stress) -> list[str]:
    """What else there is to say: of each pair by condition, then of each model."""
    said = [
        _by_condition(difference, len(stress.table.graded)) for difference in stress.differences
    ]
    for name, result in stress.models.items():
        said.append(_of_model(name, result, stress.table.graded))
        said.append(_trained(name, result, stress.table.graded))
        said.append(_sureness(name, result))
    return [sentence for sentence in said if sentence]


def points(estimate: Estimate) -> str:
    """A difference in percentage points, with its interval: "+4.6 (−5.2 to +13.3)"; "+4.6 (–)"
    where it has none."""
    value, low, high = (
        f"{100 * x:+.1f}".replace("-", "\N{MINUS SIGN}") if x == x else words.NOT_DEFINED
        for x in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} ({low})" if low == words.NOT_DEFINED else f"{value} ({low} to {high})"


def share(estimate: Estimate) -> str:
    """A share with its interval."""
    low, high = words.percent(estimate.low), words.percent(estimate.high)
    return f"{words.percent(estimate.value)} ({low} to {high})"


def _alone(name: str, stress: Stress) -> str:
    result = stress.models[name]
    return (
        f"Under {len(stress.table.graded)} conditions at several severities {name} is right in "
        f"{share(result.accuracy)} of the cases, against {words.percent(result.clean.accuracy)} "
        "on the same slices untouched."
    )


def over_conditions(d: Difference) -> str:
    """Which of two models is right more often under conditions, in a sentence."""
    better, worse = (d.a, d.b) if d.overall.value >= 0 else (d.b, d.a)
    if clear(d.overall):
        return (
            f"Across clinical conditions {better} is right more often than {worse}: over all "
            f"conditions and severities, {d.a} minus {d.b} is {points(d.overall)} points."
        )
    return (
        f"Which of {d.a} and {d.b} is right more often across clinical conditions cannot be told "
        f"from these slices: over all conditions and severities, {d.a} minus {d.b} is "
        f"{points(d.overall)} points."
    )


def _over_mixes(d: Difference, titles: Mapping[str, str]) -> str:
    known = {name: one for name, one in d.mixes.items() if one.value == one.value}
    ahead = {
        model: [name for name, one in known.items() if clear(one) == sign]
        for model, sign in ((d.a, 1), (d.b, -1))
    }
    told = "; ".join(f"{titles.get(n, n).lower()} {points(one)}" for n, one in known.items())
    for model, other in ((d.a, d.b), (d.b, d.a)):
        if ahead[model] and not ahead[other]:
            return (
                f"Across class mixes {model} is right more often than {other} in "
                f"{len(ahead[model])} of {len(known)} ({d.a} minus {d.b} on untouched slices, "
                f"points: {told})."
            )
    if not ahead[d.a] and not ahead[d.b]:
        return (
            f"Across class mixes no difference between {d.a} and {d.b} can be told ({d.a} minus "
            f"{d.b} on untouched slices, points: {told})."
        )
    return (
        f"Across class mixes it depends on the mix ({d.a} minus {d.b} on untouched slices, points: "
        f"{told})."
    )


def _by_condition(d: Difference, count: int) -> str:
    parts = []
    for model, sign in ((d.a, 1), (d.b, -1)):
        names = [name for name, one in d.conditions.items() if clear(one) == sign]
        if names:
            parts.append(f"{model} is better under {listed(names)}")
    open_ = sum(clear(one) == 0 for one in d.conditions.values())
    if not parts:
        return f"Condition by condition, none of {count} tells {d.a} and {d.b} apart."
    return (
        f"Condition by condition {'; '.join(parts)}; {open_} of {count} stay open (intervals "
        f"corrected for {count} comparisons)."
    )


def _of_model(name: str, result: ModelResult, graded: Sequence[str]) -> str:
    order = sorted(graded, key=lambda c: result.conditions[c].mean.accuracy)
    worst = ", ".join(
        f"{_within(c)} ({words.percent(result.conditions[c].mean.accuracy)})" for c in order[:3]
    )
    kept = result.accuracy.value / result.clean.accuracy if result.clean.accuracy else float("nan")
    return (
        f"{name} is right in {words.percent(result.clean.accuracy)} untouched and in "
        f"{share(result.accuracy)} over all conditions: {words.percent(kept)} of it is kept. "
        f"Hardest: {worst}."
    )


def _trained(name: str, result: ModelResult, graded: Sequence[str]) -> str:
    met = [c for c in graded if result.conditions[c].met]
    if any(result.conditions[c].met is None for c in graded):
        return f"What conditions {name} met in training is not known."
    if not met or len(met) == len(graded):
        return ""
    return (
        f"In training {name} met {listed(met)}, or something like it: there it is right in "
        f"{words.percent(result.met)}; under the {len(graded) - len(met)} conditions that it "
        f"never met, in {words.percent(result.never_met)}."
    )


def _sureness(name: str, result: ModelResult) -> str:
    last = max(result.by_severity)
    cell = result.by_severity[last]
    said = (
        f"{name}'s calibration error goes from {words.number(result.clean.ece)} untouched to "
        f"{words.number(cell.ece)} at severity {last}"
    )
    doubted = cell.uncertain + cell.refused
    if not doubted:
        return f"{said}; it doubts none of its answers there."
    return (
        f"{said}; there {words.percent(doubted)} of the slices are uncertain or refused, and of "
        f"those answered without doubt {words.percent(cell.accuracy_ok)} are right."
    )


def listed(names: Sequence[str]) -> str:
    """Names of conditions in a row, within a sentence."""
    return words.listed([_within(name) for name in names])


def _within(name: str) -> str:
    """A condition's name within a sentence."""
    spelled = condition_name(name)
    return spelled if spelled.startswith(("JPEG", "Rician", "Gibbs")) else spelled.lower()
