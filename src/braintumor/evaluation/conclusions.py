"""What a comparison of models allows to conclude, and what it does not, in sentences.

Knows the counts and tests of pairs; no tables, no pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from braintumor.evaluation import words
from braintumor.evaluation.intervals import FEWEST_UNITS
from braintumor.evaluation.paired import FEWEST_DIFFERING, Difference, Paired

# Below this p-value a difference is said to be rarely chance.
ALPHA = 0.05
_NOUNS = {"test": "test slices", "valid": "validation slices", "train": "training slices"}


@dataclass(frozen=True)
class Pair:
    """Two models on the same images.

    Attributes:
        a, b: their names.
        both, only_a, only_b, neither: images that both, one or none judged rightly.
        p: McNemar's exact p-value, two-sided; it takes images as independent.
        tests: every difference, with patients as the units.
        p_holm: p-value of the accuracies' difference, corrected over the pairs compared.
    """

    a: str
    b: str
    both: int
    only_a: int
    only_b: int
    neither: int
    p: float
    tests: Paired
    p_holm: float

    @property
    def n(self) -> int:
        """Number of images."""
        return self.both + self.only_a + self.only_b + self.neither

    @property
    def accuracy(self) -> Difference:
        """The difference of the accuracies."""
        return self.tests.differences["accuracy"]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "a": self.a,
            "b": self.b,
            "both_right": self.both,
            "only_a_right": self.only_a,
            "only_b_right": self.only_b,
            "neither_right": self.neither,
            "mcnemar_exact_p": self.p,
            "p": self.accuracy.p,
            "p_holm": self.p_holm,
            "differences": self.tests.to_dict(),
        }


def sentences(pairs: Sequence[Pair], split: str) -> list[str]:
    """What differs, in words with the numbers it rests on: a sentence or two a pair, then what
    holds for all of them.

    Args:
        pairs: every two models compared, on the same images.
        split: the split compared; "" for all rows.
    """
    said = [_pair_sentence(pair, _NOUNS.get(split, "slices")) for pair in pairs]
    said.append(size_sentence(pairs))
    said.append(_method_sentence(pairs[0].tests))
    if len(pairs) > 1:
        said.append(
            f"There are {len(pairs)} pairs, and their p-values are corrected for it by Holm's "
            "method."
        )
    return said


def size_sentence(pairs: Sequence[Pair]) -> str:
    """What can and cannot be told at this size."""
    n, tests = pairs[0].n, pairs[0].tests
    text = f"{words.slices(n, 'image')}: one error is {100 / n:.2f} points of accuracy."
    widths = [(pair.accuracy.high - pair.accuracy.low) / 2 for pair in pairs]
    units = f"{words.number(tests.units)} {'images' if tests.unit == 'image' else 'patients'}"
    if tests.units < FEWEST_UNITS:
        return f"{text} With {units} no difference can be told from chance reliably."
    least = min(width for width in widths)
    return (
        f"{text} With these {units}, a difference of less than about {100 * least:.1f} points "
        "cannot be told from chance; that none is found does not show that there is none."
    )


def _pair_sentence(pair: Pair, noun: str) -> str:
    a, b = pair.both + pair.only_a, pair.both + pair.only_b
    head = (
        f"Of the same {pair.n} {noun}, {pair.a} gets {a} right ({words.percent(a / pair.n)}) and "
        f"{pair.b} {b} ({words.percent(b / pair.n)})"
    )
    if not pair.only_a + pair.only_b:
        return f"{head}; they are right and wrong on the same ones."
    found = pair.accuracy
    text = (
        f"{head}: {pair.only_a} only {pair.a}, {pair.only_b} only {pair.b}. The difference is "
        f"{words.points(found.difference)} points (95\N{NO-BREAK SPACE}% interval "
        f"{words.points(found.low)} to {words.points(found.high)}; {words.p_value(pair.p_holm)})."
    )
    unit = "images" if pair.tests.unit == "image" else "patients"
    if found.differing < FEWEST_DIFFERING:
        return f"{text} They differ on {found.differing} {unit} only: too few to conclude anything."
    if pair.p_holm < ALPHA and pair.tests.units < FEWEST_UNITS:
        return f"{text} {pair.tests.units} {unit} are too few to conclude anything."
    if pair.p_holm < ALPHA:
        better = pair.a if found.difference > 0 else pair.b
        return f"{text} Chance alone would rarely make it: {better} is better on slices like these."
    return f"{text} Chance may well have made it: neither can be called better."


def _method_sentence(tests: Paired) -> str:
    if tests.unit == "image":
        return (
            "Every image counts as a patient of its own; p-values are those of McNemar's exact "
            "test. Where a patient gave several images, they are too small."
        )
    unknown = (
        f" Of {tests.nameless} of the {words.slices(tests.rows, 'image')} no group is known, and "
        "each counts as a patient of its own."
    )
    return (
        "Patients are the units (groups: patients, or near copies where no patient is known): the "
        "models are swapped in whole patients for the p-value, and whole patients are drawn anew "
        f"for the interval.{unknown if tests.nameless else ''} McNemar's test, which takes slices "
        "as independent, stands in compare.html."
    )
