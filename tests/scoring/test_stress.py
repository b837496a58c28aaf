"""The stress test on phantoms: every picture under every condition, once, replayable, resumable."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_bundle import make_tiny_bundle

from braintumor.bundle.classifier import Classifier
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.phantom.dataset import make_phantoms
from braintumor.errors import BraintumorError
from braintumor.evaluation.patients import Owner, read_patients
from braintumor.evaluation.stress_table import COLUMNS, read_stress
from braintumor.images.conditions import CONDITIONS, apply, severities
from braintumor.images.decode import read_slice
from braintumor.scoring import stress as module
from braintumor.scoring.stress import Plan, chosen, sample, stress
from braintumor.scoring.trained_with import conditions_met

PLAN = Plan(conditions=("rician_noise", "cut_off", "mirrored"))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    root = tmp_path_factory.mktemp("data") / "phantoms"
    make_phantoms(root, patients_per_class=3, slices_per_patient=2, size=64)
    return Catalog.from_folder(root)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier.load(make_tiny_bundle(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier.load(make_tiny_bundle(tmp_path_factory.mktemp("other"), name="other", turn=1))


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_a_row_for_every_model_image_and_state(
    catalog: Catalog, tiny: Classifier, other: Classifier, tmp_path: Path
) -> None:
    frame = read(stress([tiny, other], catalog, tmp_path, PLAN))
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 2 * 8 * (1 + 5 + 5 + 1)
    assert set(frame["split"]) == {"test"}
    assert set(frame["phantom"]) == {"true"}
    assert frame.groupby(["model", "path", "condition", "severity"]).size().max() == 1
    assert list(dict.fromkeys(frame["path"])) == list(catalog.subset("test").table["path"])
    table = read_stress([tmp_path / "stress.csv"])
    assert (table.models, table.left_out) == (("tiny", "other"), 0)
    assert list(tmp_path.iterdir()) == [tmp_path / "stress.csv"], "nothing is left lying about"


def test_the_models_see_what_the_conditions_make_of_the_raw_slice(
    catalog: Catalog, tiny: Classifier, tmp_path: Path
) -> None:
    import zlib

    frame = read(stress([tiny], catalog, tmp_path, PLAN))
    row = frame[(frame["condition"] == "cut_off") & (frame["severity"] == "4")].iloc[3]
    slice_ = read_slice(catalog.root / row["path"])
    seen = apply(slice_.pixels, "cut_off", 4, PLAN.seed, image=zlib.crc32(slice_.sha256.encode()))
    assert float(row["p_glioma"]) == pytest.approx(
        tiny.predict(seen).probabilities["glioma"], abs=1e-6
    )
    clean = frame[(frame["condition"] == "clean") & (frame["path"] == row["path"])].iloc[0]
    untouched = tiny.predict(catalog.root / row["path"]).probabilities["glioma"]
    assert float(clean["p_glioma"]) == pytest.approx(untouched, abs=1e-6)
    assert clean["sha256"] == slice_.sha256


def test_the_same_seed_gives_the_same_table_and_another_does_not(
    catalog: Catalog, tiny: Classifier, tmp_path: Path
) -> None:
    first, again = (stress([tiny], catalog, tmp_path / x, PLAN).read_bytes() for x in "ab")
    assert first == again
    moved = Plan(conditions=PLAN.conditions, seed=1)
    assert stress([tiny], catalog, tmp_path / "c", moved).read_bytes() != first


class TornError(Exception):
    """Somebody pulled the plug."""


def test_a_test_that_was_broken_off_goes_on_where_it_stopped(
    catalog: Catalog, tiny: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = stress([tiny], catalog, tmp_path / "whole", PLAN).read_bytes()
    rows, seen = module._rows, Counter[int]()

    def torn(images: Catalog, number: int, *rest: object) -> object:
        seen[number] += 1
        if number == 5 and seen[5] == 1:
            raise TornError
        return rows(images, number, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_rows", torn)
    with pytest.raises(TornError):
        stress([tiny], catalog, tmp_path / "torn", PLAN)
    assert not (tmp_path / "torn" / "stress.csv").exists()
    (part,) = (tmp_path / "torn").iterdir()
    with part.open("ab") as file:  # a line that a kill cut short
        file.write(b"test/glioma/phantom")
    assert stress([tiny], catalog, tmp_path / "torn", PLAN).read_bytes() == whole
    assert seen[0] == 1, "what was done is not done again"
    assert seen[5] == 2


@pytest.fixture
def broken_off(
    catalog: Catalog, tiny: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The part of a test that has all its rows and was killed before it put them in place."""

    def fail(*_: object) -> None:
        raise TornError

    with monkeypatch.context() as patch:
        patch.setattr(module._Journal, "finish", fail)
        with pytest.raises(TornError):
            stress([tiny], catalog, tmp_path, PLAN)
    (part,) = tmp_path.iterdir()
    return part


def test_another_plan_leaves_the_rows_of_the_first_alone(
    catalog: Catalog, tiny: Classifier, broken_off: Path
) -> None:
    other_plan, folder, before = Plan(conditions=("jpeg",)), broken_off.parent, read(broken_off)
    with pytest.raises(BraintumorError, match=f"{broken_off.name} holds .* delete its file"):
        stress([tiny], catalog, folder, other_plan)
    assert read(broken_off).equals(before)
    broken_off.unlink()
    assert set(read(stress([tiny], catalog, folder, other_plan))["condition"]) == {"clean", "jpeg"}


