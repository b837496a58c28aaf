"""Rows that are not images of their own: doubled, misnamed, trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_tables import draw

from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.evaluation import provenance
from braintumor.evaluation.predictions import Predictions

MADE = draw(np.random.default_rng(0), 100)


def table(**columns: object) -> Predictions:
    paths = [f"test/{CLASSES[k]}/{i}.jpg" for i, k in enumerate(MADE.truth)]
    hashes = [f"{i:064x}" for i in range(100)]
    groups = [f"g{i // 4}" for i in range(100)]
    given = Predictions.from_arrays(
        paths, MADE.truth, MADE.prob, sha256=hashes, group=groups, split="test"
    )
    return Predictions.from_frame(given.frame.assign(**columns))


def catalog(tmp_path: Path, **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame({"path": ["train/a.jpg", "test/b.jpg"], "sha256": "", "group": ""})
    frame["split"] = ["train", "test"]
    frame.assign(**columns).to_csv(tmp_path / "catalog.csv", index=False)
    return provenance.read_catalog(tmp_path / "catalog.csv")


@pytest.mark.parametrize(
    ("columns", "by"),
    [
        ({"sha256": [f"{7:064x}", f"{8:064x}"]}, "sha256"),
        ({"path": [f"/data/test/{CLASSES[MADE.truth[7]]}/7.jpg"[6:], "x.jpg"]}, "path"),
        ({"group": ["g3", "g4"]}, "group"),
    ],
)
def test_a_judged_row_that_was_trained_on_is_wrong(
    columns: dict[str, list[str]], by: str, tmp_path: Path
) -> None:
    (finding,) = provenance.trained_on(table(), catalog(tmp_path, **columns))
    assert finding.severity == "wrong"
    assert finding.numbers == {"rows": 4 if by == "group" else 1, "of": 100, "by": by}
    training = table(split="train")
    assert list(provenance.trained_on(training, catalog(tmp_path, **columns))) == []


def test_a_catalogue_that_shares_nothing_is_fine(tmp_path: Path) -> None:
    assert list(provenance.trained_on(table(), catalog(tmp_path))) == []


def test_a_file_name_alone_must_be_the_only_one_of_its_name(tmp_path: Path) -> None:
    bare = table(path=[f"{i}.jpg" for i in range(100)])
    once = catalog(tmp_path, path=["train/glioma/7.jpg", "x.jpg"])
    assert len(list(provenance.trained_on(bare, once))) == 1
    twice = catalog(tmp_path, path=["train/glioma/7.jpg", "train/pituitary/7.jpg"], split="train")
    assert list(provenance.trained_on(bare, twice)) == []


def test_rows_out_of_fold_are_held_against_the_other_folds(tmp_path: Path) -> None:
    folds = [str((i // 4) % 5) for i in range(100)]
    groups = [f"g{i // 4}" for i in range(100)]
    rows = {"group": groups, "fold": folds, "path": "", "sha256": "", "split": "train"}
    pd.DataFrame(rows).to_csv(tmp_path / "c.csv", index=False)
    known = provenance.read_catalog(tmp_path / "c.csv")
    assert list(provenance.trained_on(table(fold=folds, split="train"), known)) == []
    (finding,) = provenance.trained_on(table(fold=[*folds[:-1], "0"], split="train"), known)
    assert finding.numbers["rows"] == 1


def test_test_rows_beside_a_cross_validation_are_held_against_training(tmp_path: Path) -> None:
    folds = [str((i // 4) % 5) if i < 80 else "" for i in range(100)]
    split = ["train"] * 80 + ["test"] * 20
    rows = {"sha256": [f"{i:064x}" for i in range(100)], "fold": folds, "split": split}
    known = catalog(tmp_path, path="x.jpg").iloc[:0].reindex(range(100), fill_value="")
    judged = table(fold=folds, split=split)
    assert list(provenance.trained_on(judged, known.assign(**rows))) == []
    rows["sha256"][3] = f"{99:064x}"
    (finding,) = provenance.trained_on(judged, known.assign(**rows))
    assert finding.numbers == {"rows": 1, "of": 20, "by": "sha256"}


def test_whole_numbers_are_the_same_name_however_they_are_written(tmp_path: Path) -> None:
    frame = pd.DataFrame({"group": [3, None, 90], "split": ["train", "train", "test"]})
    numbers = [str(i // 4) for i in range(100)]
    for group in (
        frame["group"],
        frame["group"].astype("Int64"),
        frame["group"].astype("category"),
    ):
        frame.assign(group=group).to_parquet(tmp_path / "c.parquet")
        frame.assign(group=group).to_csv(tmp_path / "c.csv", index=False)
        for name in ("c.parquet", "c.csv"):
            known = provenance.read_catalog(tmp_path / name)
            assert known["group"].tolist() == ["3", "", "90"]
            for written in (numbers, [f"{number}.0" for number in numbers]):
                (finding,) = provenance.trained_on(table(group=written), known)
                assert finding.numbers == {"rows": 4, "of": 100, "by": "group"}


def test_a_file_that_is_no_catalogue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(BraintumorError, match="is no catalogue: it needs split"):
        provenance.read_catalog(tmp_path / "c.csv")
    (tmp_path / "c.csv").write_text("group,Group,split\n1,2,train\n", encoding="utf-8")
    with pytest.raises(BraintumorError, match="column of a catalogue twice"):
        provenance.read_catalog(tmp_path / "c.csv")


def test_labels_that_the_paths_contradict_are_told_by_their_number() -> None:
    given = table()
    assert list(provenance.contradicted(given)) == []
    labels = given.frame["label"].tolist()
    (one,) = provenance.contradicted(table(label=[*labels[1:2], *labels[1:]]))
    (many,) = provenance.contradicted(table(label=labels[::-1]))
    assert (one.severity, many.severity) == ("improbable", "wrong")


def test_one_name_with_two_answers_is_improbable() -> None:
    paths = ["same.jpg"] * 2 + [f"{i}.jpg" for i in range(98)]
    (finding,) = provenance.duplicates(table(path=paths), skip_copies=False)
    assert (finding.kind, finding.severity) == ("repeated_names", "improbable")


def test_a_model_of_few_answers_and_few_digits_makes_no_copies() -> None:
    coarse = np.round(MADE.prob, 3)
    columns = {f"p_{name}": coarse[:, i] for i, name in enumerate(CLASSES)}
    tree = {f"p_{name}": MADE.prob[np.arange(100) % 7, i] for i, name in enumerate(CLASSES)}
    for given in (columns, tree):
        rows = table(**given, path="", sha256="", predicted="", confidence=np.nan)
        assert list(provenance.duplicates(rows, skip_copies=False)) == []
