"""Adapting probabilities to another mix: right by hand and by likelihood; helping or hurting."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import norm

from braintumor.evaluation.prior_shift import adapt, estimate

Floats = NDArray[np.float64]
EVEN = np.full(4, 0.25)
MILD = np.array([0.3, 0.3, 0.2, 0.2])
SCREENING = np.array([0.02, 0.02, 0.94, 0.02])


def made(n: int, share: Floats, seed: int, *, gap: float = 1.5) -> tuple[NDArray[np.int64], Floats]:
    """Labels and exact posteriors for even shares: four normal classes `gap` apart."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, n, p=share)
    seen = rng.normal(size=(n, 4))
    seen[np.arange(n), truth] += gap
    return truth, softmax(gap * seen)


def softmax(logit: Floats) -> Floats:
    raised = np.exp(logit - logit.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def gain(truth: NDArray[np.int64], before: Floats, after: Floats) -> tuple[float, float]:
    """Change of accuracy and fall of the log loss, both better when positive."""
    rows = np.arange(len(truth))
    right = (after.argmax(1) == truth).mean() - (before.argmax(1) == truth).mean()
    fall = np.log(after[rows, truth] + 1e-300).mean() - np.log(before[rows, truth] + 1e-300).mean()
    return float(right), float(fall)


def mean_gain(n: int, share: Floats, *, repeats: int = 40, bent: bool = False) -> tuple[float, ...]:
    """Mean of `gain` over made tables when the mix is estimated by EM.

    `bent`: the evidence for one class is halved, so that the probabilities are not calibrated.
    """
    found = []
    for seed in range(repeats):
        truth, prob = made(n, share, seed)
        if bent:
            prob = softmax(np.log(prob + 1e-300) * np.array([1, 1, 1, 0.5]))
        share_found = estimate(prob, EVEN, tolerance=1e-5)
        found.append(gain(truth, prob, adapt(prob, EVEN, share_found)))
    return tuple(np.mean(found, axis=0))


# --- right


def test_adapting_is_bayes_by_hand() -> None:
    # 0.6 * 0.1/0.5 = 0.12 and 0.4 * 0.9/0.5 = 0.72, of 0.84 in all.
    assert adapt([[0.6, 0.4]], [0.5, 0.5], [0.1, 0.9]) == pytest.approx(np.array([[1 / 7, 6 / 7]]))


def test_there_and_back_is_where_we_began() -> None:
    _, prob = made(50, MILD, 1)
    again = adapt(adapt(prob, EVEN, MILD), MILD, EVEN)
    assert again == pytest.approx(prob)
    assert adapt(prob, EVEN, EVEN) == pytest.approx(prob)


def test_a_class_that_cannot_occur_gets_nothing_and_certainty_of_it_is_no_crash() -> None:
    board = [0.4, 0.4, 0.0, 0.2]
    prob = adapt([[0.1, 0.1, 0.7, 0.1], [0.0, 0.0, 1.0, 0.0]], EVEN, board)
    assert prob[:, 2].tolist() == [0, 0]
    assert prob.sum(axis=1) == pytest.approx(1)
    assert prob[1] == pytest.approx(board)


def test_em_finds_the_shares_of_greatest_likelihood() -> None:
    """Held against direct maximisation of the likelihood by another algorithm."""
    for seed in range(5):
        _, prob = made(400, MILD, seed)

        def loss(share: Floats, prob: Floats = prob) -> float:
            return -float(np.log(prob @ (share / EVEN)).sum())

        direct = minimize(lambda free: loss(softmax(np.append(free, 0.0)[None])[0]), np.zeros(3))
        found = estimate(prob, EVEN, tolerance=1e-10)
        assert loss(found) <= direct.fun + 1e-6
        assert found == pytest.approx(softmax(np.append(direct.x, 0.0)[None])[0], abs=1e-4)


def test_the_example_of_mclusts_classpriorprobs() -> None:
    """R's mclust documents Saerens' EM on 0.9 N(0,1) + 0.1 N(3,1), classifier trained on halves.

    (Scrucca et al., mclust 5/6, ?classPriorProbs: the mix to be found is 0.9 and 0.1.)
    """
    rng = np.random.default_rng(0)
    second = rng.random(10_000) < 0.1
    x = rng.normal(3.0 * second)
    prob = norm.pdf(x[:, None], [0, 3])
    found = estimate(prob / prob.sum(axis=1, keepdims=True), [0.5, 0.5])
    assert found == pytest.approx([0.9, 0.1], abs=0.01)


def test_weights_count_as_repeated_rows() -> None:
    _, prob = made(30, MILD, 3)
    times = np.arange(30) % 3
    assert estimate(prob, EVEN, weight=times) == pytest.approx(
        estimate(np.repeat(prob, times, axis=0), EVEN), abs=1e-6
    )


def test_no_image_is_an_error() -> None:
    with pytest.raises(ValueError, match="no image"):
        estimate(np.zeros((0, 4)), EVEN)


# --- when it helps and when it hurts


def test_it_helps_under_pure_prior_shift_with_calibrated_probabilities_and_many_images() -> None:
    right, fall = mean_gain(1000, SCREENING)
    assert right > 0.2
    assert fall > 0.5
    right, fall = mean_gain(1000, MILD)
    assert right > 0.002
    assert fall > 0.005


def test_it_hurts_with_few_images() -> None:
    right, fall = mean_gain(20, MILD)
    assert right < -0.01
    assert fall < -0.1


def test_knowing_the_mix_helps_where_estimating_it_from_few_images_hurts() -> None:
    falls = []
    for seed in range(40):
        truth, prob = made(20, MILD, seed)
        falls.append(gain(truth, prob, adapt(prob, EVEN, MILD))[1])
    assert np.mean(falls) > 0


def test_it_hurts_where_the_probabilities_are_not_calibrated() -> None:
    right, fall = mean_gain(1000, MILD, bent=True)
    assert right < -0.1
    assert fall < -0.2
    found = estimate(softmax(np.log(made(1000, MILD, 0)[1]) * [1, 1, 1, 0.5]), EVEN)
    assert np.abs(found - MILD).max() > 0.2, "the mix itself is misjudged"


def test_it_hurts_a_little_where_nothing_has_changed() -> None:
    right, fall = mean_gain(200, EVEN)
    assert right < 0
    assert fall < 0
