"""A known data set becomes a folder of class folders, whole and verified, or nothing at all."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from loopback_server import Loopback, loopback
from made_matlab import mat_folds, mat_slice, zipped
from made_sources import made_source, png
from PIL import Image

from braintumor.catalog.fetch import recipes
from braintumor.catalog.fetch.download import Patience
from braintumor.catalog.fetch.place import release_name, unpack_images
from braintumor.catalog.fetch.recipes import Fetch, fetch
from braintumor.catalog.fetch.sources import Source, source_named, sources
from braintumor.catalog.folder import find
from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.evaluation.patients import read_patients
from braintumor.images.decode import Limits, read_slice

HASTY = Patience(tries=1, pause_s=0.001, timeout_s=5.0)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as one:
        yield one


class TestTable:
    def test_every_source_says_whose_it_is_and_under_which_licence(self) -> None:
        assert set(sources()) == {"nickparvar", "figshare", "labeled-mri"}
        for source in sources().values():
            assert source.licence.startswith("CC BY 4.0")
            assert source.page.startswith("https://")
            for release in source.releases:
                assert not release.counts or sum(release.counts.values()) == release.images
                assert {name.split("/")[-1] for name in release.counts} <= set(CLASSES)

    def test_the_release_of_nickparvar_is_told_by_its_counts(self) -> None:
        source = source_named("nickparvar")
        counts = dict(source.releases[0].counts)
        assert "7,023" in release_name(source, counts)
        assert "7,200" in release_name(source, {"train/glioma": 5600, "test/glioma": 1600})
        counts["train/glioma"] -= 1
        counts["train/pituitary"] += 1
        assert release_name(source, counts).startswith("neither the release of 7,023")

    @pytest.mark.shared
    def test_the_labelled_set_is_what_lies_beside_the_checkout(self, shared: Path) -> None:
        source = source_named("labeled-mri")
        counts: dict[str, int] = {}
        for file in find(shared / "data" / "labeled-mri").files:
            name = f"{file.split}/{file.label}"
            counts[name] = counts.get(name, 0) + 1
        assert source.release_of(counts) is source.releases[0]


class TestFigshare:
    IMAGE = np.arange(64, dtype=np.int16).reshape(8, 8) * 50
    PATIENTS = ("100360", "MR040240B", "100360")

    @pytest.fixture(autouse=True)
    def _needs_h5py(self) -> None:
        pytest.importorskip("h5py", reason="SKIPPED FOR WANT OF the extra [data]")

    @pytest.fixture
    def source(self, server: Loopback) -> Source:
        slices = [
            mat_slice(label, patient, self.IMAGE + label, self.IMAGE > 2000)
            for label, patient in zip((1, 2, 3), self.PATIENTS, strict=True)
        ]
        files = {
            "1-2.zip": zipped({"1.mat": slices[0], "2.mat": slices[1]}),
            "3-3.zip": zipped({"../../3.mat": slices[2], "README.txt": b"words"}),
            "cvind.mat": mat_folds([5, 1, 2]),
        }
        listed = []
        for name, data in files.items():
            server.files[f"/files/{name}"] = data
            listed.append(
                {
                    "name": name, "size": len(data),
                    "download_url": f"{server.address}/files/{name}",
                    "computed_md5": hashlib.md5(data).hexdigest(),
                }
            )  # fmt: skip
        server.files["/article"] = json.dumps({"files": listed}).encode()
        counts = {"meningioma": 1, "glioma": 1, "pituitary": 1}
        return made_source(
            "figshare", counts, api=f"{server.address}/article", files=tuple(files), patients=2
        )

    def test_slices_masks_patients_and_folds(self, source: Source, tmp_path: Path) -> None:
        out = tmp_path / "out"
        done = fetch(Fetch(source, out, patience=HASTY))
        assert (done["images"], done["patients"], done["release"]) == (3, 2, "the made one")
        np.testing.assert_array_equal(read_slice(out / "glioma" / "2.png").pixels, self.IMAGE + 2)
        mask = np.asarray(Image.open(out / "masks" / "3.png"))
        np.testing.assert_array_equal(mask, np.where(self.IMAGE > 2000, 255, 0))
        assert (out / "patients.csv").read_text().splitlines() == [
            "class,file,patient,source_slice,orientation,fold",
            "meningioma,1.png,100360,1,same,4",
            "glioma,2.png,MR040240B,2,same,0",
            "pituitary,3.png,100360,3,same,1",
        ]
        owner = read_patients(out / "patients.csv").find("glioma/2.png")
        assert owner is not None
        assert (owner.patient, owner.source_slice, owner.orientation) == ("MR040240B", "2", "same")
        assert sorted(one.name for one in tmp_path.iterdir()) == ["out"]

    def test_the_manifest_records_every_hash(
        self, source: Source, server: Loopback, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        fetch(Fetch(source, out, patience=HASTY))
        manifest = json.loads((out / "manifest.json").read_text())
        for name in source.files:
            data = server.files[f"/files/{name}"]
            assert manifest["downloads"][name]["sha256"] == hashlib.sha256(data).hexdigest()
        slice_ = (out / "glioma" / "2.png").read_bytes()
        assert manifest["files"]["glioma/2.png"] == hashlib.sha256(slice_).hexdigest()
        again = Fetch(source, tmp_path / "again", same_as=out / "manifest.json", patience=HASTY)
        assert fetch(again)["images"] == 3
        manifest["downloads"]["cvind.mat"]["sha256"] = "0" * 64
        (tmp_path / "earlier.json").write_text(json.dumps(manifest))
        other = Fetch(source, tmp_path / "b", same_as=tmp_path / "earlier.json", patience=HASTY)
        with pytest.raises(BraintumorError, match=r"cvind\.mat .* another SHA-256"):
            fetch(other)
        assert not (tmp_path / "b").exists()

    def test_a_download_that_the_earlier_fetch_does_not_know_is_refused(
        self, source: Source, server: Loopback, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        fetch(Fetch(source, out, patience=HASTY))
        manifest = json.loads((out / "manifest.json").read_text())
        del manifest["downloads"]["cvind.mat"]
        (tmp_path / "earlier.json").write_text(json.dumps(manifest))
        server.asked.clear()
        other = Fetch(source, tmp_path / "b", same_as=tmp_path / "earlier.json", patience=HASTY)
        with pytest.raises(BraintumorError, match=r"earlier\.json does not know cvind\.mat"):
            fetch(other)
        assert server.asked == [], "refused before anything is fetched"

    def test_what_was_fetched_before_a_failure_is_not_fetched_again(
        self, source: Source, server: Loopback, tmp_path: Path
    ) -> None:
        folds = server.files.pop("/files/cvind.mat")
        with pytest.raises(BraintumorError, match="404"):
            fetch(Fetch(source, tmp_path / "out", patience=HASTY))
        assert not (tmp_path / "out").exists()
        server.files["/files/cvind.mat"] = folds
        server.asked.clear()
        assert fetch(Fetch(source, tmp_path / "out", patience=HASTY))["images"] == 3
        assert [path for path, _ in server.asked] == ["/article", "/files/cvind.mat"]

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"patients": 3}, "2 patients, not of 3"),
            ({"files": ("1-2.zip", "cvind.mat")}, "knows 3 slices, and 2 were found"),
            ({"files": ("1-2.zip", "gone.zip")}, r"no longer has gone\.zip"),
        ],
    )
    def test_what_is_not_as_described_is_refused(
        self, source: Source, tmp_path: Path, change: dict[str, object], says: str
    ) -> None:
        with pytest.raises(BraintumorError, match=says):
            fetch(Fetch(source.model_copy(update=change), tmp_path / "out", patience=HASTY))
        assert not (tmp_path / "out").exists()


class TestExport:
    COUNTS: ClassVar = {"train/glioma": 2, "test/no_tumor": 1}
    FILES: ClassVar = {
        "export/train/glioma/a.png": png(1),
        "export/train/glioma/b.png": png(2),
        "export/test/No_Tumor/../No_Tumor/c.png": png(3),
        "export/README.txt": b"words",
    }

    @pytest.fixture
    def archive(self, tmp_path: Path) -> Path:
        path = tmp_path / "mine.zip"
        path.write_bytes(zipped(self.FILES))
        return path

    def test_a_file_that_was_downloaded_already(self, archive: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        done = fetch(Fetch(made_source("zip", self.COUNTS), out, archive=archive))
        assert done["counts"] == self.COUNTS
        assert (out / "train" / "glioma" / "a.png").read_bytes() == png(1)
        assert find(out).left_out == []
        assert archive.is_file()

    def test_a_link_of_which_the_key_is_never_written_down(
        self, server: Loopback, tmp_path: Path
    ) -> None:
        server.files["/ds/x"] = zipped(self.FILES)
        wish = Fetch(
            made_source("zip", self.COUNTS), tmp_path / "out", url=f"{server.address}/ds/x?key=k3y"
        )
        assert fetch(wish)["images"] == 3
        assert server.asked == [("/ds/x?key=k3y", "")]
        assert "k3y" not in (tmp_path / "out" / "manifest.json").read_text()

    def test_other_counts_are_refused_and_nothing_is_left(
        self, archive: Path, tmp_path: Path
    ) -> None:
        counts = self.COUNTS | {"train/glioma": 3}
        with pytest.raises(BraintumorError, match=r"not the made one.*train/glioma 2"):
            fetch(Fetch(made_source("zip", counts), tmp_path / "out", archive=archive))
        assert not (tmp_path / "out").exists()
        assert archive.read_bytes() == zipped(self.FILES), "the user's own file stays"

    def test_without_link_and_file_it_says_how_to_get_one(self, tmp_path: Path) -> None:
        with pytest.raises(BraintumorError, match=r"--url.*--from"):
            fetch(Fetch(made_source("zip", self.COUNTS), tmp_path / "out"))

    def test_a_folder_that_holds_something_is_left_alone(
        self, archive: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(BraintumorError, match="holds something already"):
            fetch(Fetch(made_source("zip", self.COUNTS), tmp_path, archive=archive))

    def test_archives_that_are_bombs_or_none_are_refused(
        self, archive: Path, tmp_path: Path
    ) -> None:
        small = Limits(max_archive_bytes=100)
        with pytest.raises(BraintumorError, match="unpacks to more"):
            unpack_images(archive, "it", tmp_path / "x", small)
        archive.write_bytes(b"no archive")
        with pytest.raises(BraintumorError, match="damaged"):
            unpack_images(archive, "it", tmp_path / "x")

    def test_an_archive_of_the_users_own_is_named(self, archive: Path, tmp_path: Path) -> None:
        archive.write_bytes(b"no archive")
        wish = Fetch(made_source("zip", self.COUNTS), tmp_path / "out", archive=archive)
        with pytest.raises(BraintumorError, match=rf"^{archive} cannot be used"):
            fetch(wish)


class TestAnotherAddress:
    """What one address gave is never taken for what another gives."""

    GOOD = zipped(TestExport.FILES)
    LOGIN = b"<html>please log in</html>"

    @pytest.fixture
    def wish(self, server: Loopback, tmp_path: Path) -> Fetch:
        server.files["/a"] = server.files["/b"] = self.GOOD
        source = made_source("zip", TestExport.COUNTS)
        return Fetch(source, tmp_path / "out", url=f"{server.address}/a?key=1", patience=HASTY)

    def other(self, wish: Fetch) -> Fetch:
        return replace(wish, url=wish.url.replace("/a?", "/b?"))

    @pytest.fixture
    def stopped(self, wish: Fetch, server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
        """The download from /a is whole, and Ctrl-C came before it was unpacked."""

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(recipes, "unpack_images", stop)
            with pytest.raises(KeyboardInterrupt):
                fetch(wish)
        server.asked.clear()

    @pytest.mark.usefixtures("stopped")
    def test_a_whole_download_is_not_taken_for_another(self, wish: Fetch, server: Loopback) -> None:
        assert fetch(self.other(wish))["images"] == 3
        assert server.asked == [("/b?key=1", "")]

    @pytest.mark.usefixtures("stopped")
    def test_the_same_address_with_another_key_is_the_same(
        self, wish: Fetch, server: Loopback
    ) -> None:
        assert fetch(replace(wish, url=wish.url.replace("key=1", "key=2")))["images"] == 3
        assert server.asked == []

    def test_a_part_is_not_continued_with_the_bytes_of_another(
        self, wish: Fetch, server: Loopback
    ) -> None:
        server.breaks = [100, 0]
        with pytest.raises(BraintumorError, match="broke off"):
            fetch(wish)
        server.asked.clear()
        assert fetch(self.other(wish))["images"] == 3
        assert server.asked == [("/b?key=1", "")]

    @pytest.mark.parametrize("wrong", [LOGIN, zipped({"train/glioma/a.png": png(1)}), zipped({})])
    def test_what_is_refused_is_fetched_anew_from_the_same_address(
        self, wish: Fetch, server: Loopback, wrong: bytes
    ) -> None:
        server.files["/a"] = wrong
        with pytest.raises(BraintumorError):
            fetch(wish)
        server.files["/a"] = self.GOOD
        assert fetch(wish)["images"] == 3

    def test_the_manifest_knows_the_file_by_one_name_whatever_the_address(
        self, wish: Fetch, server: Loopback, tmp_path: Path
    ) -> None:
        fetch(wish)
        manifest = wish.out / "manifest.json"
        assert [*json.loads(manifest.read_text())["downloads"]] == ["made.zip"]
        again = replace(self.other(wish), out=tmp_path / "again", same_as=manifest)
        assert fetch(again)["images"] == 3
        server.files["/b"] = zipped(TestExport.FILES | {"export/README.txt": b"other words"})
        with pytest.raises(BraintumorError, match=r"made\.zip .* another SHA-256"):
            fetch(replace(again, out=tmp_path / "third"))


class TestKaggle:
    COUNTS: ClassVar = {"train/glioma": 1, "test/pituitary": 1}

    @pytest.fixture
    def library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stands in for kagglehub, which can be asked nothing without Kaggle."""

        def dataset_download(handle: str) -> str:
            import os

            print("talk of the library")
            folder = Path(os.environ["KAGGLEHUB_CACHE"]) / "datasets" / handle / "versions" / "2"
            for name in ("Training/glioma/a.png", "Testing/pituitary/b.png"):
                (folder / name).parent.mkdir(parents=True)
                (folder / name).write_bytes(png(1))
            return str(folder)

        fake = SimpleNamespace(dataset_download=dataset_download)
        monkeypatch.setitem(sys.modules, "kagglehub", fake)

    @pytest.mark.usefixtures("library")
    def test_the_folder_keeps_its_split_and_its_version(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source = made_source("kaggle", self.COUNTS, handle="owner/name")
        done = fetch(Fetch(source, tmp_path / "out"))
        assert (done["release"], done["kaggle_version"]) == ("the made one", "2")
        assert (tmp_path / "out" / "Training" / "glioma" / "a.png").is_file()
        assert sorted(one.name for one in tmp_path.iterdir()) == ["out"]
        assert capsys.readouterr().out == ""

    def test_without_the_library_or_without_kaggle_it_is_a_sentence(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = made_source("kaggle", self.COUNTS, handle="owner/name")
        monkeypatch.setitem(sys.modules, "kagglehub", None)
        with pytest.raises(BraintumorError, match=r"pip install '\.\[data\]'"):
            fetch(Fetch(source, tmp_path / "out"))

        def refuse(handle: str) -> str:
            raise ConnectionError("no route\nto Kaggle")

        monkeypatch.setitem(sys.modules, "kagglehub", SimpleNamespace(dataset_download=refuse))
        with pytest.raises(BraintumorError, match=r"owner/name \(no route\)"):
            fetch(Fetch(source, tmp_path / "out"))

    def test_the_library_has_the_face_that_is_used(self) -> None:
        import inspect

        kagglehub = pytest.importorskip("kagglehub", reason="SKIPPED FOR WANT OF [data]")
        assert "handle" in inspect.signature(kagglehub.dataset_download).parameters
        from kagglehub import config

        assert config.CACHE_FOLDER_ENV_VAR_NAME == "KAGGLEHUB_CACHE"
