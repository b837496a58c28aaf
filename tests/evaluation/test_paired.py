"""Two models on the same rows: tests that keep their level, and intervals of differences."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from made_groups import made_groups
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation.paired import holm, mcnemar_exact, paired
from braintumor.evaluation.scoresums import BY_CLASS, NAMES


def two_models(
    rng: np.random.Generator, groups: int, *, gain: float = 0.0, slices: int = 3
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Two models that share half of what makes a slice hard; the first is better by `gain`."""
    facts = {"skill": 1.5, "share": 0.4, "slices": 1}
    truth, _, _ = made_groups(rng, groups, **facts)  # type: ignore[arg-type]
    codes = np.repeat(np.arange(groups), slices)
    truth = truth[codes]
    common = rng.normal(size=(groups, 4))[codes] + rng.normal(size=(len(codes), 4))
    models = []
    for skill in (1.5 + gain, 1.5):
        own = rng.normal(size=(groups, 4))[codes] + rng.normal(size=(len(codes), 4))
        logits = 0.5 * (common + own)
        logits[np.arange(len(codes)), truth] += skill
        models.append(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    return truth, models[0], models[1], [f"p{code}" for code in codes]


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(0, 0, 1.0), (1, 10, 0.01171875), (5, 5, 1.0), (0, 6, 0.03125), (6, 0, 0.03125)],
)
def test_mcnemars_exact_test(only_a: int, only_b: int, p: float) -> None:
    # Twice the binomial tail: 2 (1 + 11) / 2^11 for 1 against 10.
    assert mcnemar_exact(only_a, only_b) == pytest.approx(p)


def test_mcnemars_test_of_a_published_table() -> None:
    # Agresti (2002), Categorical Data Analysis, table 10.1: 150 against 86; z^2 = 17.36.
    assert mcnemar_exact(150, 86) == pytest.approx(3.7e-5, rel=0.03)


def test_holms_correction() -> None:
    # Times 4, 3, 2, 1 from the smallest up, never falling, at most one.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    found = holm([0.01, float("nan"), 0.04])
    assert found[0] == pytest.approx(0.02)
    assert np.isnan(found[1])


def test_every_score_has_a_difference_that_lies_in_its_interval() -> None:
    found = paired(*two_models(np.random.default_rng(0), 80, gain=1.0))
    assert tuple(found.differences) == NAMES
    for name, each in found.differences.items():
        assert each.difference == pytest.approx(each.first - each.second)
        assert each.low < each.difference < each.high, name
        assert each.p <= each.p_holm or name == "ece", name
    for score in BY_CLASS:
        classes = [found.differences[f"{label}.{score}"] for label in CLASSES]
        assert [each.p_holm for each in classes] == holm([each.p for each in classes])
    assert found.differences["accuracy"].low > 0
    assert found.differences["accuracy"].p < 0.01
    plain = found.to_dict()
    assert plain["unit"] == "group"
    assert set(plain["per_class"]) == set(CLASSES)
    assert set(plain["per_class"]["glioma"]) == set(BY_CLASS)


def test_a_difference_of_log_loss_is_not_cut_at_one() -> None:
    truth, good, _, groups = two_models(np.random.default_rng(0), 80)
    worthless = np.full_like(good, 0.001)
    worthless[np.arange(len(truth)), (truth + 1) % 4] = 0.997
    found = paired(truth, good, worthless, groups).differences
    assert found["log_loss"].difference < -4
    for name in ("log_loss", "mcc", "accuracy"):
        assert found[name].low <= found[name].difference <= found[name].high, name


def test_the_unit_decides_the_test() -> None:
    truth, first, second, groups = two_models(np.random.default_rng(1), 60)
    grouped = paired(truth, first, second, groups)
    assert {each.test for each in grouped.differences.values()} == {"permutation", ""}
    assert np.isnan(grouped.differences["ece"].p)
    assert grouped.to_dict()["ece"]["p"] is None
    single = paired(truth, first, second)
    tests = {name.rpartition(".")[2]: each.test for name, each in single.differences.items()}
    assert tests["accuracy"] == tests["sensitivity"] == tests["specificity"] == "mcnemar"
    assert (tests["auc"], tests["macro_f1"]) == ("delong", "permutation")
    right = [(prob.argmax(axis=1) == truth) for prob in (first, second)]
    only = [int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())]
    assert single.differences["accuracy"].p == mcnemar_exact(*only)
    own = truth == 0
    found = [(prob[own].argmax(axis=1) == 0) for prob in (first, second)]
    only = [int((found[0] & ~found[1]).sum()), int((~found[0] & found[1]).sum())]
    assert single.differences["glioma.sensitivity"].p == mcnemar_exact(*only)


