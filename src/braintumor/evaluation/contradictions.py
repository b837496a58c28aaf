"""Claimed metrics that contradict each other, whatever the table gives.

Bounds and identities that hold for every table: a ROC curve through the claimed operating point,
F1 from precision and sensitivity, accuracy from the classes' sensitivities. Between the accuracy
of the largest probability and the AUC of a class there is no bound, so there only improbability
is said. Knows claims only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from braintumor.classes import CLASSES
from braintumor.evaluation import claims as told
from braintumor.evaluation.findings import Finding

# (value, half a unit of its last digit)
Claim = tuple[float, float]
# A claim without classes is one of two classes.
_TWO_CLASS = {"sensitivity": "sensitivity", "recall": "sensitivity", "tpr": "sensitivity"}
_TWO_CLASS |= {"specificity": "specificity", "tnr": "specificity"}
_MEANS = (("macro_f1", "f1"), ("balanced_accuracy", "sensitivity"), ("macro_auc", "auc"))
_AT_THRESHOLDS = (".sensitivity", ".f1")
# Better than this by accuracy, and worse than that by AUC, is not seen in calibrated models.
_ACCURATE, _POOR_AUC = 0.85, 0.75


def contradictions(claims: Mapping[str, Any]) -> Iterator[Finding]:
    """Every contradiction within the claims, each split for itself.

    Args:
        claims: as `claims.read_claims` gives them.
    """
    parts = told.by_split(claims)
    plain = {k: v for k, v in claims.items() if k != "splits" and k not in parts}
    for name, part in {"": plain, **parts}.items():
        where = f" on split {name}" if name else ""
        values = _values(part)
        yield from _roc(part, values, where)
        yield from _f1(values, where)
        if told.thresholds(part):
            # A class is said from its threshold on then, and accuracy is of the largest
            # probability: the one does not follow from the other.
            values = {k: v for k, v in values.items() if not k.endswith(_AT_THRESHOLDS)}
        yield from _accuracy(values, where)
        yield from _means(values, where)
        yield from _improbable(values, where)


def _values(part: Mapping[str, Any]) -> dict[str, Claim]:
    """Claims by their names in `Metrics`, dotted; and the plain words of a two-class claim."""
    found: dict[str, Claim] = {}
    for key, value in told.flat(part):
        if told.number(value) is None:
            continue
        name = told.metric_name(key)
        word = re.sub(r"[\s\-]+", "_", key.strip().lower())
        if name is None:
            name = _TWO_CLASS.get(word)
        if name is None and word == "threshold":
            found["threshold"] = (0.0, 0.0)
        if name is not None:
            found[name] = told.meant(name, value)
    return found


def _roc(part: Mapping[str, Any], values: Mapping[str, Claim], where: str) -> Iterator[Finding]:
    """The area under a ROC curve that passes through a point has bounds: it rises from (0, 0)
    through the point to (1, 1) and never falls, so at least sensitivity x specificity lies below
    it, and at least (1 - sensitivity)(1 - specificity) above."""
    at = told.thresholds(part)
    curves = [(f"per_class.{name}.", f"per_class.{name}.auc", name in at) for name in CLASSES]
    curves.append(("", "macro_auc", "threshold" in values))
    for prefix, area, threshold in curves:
        names = (area, f"{prefix}sensitivity", f"{prefix}specificity")
        if any(name not in values for name in names):
            continue
        (auc, slack), (sens, s1), (spec, s2) = (values[name] for name in names)
        lowest = max(sens - s1, 0) * max(spec - s2, 0)
        highest = 1 - max(1 - sens - s1, 0) * max(1 - spec - s2, 0)
        if lowest - slack <= auc <= highest + slack:
            continue
        bound = f"at least {lowest:.3f}" if auc < lowest else f"at most {highest:.3f}"
        numbers = {"metric": area, "claimed": auc, "lowest": lowest, "highest": highest}
        if threshold:
            text = (
                f"{area} is claimed to be {auc:g}{where}, but a ROC curve through the claimed "
                f"sensitivity {sens:g} and specificity {spec:g} has an area of {bound}."
            )
            yield Finding("claims_contradict", "wrong", text, numbers)
        else:
            text = (
                f"{area} is claimed to be {auc:g}{where}: were sensitivity {sens:g} and "
                f"specificity {spec:g} those of one threshold, it would be {bound}; of the "
                "largest probability it is improbable."
            )
            yield Finding("claims_improbable", "improbable", text, numbers)


def _f1(values: Mapping[str, Claim], where: str) -> Iterator[Finding]:
    for name in CLASSES:
        keys = [f"per_class.{name}.{score}" for score in ("precision", "sensitivity", "f1")]
        if any(key not in values for key in keys):
            continue
        (precision, p), (sens, s), (f1, slack) = (values[key] for key in keys)
        low, high = _harmonic(precision - p, sens - s), _harmonic(precision + p, sens + s)
        if not low - slack - 1e-9 <= f1 <= high + slack + 1e-9:
            text = (
                f"{keys[2]} is claimed to be {f1:g}{where}, but precision {precision:g} and "
                f"sensitivity {sens:g} give {_harmonic(precision, sens):.3f}."
            )
            yield Finding("claims_contradict", "wrong", text, {"metric": keys[2], "claimed": f1})


def _harmonic(a: float, b: float) -> float:
    a, b = max(a, 0.0), max(b, 0.0)
    return 2 * a * b / (a + b) if a + b else 0.0


def _accuracy(values: Mapping[str, Claim], where: str) -> Iterator[Finding]:
    """Accuracy is the mean sensitivity, weighted by the classes' rows."""
    keys = [(f"per_class.{name}.support", f"per_class.{name}.sensitivity") for name in CLASSES]
    if "accuracy" not in values or any(k not in values for k, _ in keys):
        return
    counted = [(values[n][0], values.get(s)) for n, s in keys if values[n][0] > 0]
    rows = sum(n for n, _ in counted)
    if not rows or any(claim is None for _, claim in counted):
        return
    given = sum(n * claim[0] for n, claim in counted if claim) / rows
    slack = sum(n * claim[1] for n, claim in counted if claim) / rows
    claimed, own = values["accuracy"]
    if abs(claimed - given) > slack + own + 1e-9:
        text = (
            f"accuracy is claimed to be {claimed:g}{where}, but the claimed sensitivities and "
            f"counts of the classes give {given:.4g}."
        )
        yield Finding("claims_contradict", "wrong", text, {"metric": "accuracy", "given": given})


