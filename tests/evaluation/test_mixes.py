"""A table under other mixes of classes: true numbers, doubt where little was seen, plain words."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from made_run import made_table

from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.evaluation import mix_scores, rates, resampling
from braintumor.evaluation.metrics import measure
from braintumor.evaluation.mixes import Mix, Mixes, mixes, parse_mix
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.sections import class_mixes


@pytest.fixture(scope="module")
def table() -> Predictions:
    return made_table(skill=2.5).split("test").take(np.arange(70))


@pytest.fixture(scope="module")
def found(table: Predictions) -> Mixes:
    return mixes(table, draws=500)


def by_name(found: Mixes, name: str) -> tuple[np.ndarray, dict[str, float]]:
    result = next(r for r in found.results if r.mix.name == name)
    return np.array(result.mix.share), {k: v.value for k, v in result.scores.items()}


def test_under_its_own_mix_the_scores_are_the_tables_own(found: Mixes, table: Predictions) -> None:
    own = measure(table.y_true, table.y_prob)
    _, scores = by_name(found, "given")
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        assert scores[name] == pytest.approx(own[name]), name
    given = found.results[0]
    assert given.log_loss == pytest.approx(own["log_loss"])
    for name in CLASSES:
        assert given.ppv[name].value == pytest.approx(own["per_class"][name]["precision"])


def test_macro_f1_counts_a_class_that_is_said_and_not_there_as_the_tables_own(
    table: Predictions,
) -> None:
    for present in (table.y_true != 3, table.y_true != 2):
        rows = table.take(present)
        assert len(np.unique(rows.y_pred)) == 4
        own = measure(rows.y_true, rows.y_prob)
        _, scores = by_name(mixes(rows, draws=20), "given")
        assert scores["macro_f1"] == pytest.approx(own["macro_f1"])


def test_a_class_that_is_neither_there_nor_said_is_not_doubted_into_macro_f1() -> None:
    truth = np.arange(150) % 3
    prob = np.full((150, 4), 0.01)
    prob[np.arange(150), truth] = 0.97
    rows = Predictions.from_arrays([f"{i}.png" for i in range(150)], truth, prob)
    found = mixes(rows, draws=300).results[0].scores["macro_f1"]
    assert found.value == 1.0
    assert found.low > 0.9, "three quarters, were the fourth class counted"


def test_under_even_shares_accuracy_is_balanced_accuracy(found: Mixes) -> None:
    _, scores = by_name(found, "uniform")
    assert scores["accuracy"] == pytest.approx(scores["balanced_accuracy"])


def test_a_reweighted_table_equals_one_with_repeated_rows(table: Predictions) -> None:
    """Three of each no-tumour row and the mix that this makes are the same thing."""
    times = np.where(table.y_true == 2, 3, 1)
    many = table.take(np.repeat(np.arange(len(table)), times))
    share = np.bincount(many.y_true, minlength=4) / len(many)
    found = mixes(table, extra=[Mix("wanted", "Wanted", tuple(share))], draws=10)
    own = measure(many.y_true, many.y_prob)
    assert found.results[-1].scores["accuracy"].value == pytest.approx(own["accuracy"])
    assert found.results[-1].scores["macro_f1"].value == pytest.approx(own["macro_f1"])
    assert found.results[-1].log_loss == pytest.approx(own["log_loss"])


def test_screening_and_tumour_board_keep_the_proportions_of_tumours(found: Mixes) -> None:
    given, _ = by_name(found, "given")
    screening, _ = by_name(found, "screening")
    board, _ = by_name(found, "tumour_board")
    assert screening[2] == pytest.approx(0.95)
    assert board[2] == 0.0
    for share in (screening, board):
        assert share.sum() == pytest.approx(1)
        assert share[0] / share[3] == pytest.approx(given[0] / given[3])


def test_intervals_hold_the_value_and_few_groups_make_them_wide(table: Predictions) -> None:
    many = mixes(table, draws=300)
    groups = [f"g{i % 8}" for i in range(len(table))]
    few = mixes(Predictions.from_frame(table.frame.assign(group=groups)), draws=300)
    assert few.groups == 8
    for result in (*many.results, *few.results):
        for value in (*result.scores.values(), *result.ppv.values(), *result.npv.values()):
            if np.isfinite(value.value):
                assert value.low <= value.value <= value.high
    wide, narrow = (m.results[2].ppv["glioma"] for m in (few, many))
    assert wide.high - wide.low > narrow.high - narrow.low


def perfect(n: int) -> Predictions:
    """Slices of n patients, all right and sure of it."""
    truth = np.arange(n) % 4
    prob = np.full((n, 4), 0.01)
    prob[np.arange(n), truth] = 0.97
    return Predictions.from_arrays([f"{i}.jpg" for i in range(n)], truth, prob)


def test_without_an_error_all_slices_bound_the_accuracy_and_not_those_of_a_class() -> None:
    """None wrong of n: at most about 3 / n are, by the rule of three."""
    for result in mixes(perfect(140), draws=500).results[:2]:
        assert result.scores["accuracy"].low == pytest.approx(1 - 3 / 140, abs=0.005)


def test_a_perfect_table_does_not_promise_a_perfect_screening() -> None:
    """Without a single false alarm in 35, one patient in twenty might still be one."""
    screening = mixes(perfect(140), draws=500).results[2]
    assert screening.ppv["glioma"].value == 1.0
    assert screening.ppv["glioma"].low < 0.8
    assert screening.scores["accuracy"].low < 0.99


def test_the_intervals_cover_where_those_of_the_plain_bootstrap_do_not() -> None:
    """PPV in a screening clinic, from 40 patients a class of 1 to 3 slices: 200 made tables.

    A false alarm in a hundred decides there, and most tables show none.
    """
    rate = np.array(
        [[0.93, 0.05, 0.01, 0.01], [0.06, 0.9, 0.02, 0.02], [0.02, 0.005, 0.97, 0.005],
         [0.005, 0.01, 0.005, 0.98]]
    )  # fmt: skip
    share = np.array([0.05 / 3, 0.05 / 3, 0.95, 0.05 / 3])
    tumours = [0, 1, 3]
    true = ppv_of(rate, share)[tumours]
    covered: dict[str, list[np.ndarray]] = {"ours": [], "plain": []}
    for seed in range(200):
        rng = np.random.default_rng(seed)
        group = np.repeat(np.arange(160), rng.integers(1, 4, 160))
        truth = group % 4
        own = np.array([rng.choice(4, p=rate[g % 4]) for g in range(160)])[group]
        new = np.array([rng.choice(4, p=rate[k]) for k in truth])
        cell = truth * 4 + np.where(rng.random(len(group)) < 0.5, own, new)
        value = ppv_of(np.bincount(cell, minlength=16).reshape(4, 4), share)
        sums = resampling.drawn_sums(np.eye(16)[cell], group, draws=300, seed=seed)
        doubt = resampling.drawn_doubt(sums.shape, group, doubt=1 / 4, seed=seed)
        for name, drawn in (("ours", sums + doubt), ("plain", sums)):
            redrawn = ppv_of(drawn.reshape(-1, 4, 4), share)
            found = [rates.estimate(float(value[k]), redrawn[:, k]) for k in tumours]
            low, high = (np.array([getattr(f, end) for f in found]) for end in ("low", "high"))
            covered[name].append((low <= true) & (true <= high))
    assert 0.92 <= np.mean(covered["ours"]) <= 0.99
    assert np.mean(covered["plain"]) < 0.75


def ppv_of(counts: np.ndarray, share: np.ndarray) -> np.ndarray:
    return mix_scores.predictive_values(counts / counts.sum(axis=-1, keepdims=True), share)[0]


def test_adaptation_is_measured_under_the_mix_and_judged() -> None:
    result = mixes(made_table(skill=2.0), draws=300).results
    screening = next(r for r in result if r.mix.name == "screening")
    assert screening.known.verdict == "helps"
    assert screening.known.accuracy_gain.value > 0.02
    given = result[0]
    assert given.known.verdict == "open", "there is nothing to adapt to"
    gain = given.known.accuracy_gain
    assert (gain.low, gain.value, gain.high) == (0, 0, 0), "and no answer can change"
    assert [few.images for few in given.few] == [50, 500]
    assert given.few[0].error > given.few[1].error


SKEWED = np.array([0.4, 0.3, 0.2, 0.1])


def calibrated(n: int, seed: int = 0, *, power: float = 1.0) -> Predictions:
    """Four normal classes in skewed shares, with the exact probability of each; `power`: that of
    glioma is raised to it, and so is calibrated no more."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, n, p=SKEWED)
    seen = rng.normal(size=(n, 4))
    seen[np.arange(n), truth] += 1.5
    prob = SKEWED * np.exp(1.5 * seen)
    prob /= prob.sum(axis=1, keepdims=True)
    prob = prob ** [power, 1, 1, 1]
    prob /= prob.sum(axis=1, keepdims=True)
    return Predictions.from_arrays([f"{i}.png" for i in range(n)], truth, prob)


