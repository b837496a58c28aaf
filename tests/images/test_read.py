"""Any file gives its slices, or one sentence in the place of each that cannot be read."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_dicom import dataset, saved
from made_files import GREY, made_files, picture
from PIL import Image

from braintumor.images.choice import Choice
from braintumor.images.decode import ImageError, Limits, RefusedError, Slice, read_slice
from braintumor.images.read import read_slices

SLICES = {"tiff-pages": 3, "dicom-frames": 3, "dicom-rle": 2, "dicom-jpeg2000": 2,
          "dicom-enhanced": 2, "nifti": 3, "nifti-gz": 3, "zip": 5}  # fmt: skip


@pytest.mark.parametrize("kind", made_files())
def test_every_format_gives_all_its_slices(kind: str, tmp_path: Path) -> None:
    data = made_files()[kind]
    path = tmp_path / "file"
    path.write_bytes(data)
    found = list(read_slices(path, name="f"))
    assert all(isinstance(one, Slice) for one in found)
    assert len(found) == SLICES.get(kind, 1)
    if len(found) == 1:
        assert found[0].name == "f"
        assert isinstance(found[0], Slice)
        single = read_slice(path, name="f")
        np.testing.assert_array_equal(found[0].pixels, single.pixels)
    elif kind != "zip":
        assert [one.name for one in found] == [f"f#{k}" for k in range(1, len(found) + 1)]
    assert [one.name for one in read_slices(data, name="f")] == [one.name for one in found]


def test_a_picture_waits_for_no_library_of_other_formats(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(made_files()["png"])
    code = (
        "import sys\nfrom braintumor.images.read import read_slices\n"
        "list(read_slices(sys.argv[1])); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.png")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not {"pydicom", "nibabel"} & set(done.stdout.split())


@pytest.mark.parametrize("kind", ["nifti", "nifti-gz", "zip", "dicom-frames"])
def test_where_one_slice_is_asked_for_a_file_of_several_is_a_sentence(kind: str) -> None:
    with pytest.raises(ImageError, match="one slice is asked for here"):
        read_slice(made_files()[kind])


def test_errors_come_in_the_place_of_slices(tmp_path: Path) -> None:
    for data, kind in ((b"", ImageError), (b"hello" * 99, ImageError),
                       (saved(dataset(Modality="CT")), RefusedError)):  # fmt: skip
        (only,) = read_slices(data, name="f")
        assert type(only) is kind
        assert str(only).startswith("f cannot be used: ")
    for path in (tmp_path / "gone.nii.gz", tmp_path, "bad\0name.zip"):
        (only,) = read_slices(path)
        assert isinstance(only, ImageError)


def test_a_link_that_leads_round_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "loop.zip").symlink_to(tmp_path / "loop.zip")
    (only,) = read_slices(tmp_path / "loop.zip")
    assert "symbolic links" in str(only)


def test_volumes_may_be_larger_than_pictures(tmp_path: Path) -> None:
    limits = Limits(max_bytes=500, max_volume_bytes=20_000)
    for kind, fine in (("nifti", True), ("tiff", True), ("bmp", False)):
        (only, *_) = read_slices(made_files()[kind], limits=limits)
        assert isinstance(only, Slice) == fine
        (tmp_path / kind).write_bytes(made_files()[kind])
        (only, *_) = read_slices(tmp_path / kind, limits=limits)
        assert isinstance(only, Slice) == fine


def test_frames_are_read_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    real = "braintumor.images.dicom._uncompressed"
    from braintumor.images import dicom

    read = dicom._uncompressed
    monkeypatch.setattr(real, lambda opened, k: decoded.append(k) or read(opened, k))
    slices = read_slices(made_files()["dicom-frames"])
    next(slices)
    assert decoded == [1]
    next(slices)
    assert decoded == [1, 2]


class TestPages:
    def tiff(self, *pages: np.ndarray, **options: str) -> bytes:
        out = io.BytesIO()
        images = [Image.fromarray(page) for page in pages]
        images[0].save(out, "TIFF", save_all=True, append_images=images[1:], **options)
        return out.getvalue()

    def test_pages_of_sixteen_bits_and_other_sizes(self) -> None:
        deep = GREY.astype(np.uint16) * 200
        found = list(read_slices(self.tiff(deep, deep[:20], deep[:, ::-1].copy())))
        for one, page in zip(found, (deep, deep[:20], deep[:, ::-1]), strict=True):
            assert isinstance(one, Slice)
            assert one.pixels.dtype == np.uint16
            np.testing.assert_array_equal(one.pixels, page)

    def test_some_of_the_pages(self) -> None:
        found = list(read_slices(self.tiff(*[GREY] * 9), name="t", choice=Choice(first=2, every=3)))
        assert [one.name for one in found] == ["t#2", "t#5", "t#8"]

    def test_a_copy_is_a_series_of_its_own(self) -> None:
        data = self.tiff(*[GREY] * 3)
        found = [list(read_slices(data, name=name)) for name in ("t", "t", "u")]
        first, same, copy = (
            {one.place.series for one in pages if isinstance(one, Slice) and one.place}
            for pages in found
        )
        assert first == same
        assert len(first | copy) == 2

    def test_a_damaged_page_is_an_error_in_its_place(self) -> None:
        noise = np.random.default_rng(1).integers(0, 256, GREY.shape, np.uint8)
        data = bytearray(self.tiff(GREY, noise, GREY, compression="tiff_adobe_deflate"))
        with Image.open(io.BytesIO(data)) as picture:
            picture.seek(1)
            (begin,), (length,) = (picture.tag_v2[tag] for tag in (273, 279))
        data[begin : begin + length] = b"\xff" * length
        found = list(read_slices(bytes(data), name="t"))
        assert [isinstance(one, Slice) for one in found] == [True, False, True]
        assert str(found[1]).startswith("t#2 cannot be used: the page is damaged")
        places = [one.place for one in found if one.place]
        assert [place.number for place in places] == [1, 2, 3]
        assert len({place.series for place in places}) == 1

    def test_too_many(self) -> None:
        (only,) = read_slices(self.tiff(*[GREY] * 9), limits=Limits(max_frames=8))
        assert "it holds 9 slices, and at most 8" in str(only)

    def test_too_large_together(self) -> None:
        """Packed they may be nothing: all pages can share the same pixels."""
        deep = np.zeros((100, 100), np.uint16)
        data = self.tiff(deep, deep, deep.astype(np.float32), compression="tiff_lzw")
        just = Limits(max_volume_bytes=80_000)
        assert len([one for one in read_slices(data, limits=just) if isinstance(one, Slice)]) == 3
        (only,) = read_slices(data, limits=Limits(max_volume_bytes=79_999))
        assert "unpack to more than the" in str(only)

    def test_thumbnails_are_left_out(self) -> None:
        out = io.BytesIO()
        small = Image.fromarray(GREY[::4, ::4].copy())
        Image.fromarray(GREY).save(out, "TIFF", save_all=True, append_images=[small])
        data = bytearray(out.getvalue())
        # Pillow writes no such tag: make one of the second page's last.
        with Image.open(io.BytesIO(bytes(data))) as image:
            image.seek(1)
            assert 254 not in image.tag_v2
        directory = int.from_bytes(data[4:8], "little")
        count = int.from_bytes(data[directory : directory + 2], "little")
        second = int.from_bytes(data[directory + 2 + 12 * count :][:4], "little")
        first_tag = second + 2
        width = data[first_tag : first_tag + 12]
        assert int.from_bytes(width[:2], "little") == 256
        count = int.from_bytes(data[second : second + 2], "little")
        end = first_tag + 12 * count + 4
        moved = bytes(data[first_tag:end])
        tag = (254).to_bytes(2, "little") + (4).to_bytes(2, "little")
        tag += (1).to_bytes(4, "little") + (1).to_bytes(4, "little")
        # the second directory anew at the end of the file, with the tag before its others
        new = len(data)
        data += (count + 1).to_bytes(2, "little") + tag + moved
        at = directory + 2 + 12 * int.from_bytes(data[directory : directory + 2], "little")
        data[at : at + 4] = new.to_bytes(4, "little")
        (only,) = read_slices(bytes(data), name="t")
        assert isinstance(only, Slice)
        assert only.name == "t"
        np.testing.assert_array_equal(only.pixels, GREY)

    def test_a_chain_of_pages_that_bites_its_tail_ends(self) -> None:
        data = bytearray(self.tiff(GREY, GREY))
        directory = int.from_bytes(data[4:8], "little")
        at = directory + 2 + 12 * int.from_bytes(data[directory : directory + 2], "little")
        second = int.from_bytes(data[at : at + 4], "little")
        at = second + 2 + 12 * int.from_bytes(data[second : second + 2], "little")
        data[at : at + 4] = directory.to_bytes(4, "little")
        assert len(list(read_slices(bytes(data), limits=Limits(max_frames=50)))) == 2


def test_a_jpeg_of_endless_scans_is_refused_before_it_is_decoded() -> None:
    """Each scan of a progressive JPEG costs a pass over all pixels, whatever its length."""
    data = picture("JPEG", "RGB", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    (only,) = read_slices(data[:-2] + scan * 500 + data[-2:])
    assert "too many scans" in str(only)


def test_a_jpeg_of_endless_exif_pieces_is_refused_before_it_is_opened() -> None:
    """Pillow joins them one by one: of 64 MiB for the better part of an hour."""
    data = picture("JPEG", "L")
    piece = b"\xff\xe1" + struct.pack(">H", 18) + b"Exif\0\0" + bytes(10)
    (fine,) = read_slices(data[:2] + piece * 3 + data[2:])
    assert isinstance(fine, Slice)
    (only,) = read_slices(data[:2] + piece * 1000 + data[2:])
    assert "EXIF block is in too many pieces" in str(only)


@pytest.mark.shared
def test_every_sample_is_read_or_refused_as_it_should_be(shared: Path) -> None:
    folder = shared / "data" / "samples"
    ct, chest = "computed tomography", "a radiograph"
    refused = {
        "dicom-codecs/693_J2KR.dcm": ct, "dicom-codecs/693_UNCI.dcm": ct,
        "dicom-codecs/MR-SIEMENS-DICOM-WithOverlays.dcm": "the abdomen",
        "dicom-codecs/MR2_J2KI.dcm": "the shoulder",
        "dicom-codecs/MR2_J2KR.dcm": "the shoulder",
        "dicom-codecs/MR2_UNCR.dcm": "the shoulder",
        "not-a-brain/1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819.dcm": chest,
    }  # fmt: skip
    volumes = {"nifti/MR_Gd.nii.gz": 144, "nifti/spm152.nii.gz": 215}
    seen = set()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        found = list(read_slices(path, name=name, choice=Choice(every=9)))
        seen.add(name)
        if name in refused:
            (only,) = found
            assert isinstance(only, RefusedError)
            assert refused[name] in only.reason
            continue
        assert all(isinstance(one, Slice) for one in found)
        assert len(found) == len(range(0, volumes.get(name, 1), 9))
        notes = {one.notes for one in found if isinstance(one, Slice)}
        # Pictures of a chest say nothing of themselves: refusing those is the gate's part.
        contrast = "it is T1-weighted, but its tags name no contrast agent"
        assert notes == {(contrast,) if name.startswith("dicom-head-t1/") else ()}
    assert set(refused) | set(volumes) < seen
    assert len(seen) == 41
