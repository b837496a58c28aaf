"""The cache: decoded once, whole or not there, and never stale."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from small_folders import data_set, picture

from braintumor.catalog import cache as cache_module
from braintumor.catalog.cache import cache_key, prepared
from braintumor.catalog.cachefolder import cache_folder
from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.files import lock
from braintumor.images.decode import read_slice
from braintumor.images.prepare import Preparation, prepare

SMALL = Preparation(size=32)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog.from_folder(data_set(tmp_path / "data", count=2))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that the cache decodes, as it does."""
    names: list[str] = []

    def counting(path: Path, *, name: str):  # type: ignore[no-untyped-def]
        names.append(name)
        return read_slice(path, name=name)

    monkeypatch.setattr(cache_module, "read_slice", counting)
    return names


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("prepared"))


class TestArray:
    def test_rows_are_the_prepared_images_in_order(self, catalog: Catalog, cache: Path) -> None:
        array = prepared(catalog, SMALL)
        assert array.shape == (24, 32, 32)
        assert array.dtype == np.uint8
        for row, path in enumerate(catalog.table["path"]):
            wanted = prepare(read_slice(catalog.root / path).pixels, SMALL).pixels
            np.testing.assert_array_equal(array[row], wanted)

    def test_it_is_mapped_and_read_only(self, catalog: Catalog) -> None:
        array = prepared(catalog, SMALL)
        assert isinstance(array, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1

    def test_an_empty_catalogue(self, catalog: Catalog) -> None:
        empty = dataclasses.replace(catalog, table=catalog.table.iloc[:0])
        assert prepared(empty, SMALL).shape == (0, 32, 32)

    def test_the_second_use_decodes_nothing(self, catalog: Catalog, decoded: list[str]) -> None:
        first = prepared(catalog, SMALL)
        assert sorted(decoded) == sorted(catalog.table["path"])
        decoded.clear()
        np.testing.assert_array_equal(prepared(catalog, SMALL), first)
        assert decoded == []


class TestKey:
    def test_content_order_and_preparation_make_the_key(self, catalog: Catalog) -> None:
        table = catalog.table
        others = [
            table.iloc[::-1].reset_index(drop=True),
            table.iloc[1:].reset_index(drop=True),
            table.assign(sha256=["0" * 64, *table["sha256"][1:]]),
        ]
        keys = [
            cache_key(dataclasses.replace(catalog, table=other), SMALL.key()) for other in others
        ]
        keys += [
            cache_key(catalog, SMALL.key()),
            cache_key(catalog, Preparation(size=32, low=2).key()),
        ]
        assert len(set(keys)) == 5

    def test_place_label_and_split_do_not(self, catalog: Catalog) -> None:
        table = catalog.table.assign(label="glioma", split="test", path="x")
        moved = dataclasses.replace(catalog, root=Path("elsewhere"), table=table)
        assert cache_key(moved, SMALL.key()) == cache_key(catalog, SMALL.key())

    def test_a_new_decoder_is_a_new_key(
        self, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = cache_key(catalog, SMALL.key())
        monkeypatch.setattr(cache_module, "DECODER_VERSION", 999)
        assert cache_key(catalog, SMALL.key()) != before


class TestPrivacy:
    @pytest.mark.skipif(os.name == "nt", reason="SKIPPED ON WINDOWS, which has no such modes")
    def test_it_is_for_its_owner_alone_in_whatever_folder(
        self, catalog: Catalog, cache: Path
    ) -> None:
        cache.mkdir(exist_ok=True)
        cache.chmod(0o755)  # there before, and open to everybody
        prepared(catalog, SMALL)
        arrays = list(cache.glob("prepared*.npy"))
        assert arrays
        assert {one.stat().st_mode & 0o777 for one in arrays} == {0o600}


class TestTrouble:
    def test_an_image_that_changed_is_noticed(self, catalog: Catalog, cache: Path) -> None:
        picture(catalog.root / "train/glioma/img_0.png", 999)
        with pytest.raises(BraintumorError, match=r"train/glioma/img_0.png .*has changed"):
            prepared(catalog, SMALL)
        assert [name for name in files(cache) if name.endswith(".npy")] == []
        assert list(cache.glob(".prepared*")) == []

    def test_an_image_that_has_gone_is_named(self, catalog: Catalog) -> None:
        (catalog.root / "train/glioma/img_1.png").unlink()
        with pytest.raises(BraintumorError, match=r"train/glioma/img_1.png .*no such file"):
            prepared(catalog, SMALL)

    @pytest.mark.parametrize("damage", ["empty", "short", "words", "shape", "type", "folder"])
    def test_a_damaged_cache_is_made_again(
        self, catalog: Catalog, cache: Path, damage: str
    ) -> None:
        first = np.array(prepared(catalog, SMALL))
        (file,) = cache.glob("prepared-*.npy")
        whole = file.read_bytes()
        file.unlink()
        if damage == "empty":
            file.touch()
        elif damage == "short":
            file.write_bytes(whole[:-1])
        elif damage == "words":
            file.write_text("not an array")
        elif damage == "shape":
            np.save(file, first[1:])
        elif damage == "type":
            np.save(file, first.astype(np.int8))
        else:
            file.mkdir()
            with pytest.raises(BraintumorError, match="cannot be written"):
                prepared(catalog, SMALL)
            return
        np.testing.assert_array_equal(prepared(catalog, SMALL), first)

    def test_a_full_disk_is_a_sentence(
        self, catalog: Catalog, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(BraintumorError, match=r"no space left.*MiB are needed"):
            prepared(catalog, SMALL)
        assert [name for name in files(cache) if name.endswith(".npy")] == []


SCRIPT = """
import os, sys, time
from pathlib import Path
from braintumor.catalog import cache
from braintumor.catalog.catalog import Catalog
from braintumor.images.prepare import Preparation
data, folder, mark, pause = sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4])
catalog = Catalog.from_folder(data)
real = cache.read_slice
def slow(path, *, name):
    with mark.open("a") as file:
        file.write(f"{os.getpid()} {name}\\n")
    time.sleep(pause)
    return real(path, name=name)
cache.read_slice = slow
Path(f"{mark}.ready{os.getpid()}").touch()
while not Path(f"{mark}.go").exists():
    time.sleep(0.01)
print(int(cache.prepared(catalog, Preparation(size=32), cache_dir=folder).sum()))
"""


def start(catalog: Catalog, folder: Path, mark: Path, pause: float) -> subprocess.Popen[str]:
    arguments = [str(catalog.root), str(folder), str(mark), str(pause)]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition, seconds: float = 120) -> None:  # type: ignore[no-untyped-def]
    """Wait for something that will come; fail where it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


class TestProcesses:
    def test_killed_half_way_leaves_nothing_wrong(self, catalog: Catalog, tmp_path: Path) -> None:
        folder, mark = tmp_path / "cache", tmp_path / "mark"
        Path(f"{mark}.go").touch()
        process = start(catalog, folder, mark, 0.3)
        # More images were begun than there are threads: some rows are written, and not all.
        wait_for(lambda: mark.exists() and len(mark.read_text().splitlines()) >= 10)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert list(folder.glob("prepared-*.npy")) == []
        assert len(list(folder.glob(".prepared-*.part.npy"))) == 1
        array = prepared(catalog, SMALL, cache_dir=folder)
        wanted = prepared(catalog, SMALL, cache_dir=tmp_path / "other")
        np.testing.assert_array_equal(array, wanted)
        assert list(folder.glob(".prepared-*.part.npy")) == []  # swept up

    def test_two_at_once_agree_and_work_once(self, catalog: Catalog, tmp_path: Path) -> None:
        folder, mark = tmp_path / "cache", tmp_path / "mark"
        processes = [start(catalog, folder, mark, 0.1) for _ in range(2)]
        wait_for(lambda: len(list(tmp_path.glob("mark.ready*"))) == 2)
        Path(f"{mark}.go").touch()
        outputs = [process.communicate(timeout=300) for process in processes]
        assert [process.returncode for process in processes] == [0, 0], outputs
        assert outputs[0][0] == outputs[1][0]
        assert int(outputs[0][0]) == int(prepared(catalog, SMALL, cache_dir=folder).sum())
        lines = mark.read_text().splitlines()
        assert len(lines) == len(catalog)
        assert len({line.split()[0] for line in lines}) == 1

    def test_the_lock_keeps_others_out(self, tmp_path: Path) -> None:
        code = (
            "import sys; from pathlib import Path\n"
            "from braintumor.files import lock\n"
            "with lock(Path(sys.argv[1])) as held: print(held)"
        )
        with lock(tmp_path / "file") as held:
            assert held
            process = subprocess.Popen(
                [sys.executable, "-c", code, str(tmp_path / "file")], stdout=subprocess.PIPE
            )
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(3)
        assert process.communicate(timeout=120)[0] == b"True\n"

    def test_a_drive_without_locks_works_without(
        self, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def none(*_: object, **__: object) -> None:
            raise OSError(37, "No locks available")

        monkeypatch.setattr("filelock.FileLock.acquire", none)
        assert prepared(catalog, SMALL).shape == (24, 32, 32)


class TestPlace:
    @pytest.fixture(autouse=True)
    def nothing_set(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("BRAINTUMOR_CACHE", raising=False)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))

    def test_the_order_of_preference(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert cache_folder() == tmp_path / "home" / ".cache" / "braintumor"
        monkeypatch.setenv("XDG_CACHE_HOME", "relative")
        assert cache_folder() == tmp_path / "home" / ".cache" / "braintumor"
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
        assert cache_folder() == tmp_path / "xdg" / "braintumor"
        monkeypatch.setenv("BRAINTUMOR_CACHE", "~/mine")
        assert cache_folder() == tmp_path / "home" / "mine"
        assert cache_folder(tmp_path / "given") == tmp_path / "given"

    def test_only_the_owner_may_look(self) -> None:
        assert cache_folder().stat().st_mode & 0o077 == 0

    def test_a_folder_that_cannot_be_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("BRAINTUMOR_CACHE", str(tmp_path / "file" / "x"))
        assert cache_folder() == tmp_path / f"braintumor-{os.getuid()}"
        assert "cannot be written" in caplog.text
        with pytest.raises(BraintumorError, match=r"cache folder .* cannot be written"):
            cache_folder(tmp_path / "file" / "y")

    def test_a_spare_folder_open_to_others_is_a_trap(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("BRAINTUMOR_CACHE", str(tmp_path / "file" / "x"))
        spare = tmp_path / f"braintumor-{os.getuid()}"
        spare.mkdir()
        spare.chmod(0o777)
        with pytest.raises(BraintumorError, match="set BRAINTUMOR_CACHE"):
            cache_folder()