@pytest.fixture(scope="module")
def exact() -> Mixes:
    return mixes(calibrated(1200), draws=100)


def test_em_finds_each_mix_from_slices_of_it_and_knows_it_less_well(exact: Mixes) -> None:
    for result in exact.results:
        assert result.known.estimated == pytest.approx(result.mix.share)
        assert result.em.estimated == pytest.approx(result.mix.share, abs=0.05)
        assert result.em.estimated != pytest.approx(result.mix.share, abs=1e-4)


def test_from_few_images_adapting_helps_where_the_mix_is_quite_another(exact: Mixes) -> None:
    given, _, screening, _ = (result.few for result in exact.results)
    for few in screening:
        assert few.helped > 0.9
        assert few.accuracy_gain > 0.25
    for few in given:
        assert few.helped < 0.2
        assert few.accuracy_gain < 0
    for few, many in (result.few for result in exact.results):
        assert 0.04 < few.error < 0.15
        assert 0.02 < many.error < 0.06


def test_adapting_to_what_is_not_so_hurts_and_is_told_apart_in_json(exact: Mixes) -> None:
    given = exact.results[0]
    assert (given.known.verdict, given.em.verdict) == ("open", "hurts")
    plain = exact.to_dict()["results"][0]
    assert (plain["known"]["verdict"], plain["em"]["verdict"]) == ("open", "hurts")
    wrong = mixes(calibrated(1200), made_for=(0.1, 0.1, 0.1, 0.7), draws=100)
    assert wrong.results[0].known.verdict == "hurts"