def _means(values: Mapping[str, Claim], where: str) -> Iterator[Finding]:
    """Macro scores are the means over the classes; over which, where one has no row, is open."""
    if any(values.get(f"per_class.{name}.support", (1.0, 0.0))[0] == 0 for name in CLASSES):
        return
    for macro, score in _MEANS:
        parts = [values.get(f"per_class.{name}.{score}") for name in CLASSES]
        if macro not in values or any(part is None for part in parts):
            continue
        given = sum(part[0] for part in parts if part) / len(CLASSES)
        slack = sum(part[1] for part in parts if part) / len(CLASSES)
        claimed, own = values[macro]
        if abs(claimed - given) > slack + own + 1e-9:
            text = (
                f"{macro} is claimed to be {claimed:g}{where}, but the mean of the classes' "
                f"claimed {score} is {given:.4g}."
            )
            yield Finding("claims_contradict", "wrong", text, {"metric": macro, "given": given})


def _improbable(values: Mapping[str, Claim], where: str) -> Iterator[Finding]:
    accuracy, area = values.get("accuracy"), values.get("macro_auc")
    if accuracy and area and accuracy[0] >= _ACCURATE and area[0] <= _POOR_AUC:
        text = (
            f"An accuracy of {accuracy[0]:g} beside a macro AUC of {area[0]:g}{where} is "
            "improbable: were the curves computed from labels of another pass?"
        )
        numbers = {"accuracy": accuracy[0], "macro_auc": area[0]}
        yield Finding("claims_improbable", "improbable", text, numbers)
