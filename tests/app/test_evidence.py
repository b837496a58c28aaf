"""The judgement beside a bundle."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from page_helpers import make_table
from tiny_bundle import make_tiny_bundle

from braintumor.app.evidence import Evidence, EvidenceError, find_evidence
from braintumor.bundle.card import read_card


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_tiny_bundle(tmp_path / "bundle")


@pytest.fixture(scope="module")
def evidence(tiny: Path) -> Evidence:
    found = find_evidence(tiny)
    assert found is not None
    return found


def test_there_may_be_none(bundle: Path) -> None:
    assert find_evidence(bundle) is None


def test_test_comes_first_and_training_rows_prove_nothing(evidence: Evidence) -> None:
    assert list(evidence.parts) == ["test", "valid"]
    assert len(evidence.parts["test"].predictions) == 100
    assert len(evidence.parts["valid"].predictions) == 50


def test_the_numbers_are_those_of_the_table(evidence: Evidence) -> None:
    expected = make_table().split("test").metrics()
    assert evidence.parts["test"].metrics["macro_auc"] == pytest.approx(expected["macro_auc"])
    assert evidence.parts["test"].curves.n == expected["n"]


def test_a_table_without_splits_is_judged_whole(bundle: Path) -> None:
    table = make_table()
    type(table)(table.frame.assign(split="")).write(bundle / "predictions.csv")
    found = find_evidence(bundle)
    assert found is not None
    assert list(found.parts) == [""]
    assert len(found.parts[""].predictions) == len(table)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not,a,table\n1,2,3\n", "predictions.csv"),
        ("", "predictions.csv"),
        ("path,p_glioma,p_meningioma,p_no_tumor,p_pituitary\na,1,0,0,0\n", "predictions.csv"),
    ],
)
def test_a_bad_table_is_one_sentence_with_its_place(bundle: Path, text: str, said: str) -> None:
    (bundle / "predictions.csv").write_text(text)
    with pytest.raises(EvidenceError, match=said) as caught:
        _ = find_evidence(bundle)
    assert str(bundle) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_training_rows_are_nothing_to_judge(bundle: Path) -> None:
    make_table().split("train").write(bundle / "predictions.csv")
    with pytest.raises(EvidenceError, match="no validation or test slice"):
        find_evidence(bundle)


def test_a_table_of_another_model_is_refused(bundle: Path) -> None:
    table = make_table(model="somebody-else")
    type(table)(table.frame.assign(model_sha256="f" * 64)).write(bundle / "predictions.csv")
    with pytest.raises(EvidenceError, match="another network"):
        find_evidence(bundle)


def test_a_table_of_the_run_that_the_bundle_came_from_is_accepted(bundle: Path) -> None:
    """Its hash is that of the trained model, not of the graph; its name is the network's."""
    table = make_table(model="cnn")
    type(table)(table.frame.assign(model_sha256="f" * 64)).write(bundle / "predictions.csv")
    assert find_evidence(bundle) is not None


def test_metrics_on_slices_without_relatives_come_from_the_card(bundle: Path) -> None:
    card = read_card(bundle)
    splits = {"splits": {"test": {"n": 9}, "test_unseen": {"n": 5, "accuracy": 0.8}}}
    card.model_copy(update={"evidence": splits}).write(bundle)
    make_table().write(bundle / "predictions.csv")
    found = find_evidence(bundle)
    assert found is not None
    assert found.unseen("test") == {"n": 5, "accuracy": 0.8}
    assert found.unseen("valid") is None


class TestThreshold:
    def test_keeps_what_reaches_it_and_says_how_much_is_right(self, evidence: Evidence) -> None:
        part = evidence.parts["test"]
        sure = part.predictions.confidence >= 0.8
        right = part.predictions.y_pred == part.predictions.y_true
        done = part.at_threshold(0.8)
        assert done.n == 100
        assert done.below == pytest.approx(1 - sure.mean())
        assert done.right == pytest.approx(right[sure].mean())
        assert done.right > right.mean()  # or a threshold would be of no use

    def test_above_everything_nothing_is_left_to_be_right(self, evidence: Evidence) -> None:
        done = evidence.parts["test"].at_threshold(1.1)
        assert done.below == 1.0
        assert np.isnan(done.right)

    def test_operating_points_lie_on_the_curves(self, evidence: Evidence) -> None:
        part = evidence.parts["test"]
        for name, curve in part.curves.roc.items():
            middle = len(curve.thresholds) // 2
            points = part.operating_points(float(curve.thresholds[middle])).set_index("class")
            assert points.loc[name, "sensitivity"] == pytest.approx(curve.tpr[middle])
            assert points.loc[name, "false_alarms"] == pytest.approx(curve.fpr[middle])

    def test_f1_at_the_best_threshold_is_the_best(self, evidence: Evidence) -> None:
        part = evidence.parts["valid"]
        for name, curve in part.curves.f1.items():
            points = part.operating_points(curve.best_threshold).set_index("class")
            assert points.loc[name, "f1"] == pytest.approx(curve.best_f1)


def test_a_copied_bundle_brings_its_evidence(tiny: Path, tmp_path: Path) -> None:
    found = find_evidence(Path(shutil.copytree(tiny, tmp_path / "copy")))
    assert found is not None
    assert found.card.name == "tiny"


def test_what_is_uncertain_anyway_is_left_to_a_person(bundle: Path) -> None:
    table = make_table().split("test")
    doubted = table.confidence < 0.6
    status = ["uncertain" if one else "ok" for one in doubted]
    type(table)(table.frame.assign(status=status)).write(bundle / "predictions.csv")
    found = find_evidence(bundle)
    assert found is not None
    own = found.parts["test"].at_threshold(0.0)
    assert own.below == pytest.approx(doubted.mean())
    right = (table.y_pred == table.y_true)[~doubted].mean()
    assert own.right == pytest.approx(right)
    assert found.parts["test"].at_threshold(0.9).below > own.below
