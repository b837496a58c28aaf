"""Walking a folder: Keras's order, loops, strays, and a sentence for everything left out."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from small_folders import CLASS_FOLDERS, data_set, picture

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.folder import Findings, FolderError, find
from braintumor.classes import CLASSES


def paths(root: Path) -> list[str]:
    return [found.path for found in find(root).files]


def reasons(findings: Findings) -> dict[str, str]:
    return {item.path: item.reason for item in findings.left_out}


def by_keras(
    folder: Path, class_names: list[str] | None = None
) -> tuple[list[str], list[int], list[str]]:
    """File paths relative to `folder`, label indices and class names, as Keras lists them."""
    keras_utils = pytest.importorskip(
        "keras.utils", reason="KERAS IS NOT INSTALLED: the order was not compared with Keras's"
    )
    dataset = keras_utils.image_dataset_from_directory(
        folder,
        labels="inferred",
        class_names=class_names,
        shuffle=False,
        batch_size=None,
        image_size=(8, 8),
        verbose=False,
    )
    files = [Path(path).relative_to(folder).as_posix() for path in dataset.file_paths]
    labels = [int(label) for _, label in dataset]
    return files, labels, list(dataset.class_names)


class TestOrderOfKeras:
    """`image_dataset_from_directory(shuffle=False)` lists the same files in the same order."""

    NAMES = (
        *(
            "b.png",
            "B.png",
            "a.PNG",
            "10.png",
            "9.png",
            "é.jpeg",
            "z z.jpg",
            ".hidden.png",
            "_1.bmp",
        ),
        # Folders sort as whole strings: "a-b" before "a/c", and every folder before what is in it.
        *("a/c.png", "a-b/c.png", "a b/c.png", "a/b/c.png", "a/b.png", "A/c.png", "zz/q.gif"),
    )

    def test_awkward_names_in_nested_folders(self, tmp_path: Path) -> None:
        seed = 0
        for label in CLASS_FOLDERS:
            for name in self.NAMES:
                seed += 1
                picture(tmp_path / "train" / label / name, seed)
        files, labels, names = by_keras(tmp_path / "train")
        catalog = Catalog.from_folder(tmp_path)
        assert catalog.left_out == ()
        assert names == list(CLASSES)
        assert [path.removeprefix("train/") for path in catalog.table["path"]] == files
        assert catalog.labels.tolist() == labels
        assert len(files) == 4 * len(self.NAMES)

    def test_each_split(self, tmp_path: Path) -> None:
        data_set(tmp_path, splits=("train", "valid", "test"), count=12)
        catalog = Catalog.from_folder(tmp_path)
        listed: list[str] = []
        labels: list[int] = []
        for split in ("train", "valid", "test"):
            files, of, _ = by_keras(tmp_path / split)
            listed += [f"{split}/{file}" for file in files]
            labels += of
        assert catalog.table["path"].tolist() == listed
        assert catalog.labels.tolist() == labels

    def test_no_splits_and_other_spellings(self, tmp_path: Path) -> None:
        folders = ["Glioma_Tumor", "meningioma tumour", "healthy", "PITUITARY"]
        data_set(tmp_path, splits=("",), classes=tuple(folders), count=4)
        files, labels, _ = by_keras(tmp_path, class_names=folders)
        catalog = Catalog.from_folder(tmp_path)
        assert catalog.table["path"].tolist() == files
        assert catalog.labels.tolist() == labels

    def test_links(self, tmp_path: Path) -> None:
        """Linked files and linked class folders count, linked folders below do not: as in Keras."""
        elsewhere = tmp_path / "elsewhere"
        root = data_set(tmp_path / "data", splits=("train",), classes=CLASS_FOLDERS[:3])
        picture(elsewhere / "pituitary" / "one.png", 100)
        picture(elsewhere / "more" / "two.png", 101)
        train = root / "train"
        (train / "pituitary").symlink_to(elsewhere / "pituitary")
        (train / "glioma" / "linked.png").symlink_to(elsewhere / "more" / "two.png")
        (train / "glioma" / "more").symlink_to(elsewhere / "more")
        files, _, _ = by_keras(train)
        assert "pituitary/one.png" in files
        assert "glioma/linked.png" in files
        assert [path.removeprefix("train/") for path in paths(root)] == files
        assert "not followed" in reasons(find(root))["train/glioma/more/"]

    @pytest.mark.shared
    def test_the_labelled_set(self, shared: Path) -> None:
        root = shared / "data" / "labeled-mri"
        keras_files = pytest.importorskip(
            "keras.src.utils.dataset_utils", reason="KERAS IS NOT INSTALLED: order not compared"
        )
        listed = []
        for split in ("train", "valid", "test"):
            files, _, names = keras_files.index_directory(
                str(root / split), "inferred", (".jpg",), shuffle=False, verbose=False
            )
            assert names == list(CLASSES)
            listed += [Path(file).relative_to(root).as_posix() for file in files]
        assert paths(root) == listed
        assert len(listed) == 2443


class TestLayouts:
    def test_splits_are_known_by_many_names(self, tmp_path: Path) -> None:
        data_set(tmp_path, splits=("Training", "val", "Testing"), count=1)
        found = find(tmp_path)
        assert found.has_splits
        assert [file.split for file in found.files] == ["train"] * 4 + ["valid"] * 4 + ["test"] * 4

    def test_class_folders_alone(self, tmp_path: Path) -> None:
        data_set(tmp_path, splits=("",), count=1)
        found = find(tmp_path)
        assert not found.has_splits
        assert {file.split for file in found.files} == {None}

    def test_two_folders_of_one_class_are_joined(self, tmp_path: Path) -> None:
        data_set(tmp_path, splits=("train",), classes=(*CLASS_FOLDERS, "notumor"), count=1)
        files = [file for file in find(tmp_path).files if file.label == "no_tumor"]
        assert [file.path for file in files] == [
            "train/no_tumor/img_0.png",
            "train/notumor/img_0.png",
        ]

    def test_split_folders_without_train(self, tmp_path: Path) -> None:
        data_set(tmp_path, splits=("valid", "test"), count=1)
        with pytest.raises(FolderError, match="test, valid but no train folder"):
            find(tmp_path)

    def test_there_is_no_such_folder(self, tmp_path: Path) -> None:
        with pytest.raises(FolderError, match=r"There is no folder .*gone"):
            find(tmp_path / "gone")

    def test_a_file_instead_of_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(FolderError, match="is a file"):
            find(picture(tmp_path / "a.png"))

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(FolderError, match="no folder named after a class"):
            find(tmp_path)

    def test_the_data_set_lies_one_folder_below(self, tmp_path: Path) -> None:
        data_set(tmp_path / "archive", count=1)
        with pytest.raises(FolderError, match=r"pass .*archive"):
            find(tmp_path)

    def test_one_class_folder_by_mistake(self, tmp_path: Path) -> None:
        data_set(tmp_path, splits=("",), count=1)
        with pytest.raises(FolderError, match="one class folder: pass the folder above"):
            find(tmp_path / "glioma")


class TestLeftOut:
    def test_unknown_folders(self, tmp_path: Path) -> None:
        data_set(tmp_path, count=1)
        picture(tmp_path / "train" / "schwannoma" / "deep" / "a.png")
        picture(tmp_path / "__MACOSX" / "a.png")
        left = reasons(find(tmp_path))
        assert left["train/schwannoma/"] == (
            "the folder's name is no class that is known; it holds 1 file"
        )
        assert left["__MACOSX/"] == "the folder's name is no split that is known; it holds 1 file"

    def test_unknown_folders_beside_class_folders(self, tmp_path: Path) -> None:
        data_set(tmp_path, splits=("",), count=1)
        picture(tmp_path / "other" / "a.png")
        assert list(reasons(find(tmp_path))) == ["other/"]

    def test_empty_class_folders(self, tmp_path: Path) -> None:
        data_set(tmp_path, classes=CLASS_FOLDERS[:3], count=1)
        (tmp_path / "train" / "pituitary").mkdir()
        assert reasons(find(tmp_path)) == {"train/pituitary/": "the class folder has no images"}

    def test_other_files(self, tmp_path: Path) -> None:
        data_set(tmp_path, count=1)
        (tmp_path / "train" / "glioma" / "notes.txt").write_text("hello")
        (tmp_path / "train" / "_classes.csv").write_text("a,b")
        (tmp_path / "README.md").write_text("hello")
        picture(tmp_path / "test" / "stray.png")
        left = reasons(find(tmp_path))
        assert left["train/glioma/notes.txt"] == "it is no image by its name"
        assert left["train/_classes.csv"] == "it is no image by its name"
        assert left["README.md"] == "it is no image by its name"
        assert left["test/stray.png"] == "it lies outside every class folder"
        assert len(paths(tmp_path)) == 12

    def test_files_of_our_own_are_not_mentioned(self, tmp_path: Path) -> None:
        data_set(tmp_path, count=1)
        (tmp_path / "PHANTOM.txt").write_text("drawn")
        (tmp_path / "patients.csv").write_text("path,patient\n")
        assert find(tmp_path).left_out == []

    def test_dicom_without_a_suffix_is_an_image(self, tmp_path: Path) -> None:
        data_set(tmp_path, count=1)
        folder = tmp_path / "train" / "glioma"
        (folder / "IM0001").write_bytes(bytes(128) + b"DICM" + bytes(50))
        (folder / "1.2.840.113619.77").write_bytes(bytes(128) + b"DICM" + bytes(50))
        (folder / "LICENSE").write_text("words")
        found = paths(tmp_path)
        assert "train/glioma/IM0001" in found
        assert "train/glioma/1.2.840.113619.77" in found
        assert reasons(find(tmp_path)) == {"train/glioma/LICENSE": "it is no image by its name"}

    def test_loops_of_links_do_no_harm(self, tmp_path: Path) -> None:
        data_set(tmp_path, count=1)
        glioma = tmp_path / "train" / "glioma"
        (glioma / "loop").symlink_to(glioma)
        (glioma / "up").symlink_to(tmp_path)
        (tmp_path / "again").symlink_to(tmp_path)
        (glioma / "self.png").symlink_to(glioma / "self.png")
        (glioma / "gone.png").symlink_to(tmp_path / "gone.png")
        os.mkfifo(glioma / "pipe.png")
        os.mkfifo(glioma / "pipe")
        catalog = Catalog.from_folder(tmp_path)
        assert len(catalog) == 12
        left = {item.path.removeprefix("train/glioma/"): item.reason for item in catalog.left_out}
        assert "not followed" in left["loop/"]
        assert "not followed" in left["up/"]
        assert "symbolic links" in left["self.png"]
        assert left["gone.png"] == "there is no such file"
        assert left["pipe.png"] == "it is not a plain file"
        assert left["pipe"] == "it is no image by its name"

    @pytest.mark.parametrize("where", ["", "train", "train/glioma"])
    def test_a_link_to_itself_costs_nothing_beside_it(self, tmp_path: Path, where: str) -> None:
        data_set(tmp_path, count=1)
        (tmp_path / where / "loop").symlink_to(tmp_path / where / "loop")
        found = find(tmp_path)
        assert len(found.files) == 12
        assert [Path(item.path).name for item in found.left_out] == ["loop"]

    @pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are Linux's own")
    def test_a_folder_that_no_table_can_name_is_told(self, tmp_path: Path) -> None:
        root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xe4ten"))
        data_set(root, count=1)
        catalog = Catalog.from_folder(root)
        catalog.write(tmp_path / "catalog.csv")
        with pytest.raises(FolderError, match=r"d\\udce4ten cannot be written .* rename"):
            catalog.write(tmp_path / "listed.csv", with_root=True)
        assert not (tmp_path / "listed.csv").exists()

    @pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are Linux's own")
    def test_a_name_that_no_table_can_hold(self, tmp_path: Path) -> None:
        data_set(tmp_path, count=1)
        folder = os.fsencode(tmp_path / "train" / "glioma")
        Path(os.fsdecode(folder + b"/caf\xe9.png")).write_bytes(b"x")
        catalog = Catalog.from_folder(tmp_path)
        assert [item.path for item in catalog.left_out] == ["train/glioma/caf\\udce9.png"]
        catalog.write(tmp_path / "catalog.csv")
