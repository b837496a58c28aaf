"""Tables pooled into one: the right rows together, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from made_answers import answers, table

from braintumor.evaluation import tables as columns
from braintumor.evaluation.decision import as_answered, fit_decision
from braintumor.evaluation.ensemble import combined, where_they_differ
from braintumor.evaluation.predictions import Predictions, PredictionsError


@pytest.fixture
def pair() -> tuple[Predictions, Predictions]:
    truth, prob, group = answers(200, 1)
    other = np.random.default_rng(2).dirichlet(np.ones(4), 200) * 0.4 + prob * 0.6
    return table(truth, prob, group, fold=group % 4), table(truth, other, group, fold=group % 4)


def test_the_pool_is_what_a_bundled_ensemble_makes(pair: tuple[Predictions, Predictions]) -> None:
    from braintumor.bundle.decision import combined as pooled

    found = combined(pair)
    logits = [np.log(rows.y_prob) for rows in pair]
    assert found.y_prob == pytest.approx(np.exp(pooled(logits)), abs=1e-9)
    assert set(found.frame["model"]) == {"ensemble"}


def test_the_linear_pool_is_the_mean(pair: tuple[Predictions, Predictions]) -> None:
    found = combined(pair, pool="linear")
    assert found.y_prob == pytest.approx((pair[0].y_prob + pair[1].y_prob) / 2)
    assert found.frame["confidence"].to_numpy() == pytest.approx(found.y_prob.max(axis=1))


def test_rows_are_matched_by_path_not_by_place(pair: tuple[Predictions, Predictions]) -> None:
    order = np.random.default_rng(0).permutation(200)
    assert combined([pair[0], pair[1].take(order)]).frame.equals(combined(pair).frame)


def test_an_ensemble_is_calibrated_as_one(pair: tuple[Predictions, Predictions]) -> None:
    found = fit_decision(combined(pair))
    assert found.n == 200
    assert found.table.metrics()["log_loss"] <= combined(pair).metrics()["log_loss"] + 0.02


def test_the_sets_of_its_members_are_none_of_its_own(
    pair: tuple[Predictions, Predictions],
) -> None:
    """What a calibrated member could not rule out says nothing of the pool."""
    told = [
        Predictions.from_frame(rows.frame.assign(set=rows.frame["predicted"], model_sha256="ab"))
        for rows in pair
    ]
    assert (told[0].frame["set"] != "").all()

    found = combined(told).frame
    assert set(found["set"]) == {""}
    assert set(found["model_sha256"]) == {""}


def test_a_row_that_one_refuses_has_no_answer(pair: tuple[Predictions, Predictions]) -> None:
    frame = pair[1].frame.copy()
    frame.loc[3, [*columns.PROBABILITIES, "confidence"]] = np.nan
    frame.loc[3, ["status", "reason", "predicted"]] = "refused", "not a brain", ""
    found = combined([pair[0], Predictions.from_frame(frame)]).frame
    assert found.loc[3, "status"] == "refused"
    assert found.loc[3, "reason"] == "not a brain"
    assert np.isnan(found.loc[3, "p_glioma"])
    assert found.loc[3, "predicted"] == ""


@pytest.mark.parametrize(
    ("mild", "stern"),
    [("uncertain", "refused"), ("uncertain", "error"), ("refused", "error"), ("ok", "uncertain")],
)
def test_the_sterner_status_wins_whichever_table_it_stands_in(
    pair: tuple[Predictions, Predictions], mild: str, stern: str
) -> None:
    first, second = (_with_status(rows, s) for rows, s in zip(pair, (mild, stern), strict=True))
    for order in ([first, second], [second, first], [first, first, second]):
        found = combined(order).frame
        assert (found.loc[3, "status"], found.loc[3, "reason"]) == (stern, f"it is {stern}")
        assert np.isnan(found.loc[3, "p_glioma"]) == (stern in {"refused", "error"})
        assert (found["status"].drop(3) == "ok").all()


def test_a_refused_rows_probabilities_are_not_pooled(pair: tuple[Predictions, Predictions]) -> None:
    frame = pair[1].frame.copy()
    frame.loc[3, ["status", "reason"]] = "refused", "not a brain"
    found = combined([pair[0], Predictions.from_frame(frame)]).frame
    assert found.loc[3, "status"] == "refused"
    assert np.isnan(found.loc[3, "p_glioma"])


def _with_status(rows: Predictions, status: str) -> Predictions:
    """The table with another status in row 3, and no probabilities where it allows none."""
    frame = rows.frame.copy()
    frame.loc[3, ["status", "reason"]] = status, f"it is {status}"
    if status in {"refused", "error"}:
        frame.loc[3, [*columns.PROBABILITIES, "confidence"]] = np.nan
        frame.loc[3, "predicted"] = ""
    return Predictions.from_frame(frame)


def test_what_one_table_does_not_know_another_says(pair: tuple[Predictions, Predictions]) -> None:
    unknown = Predictions.from_frame(pair[0].frame.assign(group=""))
    for tables in ([unknown, pair[1]], [pair[1], unknown]):
        assert list(combined(tables).frame["group"]) == list(pair[1].frame["group"])


def test_other_images_other_labels_or_other_folds_are_refused(
    pair: tuple[Predictions, Predictions],
) -> None:
    first, second = pair
    with pytest.raises(PredictionsError, match="do not hold the same images"):
        combined([first, second.take(np.arange(199))])
    wrong = second.frame.assign(label=second.frame["label"].replace("glioma", "pituitary"))
    with pytest.raises(PredictionsError, match="differ in the label"):
        combined([first, Predictions.from_frame(wrong)])
    with pytest.raises(PredictionsError, match="differ in the fold"):
        combined([first, Predictions.from_frame(second.frame.assign(fold="1"))])
    nameless = Predictions.from_frame(second.frame.assign(path="", sha256=""))
    with pytest.raises(PredictionsError, match="cannot be matched"):
        combined([first, nameless])


def test_a_pool_needs_two(pair: tuple[Predictions, Predictions]) -> None:
    with pytest.raises(ValueError, match="two tables"):
        combined([pair[0]])
    with pytest.raises(ValueError, match="logarithmic or linear"):
        combined(pair, pool="median")


class TestWhereTheyDiffer:
    """A pool whose members prefer different classes is for a person to look at."""

    @pytest.fixture
    def answers(self, pair: tuple[Predictions, Predictions]) -> list[Predictions]:
        names = ("one", "two")
        return [
            as_answered(Predictions.from_frame(table.frame.assign(model=name)))
            for name, table in zip(names, pair, strict=True)
        ]

    def test_its_rows_are_uncertain_and_say_who_says_what(
        self, pair: tuple[Predictions, Predictions], answers: list[Predictions]
    ) -> None:
        pool = combined(pair)
        found = where_they_differ(pool, answers).frame
        first, second = (one.frame["predicted"] for one in answers)
        differ = (first != second).to_numpy()

        assert 0 < differ.sum() < len(differ)
        assert set(found["status"][differ]) == {"uncertain"}
        row = int(np.flatnonzero(differ)[0])
        told = f"its networks disagree: one says {first[row]}, two says {second[row]}"
        assert found["reason"][row] == told
        rest = pool.frame[~differ]
        assert found[~differ].equals(rest)

    def test_the_doubt_stays_when_the_pool_is_calibrated(
        self, pair: tuple[Predictions, Predictions], answers: list[Predictions]
    ) -> None:
        doubted = where_they_differ(combined(pair), answers)
        plain, found = (fit_decision(one).table.frame for one in (combined(pair), doubted))
        differ = doubted.frame["status"].eq("uncertain")

        assert set(found["status"][differ]) == {"uncertain"}
        assert found["reason"][differ].str.startswith("its networks disagree: ").all()
        assert found["confidence"].equals(plain["confidence"])

    def test_a_row_without_an_answer_keeps_its_fate(
        self, pair: tuple[Predictions, Predictions], answers: list[Predictions]
    ) -> None:
        first, second = (one.frame["predicted"] for one in answers)
        row = int(np.flatnonzero(first != second)[0])
        frame = pair[0].frame.copy()
        frame.loc[row, ["status", "reason"]] = ["refused", "no brain"]
        refused = combined([Predictions.from_frame(frame), pair[1]])

        found = where_they_differ(refused, answers).frame
        assert list(found.loc[row, ["status", "reason"]]) == ["refused", "no brain"]