def test_other_patients_are_another_test(
    catalog: Catalog, tiny: Classifier, broken_off: Path
) -> None:
    """Rows taken up again with another patients file would mix the groups of two."""
    patients, before = read_patients(catalog.root / "patients.csv"), read(broken_off)
    merged = replace(
        patients, rows=tuple((path, key, Owner(group="one")) for path, key, _ in patients.rows)
    )
    with pytest.raises(BraintumorError, match="of other models, images or settings"):
        stress([tiny], catalog, broken_off.parent, PLAN, patients=merged)
    assert read(broken_off).equals(before)


def test_two_tests_are_never_at_work_in_one_folder(
    catalog: Catalog, tiny: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, refused = module._rows, []

    def another_begins(images: Catalog, number: int, *rest: object) -> object:
        if number == 3:
            with pytest.raises(BraintumorError, match="Another stress test is at work") as said:
                stress([tiny], catalog, tmp_path, PLAN)
            refused.append(said)
        return rows(images, number, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_rows", another_begins)
    table = stress([tiny], catalog, tmp_path, PLAN)
    assert refused
    assert len(read(table)) == 8 * (1 + 5 + 5 + 1)
    assert list(tmp_path.iterdir()) == [table]


@pytest.mark.parametrize("torn", ["näme".encode()[:2], b'"a file of two\n'])
def test_a_row_torn_in_a_character_or_in_a_name_of_two_lines_is_dropped(
    catalog: Catalog, tiny: Classifier, broken_off: Path, torn: bytes
) -> None:
    whole = broken_off.read_bytes()
    kept = whole.splitlines(keepends=True)[:-1]
    broken_off.write_bytes(b"".join(kept) + torn)
    assert stress([tiny], catalog, broken_off.parent, PLAN).read_bytes() == whole


def test_a_carriage_return_in_a_name_outlives_a_kill(tmp_path: Path) -> None:
    rows = [dict.fromkeys(COLUMNS, f"{number}\r") for number in range(4)]
    module._Journal(tmp_path, "key", per_image=2).add([*rows])
    journal = module._Journal(tmp_path, "key", per_image=2)
    assert journal.images_done == 2
    assert read(journal.finish(tmp_path / "stress.csv")).to_dict("records") == rows


def test_groups_come_from_the_patients_file(
    catalog: Catalog, tiny: Classifier, tmp_path: Path
) -> None:
    patients = read_patients(catalog.root / "patients.csv")
    frame = read(stress([tiny], catalog, tmp_path, Plan(conditions=("jpeg",)), patients=patients))
    assert frame.groupby("group")["path"].nunique().tolist() == [2, 2, 2, 2]
    stranger = tmp_path / "strangers.csv"
    stranger.write_text("path,patient\nnowhere.png,p1\n")
    with pytest.raises(BraintumorError, match=r"strangers\.csv names none of the images"):
        stress([tiny], catalog, tmp_path, PLAN, patients=read_patients(stranger))


class TestWhichImages:
    def test_the_test_images_unless_told_otherwise(self, catalog: Catalog) -> None:
        assert set(chosen(catalog, Plan()).table["split"]) == {"test"}
        assert len(chosen(catalog, Plan(split="train"))) == 8

    def test_all_of_a_folder_without_splits(self, catalog: Catalog) -> None:
        flat = Catalog.from_folder(catalog.root / "train")
        assert len(chosen(flat, Plan())) == len(flat) == 8

    def test_a_limit_keeps_the_shares_of_the_classes(self) -> None:
        labels = np.repeat([0, 1, 2, 3], [50, 30, 15, 5])
        rows = sample(labels, [str(i) for i in range(100)], 20, seed=0)
        assert np.bincount(labels[rows]).tolist() == [10, 6, 3, 1]
        assert (np.diff(rows) > 0).all()
        for count in (1, 7, 99, 100):
            assert len(set(sample(labels, [str(i) for i in range(100)], count, seed=0))) == count

    def test_the_sample_hangs_on_content_and_seed_alone(self) -> None:
        labels, names = np.zeros(40, int), [f"{i:x}" for i in range(40)]
        first = {names[i] for i in sample(labels, names, 10, seed=0)}
        turned = names[::-1]
        assert {turned[i] for i in sample(labels, turned, 10, seed=0)} == first
        assert {names[i] for i in sample(labels, names, 10, seed=1)} != first

    def test_every_condition_at_all_of_its_severities(self) -> None:
        states = Plan().states()
        assert states[0] == ("clean", 0)
        assert len(states) == 1 + sum(len(severities(name)) for name in CONDITIONS)


class TestWhatTrainingMet:
    def test_is_read_from_the_recipe(self) -> None:
        settings = {"flip": 0.5, "rotation": 15.0, "gamma": 0.0, "scanner": 0.3}
        met = {
            "mirrored",
            "rotation",
            "rician_noise",
            "bias_field",
            "blur",
            "low_resolution",
            "window",
        }
        assert conditions_met({"augmentation": settings}) == met
        assert conditions_met({"recipe": {"augmentation": settings}, "record": {}}) == met

    def test_is_unknown_where_the_card_does_not_say(self) -> None:
        assert conditions_met({"seed": 0}) is None
        assert conditions_met({"augmentation": {}}) == frozenset()

    def test_is_unknown_where_the_training_began_with_another_run(self) -> None:
        """That one may have met what this one did not."""
        begun = {"recipe": {"augmentation": {"flip": 0.5}}, "record": {"start_sha256": "ab"}}
        assert conditions_met(begun) is None

    def test_a_head_that_is_shifted_and_scaled_lacks_an_edge(self) -> None:
        assert conditions_met({"augmentation": {"shift": 0.05}}) == {"translation", "cut_off"}