def test_the_drift_is_the_largest_error_of_a_share_too_small_or_too_large() -> None:
    found = mixes(calibrated(600, power=2.0), draws=10)
    given = found.results[0]
    errors = np.subtract(given.em.estimated, given.mix.share)
    assert errors.min() < -2 * errors.max() < 0
    assert found.drift == pytest.approx(-errors.min(), abs=1e-4)


def test_what_chance_alone_misjudges_in_few_slices_is_not_called_uncalibrated() -> None:
    found = [mixes(calibrated(60, seed), draws=2) for seed in range(5)]
    assert min(one.drift for one in found) > 0.05
    assert {one.notes for one in found} == {()}


def test_answers_that_never_changed_in_few_images_may_yet() -> None:
    truth = np.arange(24) % 4
    prob = np.full((24, 4), 0.002)
    prob[np.arange(24), truth] = 0.994
    rows = Predictions.from_arrays([f"{i}.png" for i in range(24)], truth, prob)
    gain = mixes(rows, draws=300).results[2].known.accuracy_gain
    assert gain.value == 0
    assert gain.low < -0.01
    assert gain.high > 0.01


def test_probabilities_that_were_made_for_another_mix_can_say_so(table: Predictions) -> None:
    skewed = (0.7, 0.1, 0.1, 0.1)
    own = mixes(table, made_for=skewed, draws=50)
    assert own.made_for == pytest.approx(skewed)
    assert own.results[0].known.log_loss_gain.value != 0


def test_uncalibrated_probabilities_are_called_so() -> None:
    table = made_table(skill=2.0)
    prob = table.y_prob ** np.array([1, 1, 1, 0.4])
    prob /= prob.sum(axis=1, keepdims=True)
    bent = Predictions.from_arrays(list(table.frame["path"]), table.y_true, prob)
    found = mixes(bent, draws=10)
    assert found.drift > 0.1
    assert any("not calibrated" in note and "pituitary" in note for note in found.notes)


def test_the_class_called_uncalibrated_is_the_one_beyond_chance() -> None:
    """Forty gliomas of one patient taken for meningiomas are one mishap; thirty patients with a
    pituitary tumour that is taken for none are not, though fewer."""
    truth = np.arange(400) % 4
    prob = np.full((400, 4), 0.01)
    prob[np.arange(400), truth] = 0.97
    group = [f"p{i}" for i in range(400)]
    for row in np.flatnonzero(truth == 0)[:40]:
        prob[row], group[row] = [0.03, 0.95, 0.01, 0.01], "one"
    paths = [f"{i}.png" for i in range(400)]
    found = mixes(Predictions.from_arrays(paths, truth, prob, group=group), draws=10)
    assert found.drift > 0.1
    assert found.notes == ()
    prob[np.flatnonzero(truth == 3)[:30]] = [0.01, 0.01, 0.6, 0.38]
    (note,) = mixes(Predictions.from_arrays(paths, truth, prob, group=group), draws=10).notes
    assert "the share of no_tumor is misjudged by +6 points" in note


