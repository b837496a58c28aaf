"""The stress test over folds: what a fold's networks say, by what the other folds teach."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_stress import frail, rows, sturdy

pytest.importorskip("keras")
import stress_folds

from braintumor.classes import CLASSES
from braintumor.evaluation.ensemble import combined
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.stress_table import read_stress

_SHARES = [f"p_{name}" for name in CLASSES]


def out_of_fold(model: str, *, seed: int, skill: float = 2.0) -> Predictions:
    """240 rows of 60 groups in three folds, right most of the time."""
    random = np.random.default_rng(seed)
    truth = np.arange(240) % 4
    logits = random.normal(size=(240, 4))
    logits[np.arange(240), truth] += skill
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    group = [f"g{n // 16 * 4 + n % 4}" for n in range(240)]
    fold = [str(int(name[1:]) // 4 % 3) for name in group]
    paths = [f"{n}.png" for n in range(240)]
    return Predictions.from_arrays(paths, truth, p, group=group, fold=fold, model=model)


@pytest.fixture
def judged() -> list[Predictions]:
    two = [out_of_fold("cnn", seed=1), out_of_fold("resnet50", seed=2)]
    return [*two, combined(two)]


@pytest.fixture
def raw() -> pd.DataFrame:
    """What `scoring.stress` writes of two networks, as it is read from a file."""
    parts = [*rows(frail, model="cnn"), *rows(sturdy, model="resnet50", met="blur")]
    frame = pd.DataFrame(parts, columns=list(stress_folds.COLUMNS)).assign(split="test")
    return frame.astype(object).fillna("").astype(str)


def test_every_state_of_every_image_is_answered_by_the_networks_and_by_both(
    raw: pd.DataFrame, judged: list[Predictions]
) -> None:
    found = stress_folds.pooled_and_calibrated(raw, judged, "0")
    assert list(dict.fromkeys(found["model"])) == ["cnn", "resnet50", "ensemble"]
    states = raw.loc[raw["model"] == "cnn", ["path", "condition", "severity"]]
    for _, part in found.groupby("model"):
        pd.testing.assert_frame_equal(
            part[["path", "condition", "severity"]].reset_index(drop=True),
            states.reset_index(drop=True),
        )


def test_the_answers_of_both_lie_between_those_of_each(
    raw: pd.DataFrame, judged: list[Predictions]
) -> None:
    """Where one network is sure of the wrong class and the other of the right one."""
    found = stress_folds.pooled_and_calibrated(raw, judged, "0")
    blurred = found[(found["condition"] == "blur") & (found["severity"].astype(int) == 5)]
    first = blurred[blurred["path"] == blurred["path"].iloc[0]].set_index("model")
    p = {model: first.loc[model, f"p_{first.loc[model, 'label']}"] for model in first.index}
    assert p["cnn"] < p["ensemble"] < p["resnet50"]


def test_a_condition_counts_as_met_by_whoever_met_it(
    raw: pd.DataFrame, judged: list[Predictions]
) -> None:
    found = stress_folds.pooled_and_calibrated(raw, judged, "0")
    met = found[found["in_training"] == "true"].groupby("model")["condition"].unique()
    assert {model: set(names) for model, names in met.items()} == {
        "cnn": {"jpeg"},
        "resnet50": {"blur"},
        "ensemble": {"jpeg", "blur"},
    }


def test_the_folds_of_a_network_are_one_model_in_the_table(
    raw: pd.DataFrame, judged: list[Predictions], tmp_path: Path
) -> None:
    parts = []
    for fold in ("0", "1"):
        own = raw.assign(path=fold + raw["path"], model_sha256=raw["model_sha256"].str[:-1] + fold)
        parts.append(stress_folds.pooled_and_calibrated(own, judged, fold))
    whole = stress_folds.one_model_each(pd.concat(parts, ignore_index=True))
    whole.to_csv(tmp_path / "stress.csv", index=False)
    table = read_stress([tmp_path / "stress.csv"])
    assert table.models == ("cnn", "resnet50", "ensemble")
    assert len(table.truth) == 16
    assert table.left_out == 0


def test_a_fold_is_calibrated_by_the_other_folds_alone(
    raw: pd.DataFrame, judged: list[Predictions]
) -> None:
    def spoilt(table: Predictions) -> Predictions:
        frame = table.frame.copy()
        own = (frame["fold"] == "0").to_numpy()
        frame.loc[own, _SHARES] = frame.loc[own, _SHARES].to_numpy()[:, ::-1]
        return Predictions.from_frame(frame.drop(columns=["predicted", "confidence"]))

    before = stress_folds.pooled_and_calibrated(raw, judged, "0")
    after = stress_folds.pooled_and_calibrated(raw, [spoilt(table) for table in judged], "0")
    pd.testing.assert_frame_equal(before, after)
    other = stress_folds.pooled_and_calibrated(raw, [spoilt(table) for table in judged], "1")
    assert not np.allclose(other[_SHARES], before[_SHARES])
