"""What eight bits cost is counted, added up over runs, and held against fixed bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from braintumor.bundle.parts import Calibration
from braintumor.training.parity import parity, summed


def logits(right: NDArray[np.bool_], truth: NDArray[np.int64]) -> NDArray[np.float32]:
    return (3 * np.eye(4)[np.where(right, truth, (truth + 1) % 4)]).astype(np.float32)


def test_a_loss_within_the_bounds_is_accepted_and_counted() -> None:
    truth = np.repeat(np.arange(4), 400)
    before = np.ones(1600, bool)
    within, beyond = before.copy(), before.copy()
    within[[0, 400]] = False
    beyond[[0, 1, 2]] = False
    one, other = (
        parity(truth, logits(before, truth), logits(after, truth), Calibration())
        for after in (within, beyond)
    )

    assert one["accepted"] is True
    assert one["classes"]["glioma"] == {"n": 400, "hits_float32": 400, "hits": 399}
    assert one["same_class"] == pytest.approx(1598 / 1600)
    assert other["accepted"] is False
    assert other["reason"] == "glioma loses 3 of 400 slices that were right"


def test_a_fall_of_the_auc_is_not_accepted() -> None:
    truth = np.repeat(np.arange(4), 100)
    before = logits(np.ones(400, bool), truth)
    after = before.copy()
    after[truth == 2] /= 50  # the right class still, but hardly
    after[:, 2] += 2.9 * (truth == 3)
    table = parity(truth, before, after, Calibration())

    assert table["classes"]["pituitary"]["hits"] == 100
    assert "macro AUC falls" in str(table["reason"])


def lost(count: int, of: int) -> dict[str, Any]:
    """The table of a run in which so many gliomas are no longer found."""
    truth = np.repeat(np.arange(4), of)
    right = np.ones(4 * of, bool)
    right[:count] = False
    return parity(truth, logits(np.ones(4 * of, bool), truth), logits(right, truth), Calibration())


def test_runs_are_added_up_before_they_are_judged() -> None:
    """One slice of a hundred is too much for a run, and not for four runs together."""
    one, none = lost(1, 100), lost(0, 100)
    together = summed([one, none, none, none])

    assert one["accepted"] is False
    assert together["accepted"] is True
    assert (together["n"], together["runs"]) == (1600, 4)
    classes = together["classes"]
    assert isinstance(classes, dict)
    assert classes["glioma"] == {"n": 400, "hits_float32": 400, "hits": 399}
    assert together["same_class"] == pytest.approx(1599 / 1600)
    assert together["max_change"] == one["max_change"]


def test_a_loss_in_every_run_is_no_better_for_being_added_up() -> None:
    together = summed([lost(1, 100)] * 3)

    assert together["accepted"] is False
    assert "glioma loses 3 of 300 slices that were right" in str(together["reason"])


def test_runs_weigh_as_many_slices_as_they_have() -> None:
    small, large = lost(10, 10), lost(0, 90)
    together = summed([small, large])

    aucs = [(table["macro_auc"], table["n"]) for table in (small, large)]
    mean = np.average([auc for auc, _ in aucs], weights=[n for _, n in aucs])
    assert together["macro_auc"] == pytest.approx(mean)
