"""Where the network looked: its heat maps over masks, beside maps that know nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from braintumor.evaluation import words
from braintumor.evaluation.judgement import Judgement
from braintumor.evaluation.page import Section

# Below this likeness a map of forgotten weights is another map.
_ALIKE = 0.5


def section(judgement: Judgement, *, images: bool) -> Section | None:
    """Scores by class, the two maps that know nothing, and the check with forgotten weights."""
    found = judgement.run.localisation
    if found is None:
        return None
    taught = judgement.run.recipe.get("record", {}).get("masks") is True
    values = {
        "found": found,
        "rows": list(found["classes"].items()),
        "check": check(found),
        "taught": taught,
    }
    return Section(
        "localisation.html", values, "Where it looked", lead(found), "Scores by class, and checks"
    )


def lead(found: Mapping[str, Any]) -> str:
    """How often the hottest place is at the tumour, and what that is worth, in a sentence."""
    part = found["classes"]["all"]
    hit, middle, chance = (part[kind]["pointing"] for kind in ("maps", "centre", "random"))
    ends = words.span(part["interval"], True)
    return (
        f"Of {words.slices(part['n'], 'tumour')} that people outlined, the hottest place of the "
        f"heat map lies in it, or within {found['tolerance']} of {found['side']} pixels of it, in "
        f"{words.percent(hit)} ({ends}); a map that always points at the middle of the head does "
        f"so in {words.percent(middle)}, one that points anywhere in it in {words.percent(chance)}."
    )


def check(found: Mapping[str, Any]) -> str:
    """What is left of the maps when the network forgets; "" where that was not tried."""
    if not found["sanity"]:
        return ""
    last = found["sanity"][-1]
    like = words.number(last["likeness"], 2)
    verdict = (
        "So the maps show what the network learnt, and not the picture alone."
        if last["likeness"] < _ALIKE
        else "So the maps may show the picture rather than what the network learnt."
    )
    return (
        f"With the weights of {last['share']:.0%} of the layers drawn anew, maps "
        f"resemble the trained ones by {like} (rank correlation; 1 is the same map). {verdict}"
    )