def test_of_a_class_of_one_patient_nothing_is_said_to_help_or_hurt() -> None:
    truth = np.repeat(np.arange(4), 20)
    prob = np.random.default_rng(0).dirichlet(np.ones(4), 80) * 0.6
    prob[np.arange(80), truth] += 0.4
    paths = [f"{i}.png" for i in range(80)]
    alone = [f"p{k}" for k in truth]
    for group, known in ((alone, False), ([f"p{i // 2}" for i in range(80)], True)):
        found = mixes(Predictions.from_arrays(paths, truth, prob, group=group), draws=50)
        (even,) = [one for one in found.results if one.mix.name == "uniform"]
        assert np.isfinite(even.known.accuracy_gain.low) == known
        assert {one.known.verdict for one in found.results} == {"open"} or known
        assert np.isnan(adapting_low(found)).any() != known
        for scored in (even.scores, even.ppv, even.npv):
            assert np.isfinite([one.value for one in scored.values()]).all()
            ends = np.array([(one.low, one.high) for one in scored.values()])
            assert (np.isfinite(ends) == known).all()
        assert any("are of one group" in note for note in found.notes) != known
        shown = class_mixes.told(even.scores["accuracy"], True)
        assert shown.endswith(" (–)") != known


def test_a_class_of_one_patient_costs_no_interval_where_the_mix_does_not_hold_it() -> None:
    rows = calibrated(200)
    group = ["one" if k == 2 else f"p{i}" for i, k in enumerate(rows.y_true)]
    found = mixes(Predictions.from_frame(rows.frame.assign(group=group)), draws=20)
    low = {one.mix.name: one.known.log_loss_gain.low for one in found.results}
    assert np.isfinite(low["tumour_board"])
    assert np.isnan([low[name] for name in ("given", "uniform", "screening")]).all()


def adapting_low(found: Mixes) -> np.ndarray:
    return np.array([one.known.log_loss_gain.low for one in found.results if one.few])


def test_an_absent_class_leaves_blanks_not_warnings(table: Predictions) -> None:
    without = table.take(table.y_true != 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = mixes(without, draws=50)
    assert "no row of no_tumor" in found.notes[0]
    assert np.isnan(by_name(found, "uniform")[1]["accuracy"])
    assert np.isfinite(by_name(found, "tumour_board")[1]["accuracy"])
    json.dumps(found.to_dict(), allow_nan=False)
    judged = {one.mix.name: (len(one.few), one.em.estimated) for one in found.results}
    assert judged["uniform"][0] == 0
    assert np.isnan(judged["uniform"][1]).all()
    assert judged["tumour_board"][0] == 2
    assert np.sum(judged["tumour_board"][1]) == pytest.approx(1)


def test_only_healthy_slices_have_no_tumour_board(table: Predictions) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = mixes(table.take(table.y_true == 2), draws=20)
    assert np.isnan(by_name(found, "tumour_board")[1]["accuracy"])


def test_a_table_without_labels_is_refused() -> None:
    frame = made_table().frame.assign(label="")
    with pytest.raises(BraintumorError, match="no mix to judge"):
        mixes(Predictions.from_frame(frame))


def test_a_mix_is_typed_with_any_numbers() -> None:
    mix = parse_mix("glioma=1, No_Tumour=3")
    assert mix.share == (0.25, 0.0, 0.75, 0.0)
    assert mix.title == "glioma 25%, meningioma 0%, no_tumor 75%, pituitary 0%"


def test_a_mix_of_numbers_whose_sum_is_too_large_for_one_is_that_mix() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse_mix("glioma=1e308,meningioma=1e308").share == (0.5, 0.5, 0.0, 0.0)


@pytest.mark.parametrize("text", ["", "glioma", "glioma=x", "lung=1", "glioma=-1", "glioma=0"])
def test_what_is_no_mix_is_refused_politely(text: str) -> None:
    with pytest.raises(BraintumorError, match="is no mix of classes"):
        parse_mix(text)


def test_json_names_mix_class_and_verdict(found: Mixes) -> None:
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["results"][2]["mix"]["name"] == "screening"
    assert set(plain["results"][2]["ppv"]) == set(CLASSES)
    assert plain["results"][2]["known"]["verdict"] in ("helps", "hurts", "open")
    assert len(plain["curves"]["glioma"]["ppv"]) == len(plain["curves"]["glioma"]["prevalence"])
