"""The linear probe for sources, what it is asked with, and the tables that are made of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("tomli_w")
pytest.importorskip("onnx")
import embeddings
import probe
import seen_slices
from probe import Rows
from seen_slices import Fold
from tiny_bundle import make_tiny_bundle, striped

from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.files import sha256_bytes


def patients(
    count: int, *, apart: float, seed: int = 0, slices: int = 4, alike: float = 1.0
) -> Rows:
    """Rows of patients, half of either source, which lie `apart` spreads from each other along one
    of eight numbers; slices of a patient are `alike`."""
    random = np.random.default_rng(seed)
    own = np.repeat(np.arange(count) % 2 == 0, slices)
    x = np.repeat(random.normal(size=(count, 8)) * alike, slices, axis=0)
    x += random.normal(size=x.shape) * 0.3
    x[:, 0] += apart * own
    return Rows(x, own, np.repeat([f"patient {number}" for number in range(count)], slices))


def test_a_source_that_can_be_told_is_told() -> None:
    told = probe.tell([patients(30, apart=6.0)])
    assert told is not None
    assert told.auc > 0.98


def test_one_that_cannot_be_told_is_not_though_patients_can() -> None:
    # Every patient is known by its numbers; a fold that cut through a patient would look good.
    areas = [probe.tell([patients(30, apart=0.0, seed=seed, alike=3.0)]) for seed in range(10)]
    found = [told.auc for told in areas if told is not None]
    assert len(found) == 10
    assert 0.38 < np.mean(found) < 0.56


def test_groups_are_never_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = patients(20, apart=1.0)
    number_of = {name: float(number) for number, name in enumerate(np.unique(rows.groups))}
    rows = Rows(np.array([[number_of[name]] for name in rows.groups]), rows.own, rows.groups)
    asked: list[tuple[set[float], set[float]]] = []

    class Spy:
        def __init__(self, x: NDArray[np.float64], own: NDArray[np.bool_]) -> None:
            self.learnt = set(x[:, 0])
            assert set(own) == {True, False}

        def decision_function(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
            asked.append((self.learnt, set(x[:, 0])))
            return x[:, 0]

    monkeypatch.setattr(probe, "fitted", Spy)
    scores = probe.out_of_fold(rows, repeats=3)

    assert len(asked) == 3 * probe.FOLDS
    assert all(not learnt & judged for learnt, judged in asked)
    # Every row is asked about once in each repeat.
    assert np.allclose(scores, rows.x[:, 0])


def test_parts_are_judged_by_themselves_and_averaged() -> None:
    # Told apart in either part, but by opposite signs, as in embeddings of two networks.
    one, two = patients(24, apart=6.0, seed=1), patients(24, apart=-6.0, seed=2)
    told = probe.tell([one, two])
    assert told is not None
    assert told.parts == 2
    assert told.auc > 0.95
    alone = [probe.tell([part]) for part in (one, two)]
    assert told.auc == pytest.approx(np.mean([each.auc for each in alone if each]))


def test_two_parts_say_more_than_one() -> None:
    rows = patients(40, apart=1.0)
    one = probe.judged([(rows, rows.x[:, 0])])
    two = probe.judged([(rows, rows.x[:, 0])] * 2)
    assert one is not None
    assert two is not None
    assert one.auc == two.auc
    assert two.high - two.low == pytest.approx((one.high - one.low) / np.sqrt(2), rel=0.1)


def test_of_too_few_groups_nothing_is_said() -> None:
    few = patients(2 * probe.LEAST - 1, apart=6.0)
    assert probe.tell([few]) is None
    enough = probe.tell([few, patients(2 * probe.LEAST, apart=6.0)])
    assert enough is not None
    assert enough.parts == 1


def test_intervals_are_those_of_groups() -> None:
    rows = patients(40, apart=1.0, alike=1.0, slices=8)
    single = Rows(rows.x, rows.own, np.arange(len(rows.own)).astype(str))
    scores = rows.x[:, 0]
    by_group, by_slice = probe.judged([(rows, scores)]), probe.judged([(single, scores)])
    assert by_group is not None
    assert by_slice is not None
    assert by_group.auc == by_slice.auc
    assert by_group.low < by_group.auc < by_group.high
    assert by_group.high - by_group.low > 1.5 * (by_slice.high - by_slice.low)
    # Where all is in order nothing varies, and no interval is claimed.
    sure = probe.judged([(rows, rows.own.astype(float))])
    assert sure is not None
    assert sure.to_dict() == {"auc": 1.0, "low": None, "high": None, "parts": 1}


def test_sources_are_dealt_among_whole_groups() -> None:
    rows = patients(30, apart=6.0)
    dealt = rows.shuffled(3)
    for name in np.unique(rows.groups):
        assert len(set(dealt.own[rows.groups == name])) == 1
    assert dealt.own.sum() == rows.own.sum()
    assert (dealt.own != rows.own).any()
    lot = embeddings.chance([rows], 8)
    assert lot is not None
    assert lot["mean"] < 0.7


def fold(*, source: float, seed: int) -> Fold:
    """Test slices of every class: half of the meningiomas from elsewhere, which shows by `source`
    along one number; slices without a tumour lie there, too."""
    random = np.random.default_rng(seed)
    rows = [
        (label, f"{label} {seed} {number}", "" if label == "no_tumor" or number % 2 else "MR1")
        for label in ("glioma", "meningioma", "no_tumor", "pituitary")
        for number in range(14)
        if not (label in ("glioma", "pituitary") and number % 2)
    ]
    table = pd.DataFrame(rows, columns=["label", "group", "patient_id"])
    x = random.normal(size=(len(table), 5))
    x[:, 0] += source * (table["patient_id"] == "")
    keys = [("thumbnail", "as it is"), ("embedding", "cnn")]
    calls = np.where(table["label"] == "no_tumor", 2, 1)
    calls[(table["label"] == "meningioma") & (table["patient_id"] == "")] = 2
    return Fold(table, dict.fromkeys(keys, x), {"cnn": calls})


def test_the_tables_tell_what_was_found(tmp_path: Path) -> None:
    folds = [fold(source=8.0, seed=1), fold(source=8.0, seed=2)]
    found = embeddings.asked_of(folds, shuffles=3)
    thumb, embedding = found["questions"]["meningioma"]["seen"]

    assert found["questions"]["meningioma"]["own"] == {"slices": 14, "groups": 14}
    assert thumb["folds"]["parts"] == 2
    assert thumb["folds"]["auc"] > 0.97
    assert thumb["carried"]["auc"] > 0.97
    assert thumb["whole"]["auc"] > 0.97
    # Two networks' embeddings are never thrown together.
    assert "whole" not in embedding
    # Gliomas of one source: there is nothing to tell.
    assert found["questions"]["glioma"]["seen"][0]["folds"] is None
    assert found["answers"]["cnn"]["own"]["no_tumor"][0] == 1.0
    assert found["answers"]["cnn"]["other"]["no_tumor"][0] == 0.0

    file = tmp_path / "embeddings.json"
    file.write_text(json.dumps(found))
    text = embeddings.section(file)
    assert "14 slices of 14 groups from elsewhere, against 14 slices of 14 groups" in text
    assert "| embedding | by `cnn` | 5 | " in text
    assert "| `cnn` | elsewhere | 0.0 % (0.0–" in text
    assert embeddings.section(tmp_path / "none.json") == embeddings.NONE_YET


def test_a_source_that_hides_is_not_found() -> None:
    found = embeddings.asked_of([fold(source=0.0, seed=seed) for seed in range(6)], shuffles=1)
    for row in found["questions"]["meningioma"]["seen"]:
        assert 0.25 < row["folds"]["auc"] < 0.68
        assert 0.35 < row["carried"]["auc"] < 0.65


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set of stripes and a run of one fold that holds some back, by the tiny network."""
    rows = []
    for label, kind in (("glioma", "upright"), ("meningioma", "level"), ("no_tumor", "even")):
        folder = tmp_path / "data" / "test" / label
        folder.mkdir(parents=True)
        for number in range(3):
            Image.fromarray(striped(kind)).save(folder / f"{number}.png")
            rows.append(("test", label, f"{number}.png", "", "" if number else label))
        shutil.copytree(folder, tmp_path / "data" / "train" / label)
    table = pd.DataFrame(rows, columns=seen_slices.PATIENTS)
    # Its source says that it is another class.
    table.loc[1, "source_label"] = "pituitary"
    table.to_csv(tmp_path / "patients.csv", index=False)
    fold = tmp_path / "run" / "fold-0"
    fold.mkdir(parents=True)
    Catalog.from_folder(tmp_path / "data").write(fold / "catalog.csv")
    (fold / "model.keras").write_bytes(b"learnt")
    monkeypatch.setattr(seen_slices, "export_run", lambda run, out: make_tiny_bundle(out))
    return tmp_path


