"""Maps that point at the tumour score high, maps that know nothing score as chance has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from braintumor.evaluation.localisation import (
    SIDE,
    TOLERANCE,
    Located,
    bump,
    by_class,
    in_words,
    judge_maps,
    map_rows,
    rank_correlation,
    score,
)

HEAD = np.array([12, 12, 212, 212])


def square(row: int, column: int, side: int = 30) -> NDArray[np.bool_]:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[row : row + side, column : column + side] = True
    return mask


def spot(row: int, column: int) -> NDArray[np.uint8]:
    heat = np.zeros((SIDE, SIDE), np.uint8)
    heat[row, column] = 255
    return heat


def test_the_mask_itself_is_the_best_map() -> None:
    mask = square(60, 140)

    assert score(mask * 255, mask) == {
        "pointing": 1.0, "pointing_exact": 1.0, "energy": 1.0, "iou": 1.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("beside", "pointing"), [(0, 1.0), (1, 1.0), (TOLERANCE, 1.0), (TOLERANCE + 1, 0.0)]
)
def test_the_pointing_game_has_its_tolerance_and_is_told_without(
    beside: int, pointing: float
) -> None:
    found = score(spot(70, 139 - beside + 1), square(60, 140))

    assert found["pointing"] == pointing
    assert found["pointing_exact"] == float(beside == 0)


def test_energy_is_the_share_of_heat_inside() -> None:
    mask = square(0, 0, 50)
    heat = np.ones((SIDE, SIDE))
    heat[mask] = 3

    assert score(heat, mask)["energy"] == pytest.approx(7500 / (7500 + SIDE**2 - 2500))


def test_overlap_is_taken_at_the_best_threshold() -> None:
    mask = square(100, 100, 20)
    heat = square(90, 90, 40) * 100 + mask * 100

    assert score(heat, mask)["iou"] == 1.0
    assert score(square(90, 90, 40), mask)["iou"] == pytest.approx(400 / 1600)


def test_a_map_without_heat_gets_nothing() -> None:
    assert set(score(np.zeros((SIDE, SIDE)), square(5, 5)).values()) == {0.0}


def test_maps_that_know_nothing_are_bells_in_the_head() -> None:
    middle = bump(HEAD)
    assert np.unravel_index(middle.argmax(), middle.shape) == (112, 112)
    random = np.random.default_rng(0)
    for _ in range(20):
        row, column = np.unravel_index(bump(HEAD, random).argmax(), middle.shape)
        assert 12 <= row <= 212
        assert 12 <= column <= 212


@pytest.fixture
def located() -> Located:
    """Gliomas that are found and meningiomas that are missed."""
    masks = [square(40, 40), square(150, 40), square(40, 150), square(150, 150)]
    hot = [spot(55, 55), spot(165, 55), spot(200, 20), spot(20, 200)]
    return Located(
        heat=np.stack(hot),
        mask=np.stack(masks),
        head=np.stack([HEAD] * 4),
        label=np.array(["glioma", "glioma", "meningioma", "meningioma"]),
        right=np.array([True, False, True, True]),
        group=np.array(["a", "a", "b", ""]),
        path=np.array([f"test/{name}.png" for name in "abcd"]),
    )


def test_classes_are_told_apart_beside_what_knows_nothing(located: Located) -> None:
    found = judge_maps(located)
    classes = found["classes"]

    assert list(classes) == ["all", "glioma", "meningioma"]
    assert classes["glioma"]["maps"]["pointing"] == 1.0
    assert classes["meningioma"]["maps"]["pointing"] == 0.0
    assert classes["all"]["maps"]["pointing"] == 0.5
    assert classes["all"]["centre"]["pointing"] == 0.0
    assert (classes["glioma"]["n"], classes["glioma"]["right"]) == (2, 1)
    assert classes["all"]["interval"]["groups"] == 3, "a slice of unknown group is its own"
    assert classes["all"]["interval"]["low"] < 0.5 < classes["all"]["interval"]["high"]
    assert judge_maps(located) == found
    assert judge_maps(Located.joined([located, located]))["classes"]["all"]["n"] == 8
    assert in_words(found)[0].startswith("all, 4 masks: ")
    assert "50.0%" in in_words(found)[0]


def test_a_row_a_slice_holds_all_that_its_class_is_told(located: Located) -> None:
    rows = map_rows(located)
    assert list(rows["path"]) == [f"test/{name}.png" for name in "abcd"]
    assert rows["pointing"].tolist() == [1, 1, 0, 0]
    told = by_class(rows)
    for name, part in judge_maps(located, rows=rows)["classes"].items():
        assert told[name] == {key: part[key] for key in told[name]}
    moved = rows.assign(pointing=[1.0, 1.0, 1.0, 0.0])
    assert judge_maps(located, rows=moved)["classes"]["all"]["maps"]["pointing"] == 0.75


def test_a_class_that_was_never_named_right_has_no_such_score(located: Located) -> None:
    wrong = Located(**{**vars(located), "right": np.zeros(4, bool)})

    assert judge_maps(wrong)["classes"]["glioma"]["maps_if_right"] is None


def test_what_is_written_holds_every_array_and_no_pickle(located: Located, tmp_path: Path) -> None:
    located.write(tmp_path / "maps.npz")

    with np.load(tmp_path / "maps.npz", allow_pickle=False) as stored:
        assert judge_maps(Located(**dict(stored))) == judge_maps(located)


def test_rank_correlation_sees_order_alone() -> None:
    values = np.random.default_rng(0).normal(size=(20, 20))

    assert rank_correlation(values, np.exp(values)) == pytest.approx(1)
    assert rank_correlation(values, -values) == pytest.approx(-1)
    assert rank_correlation(values, np.zeros((20, 20))) == 0.0
