"""The check: sound tables pass, and each known mistake is found and named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.evaluation.check import Verdict, check
from braintumor.evaluation.claims import compare, read_claims
from braintumor.evaluation.out_of_step import demonstrate
from braintumor.evaluation.predictions import Predictions

P = [f"p_{name}" for name in CLASSES]


def drawn(
    n: int = 246,
    *,
    seed: int = 0,
    skill: float = 4.0,
    boast: float = 1.0,
    share: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25),
    split: str = "",
) -> Predictions:
    """A sound table: `skill` moves the true class's logit, `boast` multiplies all of them."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, n, p=share)
    logits = rng.normal(size=(n, 4))
    logits[np.arange(n), truth] += skill
    prob = np.exp(boast * (logits - logits.max(axis=1, keepdims=True)))
    prob /= prob.sum(axis=1, keepdims=True)
    paths = [f"{split}/{CLASSES[k]}/{i}.jpg" for i, k in enumerate(truth)]
    return Predictions.from_arrays(paths, truth, prob, split=split)


def changed(table: Predictions, **columns: Any) -> Predictions:
    """The table with columns replaced; `predicted` and `confidence` follow unless given."""
    frame = table.frame.copy()
    if not {"predicted", "confidence"} & set(columns):
        frame = frame.drop(columns=["predicted", "confidence"])
    return Predictions.from_frame(frame.assign(**columns))


def with_prob(table: Predictions, prob: NDArray[np.float64]) -> Predictions:
    return changed(table, **{name: prob[:, i] for i, name in enumerate(P)})


def kinds(verdict: Verdict, severity: str = "wrong") -> list[str]:
    return [finding.kind for finding in verdict.findings if finding.severity == severity]


SOUND: list[dict[str, Any]] = [
    {},
    {"skill": 1.0},
    {"skill": 0.8, "boast": 4.0, "n": 500},
    {"n": 1000, "share": (0.9, 0.06, 0.03, 0.01)},
    {"n": 30},
    {"share": (0.0, 0.5, 0.5, 0.0)},
    {"boast": 50.0, "skill": 2.0},
    {"share": (1.0, 0.0, 0.0, 0.0)},
]


@pytest.mark.parametrize("kind", range(len(SOUND)))
@pytest.mark.parametrize("seed", range(6))
def test_sound_tables_pass_weak_boastful_and_lopsided_ones_too(kind: int, seed: int) -> None:
    verdict = check(drawn(seed=seed, **SOUND[kind]))
    assert not verdict.wrong, verdict.findings


def test_a_sound_table_rounded_to_two_decimals_passes() -> None:
    table = drawn(skill=2.0)
    rounded = {name: np.round(table.y_prob[:, i], 2) for i, name in enumerate(P)}
    kept = changed(table, **rounded, predicted=table.frame["predicted"])
    assert check(kept).findings == ()


def test_sure_rows_that_rounding_made_equal_are_no_copies() -> None:
    table = drawn(skill=12.0)
    assert check(with_prob(table, np.round(table.y_prob, 6))).findings == ()


@pytest.mark.parametrize("seed", range(20))
def test_labels_out_of_step_are_found(seed: int) -> None:
    _, mixed = demonstrate(drawn(seed=seed), seed)
    verdict = check(mixed.predictions)
    assert "out_of_step" in kinds(verdict), verdict
    sentence = verdict.findings[0].sentence
    assert sentence.startswith("Labels out of step, or a useless model: ")


@pytest.mark.parametrize("seed", range(10))
def test_batches_out_of_step_are_found_though_some_keep_their_place(seed: int) -> None:
    mixed = demonstrate(drawn(seed=seed), seed, how="batches")[1]
    verdict = check(mixed.predictions)
    (finding,) = verdict.findings
    assert (finding.kind, finding.severity) == ("out_of_step", "wrong")


def test_out_of_step_is_told_of_the_split_that_is() -> None:
    apart = demonstrate(drawn(split="test", seed=1), 0)[1].predictions
    frame = apart.frame.assign(split="test")
    both = Predictions.from_frame(pd.concat([drawn(900, split="valid").frame, frame]))
    verdict = check(both)
    assert kinds(verdict) == ["out_of_step"]
    assert verdict.findings[0].sentence.startswith("In split test: labels out of step")


def test_a_useless_model_that_claims_nothing_is_improbable_not_wrong() -> None:
    verdict = check(drawn(200, skill=0.0, boast=0.05))
    assert kinds(verdict) == []
    assert kinds(verdict, "improbable") == ["no_association"]


