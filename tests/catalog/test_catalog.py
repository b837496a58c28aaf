"""The catalogue: rows, splits, what is left out, and the file it is written to."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_folders import CLASS_FOLDERS, data_set, picture

import braintumor
from braintumor.catalog.catalog import COLUMNS, Catalog
from braintumor.catalog.folder import FolderError
from braintumor.catalog.splits import stratified
from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.files import sha256_of
from braintumor.images import decode


def counts(catalog: Catalog) -> dict[tuple[str, str], int]:
    return dict(Counter(zip(catalog.table["split"], catalog.table["label"], strict=True)))


class TestRows:
    def test_one_row_an_image_with_what_is_known_of_it(self, tmp_path: Path) -> None:
        data_set(tmp_path, count=2)
        Image.new("RGB", (70, 90), (9, 9, 9)).save(tmp_path / "train" / "glioma" / "wide.jpg")
        catalog = braintumor.Catalog.from_folder(tmp_path)
        assert catalog.root == tmp_path
        assert tuple(catalog.table.columns) == COLUMNS
        assert list(catalog.table.index) == list(range(25))
        assert len(catalog) == 25
        row = catalog.table[catalog.table["path"] == "train/glioma/wide.jpg"].iloc[0]
        assert row["sha256"] == sha256_of(tmp_path / "train/glioma/wide.jpg")
        assert (row["label"], row["split"], row["mode"], row["format"]) == (
            *("glioma", "train"),
            *("RGB", "JPEG"),
        )
        assert (row["width"], row["height"]) == (70, 90)
        assert row["group"] == ""
        assert pd.isna(row["fold"])
        assert catalog.warnings == ()

    def test_labels_are_in_the_order_of_the_contract(self, tmp_path: Path) -> None:
        catalog = Catalog.from_folder(data_set(tmp_path, count=1))
        assert catalog.labels.tolist() == [0, 1, 2, 3] * 3
        assert [CLASSES[label] for label in catalog.labels] == catalog.table["label"].tolist()

    def test_subset(self, tmp_path: Path) -> None:
        catalog = Catalog.from_folder(data_set(tmp_path, count=2))
        part = catalog.subset("valid")
        assert set(part.table["split"]) == {"valid"}
        assert list(part.table.index) == list(range(8))
        whole = catalog.table
        assert part.table["path"].tolist() == whole.loc[whole["split"] == "valid", "path"].tolist()
        with pytest.raises(ValueError, match="a split is one of"):
            catalog.subset("validation")

    def test_phantoms_are_known_by_their_mark(self, tmp_path: Path) -> None:
        data_set(tmp_path, count=1)
        assert not Catalog.from_folder(tmp_path).phantom
        (tmp_path / "PHANTOM.txt").write_text("drawn by code")
        catalog = Catalog.from_folder(tmp_path)
        assert catalog.phantom
        assert catalog.subset("test").phantom


class TestSplits:
    def test_given_splits_are_kept(self, tmp_path: Path) -> None:
        catalog = Catalog.from_folder(
            data_set(tmp_path, splits=("Training", "val", "TEST"), count=2)
        )
        assert counts(catalog) == {
            (split, label): 2 for split in ("train", "valid", "test") for label in CLASSES
        }

    def test_without_split_folders_every_class_is_split_70_15_15(self, tmp_path: Path) -> None:
        catalog = Catalog.from_folder(data_set(tmp_path, splits=("",), count=20))
        for label in CLASSES:
            assert counts(catalog)["train", label] == 14
            assert counts(catalog)["valid", label] == 3
            assert counts(catalog)["test", label] == 3

    def test_train_and_test_only_gives_valid_from_train(self, tmp_path: Path) -> None:
        data_set(tmp_path, splits=("train", "test"), count=20)
        catalog = Catalog.from_folder(tmp_path)
        for label in CLASSES:
            assert counts(catalog)["train", label] == 17
            assert counts(catalog)["valid", label] == 3
            assert counts(catalog)["test", label] == 20
        valid = catalog.subset("valid").table["path"]
        assert all(path.startswith("train/") for path in valid)
        assert catalog.warnings == ("The folder lacks valid: taken from train (15% valid).",)

    def test_train_only(self, tmp_path: Path) -> None:
        catalog = Catalog.from_folder(data_set(tmp_path, splits=("train",), count=20))
        assert counts(catalog)["test", "glioma"] == 3
        assert "lacks valid and test" in catalog.warnings[0]

    def test_train_and_valid_only_leaves_nothing_to_judge_by(self, tmp_path: Path) -> None:
        catalog = Catalog.from_folder(data_set(tmp_path, splits=("train", "valid"), count=5))
        assert set(catalog.table["split"]) == {"train", "valid"}
        assert catalog.warnings == ("There are no test images.",)

    def test_the_seed_decides(self, tmp_path: Path) -> None:
        data_set(tmp_path, splits=("",), count=20)
        first, again = Catalog.from_folder(tmp_path), Catalog.from_folder(tmp_path)
        other = Catalog.from_folder(tmp_path, seed=1)
        assert first.digest() == again.digest()
        assert first.digest() != other.digest()
        assert first.table["path"].equals(other.table["path"])

    def test_names_and_place_do_not_decide(self, tmp_path: Path) -> None:
        data_set(tmp_path / "one", splits=("",), count=20)
        data_set(tmp_path / "two", splits=("",), count=20)
        for file in sorted((tmp_path / "two").rglob("*.png")):
            file.rename(file.with_name(f"{crc32(file.stem.encode()) % 1000:03d}_{file.name}"))
        splits = [
            dict(zip(catalog.table["sha256"], catalog.table["split"], strict=True))
            for catalog in map(Catalog.from_folder, (tmp_path / "one", tmp_path / "two"))
        ]
        assert splits[0] == splits[1]

    def test_copies_stay_together(self, tmp_path: Path) -> None:
        data_set(tmp_path, splits=("",), count=20)
        for file in sorted(tmp_path.rglob("*.png")):
            file.with_name(f"copy_{file.name}").write_bytes(file.read_bytes())
        table = Catalog.from_folder(tmp_path).table
        assert table.groupby("sha256")["split"].nunique().max() == 1
        assert table.groupby("sha256").size().min() == 2

    @pytest.mark.parametrize(
        ("count", "expected"), [(1, (1, 0, 0)), (2, (2, 0, 0)), (3, (1, 1, 1)), (7, (5, 1, 1))]
    )
    def test_small_classes(self, count: int, expected: tuple[int, int, int]) -> None:
        units = [f"{number:064d}" for number in range(count)]
        splits = stratified([0] * count, units, shares={"valid": 0.15, "test": 0.15}, seed=0)
        assert tuple(splits.count(split) for split in ("train", "valid", "test")) == expected


class TestLeftOut:
    @pytest.fixture
    def broken(self, tmp_path: Path) -> Path:
        data_set(tmp_path, count=2, suffix=".jpg")
        folder = tmp_path / "train" / "glioma"
        whole = (folder / "img_0.jpg").read_bytes()
        (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
        (folder / "zero.jpg").touch()
        (folder / "words.jpg").write_text("no picture at all")
        with (folder / "huge.jpg").open("wb") as file:
            file.truncate(2**36)
        (folder / "folder.jpg").mkdir()
        return tmp_path

    def test_useless_files_are_named_counted_and_left_out(self, broken: Path) -> None:
        catalog = Catalog.from_folder(broken)
        assert len(catalog) == 24
        reasons = {
            item.path.removeprefix("train/glioma/"): item.reason for item in catalog.left_out
        }
        assert sorted(reasons) == ["huge.jpg", "truncated.jpg", "words.jpg", "zero.jpg"]
        assert "truncated" in reasons["truncated.jpg"]
        assert "0 bytes" in reasons["zero.jpg"]
        assert "no PNG, JPEG" in reasons["words.jpg"]
        assert "larger than" in reasons["huge.jpg"]
        assert len(catalog.warnings) == 4
        assert any("Left out (1): train/glioma/zero.jpg: " in text for text in catalog.warnings)

    def test_a_warning_names_a_few_and_counts_the_rest(self, broken: Path) -> None:
        for number in range(9):
            (broken / "test" / "glioma" / f"e{number}.png").touch()
        warnings = Catalog.from_folder(broken).warnings
        assert any(
            text.startswith("Left out (10): test/glioma/e0.png, ") or "and 7 more" in text
            for text in warnings
        )

    def test_missing_classes_are_named(self, tmp_path: Path) -> None:
        data_set(tmp_path, splits=("train", "valid"), count=1)
        data_set(tmp_path, splits=("test",), classes=CLASS_FOLDERS[:2], count=1)
        warnings = Catalog.from_folder(tmp_path).warnings
        assert warnings == ("The test split has no images of no_tumor, pituitary.",)

    def test_nothing_readable_is_one_clear_error(self, tmp_path: Path) -> None:
        for label in CLASS_FOLDERS:
            (tmp_path / "train" / label).mkdir(parents=True)
            (tmp_path / "train" / label / "zero.png").touch()
        with pytest.raises(FolderError, match=r"no readable image \(4 could not be read\)"):
            Catalog.from_folder(tmp_path)

    def test_only_train_unreadable(self, tmp_path: Path) -> None:
        data_set(tmp_path, count=1)
        for file in (tmp_path / "train").rglob("*.png"):
            file.write_bytes(b"")
        with pytest.raises(FolderError, match="train folder holds no readable image"):
            Catalog.from_folder(tmp_path)

    def test_one_class_is_not_enough(self, tmp_path: Path) -> None:
        data_set(tmp_path, splits=("",), classes=("glioma",))
        with pytest.raises(FolderError, match=r"one class only \(glioma\)"):
            Catalog.from_folder(tmp_path)

    @pytest.mark.parametrize("others", [(), ("no_tumor",)])
    def test_a_misspelt_class_folder_is_named_where_it_is_what_is_missing(
        self, tmp_path: Path, others: tuple[str, ...]
    ) -> None:
        data_set(tmp_path, splits=("train",), classes=(*others, "gliom"))
        with pytest.raises(FolderError, match=r"train/gliom/: the folder's name is no class") as e:
            Catalog.from_folder(tmp_path)
        picture(tmp_path / "train/pituitry/one.png")
        with pytest.raises(FolderError, match=r"train/gliom/: .* train/pituitry/: "):
            Catalog.from_folder(tmp_path)
        assert str(e.value).endswith("Classes are glioma, meningioma, no_tumor, pituitary.")

    def test_limits_reach_the_decoder(self, tmp_path: Path) -> None:
        data_set(tmp_path, count=1)
        picture(tmp_path / "train" / "glioma" / "large.png", 99, side=200)
        limits = decode.Limits(max_side=100)
        for _ in range(2):  # the second time from memory, by then without the limits
            catalog = Catalog.from_folder(tmp_path, limits=limits)
            assert [item.path for item in catalog.left_out] == ["train/glioma/large.png"]
            assert len(Catalog.from_folder(tmp_path)) == 13


class TestSecondLook:
    """A file that was decoded once is only hashed after that."""

    @pytest.fixture
    def decoded(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        names: list[str] = []
        real = decode.read_slice

        def counting(
            source: bytes, *, name: str, limits: decode.Limits, colours: bool
        ) -> decode.Slice:
            names.append(name)
            return real(source, name=name, limits=limits, colours=colours)

        monkeypatch.setattr("braintumor.catalog.folder.read_slice", counting)
        return names

    def test_nothing_is_decoded_twice(self, tmp_path: Path, decoded: list[str]) -> None:
        first = Catalog.from_folder(data_set(tmp_path, count=2))
        assert len(decoded) == 24
        decoded.clear()
        again = Catalog.from_folder(tmp_path)
        assert decoded == []
        pd.testing.assert_frame_equal(first.table, again.table)

    def test_changed_and_broken_files_are_decoded_again(
        self, tmp_path: Path, decoded: list[str]
    ) -> None:
        data_set(tmp_path, count=2)
        (tmp_path / "train/glioma/zz.png").write_bytes(b"broken")
        Catalog.from_folder(tmp_path)
        decoded.clear()
        picture(tmp_path / "train/glioma/img_0.png", 777)
        Catalog.from_folder(tmp_path)
        assert sorted(decoded) == ["train/glioma/img_0.png", "train/glioma/zz.png"]

    def test_rubbish_in_the_memory_does_no_harm(self, tmp_path: Path, cache: Path) -> None:
        first = Catalog.from_folder(data_set(tmp_path, count=2))
        (memory,) = cache.glob("seen-*.jsonl")
        lines = memory.read_bytes().split(b"\n")
        lines[3] = lines[3][:40]
        lines[5] = b"\xff\xfe nonsense"
        lines[7] = b'{"sha256": 5}'
        lines[8] = lines[8].replace(b'"width": 80', b'"width": "80"')
        memory.write_bytes(b"\n".join(lines))
        pd.testing.assert_frame_equal(Catalog.from_folder(tmp_path).table, first.table)

    def test_a_cache_that_cannot_be_written_only_costs_time(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("BRAINTUMOR_CACHE", str(tmp_path / "file" / "cache"))
        monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "file"))
        assert len(Catalog.from_folder(data_set(tmp_path / "data", count=1))) == 12


class TestFile:
    def test_what_is_written_is_read(self, tmp_path: Path) -> None:
        data_set(tmp_path / "data", count=2)
        awkward = ['comma, "quote".png', "NA.png", "line\nbreak.png", "ünïcode 雪.png", "#1.png"]
        awkward.append("carriage\rreturn.png")
        for seed, name in enumerate(awkward):
            picture(tmp_path / "data/train/glioma" / name, 500 + seed)
        catalog = Catalog.from_folder(tmp_path / "data")
        catalog.write(tmp_path / "catalog.csv")
        again = Catalog.read(tmp_path / "catalog.csv", root=tmp_path / "data")
        pd.testing.assert_frame_equal(again.table, catalog.table)
        assert again.digest() == catalog.digest()
        assert again.root == catalog.root
        assert len(again) == 30

    def test_groups_and_folds_survive(self, tmp_path: Path) -> None:
        catalog = Catalog.from_folder(data_set(tmp_path, count=1))
        catalog.table.loc[2, "group"] = "007"
        catalog.table.loc[2, "fold"] = 3
        catalog.write(tmp_path / "catalog.csv")
        table = Catalog.read(tmp_path / "catalog.csv").table
        assert table.loc[2, "group"] == "007"
        assert table.loc[2, "fold"] == 3
        assert pd.isna(table.loc[0, "fold"])

    def test_the_root_is_the_folder_of_the_file(self, tmp_path: Path) -> None:
        Catalog.from_folder(data_set(tmp_path, count=1)).write(tmp_path / "catalog.csv")
        assert Catalog.read(tmp_path / "catalog.csv").root == tmp_path

    def test_phantoms_stay_phantoms_without_their_folder(self, tmp_path: Path) -> None:
        data_set(tmp_path / "data", count=1)
        (tmp_path / "data" / "PHANTOM.txt").touch()
        Catalog.from_folder(tmp_path / "data").write(tmp_path / "run" / "catalog.csv")
        assert Catalog.read(tmp_path / "run" / "catalog.csv").phantom

    def test_no_path_of_this_machine_is_written(self, tmp_path: Path) -> None:
        Catalog.from_folder(data_set(tmp_path, count=1)).write(tmp_path / "catalog.csv")
        assert str(tmp_path) not in (tmp_path / "catalog.csv").read_text()

    def test_the_digest_knows_path_bytes_label_and_split(self, tmp_path: Path) -> None:
        catalog = Catalog.from_folder(data_set(tmp_path, count=1))
        digests = {catalog.digest()}
        for column, value in {
            "path": "x",
            "sha256": "0" * 64,
            "label": "glioma",
            "split": "test",
        }.items():
            table = catalog.table.copy()
            table.loc[1, column] = value
            digests.add(Catalog(root=tmp_path, table=table).digest())
        assert len(digests) == 5
        table = catalog.table.assign(group="a", width=np.arange(12))
        assert Catalog(root=Path("elsewhere"), table=table).digest() == catalog.digest()

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "is not a CSV table"),
            ("a,b\n1,2\n", "lacks path"),
            (f"{','.join(COLUMNS)}\nx,y,z,train,,,1,1,L,PNG\n", "'z'"),
            (f"{','.join(COLUMNS)}\nx,y,glioma,train,,,wide,1,L,PNG\n", "not a catalogue"),
            (f"{','.join(COLUMNS)}\nx,y,glioma,train,,fold,1,1,L,PNG\n", "not a catalogue"),
        ],
    )
    def test_what_is_no_catalogue(self, tmp_path: Path, text: str, says: str) -> None:
        (tmp_path / "catalog.csv").write_text(text)
        with pytest.raises(BraintumorError, match=says):
            Catalog.read(tmp_path / "catalog.csv")

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "catalog.csv").write_bytes(b"\x89PNG\xff\xfe\x00\x00")
        with pytest.raises(BraintumorError, match=r"catalog.csv"):
            Catalog.read(tmp_path / "catalog.csv")

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(BraintumorError, match="There is no catalogue"):
            Catalog.read(tmp_path / "gone.csv")


@pytest.mark.shared
def test_the_labelled_set(shared: Path) -> None:
    """Its publisher's split, whole."""
    catalog = Catalog.from_folder(shared / "data" / "labeled-mri")
    assert len(catalog) == 2443
    assert catalog.table.groupby("split").size().to_dict() == {
        "train": 1695,
        "valid": 502,
        "test": 246,
    }
    assert all(item.reason == "it is no image by its name" for item in catalog.left_out)
    assert set(zip(catalog.table["width"], catalog.table["height"], strict=True)) == {(640, 640)}
