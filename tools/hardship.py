"""How the two networks stand other mixes of classes and other scanners: for docs/comparison.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import marks
import numpy as np
import stress as published
from matchups import Matchup
from splits import GROUPED
from verdicts import CUSTOM, TRANSFER, points, spread, verdict

from braintumor.evaluation import stress_words, words
from braintumor.evaluation.mixes import mixes as under_mixes
from braintumor.evaluation.mixes import standard_mixes
from braintumor.evaluation.rates import Estimate, GroupDraws
from braintumor.evaluation.resampling import group_numbers
from braintumor.evaluation.stress import Cell, ModelResult, Stress, clear

NO_STRESS = "No stress test of both networks has been published yet."
_WHERE = {
    "given": "in the table's own mix",
    "uniform": "with all classes alike",
    "screening": "in a screening clinic, 95 % without tumour",
    "tumour_board": "in a tumour board, tumours only",
}
# The severity at which what is kept is stated.
_MIDDLE = 3


@dataclass(frozen=True)
class Found:
    """One part of the document.

    Attributes:
        answer: the question and its answer.
        lines: what stands below the part's heading.
        stress: the stress test that it tells of, of every model that was published.
        steadier: a second question, where there is one, and its answer.
        ahead: where -> 1 where the custom network is surely the better, -1 where the other is, 0
            where it cannot be told; by the words that a sentence has for it.
    """

    answer: tuple[str, str]
    lines: list[str]
    stress: Stress | None = None
    steadier: tuple[str, str] | None = None
    ahead: Mapping[str, int] = field(default_factory=dict)


def mixes(found: Sequence[Matchup]) -> Found:
    """Accuracy under every mix, in the hardest setting that has enough of every class; of the
    calibrated answers, for these are what somebody would act on."""
    matchup = next((m for m in reversed(found) if m.whole), found[0])
    answers = matchup.calibrated
    one = answers[CUSTOM]
    draw = GroupDraws(group_numbers(one))
    right = {name: (rows.y_pred == rows.y_true).astype(float) for name, rows in answers.items()}
    shares = np.bincount(one.y_true, minlength=4) / len(one)
    every = standard_mixes(shares)
    rows, ahead, told, spans = [], {}, {}, {name: [] for name in right}
    for mix in every:
        share = np.asarray(mix.share)
        each = {
            name: draw.mean_under(hit.astype(float), one.y_true, share)
            for name, hit in right.items()
        }
        apart = draw.mean_under(
            right[CUSTOM] - right[TRANSFER],
            one.y_true, share, lowest=-1.0, comparisons=len(every),
        )  # fmt: skip
        for name, estimate in each.items():
            spans[name].append(estimate.value)
        ahead[mix.name] = clear(apart)
        told[mix.name] = f"{_WHERE[mix.name]} ({points(apart)})"
        cells = (spread(estimate) for estimate in each.values())
        rows.append([mix.title, *cells, points(apart)])
    moved = words.listed(
        [f"{100 * (max(v) - min(v)):.1f} points with `{name}`" for name, v in spans.items()]
    )
    steadier = draw.steadiness(
        right[CUSTOM], right[TRANSFER], one.y_true, np.array([mix.share for mix in every])
    )
    steadily = (
        f"{_steadier(-clear(steadier), 'moves less')}: from mix to mix accuracy moves by {moved} "
        f"(`{CUSTOM}` more than `{TRANSFER}` by {points(steadier)})."
    )
    heads = ("accuracy", *(f"`{name}`" for name in right), "difference, points")
    lines = [
        f"{matchup.name}: what each class is taken for stays, its share changes. All of this part "
        "is of the answers that are given, the calibrated ones. The intervals of the differences "
        f"hold together: they are corrected for being {len(every)} (Bonferroni).",
        "",
        *marks.table(heads, rows),
        "",
        *screening(matchup),
    ]
    return Found(
        (
            "Under other class mixes, whose calibrated answers are right more often?",
            verdict(ahead, told),
        ),
        lines,
        steadier=("Whose calibrated answers are steadier across class mixes?", steadily),
        ahead={_WHERE[name]: sign for name, sign in ahead.items()},
    )


def screening(matchup: Matchup) -> list[str]:
    """What a call is worth where nearly all are healthy, of the calibrated answers."""
    told = {}
    for name, rows in matchup.calibrated.items():
        judged = {result.mix.name: result for result in under_mixes(rows).results}
        told[name] = judged["screening"].ppv
    rows = [
        [words.CLASS_NAMES[label], *(spread(ppv[label]) for ppv in told.values())]
        for label in ("glioma", "meningioma", "pituitary")
    ]
    heads = ("in a screening clinic, of those called", *(f"`{name}`" for name in told))
    return [
        "Where 95 % have no tumour, this share of those called a tumour's class have it:",
        "",
        *marks.table(heads, rows),
    ]


def conditions(results: Path) -> Found:
    """Accuracy under scanner conditions, and how much of it is lost."""
    question = "Which is steadier across scanner conditions?"
    files = [results / GROUPED / name / published.FILE for name in (CUSTOM, TRANSFER)]
    if not all(file.is_file() for file in files):
        return Found((question, NO_STRESS), [NO_STRESS])
    stress, _ = published.judged(results / GROUPED)
    (difference,) = (d for d in stress.differences if {d.a, d.b} == {CUSTOM, TRANSFER})
    lost = {name: _lost(stress, name) for name in stress.models}
    draw = GroupDraws(group_numbers(stress.table.answers[CUSTOM].clean))
    steadier = draw.mean(lost[CUSTOM] - lost[TRANSFER], lowest=-1.0)
    sign = -clear(steadier)
    told = (
        f"accuracy falls by {100 * lost[CUSTOM].mean():.1f} points under the conditions with "
        f"`{CUSTOM}` and {100 * lost[TRANSFER].mean():.1f} with `{TRANSFER}` "
        f"({points(steadier)})"
    )
    answer = (
        f"{_steadier(sign, 'loses less')}: {told}. {stress_words.over_conditions(difference)} "
        "By condition: [evaluation.md](evaluation.md#under-scanner-conditions)."
    )
    heads = ("", *(f"`{name}`" for name in stress.models))
    lines = [
        f"{words.slices(len(stress.table.truth), 'slice')} of "
        f"{words.slices(stress.groups, 'group')}, each judged by networks that had not seen it; "
        f"{len(stress.table.graded)} conditions at several severities. "
        f"`{difference.a}` minus `{difference.b}` over all of them: "
        f"{points(difference.overall)} points.",
        "",
        *marks.table(heads, _conditions(stress)),
    ]
    return Found((question, answer), lines, stress)


def _steadier(sign: int, how: str) -> str:
    name = {1: f"`{CUSTOM}`", -1: f"`{TRANSFER}`"}.get(sign)
    return name or f"Which {how} cannot be concluded"


def _lost(stress: Stress, name: str) -> np.ndarray:
    """(n,) what an image loses: right untouched, less the share of graded states right."""
    table = stress.table
    right = table.answers[name].predicted == table.truth[:, None]
    by_condition = [right[:, table.columns(c)].mean(axis=1) for c in table.graded]
    return np.asarray(right[:, 0] - np.mean(by_condition, axis=0))


def graded(stress: Stress, name: str, *, met: bool) -> list[str]:
    """The conditions of several severities that a model's training met, or never met; none of
    either where that is not known."""
    known = stress.table.answers[name].met
    return [] if known is None else [c for c in stress.table.graded if (c in known) == met]


def kept(
    stress: Stress, name: str, severity: int = _MIDDLE, *, met: bool = False
) -> Estimate | None:
    """Share of the untouched accuracy kept at a severity, mean over the conditions that training
    never met, or over those it met; None where there are none or nobody knows."""
    table, answers = stress.table, stress.table.answers[name]
    chosen = graded(stress, name, met=met)
    if not chosen:
        return None
    right = (answers.predicted == table.truth[:, None]).astype(float)
    columns = [table.columns(c)[severity - 1] for c in chosen]
    draw = GroupDraws(group_numbers(answers.clean))
    return draw.ratio(right[:, columns].mean(axis=1), right[:, 0])


def _conditions(stress: Stress) -> list[list[str]]:
    models = stress.models

    def row(name: str, what) -> list[str]:  # type: ignore[no-untyped-def]
        return [name, *(what(model) for model in models)]

    def of_severity(model: str, severity: int) -> Cell:
        return models[model].by_severity[severity]

    last = max(next(iter(models.values())).by_severity)
    at = f"severity {_MIDDLE}"
    return [
        row("Accuracy untouched", lambda m: words.percent(models[m].clean.accuracy)),
        row("Accuracy, all conditions and severities", lambda m: spread(models[m].accuracy)),
        row("of it under conditions that training met", lambda m: words.percent(models[m].met)),
        row("under those it never met", lambda m: words.percent(models[m].never_met)),
        row(f"Kept at {at}, never met", lambda m: _told(kept(stress, m))),
        row(
            f"Calibration error at {at} (by chance alone {published.chance(stress)})",
            lambda m: words.number(of_severity(m, _MIDDLE).ece),
        ),
        row(f"Uncertain or refused at severity {last}", lambda m: _doubted(models[m], last)),
    ]


def _told(found: Estimate | None) -> str:
    return "–" if found is None else spread(found)


def _doubted(result: ModelResult, severity: int) -> str:
    cell = result.by_severity[severity]
    return words.percent(cell.uncertain + cell.refused)
