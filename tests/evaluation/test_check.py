"""The check: sound tables pass, and each known mistake is found and named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_checks import P, changed, drawn, fixed, kinds, with_prob

from braintumor.classes import CLASSES
from braintumor.evaluation.check import check
from braintumor.evaluation.out_of_step import demonstrate
from braintumor.evaluation.predictions import Predictions

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
