"""docs/comparison.md: a custom CNN or transfer learning? Answered from committed files.

    python tools/comparison.py [--write]

Read are the predictions under results/labeled-mri-given and results/labeled-mri-grouped, recipes,
stress tests, the shipped graphs and the measured speed, whatever of it is there. Every sentence is
made from the numbers: where an interval holds zero, it says that nothing can be concluded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import aims
import costs
import hardship
import marks
import missed
from marks import Part
from matchups import Matchup, matchups
from splits import RESULTS, score, tested
from verdicts import CUSTOM, TRANSFER, spread, told_apart, verdict

from braintumor.evaluation import words
from results import ENSEMBLE, NETWORKS

# Key of a score, how a sentence says that one is ahead, whether it reads as a percentage, and
# whether more is better.
_QUESTIONS = (
    ("Which is more accurate?", "accuracy", True, True),
    ("Which ranks better?", "macro_auc", False, True),
    ("Whose probabilities are closer to the truth?", "log_loss", False, False),
    ("Which is better calibrated?", "ece", False, False),
)
_CALIBRATED = (
    ("accuracy", "Accuracy", True),
    ("balanced_accuracy", "Balanced accuracy", True),
    ("log_loss", "Log loss", False),
    ("ece", "ECE", False),
)


def page(results: Path = RESULTS) -> str:
    """The document's part, in Markdown."""
    found = matchups(results)
    if not found:
        return "The two networks have not been published yet, so there is nothing to compare."
    mixes, stress, cost = hardship.mixes(found), hardship.conditions(results), costs.costs(results)
    answers = [(question, *_answer(found, *how)) for question, *how in _QUESTIONS]
    rows = [(question, text) for question, text, _ in answers]
    steadier = [mixes.steadier] if mixes.steadier else []
    rows += [mixes.answer, *steadier, stress.answer, cost.answer]
    both, gain = _both(found)
    if both:
        rows.append(("Are the two together better than one?", both))
    rows.append(("For whom?", _for_whom(answers[0][2], mixes.ahead, gain, cost)))
    lines = [
        "## In short",
        "",
        "The scores are of the networks' own probabilities, as they come, where nothing else is "
        "said: a network is compared, not what is fitted to it. What is answered with in the end "
        "is calibrated, and stands in rows that say so.",
        "",
        f"In brackets: `{CUSTOM}` less `{TRANSFER}` (accuracy in points of a hundred), its 95 % "
        "interval, and a p-value corrected by Holm's method over the settings that are large "
        "enough to conclude from; over class mixes the intervals are corrected for being several.",
        "",
        *marks.table(("question", "answer"), rows),
        "",
        "## Useless probabilities?",
        "",
        _useless(found),
        "",
        "## Side by side",
        "",
        f"Intervals are 95 % ones whose units are groups: patients, or near copies where no "
        f"patient is known; p-values come from swapping the networks in whole groups. A dagger (†) "
        f"stands where fewer than 50 groups, or fewer than five with an error, carry a score, and "
        "where the networks differ on fewer than six groups; the last row bears none. "
        f"*Difference* is `{CUSTOM}` less `{TRANSFER}`. *Calibrated*: by what was fitted on the "
        "validation slices, or on the other folds.",
        "",
    ]
    for matchup in found:
        lines += [f"### {matchup.name}", "", *_side_by_side(matchup), ""]
    lines += ["## Class mixes", "", *mixes.lines, "", "## Scanner conditions", "", *stress.lines]
    lines += ["", "## What they cost", "", *cost.lines, "", "## Against the aims", ""]
    reached = aims.rows(results, found, stress.stress)
    lines += [
        "Aims that we set ourselves beforehand (*first aims*: those that an earlier issue had), "
        "and what was found: over folds, of probabilities calibrated by the other folds. Bold "
        "where the estimate reaches the aim; where the interval reaches past it, that proves "
        "nothing. A row without an aim is stated only.",
        "",
        *aims.lines(reached),
        "",
        *aims.notes(results, found, stress.stress),
        *missed.lines(results, reached, found),
    ]
    return "\n".join(lines).replace(words.NBSP, " ")


def _answer(
    found: Sequence[Matchup], key: str, share: bool, more: bool
) -> tuple[str, dict[str, int]]:
    """A question's answer over all settings, and where which network is ahead.

    Returns:
        The sentence, and name of a setting -> 1 where the custom network is surely the better,
        -1 where the other is, 0 where it cannot be told.
    """
    tests = {matchup.where: matchup.tests.differences[key] for matchup in found}
    ahead, told = told_apart(tests, share=share, more=more)
    return verdict(ahead, told), ahead


