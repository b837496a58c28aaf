"""The demonstration: the same predictions, gathered in one pass and in two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from braintumor.classes import CLASSES
from braintumor.evaluation import out_of_step
from braintumor.evaluation.out_of_step import buffer_shuffle, demonstrate, main, one_pass
from braintumor.evaluation.predictions import Predictions


def good(n: int = 500, *, seed: int = 0, split: str = "test") -> Predictions:
    """A classifier that is right about nineteen times in twenty."""
    rng = np.random.default_rng(seed)
    truth = np.sort(rng.integers(0, 4, n))  # in the order of class folders
    logits = rng.normal(size=(n, 4))
    logits[np.arange(n), truth] += 4.0
    prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    paths = [f"{split}/{CLASSES[k]}/{i}.jpg" for i, k in enumerate(truth)]
    return Predictions.from_arrays(paths, truth, prob, split=split)


@pytest.mark.parametrize("how", ["images", "batches"])
def test_a_good_classifier_seems_to_guess_once_labels_are_out_of_step(how: str) -> None:
    in_step, out = demonstrate(good(), 0, how=how)  # type: ignore[arg-type]
    assert in_step.metrics["accuracy"] > 0.93
    assert in_step.metrics["macro_auc"] > 0.98
    # One batch in sixteen may keep its place; each image agrees with another by chance only.
    assert out.metrics["accuracy"] < 0.4
    assert 0.42 < out.metrics["macro_auc"] < 0.62
    for curve in out.curves.precision_recall.values():
        assert abs(curve.average_precision - curve.prevalence) < 0.15


def test_a_small_buffer_hides_nothing_because_the_files_are_shuffled_first() -> None:
    """A buffer of 64 keeps neighbours together; sorted by class, labels would seem to fit."""
    out = demonstrate(good(1200), 0, batch_size=8)[1]
    assert 0.45 < out.metrics["macro_auc"] < 0.55


def test_not_one_label_and_not_one_probability_is_changed() -> None:
    in_step, out = demonstrate(good(), 3)
    assert sorted(in_step.predictions.y_true) == sorted(out.predictions.y_true)
    np.testing.assert_array_equal(
        np.sort(in_step.predictions.y_prob, axis=0), np.sort(out.predictions.y_prob, axis=0)
    )
    assert in_step.metrics["n"] == out.metrics["n"] == 500
    # A row is still one image's prediction; only its label is another's.
    assert (out.predictions.frame["predicted"] == np.array(CLASSES)[out.predictions.y_pred]).all()


def test_the_same_seed_gives_the_same_and_another_seed_another() -> None:
    table = good(100)
    first, again, other = (demonstrate(table, seed)[1].metrics for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_pass_yields_every_image_once_in_a_new_order() -> None:
    rng = np.random.default_rng(0)
    for how in ("images", "batches"):
        first = one_pass(75, rng, how=how, batch_size=8)  # type: ignore[arg-type]
        second = one_pass(75, rng, how=how, batch_size=8)  # type: ignore[arg-type]
        assert sorted(first) == sorted(second) == list(range(75))
        assert first.tolist() != second.tolist()


def test_a_pass_by_batches_keeps_batches_together() -> None:
    order = one_pass(70, np.random.default_rng(0), how="batches", batch_size=8)
    followed = np.mean(np.diff(order) == 1)
    assert followed > 0.8
    assert one_pass(0, np.random.default_rng(0), how="batches").tolist() == []


def test_a_buffer_lets_no_item_come_earlier_than_it_can() -> None:
    """As tf.data's shuffle: at step i only the first i + buffer items have been seen."""
    order = buffer_shuffle(1000, 10, np.random.default_rng(0))
    assert sorted(order) == list(range(1000))
    assert (order <= np.arange(1000) + 9).all()
    assert buffer_shuffle(5, 1, np.random.default_rng(0)).tolist() == [0, 1, 2, 3, 4]
    firsts = [int(buffer_shuffle(4, 4, np.random.default_rng(s))[0]) for s in range(400)]
    assert min(np.bincount(firsts, minlength=4)) > 70  # uniform would be 100


def test_the_two_orders_stand_side_by_side_and_roc_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: dict[tuple[str, str], tuple[int, int]] = {}

    def note(kind: str, axes: Any, title: str) -> None:
        place = axes.get_subplotspec()
        places[kind, title.split(" (")[0]] = (place.rowspan.start, place.colspan.start)

    monkeypatch.setattr(out_of_step, "_draw_roc", lambda a, _, t: note("roc", a, t))
    monkeypatch.setattr(out_of_step, "_draw_precision_recall", lambda a, _, t: note("pr", a, t))
    out_of_step.draw(*demonstrate(good(40), 0), tmp_path / "figure.svg")
    assert places == {
        ("roc", "In step"): (0, 0), ("roc", "Out of step"): (0, 1),
        ("pr", "In step"): (1, 0), ("pr", "Out of step"): (1, 1),
    }  # fmt: skip


def test_the_command_writes_figure_and_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame_source = tmp_path / "predictions.csv"
    good(300).write(frame_source)
    out = tmp_path / "out"
    assert main([str(frame_source), "--out", str(out), "--seed", "5"]) == 0
    written = json.loads((out / "out-of-step.json").read_text(encoding="utf-8"))
    in_step, apart = demonstrate(Predictions.read(frame_source), 5)
    assert written["in_step"]["macro_auc"] == in_step.metrics["macro_auc"]
    assert written["out_of_step"]["macro_auc"] == apart.metrics["macro_auc"]
    assert written["settings"]["split"] == "test"
    assert (out / "out-of-step.png").read_bytes().startswith(b"\x89PNG")
    first = (out / "out-of-step.svg").read_bytes()
    assert "300 predictions" in capsys.readouterr().out
    main([str(frame_source), "--out", str(out), "--seed", "5"])
    assert (out / "out-of-step.svg").read_bytes() == first  # can be committed without churn


def test_the_command_refuses_what_it_cannot_use_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "none.csv"), "--out", str(tmp_path)]) == 1
    assert "does not exist" in capsys.readouterr().err
    good(20).write(tmp_path / "p.csv")
    assert main([str(tmp_path / "p.csv"), "--out", str(tmp_path), "--split", "valid"]) == 1
    assert "no row" in capsys.readouterr().err
