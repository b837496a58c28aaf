"""Claims that cannot all be true, whatever the table."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from made_tables import draw

from braintumor.classes import CLASSES
from braintumor.evaluation.claims import compare
from braintumor.evaluation.contradictions import contradictions
from braintumor.evaluation.predictions import Predictions


def found(claims: dict[str, Any]) -> list[tuple[str, str]]:
    exact = json.loads(json.dumps(claims), parse_float=Decimal)
    return [(finding.kind, finding.severity) for finding in contradictions(exact)]


WRONG, IMPROBABLE = ("claims_contradict", "wrong"), ("claims_improbable", "improbable")
POINT = {"sensitivity": 0.95, "specificity": 0.9}


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        # Through (1 - 0.9, 0.95) the area is at least 0.855, and at most 0.995.
        ({"glioma": {**POINT, "threshold": 0.5, "auc": 0.80}}, [WRONG]),
        ({"glioma": {**POINT, "threshold": 0.5, "auc": 0.999}}, [WRONG]),
        ({"glioma": {**POINT, "threshold": 0.5, "auc": 0.86}}, []),
        ({"glioma": {**POINT, "auc": 0.80}}, [IMPROBABLE]),
        ({**POINT, "threshold": 0.4, "auc": 0.7}, [WRONG]),
        ({"splits": {"test": {"glioma": {**POINT, "threshold": 0.5, "auc": 0.8}}}}, [WRONG]),
        ({"glioma": {"precision": 0.9, "recall": 0.9, "f1-score": 0.95}}, [WRONG]),
        ({"glioma": {"precision": 0.9, "recall": 0.8, "f1-score": 0.85}}, []),
        ({"accuracy": 0.94, "macro_auc": 0.55}, [IMPROBABLE]),
    ],
)
def test_bounds_and_identities(claims: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert found(claims) == expected


def test_accuracy_and_means_follow_from_the_classes() -> None:
    given = {"glioma": (0.9, 10), "meningioma": (0.8, 10), "no_tumor": (1.0, 20)}
    classes = {
        name: {"recall": recall, "support": n, "f1-score": 0.8}
        for name, (recall, n) in {**given, "pituitary": (0.7, 10)}.items()
    }
    assert found({"accuracy": 0.88, "balanced_accuracy": 0.85, "macro_f1": 0.8, **classes}) == []
    assert found({"accuracy": 0.90, **classes}) == [WRONG]
    assert found({"balanced_accuracy": 0.87, **classes}) == [WRONG]


def test_what_a_table_really_gives_never_contradicts_itself() -> None:
    rng = np.random.default_rng(0)
    for skill in (0.5, 1.0, 2.0, 4.0):
        made = draw(rng, 200, skill=skill)
        table = Predictions.from_arrays([str(i) for i in range(200)], made.truth, made.prob)
        record = table.metrics().to_dict()
        assert [kind for kind in found({"splits": {"test": record}}) if kind == WRONG] == []
        rounded = json.loads(json.dumps(record), parse_float=lambda text: round(float(text), 3))
        assert [kind for kind in found(rounded) if kind == WRONG] == []


def test_a_claim_at_a_threshold_is_held_against_that_threshold() -> None:
    made = draw(np.random.default_rng(0), 300, skill=2.0)
    table = Predictions.from_arrays([str(i) for i in range(300)], made.truth, made.prob)
    said = made.prob[:, 0] >= 0.2
    sensitivity = float(said[made.truth == 0].mean())
    claim = {"glioma": {"threshold": 0.2, "sensitivity": sensitivity}}
    assert compare(claim, table).mismatches == ()
    assert len(compare({"glioma": {"sensitivity": sensitivity}}, table).mismatches) == 1


def test_what_is_claimed_at_thresholds_does_not_contradict_the_largest_probability() -> None:
    made = draw(np.random.default_rng(0), 300, skill=2.0)
    table = Predictions.from_arrays([str(i) for i in range(300)], made.truth, made.prob)
    claims: dict[str, Any] = {"accuracy": table.metrics()["accuracy"]}
    for i, name in enumerate(CLASSES):
        positive = made.truth == i
        sensitivity = float((made.prob[positive, i] >= 0.1).mean())
        claims[name] = {"threshold": 0.1, "recall": sensitivity, "support": int(positive.sum())}
    assert compare(claims, table).mismatches == ()
    assert found(claims) == []
    without = {name: {**claims[name], "threshold": None} for name in CLASSES}
    assert WRONG in found({**claims, **without})