@pytest.mark.parametrize(
    "order", [(0, 1, 3, 2), (1, 0, 2, 3), (3, 2, 1, 0), (1, 2, 3, 0), (0, 2, 3, 1)]
)
def test_classes_in_another_order_are_found_with_the_order_that_repairs(
    order: tuple[int, ...],
) -> None:
    sound = drawn()
    verdict = check(with_prob(sound, sound.y_prob[:, list(order)]))
    assert kinds(verdict) == ["class_order"]
    read = verdict.findings[0].numbers["read"]
    columns = [CLASSES.index(read[name].removeprefix("p_")) for name in CLASSES]
    moved = sound.y_prob[:, list(order)]
    np.testing.assert_array_equal(moved[:, columns], sound.y_prob)
    assert verdict.findings[0].numbers["accuracy_repaired"] == sound.metrics()["accuracy"]


def test_labels_renamed_among_few_classes_move_no_class_without_need() -> None:
    sound = drawn(share=(0.5, 0.5, 0.0, 0.0))
    swapped = with_prob(sound, sound.y_prob[:, [1, 0, 2, 3]])
    (finding,) = [f for f in check(swapped).findings if f.kind == "class_order"]
    assert "p_meningioma as glioma, p_glioma as meningioma makes" in finding.sentence
    assert "pituitary" not in finding.sentence
    two = drawn(share=(0.0, 0.0, 0.5, 0.5))
    (finding,) = check(with_prob(two, two.y_prob[:, [3, 1, 2, 0]])).findings
    assert finding.numbers["read"]["meningioma"] == "p_meningioma"


def test_logits_are_found_and_hide_nothing_else() -> None:
    sound = drawn()
    assert kinds(check(with_prob(sound, np.log(sound.y_prob)))) == ["logits"]
    logits = 5 * np.log(sound.y_prob) + 3
    assert kinds(check(with_prob(sound, logits))) == ["logits"]
    mixed = demonstrate(sound, 0)[1].predictions
    assert kinds(check(with_prob(mixed, np.log(mixed.y_prob)))) == ["logits", "out_of_step"]


def test_percentages_and_sums_that_miss_one_are_found() -> None:
    sound = drawn()
    percent = check(with_prob(sound, 100 * sound.y_prob))
    assert not percent.wrong
    assert kinds(percent, "note") == ["percentages"]
    sigmoid = np.minimum(sound.y_prob * 1.3, 1.0)
    assert kinds(check(with_prob(sound, sigmoid))) == ["not_one"]
    one = sound.y_prob.copy()
    one[7] = [0.9, 0.9, -0.1, 0.0]
    verdict = check(with_prob(sound, one))
    assert kinds(verdict) == ["not_one"]
    assert "1 of 246 rows" in verdict.findings[0].sentence
    assert "row 8" in verdict.findings[0].sentence


@pytest.mark.parametrize("broken", [(0, 0, 0, 0), (1, 1, 0, 0)])
def test_flags_for_probabilities_are_judged_as_evaluate_judges_them(
    broken: tuple[float, ...],
) -> None:
    sound = fixed()
    flags = np.eye(4)[sound.y_pred]
    claims = {"accuracy": sound.metrics()["accuracy"]}
    assert "not_one" not in kinds(check(with_prob(sound, flags), claims=claims))
    flags[100] = broken
    assert "not_one" in kinds(check(with_prob(sound, flags), claims=claims))


def test_sums_that_one_decimal_excuses_can_be_compared_with_claims() -> None:
    rounded = np.round(fixed().y_prob, 1)
    rounded[3] -= (0.0, 0.1, 0.0, 0.0)
    table = with_prob(fixed(), rounded)
    assert "not_one" not in kinds(check(table, claims={"accuracy": 0.963}))


def test_a_prediction_that_is_not_the_largest_probability_is_found() -> None:
    sound = drawn()
    mixed = demonstrate(sound, 0)[1].predictions
    shuffled = {name: mixed.frame[name] for name in P}
    verdict = check(changed(sound, **shuffled, predicted=sound.frame["predicted"]))
    assert "predicted_disagrees" in kinds(verdict)
    found = next(f for f in verdict.findings if f.kind == "predicted_disagrees")
    assert found.numbers["accuracy_predicted"] == sound.metrics()["accuracy"]
    assert found.numbers["accuracy_probabilities"] < 0.4


