"""A catalogue with groups: split and folds drawn anew, written and read back where it lies."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from small_folders import data_set

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.groups import with_groups
from braintumor.errors import BraintumorError


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """60 images in 30 groups of two."""
    plain = Catalog.from_folder(data_set(tmp_path / "data", count=5))
    groups = [f"g{row // 2}" for row in range(60)]
    return replace(plain, table=plain.table.assign(group=groups))


def of_patients(root: Path, *, patients: int) -> Catalog:
    """Each class of as many patients, of three images each."""
    plain = Catalog.from_folder(data_set(root, splits=("",), count=3 * patients))
    names = [
        f"{label}-{Path(path).stem.removeprefix('img_')}"
        for path, label in zip(plain.table["path"], plain.table["label"], strict=True)
    ]
    groups = [f"{label}-{int(n) % patients}" for label, n in (name.split("-") for name in names)]
    return replace(plain, table=plain.table.assign(group=groups))


class TestGrouped:
    def test_no_group_is_in_two_splits(self, catalog: Catalog) -> None:
        table = catalog.grouped(seed=1).table
        assert table.groupby("group")["split"].nunique().max() == 1
        assert set(table["split"]) == {"train", "valid", "test"}
        assert list(table["path"]) == list(catalog.table["path"])

    def test_the_shares_are_those_asked_for_and_the_miss_is_said(self, catalog: Catalog) -> None:
        table, (*_, note) = (lambda c: (c.table, c.notes))(catalog.grouped(valid=0.2, test=0.4))
        assert abs((table["split"] == "test").mean() - 0.4) < 0.05
        counts = table.groupby(["label", "split"]).size().unstack(fill_value=0) / 15
        miss = (counts - {"train": 0.4, "valid": 0.2, "test": 0.4}).abs().to_numpy().max()
        assert f"by at most {miss:.1%}" in note
        assert "30 groups" in note

    def test_it_is_found_among_the_warnings(self, catalog: Catalog) -> None:
        assert catalog.grouped().notes[-1] in catalog.grouped().warnings

    def test_a_seed_reproduces_and_another_differs(self, catalog: Catalog) -> None:
        assert catalog.grouped(seed=3).digest() == catalog.grouped(seed=3).digest()
        assert catalog.grouped(seed=3).digest() != catalog.grouped(seed=4).digest()

    def test_without_groups_it_is_refused(self, tmp_path: Path, catalog: Catalog) -> None:
        plain = replace(catalog, table=catalog.table.assign(group=["", *["g"] * 59]))
        for draw in (plain.grouped, lambda: plain.with_folds(3)):
            with pytest.raises(BraintumorError, match=r"1 images of .* are in no group"):
                draw()


class TestFolds:
    def test_no_group_is_in_two_folds(self, catalog: Catalog) -> None:
        table = catalog.with_folds(5, seed=1).table
        assert table.groupby("group")["fold"].nunique().max() == 1
        assert set(table["fold"]) == {0, 1, 2, 3, 4}
        assert table["fold"].value_counts().between(10, 14).all()
        assert list(table["split"]) == list(catalog.table["split"])

    def test_too_few_groups_are_refused(self, catalog: Catalog) -> None:
        with pytest.raises(BraintumorError, match="30 groups of images, too few for 31 folds"):
            catalog.with_folds(31)
        with pytest.raises(ValueError, match="two or more"):
            catalog.with_folds(1)

    def test_folds_that_would_be_empty_are_refused(self, tmp_path: Path) -> None:
        """Two patients a class: both networks that are tested on anything share all of them, and
        three more would be trained to judge nothing."""
        few = of_patients(tmp_path, patients=2)
        with pytest.raises(BraintumorError, match=r"for 5 folds: only 2 .* so ask for 2$"):
            few.with_folds(5)
        folded = few.with_folds(2)
        assert folded.table["fold"].value_counts().tolist() == [12, 12]
        assert folded.warnings == few.warnings

    def test_one_patient_a_class_fills_no_two_folds(self, tmp_path: Path) -> None:
        with pytest.raises(BraintumorError, match=r"only 1 of them .* so add images of other"):
            of_patients(tmp_path, patients=1).with_folds(2)

    def test_a_fold_without_a_class_is_said(self, tmp_path: Path) -> None:
        catalog = of_patients(tmp_path, patients=3)
        one = catalog.table["label"] == "glioma"
        groups = catalog.table["group"].mask(one, "all of glioma")
        folded = replace(catalog, table=catalog.table.assign(group=groups)).with_folds(3, seed=4)
        without = sorted({0, 1, 2} - set(folded.table["fold"][one]))
        assert [text for text in folded.warnings if text not in catalog.warnings] == [
            f"Dealt with seed 4, fold {fold} has no images of glioma: too few groups hold any."
            for fold in without
        ]
        assert len(without) == 2


class TestOnDisk:
    def test_group_and_fold_are_read_back(self, catalog: Catalog, tmp_path: Path) -> None:
        written = catalog.grouped().with_folds(3)
        written.write(tmp_path / "data/catalog.csv")
        assert Catalog.read(tmp_path / "data/catalog.csv").table.equals(written.table)

    def test_a_catalogue_stands_in_for_its_folder(self, catalog: Catalog, tmp_path: Path) -> None:
        file = tmp_path / "elsewhere/deep/out.csv"
        catalog.write(file, with_root=True)
        again = Catalog.open(file)
        assert again.table.equals(catalog.table)
        assert again.root.resolve() == (tmp_path / "data").resolve()
        assert (again.root / again.table["path"].iloc[0]).is_file()
        assert ",../../data\n" in file.read_text()

    def test_both_may_move_together(self, catalog: Catalog, tmp_path: Path) -> None:
        catalog.write(tmp_path / "out.csv", with_root=True)
        moved = tmp_path / "moved"
        moved.mkdir()
        shutil.move(tmp_path / "out.csv", moved / "out.csv")
        with pytest.raises(BraintumorError, match="there is no such folder"):
            Catalog.open(moved / "out.csv")
        shutil.move(tmp_path / "data", moved / "data")
        assert Catalog.open(moved / "out.csv").root.resolve() == (moved / "data").resolve()

    def test_a_root_that_is_given_goes_first(self, catalog: Catalog, tmp_path: Path) -> None:
        catalog.write(tmp_path / "out.csv", with_root=True)
        assert Catalog.read(tmp_path / "out.csv", root="anywhere").root == Path("anywhere")

    def test_a_run_s_catalogue_says_nothing_of_folders(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        catalog.write(tmp_path / "catalog.csv")
        assert "root" not in (tmp_path / "catalog.csv").read_text().splitlines()[0]

    def test_open_reads_folders_too(self, tmp_path: Path) -> None:
        root = data_set(tmp_path)
        assert Catalog.open(root).table.equals(Catalog.from_folder(root).table)


def test_the_whole_way_from_folder_to_folds(tmp_path: Path) -> None:
    catalog = with_groups(Catalog.from_folder(data_set(tmp_path))).grouped(seed=0).with_folds(3)
    assert (catalog.table["group"] != "").all()
    assert catalog.table["fold"].notna().all()
