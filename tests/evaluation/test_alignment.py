"""Out of step: what is said of each way, and how the table is to be mended."""

from __future__ import annotations

import numpy as np
import pytest
from made_tables import Made, draw

from braintumor.evaluation.alignment import misaligned
from braintumor.evaluation.findings import Finding
from braintumor.evaluation.predictions import Predictions


def findings(made: Made) -> list[Finding]:
    paths = [f"{i}.png" for i in range(len(made.truth))]
    return list(misaligned("", Predictions.from_arrays(paths, made.truth, made.prob)))


def made(n: int = 600, seed: int = 0, **how: object) -> Made:
    return draw(np.random.default_rng(seed), n, **how)  # type: ignore[arg-type]


def test_shifted_labels_are_found_with_the_shift_that_mends_them() -> None:
    sound = made()
    (finding,) = findings(Made(sound.prob, np.roll(sound.truth, 3), {}))
    assert (finding.kind, finding.severity) == ("out_of_step", "wrong")
    assert "moved up by 3 rows" in finding.sentence
    assert finding.numbers["moved"] == -3
    assert finding.numbers["accuracy_repaired"] == (sound.prob.argmax(axis=1) == sound.truth).mean()
    (down,) = findings(Made(sound.prob, np.roll(sound.truth, -3), {}))
    assert "moved down by 3 rows" in down.sentence


def test_exchanged_batches_are_found_where_they_belong() -> None:
    sound = made()
    rows = np.r_[0:32, 320:352, 64:320, 32:64, 352:600]
    (finding,) = findings(Made(sound.prob[rows], sound.truth, {}))
    assert finding.numbers["how"] == "blocks"
    first = finding.numbers["first"]
    assert abs(first["labels_of"] - first["first"]) == 288


def test_one_shuffled_batch_is_found_with_its_rows() -> None:
    sound = made()
    truth = sound.truth.copy()
    truth[256:320] = np.random.default_rng(0).permutation(truth[256:320])
    (finding,) = findings(Made(sound.prob, truth, {}))
    assert finding.numbers["how"] == "one block"
    assert 230 <= finding.numbers["first"] <= 270
    assert 300 <= finding.numbers["last"] <= 345


def test_a_hard_class_in_a_sorted_table_is_no_block() -> None:
    sound = made(order="sorted")
    prob = sound.prob.copy()
    weak = sound.truth == 1
    prob[weak] = prob[weak][:, [1, 0, 2, 3]]  # all meningiomas are said to be gliomas
    assert "out_of_step" not in [finding.kind for finding in findings(Made(prob, sound.truth, {}))]


@pytest.mark.parametrize("seed", range(5))
def test_a_hard_source_at_the_end_is_no_block(seed: int) -> None:
    good, bad = made(400, seed), made(200, seed + 9, skill=1.5, boast=3.0)
    both = Made(np.concatenate([good.prob, bad.prob]), np.concatenate([good.truth, bad.truth]), {})
    assert not [finding for finding in findings(both) if finding.severity == "wrong"]


def test_confidence_that_is_not_earned_is_improbable() -> None:
    (finding,) = findings(made(skill=1.2, boast=6.0))
    assert (finding.kind, finding.severity) == ("confidence_unearned", "improbable")


def test_two_hundred_thousand_rows_take_seconds() -> None:
    import time

    sound = made(200_000)
    start = time.process_time()
    assert findings(sound) == []
    assert time.process_time() - start < 20