def test_a_confidence_that_is_not_the_probability_is_found() -> None:
    sound = drawn()
    confidence = sound.confidence.copy()
    confidence[3] = 0.123
    given = changed(sound, predicted=sound.frame["predicted"], confidence=confidence)
    assert kinds(check(given)) == ["confidence_disagrees"]


def test_identical_rows_are_found_and_a_saturated_single_class_is_not_one() -> None:
    sound = drawn()
    constant = np.tile([0.4, 0.3, 0.2, 0.1], (246, 1))
    assert "identical_rows" in kinds(check(with_prob(sound, constant)))
    sure = np.tile([1.0, 0.0, 0.0, 0.0], (50, 1))
    assert not check(Predictions.from_arrays([str(i) for i in range(50)], [0] * 50, sure)).wrong


def test_doubled_rows_are_found() -> None:
    sound = drawn(split="test")
    doubled = sound.take([*range(246), 5, 9])
    verdict = check(doubled)
    assert kinds(verdict) == ["duplicate_rows"]
    assert verdict.findings[0].numbers["rows"] == 2
    assert kinds(check(changed(doubled, path=""))) == ["copied_rows"]
    renamed = check(changed(doubled, path=[f"{i}.png" for i in range(248)]))
    assert kinds(renamed) == []
    assert kinds(renamed, "improbable") == ["copied_rows"]


def test_one_image_scored_by_two_models_is_no_double() -> None:
    sound = drawn()
    both = sound.take([*range(246), *range(246)])
    models = ["cnn"] * 246 + ["resnet50"] * 246
    assert check(changed(both, model=models)).findings == ()


def test_a_file_in_two_splits_is_improbable() -> None:
    sound = drawn()
    splits = ["valid"] * 123 + ["test"] * 123
    hashes = [f"{i % 200:064x}" for i in range(246)]
    verdict = check(changed(sound, split=splits, sha256=hashes))
    assert kinds(verdict, "improbable") == ["file_in_two_splits"]
    assert verdict.findings[0].numbers["files"] == 46


def test_a_class_never_predicted_is_found_and_a_rare_one_is_improbable() -> None:
    sound = drawn()
    prob = sound.y_prob.copy()
    prob[:, 3] *= 1e-6
    prob /= prob.sum(axis=1, keepdims=True)
    verdict = check(with_prob(sound, prob))
    assert kinds(verdict) == ["class_never_predicted"]
    assert "pituitary is never predicted" in verdict.findings[0].sentence
    few = sound.take([*np.flatnonzero(sound.y_true != 3), *np.flatnonzero(sound.y_true == 3)[:4]])
    rare = few.y_prob.copy()
    rare[:, 3] = 0
    verdict = check(with_prob(few, rare / rare.sum(axis=1, keepdims=True)))
    assert kinds(verdict, "improbable") == ["class_never_predicted"]


def test_rows_that_no_metric_covers_are_counted() -> None:
    frame = drawn().frame.copy()
    frame.loc[:3, "status"] = "refused"
    frame.loc[9, "label"] = ""
    verdict = check(Predictions.from_frame(frame))
    assert kinds(verdict, "note") == ["left_out"]
    assert verdict.findings[0].numbers == {"refused": 4, "unlabelled": 1}
    assert verdict.judged == 241


def test_a_table_without_labels_is_checked_as_far_as_it_goes() -> None:
    sound = drawn()
    assert not check(changed(sound, label="")).wrong
    assert kinds(check(changed(with_prob(sound, 5 + sound.y_prob), label=""))) == ["logits"]
    assert not check(sound.take([]), claims={"accuracy": 1}).wrong


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
        ('{"n": "246"}', True),
        ('{"n": "2,460"}', False),
    ],
)
def test_a_claim_is_true_to_the_digits_written(tmp_path: Path, claim: str, true: bool) -> None:
    table = fixed()
    assert (compare(claims_of(tmp_path, claim), table).mismatches == ()) is true


def fixed() -> Predictions:
    """246 rows, 9 wrong (2 of 52 glioma): accuracy 0.963414..., glioma sensitivity 0.961538..."""
    truth = np.repeat([0, 1, 2, 3], [52, 64, 65, 65])
    said = truth.copy()
    said[[0, 1]] = 1
    said[[60, 61, 62, 120, 121, 190, 191]] = 0
    prob = np.full((246, 4), 0.1)
    prob[np.arange(246), said] = 0.7
    return Predictions.from_arrays([f"{i}.png" for i in range(246)], truth, prob)


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