def test_a_class_that_does_not_occur_has_no_p_value_and_does_not_count_in_holms() -> None:
    truth, first, second, _ = two_models(np.random.default_rng(1), 60)
    some = truth != 0
    found = paired(truth[some], first[some], second[some]).differences
    assert np.isnan([found["glioma.sensitivity"].p, found["glioma.sensitivity"].p_holm]).all()
    p = [found[f"{name}.sensitivity"].p for name in CLASSES[1:]]
    corrected = [found[f"{name}.sensitivity"].p_holm for name in CLASSES[1:]]
    assert corrected == pytest.approx(holm(p))


def test_permuting_few_groups_is_counting_all_ways_to_swap_them() -> None:
    truth, first, second, groups = two_models(np.random.default_rng(2), 8, gain=1.0)
    right = [(prob.argmax(axis=1) == truth).astype(int) for prob in (first, second)]
    codes = np.array([int(group[1:]) for group in groups])
    apart = np.bincount(codes, weights=right[0] - right[1])
    ways = [abs(np.dot(signs, apart)) for signs in product((-1, 1), repeat=8)]
    exact = np.mean(np.array(ways) >= abs(apart.sum()) - 1e-9)
    found = paired(truth, first, second, groups).differences["accuracy"]
    assert found.p == pytest.approx(exact, abs=0.03)


def test_models_that_never_differ_are_alike_as_far_as_the_patients_tell() -> None:
    truth, first, _, groups = two_models(np.random.default_rng(3), 60)
    found = paired(truth, first, first, groups).differences["accuracy"]
    assert (found.difference, found.p, found.differing) == (0.0, 1.0, 0)
    assert found.unreliable
    assert 0.03 < found.high < 0.10, "60 patients could hide as much"
    assert found.low == -found.high


def test_it_does_not_matter_which_model_comes_first() -> None:
    """The second takes hardly anything for a glioma: its precision rests on a few patients."""
    truth, first, second, groups = two_models(np.random.default_rng(5), 120)
    second[:, 0] *= 0.02
    one, other = (
        paired(truth, a, b, groups, draws=50, permutations=19).differences
        for a, b in ((first, second), (second, first))
    )
    for name, each in one.items():
        assert (each.units, each.differing) == (other[name].units, other[name].differing), name
        assert each.unreliable == other[name].unreliable, name
    said = {g for g, row in zip(groups, second.argmax(axis=1), strict=True) if row == 0}
    assert one["glioma.precision"].units == len(said)


def test_groups_differ_where_the_score_looks() -> None:
    """Seven patients without a glioma are taken for one by the first model alone."""
    truth = np.repeat([0, 1], 60)
    second = np.full((120, 4), 0.01)
    second[np.arange(120), truth] = 0.97
    first = second.copy()
    first[60:67] = [0.97, 0.01, 0.01, 0.01]
    groups = [f"p{i}" for i in range(120)]
    found = paired(truth, first, second, groups, draws=50, permutations=19).differences
    assert found["glioma.specificity"].differing == 7
    assert found["glioma.sensitivity"].differing == 0
    assert found["glioma.sensitivity"].unreliable
    assert (found["meningioma.sensitivity"].differing, found["accuracy"].differing) == (7, 7)
    assert found["meningioma.specificity"].differing == 0


def test_the_p_value_of_a_loss_is_not_smaller_than_the_ways_to_swap_allow() -> None:
    """Better in all of six patients: as chance makes it in 2 of 64 ways, both of which count."""
    for seed in range(25):
        rng = np.random.default_rng(seed)
        truth, second = rng.integers(0, 4, 18), rng.dirichlet(np.full(4, 0.2), 18) + 1e-6
        first = second.copy()
        first[np.arange(18), truth] += 2 * rng.random(18)
        first, second = (p / p.sum(axis=1, keepdims=True) for p in (first, second))
        groups = [f"p{i // 3}" for i in range(18)]
        found = paired(truth, first, second, groups, draws=20).differences["log_loss"]
        assert found.p == pytest.approx(2 / 64, abs=0.009), seed


def test_two_alike_models_are_called_different_once_in_twenty() -> None:
    rng = np.random.default_rng(4)
    names = ("accuracy", "macro_f1", "macro_auc", "glioma.auc")
    called = dict.fromkeys(names, 0)
    held = dict.fromkeys(names, 0)
    for seed in range(250):
        found = paired(
            *two_models(rng, 50, slices=2), draws=150, permutations=149, seed=seed
        ).differences
        for name in names:
            called[name] += found[name].p <= 0.05
            held[name] += found[name].low <= 0 <= found[name].high
    assert all(0.02 <= count / 250 <= 0.085 for count in called.values()), called
    assert all(0.92 <= count / 250 <= 0.985 for count in held.values()), held