def _both(found: Sequence[Matchup]) -> tuple[str, bool]:
    """The ensemble against each network, where it was published: the answer, and whether it is
    surely the more accurate anywhere; "" where it was not published."""
    tests = {
        f"{matchup.where} against `{single}`": matchup.test(ENSEMBLE, single).differences
        for matchup in found
        if ENSEMBLE in matchup.rows and matchup.whole
        for single in NETWORKS
    }
    if not tests:
        return "", False
    said, gain = [], False
    for key, what, share, more in (
        ("accuracy", "Accuracy", True, True),
        ("log_loss", "Log loss", False, False),
    ):
        of_key = {where: differences[key] for where, differences in tests.items()}
        ahead, told = told_apart(of_key, share=share, more=more)
        text = verdict(ahead, told, names=(f"`{ENSEMBLE}`", "the one network"))
        said.append(f"{what}: {text[0].lower()}{text[1:]}")
        gain |= key == "accuracy" and 1 in ahead.values()
    return f"Ensemble less network. {' '.join(said)}", gain


def _for_whom(
    accuracy: Mapping[str, int], mixes: Mapping[str, int], gain: bool, cost: costs.Costs
) -> str:
    """Who should take which, from what could be concluded: of accuracy, and of class mixes."""
    ahead = {sign for sign in accuracy.values() if sign}
    if ahead == {-1}:
        right = f"`{TRANSFER}` where being right is worth its cost"
    elif ahead == {1}:
        right = f"`{CUSTOM}`: it is the more accurate"
    elif ahead:
        right = "by accuracy it depends on the slices, see above"
    else:
        right = "accuracy gives no reason to take one rather than the other"
    by_mix = [
        f"`{name}` {words.listed(places)}"
        for name, sign in ((CUSTOM, 1), (TRANSFER, -1))
        if (places := [where for where, found in mixes.items() if found == sign])
        and ahead != {sign}
    ]
    if by_mix:
        right += f"; under other class mixes than the data set's: {', and '.join(by_mix)}"
    together = " Who can run both, takes both." if gain else ""
    return f"{right[0].upper()}{right[1:]}.{together} {cost.advice}"


def _useless(found: Sequence[Matchup]) -> str:
    """The claim that transfer learning gives useless probabilities, against the numbers."""
    first = found[0]
    auc = first.metrics[TRANSFER]["macro_auc"]
    ends = first.metrics[TRANSFER]["intervals"]["macro_auc"]
    refuted = ends["low"] is not None and ends["low"] > 0.6
    told = (
        f"`{TRANSFER}` has a macro AUC of {words.number(auc)} ({words.span(ends, False)}) "
        f"{first.where}, and a calibration error of "
        f"{words.number(first.metrics[TRANSFER]['ece'])}"
    )
    others = [f"{words.number(m.metrics[TRANSFER]['macro_auc'])} {m.where}" for m in found[1:]]
    if others:
        told += f"; its AUC is {words.listed(others)}"
    claim = (
        "Write-ups of this very task report an AUC of 0.5 to 0.6 for a ResNet50 of over 90 % "
        "accuracy, and conclude that transfer learning gives useless probabilities."
    )
    verdict_ = (
        "Of networks like these the claim is wrong. Labels and predictions that were gathered in "
        "two passes over shuffled data lead to it: by that alone the same predictions give 0.5 or "
        "0.99: [why the AUC was one half](why-auc-was-half.md)."
        if refuted
        else "By these numbers the claim cannot be called wrong."
    )
    return f"{claim} {told}. {verdict_}"


def _side_by_side(matchup: Matchup) -> list[str]:
    models = list(matchup.rows)
    units = matchup.metrics[CUSTOM]["intervals"]["units"]
    heads = (
        f"{matchup.n} slices of {units} groups",
        *(f"`{model}`" for model in models),
        "difference",
        "p",
    )
    rows = [
        [
            heading,
            *(score(matchup.metrics[model], key, share) for model in models),
            *tested(matchup.tests.differences[key], share),
        ]
        for key, heading, share in words.SCORES
    ]
    # Calibration moves the classes, too: these are the answers that are given.
    for key, heading, share in _CALIBRATED:
        scores = [matchup.calibrated[model].metrics()[key] for model in models]
        found = matchup.calibrated_tests.differences[key]
        told = (words.score(value, share) for value in scores)
        rows.append([f"{heading}, calibrated", *told, *tested(found, share)])
    surest = [matchup.surest(model) for model in models]
    told = [spread(one) for one in surest]
    rows.append(["Accuracy, the surest 90 %", *told, "–", "–"])
    return marks.table(heads, rows)


PARTS = (Part("docs/comparison.md", "comparison", page),)


if __name__ == "__main__":
    marks.command(PARTS, __doc__)
