"""A ZIP archive is read like a folder, and cannot do harm."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from made_dicom import dataset, saved
from made_files import GREY, nifti, picture

from braintumor.files import sha256_bytes
from braintumor.images import archive as archive_module
from braintumor.images.archive import entries, labels
from braintumor.images.decode import ImageError, Limits, RefusedError, Slice
from braintumor.images.read import read_slices

PNG = picture("PNG")


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def read(data: bytes | Path, **options: object) -> list[Slice | ImageError]:
    return list(read_slices(data, name="a.zip", **options))  # type: ignore[arg-type]


def names(found: list[Slice | ImageError]) -> list[str]:
    return [one.name for one in found]


def sentence(found: list[Slice | ImageError]) -> str:
    (only,) = found
    assert isinstance(only, ImageError)
    return str(only)


class TestParts:
    """An archive is listed once, and read in parts."""

    FILES = {  # noqa: RUF012
        "b.png": PNG, "notes.txt": b"no image", "z": saved(dataset()), "a.png": b"", "c.zip": b"PK",
        "inner": zipped({"x.png": PNG}), "d.png": PNG,
    }  # fmt: skip

    def parts(self, data: bytes, limits: Limits) -> list[str]:
        found: list[str] = []
        for number, _ in labels(data, name="a.zip", limits=limits):
            span = range(number, number + 1)
            for one in entries(data, name="a.zip", limits=limits, span=span):
                found.append(str(one) if isinstance(one, ImageError) else one[0])
        return found

    @pytest.mark.parametrize("most", [2**30, 3 * len(PNG)])
    def test_one_by_one_they_are_what_they_are_in_one_go(self, most: int) -> None:
        data, limits = zipped(self.FILES), Limits(max_archive_bytes=most)
        whole = [
            str(one) if isinstance(one, ImageError) else one[0]
            for one in entries(data, name="a.zip", limits=limits)
        ]
        assert self.parts(data, limits) == whole

    def test_the_list_is_read_once_and_again_where_the_archive_is_another(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        listed: list[str] = []
        real = archive_module._files
        monkeypatch.setattr(
            archive_module, "_files", lambda *given: listed.append("once") or real(*given)
        )
        path, limits = tmp_path / "a.zip", Limits()

        def second() -> list[object]:
            return [
                one[0] if isinstance(one, tuple) else one
                for one in entries(path, name="a.zip", limits=limits, span=range(1, 2))
            ]

        path.write_bytes(zipped({"a.png": PNG, "b.png": PNG, "c.png": PNG}))
        assert [second(), second(), second()] == [["a.zip/b.png"]] * 3
        assert listed == ["once"]
        path.write_bytes(zipped({"a.png": PNG, "x.png": PNG}))
        assert second() == ["a.zip/x.png"]
        path.unlink()
        with pytest.raises(OSError, match=r"a\.zip"):
            second()

    def test_what_is_encrypted_is_listed_and_says_so_when_read(self) -> None:
        data = bytearray(zipped({"a": PNG}))
        for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            data[data.index(sign) + at] |= 1
        (only,) = self.parts(bytes(data), Limits())
        assert "encrypted" in only


class TestContents:
    def test_its_images_are_sorted_like_those_of_a_folder(self, tmp_path: Path) -> None:
        data = zipped({
            "b.png": PNG, "deep/z": saved(dataset()), "deep-sea/c.png": PNG, "a.PNG": PNG,
            "notes.txt": b"no image", ".hidden.png": PNG, "__MACOSX/b.png": PNG, "deep/": b"",
            "v.nii": nifti(),
        })  # fmt: skip
        found = read(data)
        assert names(found) == [
            "a.zip/a.PNG", "a.zip/b.png", "a.zip/deep/z", "a.zip/deep-sea/c.png",
            "a.zip/v.nii#1", "a.zip/v.nii#2", "a.zip/v.nii#3",
        ]  # fmt: skip
        first = found[0]
        assert isinstance(first, Slice)
        np.testing.assert_array_equal(first.pixels, GREY)
        assert first.sha256 == sha256_bytes(PNG)
        (tmp_path / "a.zip").write_bytes(data)
        assert names(read(tmp_path / "a.zip")) == names(found)

    def test_nothing_is_written_to_the_disk(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        read(zipped({"../../evil.png": PNG, "/etc/evil.png": PNG, "x/b.png": PNG}))
        assert list(tmp_path.iterdir()) == []

    def test_a_bad_file_does_not_end_the_others(self) -> None:
        found = read(zipped({"a.png": PNG[:40], "b.dcm": saved(dataset(Modality="CT")),
                             "c.png": PNG}))  # fmt: skip
        assert [type(one) for one in found] == [ImageError, RefusedError, Slice]
        assert str(found[0]).startswith("a.zip/a.png cannot be used")

    def test_a_large_file_is_read_whole(self) -> None:
        """Larger than the longest list of files, which alone is read in one go."""
        large = PNG + bytes(40 * 2**20)
        data = zipped({"a.png": large}, zipfile.ZIP_STORED)
        assert list(entries(data, name="a.zip", limits=Limits())) == [("a.zip/a.png", large)]

    @pytest.mark.parametrize("data", [zipped({}), zipped({"notes.txt": b"no image"})])
    def test_one_without_an_image_is_one_sentence(self, data: bytes) -> None:
        assert sentence(read(data)) == "a.zip cannot be used: the ZIP archive holds no image."


class TestHarm:
    def test_names_that_climb_out_are_labels_without_a_way_out(self) -> None:
        found = read(zipped({"../../etc/a.png": PNG, "/root.png": PNG, "c\\..\\d.png": PNG}))
        assert names(found) == ["a.zip/c/d.png", "a.zip/etc/a.png", "a.zip/root.png"]

    def test_symbolic_links_are_left_out(self) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            link = zipfile.ZipInfo("link.png")
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, "/etc/passwd")
            archive.writestr("b.png", PNG)
        assert names(read(out.getvalue())) == ["a.zip/b.png"]

    def test_an_archive_inside_another_is_refused(self) -> None:
        found = read(zipped({"inner.zip": zipped({"a.png": PNG}), "b.png": PNG}))
        assert "inner.zip cannot be used: it is a ZIP archive inside another" in str(found[1])
        assert names(found) == ["a.zip/b.png", "a.zip/inner.zip"]

    def test_a_bomb_is_unpacked_no_further_than_the_limits(self) -> None:
        bomb = zipped({"a.png": PNG + bytes(40 * 2**20), "b.png": PNG})
        assert len(bomb) < 100_000
        found = read(bomb, limits=Limits(max_bytes=2**20))
        assert "a.zip/a.png cannot be used: the file is larger than the 1 MiB" in str(found[0])
        assert isinstance(found[1], Slice)

    def test_many_small_bombs_are_stopped_together(self) -> None:
        bomb = zipped({f"{k}.bmp": PNG + bytes(2**20) for k in range(9)})
        for each in (2**10, 2**26):  # whether each is refused or read
            found = read(bomb, limits=Limits(max_bytes=each, max_archive_bytes=7 * 2**19))
            assert len(found) == 4
            assert str(found[-1]).startswith("a.zip cannot be used: it unpacks to more than")

    def test_too_many_files(self) -> None:
        data = zipped({f"{k}.png": b"" for k in range(6)})
        assert "holds 6 files, and at most 5" in sentence(read(data, limits=Limits(max_entries=5)))

    def test_a_size_that_lies(self) -> None:
        data = bytearray(zipped({"a.png": PNG + bytes(5000)}))
        at = data.rindex(b"PK\x01\x02")
        data[at + 24 : at + 28] = struct.pack("<I", 100)
        assert "a.png cannot be used" in sentence(read(bytes(data)))

    def test_a_list_of_files_of_absurd_size(self) -> None:
        data = bytearray(zipped({"a.png": PNG}))
        at = data.rindex(b"PK\x05\x06")
        data[at + 12 : at + 16] = struct.pack("<I", 2**31)
        assert "damaged" in sentence(read(bytes(data)))

    def test_a_place_beyond_all_numbers(self) -> None:
        data = bytearray(zipped({"a.png": PNG}))
        at, end = data.rindex(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
        data[at + 42 : at + 46] = b"\xff" * 4
        more = struct.pack("<HHQ", 1, 8, 2**63 + 5)
        data[at + 30 : at + 32] = struct.pack("<H", len(more))
        data[end + 12 : end + 16] = struct.pack("<I", end - at + len(more))
        assert "damaged" in sentence(read(bytes(data[:end] + more + data[end:])))

    def test_encrypted_files(self) -> None:
        data = bytearray(zipped({"a.png": PNG}))
        data[6] |= 1
        data[data.rindex(b"PK\x01\x02") + 8] |= 1
        assert "a.png cannot be used: it is encrypted" in sentence(read(bytes(data)))

    def test_methods_that_set_aside_memory(self) -> None:
        for method in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):
            assert "packed in an unusual way" in sentence(read(zipped({"a.png": PNG}, method)))

    def test_damage(self) -> None:
        data = zipped({"a.png": PNG}, zipfile.ZIP_STORED)
        broken = data.replace(PNG[60:70], bytes(10))
        assert "a.png cannot be used: it is damaged" in sentence(read(broken))
        assert "damaged" in sentence(read(data[:-30]))
