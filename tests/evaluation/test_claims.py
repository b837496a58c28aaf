"""Claimed metrics: read as people write them, and held against what their table gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_checks import drawn, fixed, kinds

from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.evaluation.check import check
from braintumor.evaluation.claims import compare, read_claims
from braintumor.evaluation.predictions import Predictions


def claims_of(tmp_path: Path, text: str) -> dict[str, Any]:
    path = tmp_path / "claimed.json"
    path.write_text(text, encoding="utf-8")
    return read_claims(path)


def test_own_metrics_are_confirmed_to_the_last_digit(tmp_path: Path) -> None:
    table = drawn(900, split="test")
    both = Predictions.from_frame(pd.concat([table.frame, drawn(300, seed=5, split="valid").frame]))
    record = {name: both.split(name).metrics().to_dict() for name in both.splits}
    text = json.dumps({"splits": record, "made_with": "0.1.0"})
    both.write(tmp_path / "p.csv")
    result = compare(claims_of(tmp_path, text), Predictions.read(tmp_path / "p.csv"))
    assert result.mismatches == ()
    assert result.compared == 2 * (9 + 4 * 7 + 16 + 3)
    assert result.unknown == ()


@pytest.mark.parametrize(
    ("claim", "true"),
    [
        ('{"accuracy": 0.96}', True),
        ('{"accuracy": 0.960}', False),  # 0.9634
        ('{"accuracy": 0.963}', True),
        ('{"accuracy": "96.3 %"}', True),
        ('{"accuracy": 96.3}', True),
        ('{"accuracy": 96}', True),
        ('{"acc": 97}', False),
        ('{"accuracy": 1}', False),
        ('{"accuracy": 1.0}', False),  # one digit does not excuse four points
        ('{"n": 246}', True),
        ('{"n": 245}', False),
        ('{"Glioma": {"recall": 0.9615384615384616}}', True),
        ('{"Glioma": {"recall": 0.99}}', False),
        ('{"per_class": {"no_tumour": {"support": 4}}}', False),
        ('{"mcc": null}', True),
        ('{"accuracy": "0,963"}', True),
        ('{"accuracy": "0,99"}', False),
        ('{"accuracy": "96.3"}', True),
        ('{"accuracy": "0.97 \u00b1 0.01"}', True),  # a mean over folds, and its deviation
        ('{"accuracy": "97.0 +/- 1.0 %"}', True),
        ('{"accuracy": "0.99 \u00b1 0.01"}', False),
        ('{"accuracy": "97.0 \u00b1 1.2 %"}', True),
        ('{"accuracy": "60.0 \u00b1 1.2 %"}', False),  # points, no hundredfold of them
        ('{"accuracy": "60.0 \u00b1 1.2"}', False),
        ('{"accuracy": "0.963 (95% CI 0.94-0.98)"}', True),  # that sign is not the value's
        ('{"accuracy": "0.963 [95 % CI: 0.94, 0.98]"}', True),
        ('{"accuracy": "0.97 \u00b1 0.01 (95% CI)"}', True),
        ('{"accuracy": "0.963 (96.3 %)"}', True),
        ('{"accuracy": "0.99 (95% CI 0.94-0.995)"}', False),
        ('{"accuracy": "96.3 (94-98) %"}', True),
        ('{"n": "246"}', True),
        ('{"n": "2,460"}', False),
    ],
)
def test_a_claim_is_true_to_the_digits_written(tmp_path: Path, claim: str, true: bool) -> None:
    table = fixed()
    assert (compare(claims_of(tmp_path, claim), table).mismatches == ()) is true


def test_scikit_learns_report_is_understood() -> None:
    from sklearn.metrics import classification_report

    table = drawn(skill=1.5)
    report = classification_report(
        table.y_true, table.y_pred, target_names=list(CLASSES), output_dict=True
    )
    result = compare(report, table)
    assert result.mismatches == ()
    assert result.compared == 1 + 4 * 4 + 2


def test_scikit_learns_report_is_understood_where_a_class_is_absent_or_never_said() -> None:
    from sklearn.metrics import classification_report, matthews_corrcoef, recall_score

    def told(table: Predictions) -> dict[str, Any]:
        report: dict[str, Any] = classification_report(
            table.y_true, table.y_pred, labels=np.arange(4), target_names=list(CLASSES),
            output_dict=True, zero_division=0.0,
        )  # fmt: skip
        return {**report, "mcc": matthews_corrcoef(table.y_true, table.y_pred)}

    truth = np.repeat([0, 1, 2, 3], 10)
    prob = np.full((40, 4), 0.1)
    prob[np.arange(40), np.minimum(truth, 2)] = 0.7
    never = Predictions.from_arrays([str(i) for i in range(40)], truth, prob)
    assert told(never)[CLASSES[3]]["precision"] == 0
    assert compare(told(never), never).mismatches == ()

    prob[0] = (0.1, 0.1, 0.1, 0.7)
    absent = Predictions.from_arrays([str(i) for i in range(30)], truth[:30], prob[:30])
    claims = told(absent)
    assert claims[CLASSES[3]]["support"] == 0
    assert kinds(check(absent, claims=claims)) == []
    usual = recall_score(absent.y_true, absent.y_pred, labels=[0, 1, 2], average="macro")
    assert usual != pytest.approx(claims["macro avg"]["recall"])
    assert kinds(check(absent, claims={**claims, "balanced_accuracy": usual})) == []
    assert compare({"macro avg": {"recall": 0.8}}, absent).mismatches


def test_a_flat_claim_may_mean_the_test_split_alone() -> None:
    frames = [drawn(400, split="valid", skill=1).frame, drawn(400, split="test").frame]
    both = Predictions.from_frame(pd.concat(frames))
    accuracy = both.split("test").metrics()["accuracy"]
    assert compare({"accuracy": accuracy}, both).mismatches == ()
    (miss,) = compare({"valid": {"accuracy": accuracy}}, both).mismatches
    assert (miss.rows, miss.metric) == ("valid", "accuracy")


def test_claims_that_cannot_be_compared_are_named_not_passed_over() -> None:
    verdict = check(drawn(), claims={"dice": 0.9, "splits": {"test_unseen": {"accuracy": 0.9}}})
    assert kinds(verdict, "improbable") == ["claims_empty"]
    assert "dice" in verdict.findings[1].sentence
    for value in (">0.95", "about 0.9", "high"):
        assert compare({"accuracy": value}, drawn()).unknown == ("accuracy",)
    for nothing in ("", "n/a", "-", None):
        assert compare({"accuracy": nothing}, drawn()).unknown == ()
    absent = drawn(share=(0.5, 0.5, 0.0, 0.0))
    wrong = check(absent, claims={"pituitary": {"auc": 0.99}})
    assert kinds(wrong) == ["claim_not_given"]
    assert "cannot define it" in wrong.findings[0].sentence


def test_a_claim_for_a_split_without_labels_is_left_uncompared() -> None:
    frame = drawn(split="test").frame
    blind = drawn(40, split="valid").frame.assign(label="")
    table = Predictions.from_frame(pd.concat([frame, blind]))
    assert compare({"valid": {"accuracy": 0.9}}, table).unknown == ("valid.accuracy",)


def test_claims_that_are_no_json_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BraintumorError, match="is not JSON"):
        claims_of(tmp_path, "accuracy: 0.9")
    with pytest.raises(BraintumorError, match="one JSON object"):
        claims_of(tmp_path, "[0.9]")
    with pytest.raises(BraintumorError, match="cannot be read"):
        read_claims(tmp_path / "none.json")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 900 + "1" + "}" * 900,
        '{"accuracy": ' + "1" * 5000 + "}",
        '{"accuracy": 1e' + "9" * 30 + "}",
    ],
    ids=["torn", "nested", "digits", "exponent"],
)
def test_claims_beyond_all_metrics_are_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(BraintumorError, match=r"claimed\.json is nested too deeply or .* digits;"):
        claims_of(tmp_path, text)


@pytest.mark.parametrize("value", ["1e99999999", '"1e99999999 %"', "-1e99999999"])
def test_a_claim_of_any_size_is_held_against_the_table(tmp_path: Path, value: str) -> None:
    claims = claims_of(tmp_path, f'{{"accuracy": {value}, "\\ud800": 0}}')
    found = compare(claims, drawn())
    assert [one.metric for one in found.mismatches] == ["accuracy"]
    assert found.unknown == ("\\ud800",)
    assert check(drawn(), claims=claims).wrong
