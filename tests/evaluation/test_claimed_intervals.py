"""Claimed intervals: read in every usual form, and held against the number of patients."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from braintumor.evaluation.check import check
from braintumor.evaluation.claimed_intervals import narrow, read
from braintumor.evaluation.intervals import wilson
from braintumor.evaluation.predictions import Predictions

CASES = 100


def exact(claims: dict[str, Any]) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(json.dumps(claims), parse_float=Decimal)
    return parsed


def patients(rng: np.random.Generator, count: int = 80, slices: int = 12) -> Predictions:
    """Slices of one patient are nearly all right or nearly all wrong."""
    patient = np.repeat(np.arange(count), slices)
    truth = rng.integers(0, 4, count)[patient]
    wrong = (rng.random(count) < 0.15)[patient] ^ (rng.random(len(truth)) < 0.02)
    said = np.where(wrong, (truth + 1 + rng.integers(0, 3, count)[patient]) % 4, truth)
    prob = rng.dirichlet(np.ones(4), len(truth)) * 0.3
    prob[np.arange(len(truth)), said] += 0.7
    return Predictions.from_arrays(
        [f"{i}.png" for i in range(len(truth))], truth, prob, group=[f"p{i}" for i in patient]
    )


def by_slices(table: Predictions) -> dict[str, Any]:
    """The mistake: Wilson's interval, every slice counted as a patient."""
    accuracy = float((table.y_true == table.y_pred).mean())
    return {"accuracy": accuracy, "accuracy_ci": list(wilson(accuracy, len(table)))}


def by_patients(table: Predictions, rng: np.random.Generator) -> dict[str, Any]:
    """As a careful person does it: percentiles of a bootstrap over patients."""
    right = (table.y_true == table.y_pred).astype(float)
    patient = np.unique(table.frame["group"].to_numpy(str), return_inverse=True)[1]
    sums, sizes = np.bincount(patient, weights=right), np.bincount(patient)
    draw = rng.integers(0, len(sizes), (1000, len(sizes)))
    ends = np.quantile(sums[draw].sum(axis=1) / sizes[draw].sum(axis=1), [0.025, 0.975])
    return {"accuracy": float(right.mean()), "accuracy_ci": [float(end) for end in ends]}


def test_slices_counted_as_patients_are_found_and_careful_intervals_are_not_accused() -> None:
    rng = np.random.default_rng(0)
    found = accused = 0
    for _ in range(CASES):
        table = patients(rng, int(rng.integers(60, 150)), int(rng.integers(8, 20)))
        wrong = [finding.severity == "wrong" for finding in narrow(by_slices(table), table)]
        found += any(wrong)
        sound = narrow(by_patients(table, rng), table)
        accused += any(finding.severity == "wrong" for finding in sound)
    assert found >= 0.99 * CASES
    assert accused <= 0.01 * CASES


@pytest.mark.parametrize(
    "claims",
    [
        {"accuracy": 0.9, "accuracy_ci": [0.85, 0.94]},
        {"accuracy": 0.9, "accuracy_ci95": [0.85, 0.94]},
        {"accuracy": {"value": 0.9, "low": 0.85, "high": 0.94}},
        {"accuracy": {"estimate": 0.9, "ci": [0.85, 0.94]}},
        {"accuracy": 0.9, "accuracy_ci_lower": 0.85, "accuracy_ci_upper": 0.94},
        {"accuracy": 0.9, "intervals": {"accuracy": {"low": 0.85, "high": 0.94}}},
        {"accuracy": "0.9 (0.85-0.94)"},
        {"accuracy": "90 % [85 %, 94 %]"},
        {"accuracy": ".9 (.85-.94)"},
        {"accuracy": "90 (85-94)"},
        {"accuracy": "90 (85-94) %"},
        {"accuracy": "0.9 (95% CI 0.85-0.94)"},
        {"accuracy": "0.90 [95 % CI: 0.85, 0.94]"},
        {"accuracy": "90 % (95% confidence interval, 85 % to 94 %)"},
        {"accuracy": "0.9 (CI 0.85-0.94)"},
        {"accuracy": "90 (85%-94%)"},
        {"accuracy": "0.9 (85-94 %)"},
    ],
)
def test_intervals_are_read_in_the_usual_forms(claims: dict[str, Any]) -> None:
    found = read(exact(claims))["accuracy"]
    assert (found.low, found.high, found.value) == pytest.approx((0.85, 0.94, 0.9))


def test_below_one_per_cent_the_sign_of_the_ends_is_the_values_too() -> None:
    found = read({"ece": "0.9 (0.5 %-1.4 %)"})["ece"]
    assert (found.low, found.high, found.value) == pytest.approx((0.005, 0.014, 0.009))
    assert read({"ece": "4.0 (0.9%-7.1%)"})["ece"].low == pytest.approx(0.009)


@pytest.mark.parametrize("text", ["0.95 (0.9.2-0.97)", "0.95 (0.92-.)", "0.95 [..., 0.97]"])
def test_ends_that_are_no_numbers_are_no_interval(text: str) -> None:
    assert read({"accuracy": text}) == {}


def test_intervals_of_classes_are_read_too() -> None:
    found = read(exact({"Glioma": {"auc": 0.9, "auc_95ci": [0.85, 0.94]}}))
    assert set(found) == {"per_class.glioma.auc"}


def test_an_interval_beside_its_value_contradicts_itself() -> None:
    table = patients(np.random.default_rng(0))
    (finding,) = narrow({"accuracy": 0.9, "accuracy_ci": [0.91, 0.95]}, table)
    assert (finding.kind, finding.severity) == ("claims_contradict", "wrong")


def test_where_the_patients_are_only_claimed_it_is_improbable() -> None:
    table = patients(np.random.default_rng(0))
    nobody = Predictions.from_frame(table.frame.assign(group=""))
    claims = by_slices(table)
    assert list(narrow(claims, nobody)) == []
    (finding,) = narrow({**claims, "patients": 80}, nobody)
    assert (finding.kind, finding.severity) == ("interval_too_narrow", "improbable")
    assert "80 patients" in finding.sentence


def test_narrower_than_any_number_of_slices_allows_is_wrong() -> None:
    table = patients(np.random.default_rng(0))
    nobody = Predictions.from_frame(table.frame.assign(group=""))
    right = float((table.y_true == table.y_pred).mean())
    claims = {"accuracy": right, "accuracy_ci": [right - 0.002, right + 0.002]}
    (finding,) = [f for f in check(nobody, claims=claims).findings if f.severity == "wrong"]
    assert finding.kind == "interval_too_narrow"


def test_our_own_record_is_believed() -> None:
    table = patients(np.random.default_rng(0))
    record = exact({"splits": {"test": table.metrics(intervals=True).to_dict()}})
    told = Predictions.from_frame(table.frame.assign(split="test"))
    assert [f for f in check(told, claims=record).findings if f.severity != "note"] == []


def test_an_interval_is_held_against_the_rows_that_it_is_of() -> None:
    table = patients(np.random.default_rng(0), 200)
    narrow_one = {"accuracy": 0.9, "accuracy_ci": [0.899, 0.901]}
    test = Predictions.from_frame(table.frame.assign(split="test"))
    assert [f.severity for f in narrow(exact({"test": narrow_one}), test)] == ["wrong"]
    assert list(narrow(exact({"valid": narrow_one}), test)) == []
    # All rows have a narrower interval than the test rows among them.
    parts = np.where(np.arange(len(table)) < 2280, "train", "test")
    whole = Predictions.from_frame(table.frame.assign(split=parts))
    assert list(narrow(exact(by_patients(table, np.random.default_rng(1))), whole)) == []