def test_what_networks_see_is_kept_beside_whose_it_is(run: Path) -> None:
    names = seen_slices.owners(run / "patients.csv")
    found = seen_slices.fold_of(run / "data", names, [run / "run" / "fold-0"])

    assert list(found.table["label"]).count("glioma") == 2
    assert len(found.table) == 8
    assert found.seen[seen_slices.THUMB, seen_slices.RAW].shape == (8, seen_slices.SIDE**2)
    assert found.seen[seen_slices.GREY, "tiny"].shape == (8, 14)
    assert len(found.seen[seen_slices.EMBEDDING, "tiny"]) == 8
    said = found.predicted["tiny"]
    assert list(said) == [
        {"glioma": 0, "meningioma": 1, "no_tumor": 2}[x] for x in found.table["label"]
    ]
    assert found.networks == {"tiny": sha256_bytes(b"learnt")}


def test_what_cannot_be_used_is_said_in_a_sentence(run: Path) -> None:
    (run / "poor.csv").write_text("split,class,file\n")
    with pytest.raises(BraintumorError, match="has no column patient_id"):
        seen_slices.owners(run / "poor.csv")
    names = seen_slices.owners(run / "patients.csv")
    with pytest.raises(BraintumorError, match="lacks 1 of the slices"):
        seen_slices.fold_of(run / "data", names.iloc[1:], [run / "run" / "fold-0"])
    (run / "other").mkdir()
    with pytest.raises(BraintumorError, match="not the same number of folds"):
        embeddings.measure(run / "data", run / "patients.csv", [run / "run", run / "other"])
