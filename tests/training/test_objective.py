"""What is minimised: the class, the lesion's place, and no tumour beside the tumour."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras")

from braintumor.networks.where import FLOOR
from braintumor.training.objective import (
    accuracy,
    logits_of,
    objective,
    targets,
)

GLIOMA, NO_TUMOR = 0, 2
SIDE = 6
SURE = 12.0


def wanted(label: int, *, lesion: bool, known: bool = True) -> np.ndarray:
    mask = np.zeros((1, SIDE, SIDE), np.float32)
    mask[0, :2, :2] = lesion
    return targets(np.eye(4, dtype=np.float32)[[label]], mask, np.array([known]))


def seen(inside: int, outside: int, *, where: float = SURE) -> np.ndarray:
    """A network that is sure of a class inside the lesion and of another outside it."""
    places = np.zeros((1, SIDE, SIDE, 5), np.float32)
    places[..., outside] = SURE
    places[0, :2, :2, :4] = 0
    places[0, :2, :2, inside] = SURE
    places[..., 4] = -where
    places[0, :2, :2, 4] = where
    return places


def loss(y_true: np.ndarray, y_pred: np.ndarray, *, mask: float = 1.0, out: float = 0.3) -> float:
    return float(np.asarray(objective(mask, out)(y_true, y_pred))[0])


def test_a_tumour_in_its_place_and_nothing_beside_it_costs_least() -> None:
    label = wanted(GLIOMA, lesion=True)
    right = loss(label, seen(GLIOMA, NO_TUMOR))
    assert right < 0.1
    assert loss(label, seen(NO_TUMOR, NO_TUMOR)) > right + 5, "the wrong class"
    assert loss(label, seen(GLIOMA, NO_TUMOR, where=-SURE)) > right + 5, "the wrong place"
    assert loss(label, seen(GLIOMA, GLIOMA)) > right + 3, "a tumour claimed beside the tumour"


def test_without_masks_the_class_alone_counts() -> None:
    label = wanted(GLIOMA, lesion=False, known=False)
    for places in (seen(GLIOMA, GLIOMA), seen(GLIOMA, GLIOMA, where=-SURE)):
        assert loss(label, places) == pytest.approx(0, abs=1e-3)
    assert loss(label, seen(NO_TUMOR, NO_TUMOR)) == pytest.approx(SURE, abs=0.1)


def test_a_slice_without_a_lesion_is_told_so_everywhere() -> None:
    label = wanted(NO_TUMOR, lesion=False)
    calm = seen(NO_TUMOR, NO_TUMOR)
    calm[..., 4] = -SURE
    assert loss(label, calm) < 0.01
    assert loss(label, seen(NO_TUMOR, NO_TUMOR)) > 1, "a lesion was seen where there is none"


def test_the_weights_switch_the_parts_off() -> None:
    label, places = wanted(GLIOMA, lesion=True), seen(GLIOMA, GLIOMA, where=-SURE)
    assert loss(label, places, mask=0, out=0) == pytest.approx(0, abs=1e-3)
    assert loss(label, places, mask=0, out=1) > 1
    assert loss(label, places, mask=1, out=0) > 1


def test_logits_are_the_mean_evidence_weighted_by_where() -> None:
    places = np.random.default_rng(0).normal(0, 3, (3, SIDE, SIDE, 5)).astype(np.float32)
    weight = 1 / (1 + np.exp(-places[..., 4:])) + FLOOR
    expected = np.average(places[..., :4], axis=(1, 2), weights=np.repeat(weight, 4, axis=3))
    np.testing.assert_allclose(logits_of(places), expected, rtol=1e-5)


def test_accuracy_counts_the_class_that_the_logits_name() -> None:
    label = np.concatenate([wanted(GLIOMA, lesion=True), wanted(NO_TUMOR, lesion=False)])
    right = np.asarray(accuracy(label, np.concatenate([seen(GLIOMA, NO_TUMOR)] * 2)))
    assert right.tolist() == [1.0, 0.0]
