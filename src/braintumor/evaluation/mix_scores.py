"""Scores, PPV and NPV under any mix of classes, from the rates within each class.

A rate is the share of a class's rows that are said to be of some class: 4 x 4, each row of sum
one. What the classes are taken for does not depend on how common they are; all scores here follow
from the rates and a mix. Arrays only, with any number of redrawn rates in front.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.evaluation import rates
from braintumor.evaluation.rates import Estimate, Floats

# Prevalences at which PPV and NPV are drawn, from one in a thousand to nearly all.
PREVALENCES: Floats = np.concatenate([[0.001, 0.002, 0.005], np.arange(0.01, 1.0, 0.01)])


@dataclass(frozen=True)
class PredictiveValues:
    """PPV and NPV of one class against its prevalence, the others in the table's proportions.

    Attributes:
        prevalence: (m,) share of the class, rising.
        ppv, ppv_low, ppv_high, npv, npv_low, npv_high: (m,) with 95 % intervals.
    """

    prevalence: Floats
    ppv: Floats
    ppv_low: Floats
    ppv_high: Floats
    npv: Floats
    npv_low: Floats
    npv_high: Floats


def counted(rate: Floats, share: Floats) -> NDArray[np.bool_]:
    """(4,) the classes that macro F1 is a mean over, as in `metrics.macro_f1`: those of the mix,
    and those that some of its rows are said to be of.

    Args:
        rate: (4, 4) rates.
        share: (4,) the mix.
    """
    return np.asarray((share != 0) | (_joint(rate, share).sum(axis=0) > 0))


def scores(rate: Floats, share: Floats, classes: NDArray[np.bool_]) -> dict[str, Floats]:
    """Scores under a mix; a class of share zero that is said still errs.

    Args:
        rate: (..., 4, 4) rates, redrawn ones too.
        share: (4,) the mix.
        classes: (4,) from `counted`, of the rates as they are: doubt says every class somewhere.
    """
    joint = _joint(rate, share)
    right = np.diagonal(joint, axis1=-2, axis2=-1)
    said = joint.sum(axis=-2)
    present = share != 0
    with np.errstate(invalid="ignore", divide="ignore"):
        # Zero where nothing is said to be of the class; what is not known stays so.
        precision = np.where(said == 0, 0.0, right / said)
        f1 = np.where(said + share == 0, 0.0, 2 * right / (said + share))
        found = right / share
    return {
        "accuracy": right.sum(axis=-1),
        "balanced_accuracy": found[..., present].mean(axis=-1),
        "macro_f1": f1[..., classes].mean(axis=-1),
        "weighted_f1": (f1 * share).sum(axis=-1),
        "macro_precision": precision[..., present].mean(axis=-1),
        "weighted_precision": (precision * share).sum(axis=-1),
    }


def predictive_values(rate: Floats, share: Floats) -> tuple[Floats, Floats]:
    """PPV and NPV, (..., 4) each, under a mix."""
    joint = _joint(rate, share)
    right = np.diagonal(joint, axis1=-2, axis2=-1)
    said = joint.sum(axis=-2)
    rest = 1 - share - said + right
    with np.errstate(invalid="ignore", divide="ignore"):
        return right / said, rest / (1 - said)


def _joint(rate: Floats, share: Floats) -> Floats:
    """(..., 4, 4) share of all rows that are of a class and said to be of another."""
    return np.asarray(np.where(share[:, None] == 0, 0.0, rate * share[:, None]))


def mean(share: Floats, by_class: Floats) -> Floats:
    """The mean under a mix of (..., 4) values by class; a class of share zero need have none."""
    return np.asarray(np.where(share == 0, 0.0, by_class * share).sum(axis=-1))


def by_prevalence(rate: Floats, drawn: Floats, label: int, share: Floats) -> PredictiveValues:
    """PPV and NPV of one class over `PREVALENCES`.

    Args:
        rate: (4, 4) rates.
        drawn: (draws, 4, 4) redrawn rates.
        label: index of the class.
        share: (4,) a mix, for the proportions of the other classes among themselves.
    """
    others = np.where(np.arange(len(share)) == label, 0.0, share)
    others = others / others.sum() if others.sum() else np.full(len(share), np.nan)
    found: list[list[Estimate]] = [[], []]
    alarm, alarm_drawn = mean(others, rate[:, label]), mean(others, drawn[:, :, label])
    hit, hit_drawn = rate[label, label], drawn[:, label, label]
    with np.errstate(invalid="ignore", divide="ignore"):
        for x in PREVALENCES:
            for which, value in enumerate(_ppv_npv(x, hit, alarm)):
                redrawn = _ppv_npv(x, hit_drawn, alarm_drawn)[which]
                found[which].append(rates.estimate(float(value), redrawn))
    columns = [
        np.array([getattr(one, part) for one in which])
        for which in found
        for part in ("value", "low", "high")
    ]
    return PredictiveValues(PREVALENCES, *columns)


def _ppv_npv(prevalence: float, hit: Any, alarm: Any) -> tuple[Any, Any]:
    """From sensitivity and the share of false alarms (1 - specificity)."""
    true, false = prevalence * hit, (1 - prevalence) * alarm
    missed, cleared = prevalence * (1 - hit), (1 - prevalence) * (1 - alarm)
    return true / (true + false), cleared / (cleared + missed)
