"""A NIfTI volume becomes slices of any plane, laid as a radiologist sees them."""

from __future__ import annotations

import gzip
import io
import time
import tracemalloc
from itertools import islice, permutations, product
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from braintumor.files import sha256_bytes
from braintumor.images.choice import Choice, choose
from braintumor.images.decode import ImageError, Limits, RefusedError, Slice
from braintumor.images.read import read_slices

# Right, front and top are where x, y and z grow: NIfTI's own directions. 4 x 5 x 3 voxels.
HEAD = np.arange(60, dtype=np.int16).reshape(4, 5, 3)
CANONICAL = np.diag([2.0, 2.0, 2.0, 1.0])
CANONICAL[:3, 3] = [-10, -20, -30]


def nifti(voxels: np.ndarray = HEAD, affine: Any = CANONICAL, kind: Any = None) -> bytes:
    image = (kind or nibabel.Nifti1Image)(voxels, affine)
    return bytes(image.to_bytes())


def read(data: bytes, **options: Any) -> list[Slice]:
    found = list(read_slices(data, name="head.nii", **options))
    for one in found:
        if isinstance(one, ImageError):
            raise one
    return [one for one in found if isinstance(one, Slice)]


def turned(axes: tuple[int, ...], signs: tuple[int, ...]) -> bytes:
    """The same head, stored along other axes and in other directions."""
    order = nibabel.orientations.ornt_transform(
        [[0, 1], [1, 1], [2, 1]], np.column_stack([axes, signs])
    )
    image = nibabel.Nifti1Image(HEAD, CANONICAL).as_reoriented(order)
    return bytes(image.to_bytes())


NOISE = np.random.default_rng(0).integers(0, 9999, (40, 40, 4), dtype=np.int16)


def damaged(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(99) + data[middle + 99 :]


SHOWN = {
    # the patient's right at the left of the screen: x falls from left to right
    "axial": [HEAD[::-1, ::-1, k].T for k in range(3)],  # front up, from the bottom to the top
    "coronal": [HEAD[::-1, j, ::-1].T for j in range(4, -1, -1)],  # top up, from front to back
    "sagittal": [HEAD[i, ::-1, ::-1].T for i in range(3, -1, -1)],  # face left, right to left
}


@pytest.mark.parametrize("plane", SHOWN)
@pytest.mark.parametrize("axes", list(permutations(range(3))))
def test_however_it_is_stored_its_slices_are_shown_alike(axes: tuple[int, ...], plane: str) -> None:
    for signs in product((1, -1), repeat=3):
        found = read(turned(axes, signs), choice=choose(plane))
        assert len(found) == len(SHOWN[plane])
        for one, pixels in zip(found, SHOWN[plane], strict=True):
            np.testing.assert_array_equal(one.pixels, pixels)


def test_thick_slices_seen_from_the_side_are_as_tall_as_the_head() -> None:
    thick = np.diag([2.0, 2.0, 6.0, 1.0])
    for data in (nifti(affine=thick), unplaced(spacing=(2, 2, 6))):
        shapes = {plane: read(data, choice=choose(plane))[0].pixels.shape for plane in SHOWN}
        assert shapes == {"axial": (5, 4), "coronal": (9, 4), "sagittal": (9, 5)}
    sagittal = read(nifti(affine=thick), choice=choose("sagittal"))[0]
    np.testing.assert_array_equal(sagittal.pixels[1::3], SHOWN["sagittal"][0])
    assert sagittal.size == (9, 5)


def unplaced(spacing: tuple[float, ...]) -> bytes:
    """A volume that says how large its voxels are, and not how it lies."""
    image = nibabel.Nifti1Image(HEAD, None)
    image.header.set_zooms(spacing)
    return bytes(image.to_bytes())


def test_slices_have_numbers_from_1_and_positions_that_grow() -> None:
    data = nifti()
    found = read(data)
    assert [one.name for one in found] == ["head.nii#1", "head.nii#2", "head.nii#3"]
    places = [one.place for one in found if one.place]
    assert [place.along for place in places] == pytest.approx([-30, -28, -26])
    assert len({place.series for place in places}) == 1
    assert {one.sha256 for one in found} == {sha256_bytes(data)}
    assert found[0].notes == ()
    coronal = read(data, choice=choose("coronal"))
    assert [one.place.along for one in coronal if one.place] == pytest.approx([12, 14, 16, 18, 20])
    assert coronal[0].place != found[0].place


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_a_slice_takes_no_copy_of_its_volume(dtype: type, plane: Any) -> None:
    """With a copy, the slices of a sample volume took ninety times as long."""
    data = nibabel.Nifti1Image(np.zeros((96, 96, 400), dtype), np.eye(4)).to_bytes()
    tracemalloc.start()
    try:
        found = list(islice(read_slices(data, choice=Choice(plane=plane)), 3))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert all(isinstance(one, Slice) for one in found)
    assert peak < len(data) / 4


def test_a_copy_of_a_volume_is_a_series_of_its_own() -> None:
    def series(name: str, data: bytes) -> set[str]:
        found = [one for one in read_slices(data, name=name) if isinstance(one, Slice)]
        return {one.place.series for one in found if one.place}

    names = ("a/v.nii", "b/v.nii", "b/\udcff.nii")  # the last one's is no text
    keys = [series(name, nifti()) for name in names]
    assert [len(one) for one in keys] == [1, 1, 1]
    assert len(set.union(*keys)) == 3
    assert series("a/v.nii", nifti()) == keys[0], "whenever the same file is read"
    assert series("a/v.nii", nifti(HEAD + 1)) != keys[0]


def test_a_range_and_every_nth() -> None:
    data = nifti(np.zeros((4, 5, 30), np.int16))
    found = read(data, choice=choose(slices="10-20", every=5))
    assert [one.name for one in found] == ["head.nii#10", "head.nii#15", "head.nii#20"]
    assert read(data, choice=Choice(first=31)) == []


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
def test_every_type_of_voxel_compressed_and_not(kind: Any, dtype: type) -> None:
    data = nifti(HEAD.astype(dtype), kind=kind)
    for form in (data, gzip.compress(data)):
        found = read(form)
        np.testing.assert_array_equal(found[0].pixels, SHOWN["axial"][0])
        assert found[0].sha256 == sha256_bytes(form)


@pytest.mark.parametrize("size", [2000, 10**6])
def test_a_gzip_file_of_several_parts_is_one_volume(size: int) -> None:
    """As block compressors write them, with an empty part at the end; or with zeros between."""
    data = nifti(np.concatenate([NOISE] * 40))
    parts = [gzip.compress(data[at : at + size], 1) for at in range(0, len(data), size)]
    for between in (b"", bytes(512), gzip.compress(b"")):
        together = between.join(parts) + gzip.compress(b"") + between
        for one, same in zip(read(together), read(data), strict=True):
            np.testing.assert_array_equal(one.pixels, same.pixels)


def test_values_are_rescaled_and_big_endian_is_read() -> None:
    image = nibabel.Nifti1Image(HEAD.astype(">i2"), CANONICAL)
    header = image.header.as_byteswapped(">")
    image = nibabel.Nifti1Image(HEAD, CANONICAL, header=header)
    image.header.set_slope_inter(0.5, 7)
    data = image.to_bytes()
    assert data[:4] == (348).to_bytes(4, "big")
    stored = nibabel.Nifti1Image.from_bytes(data)
    expected = np.asarray(stored.dataobj)[::-1, ::-1, 0].T
    np.testing.assert_allclose(read(data)[0].pixels, expected)


def test_a_single_slice_keeps_the_name_of_its_file() -> None:
    for voxels in (HEAD[..., :1], HEAD[..., 0]):
        (only,) = read(nifti(voxels))
        assert only.name == "head.nii"
        np.testing.assert_array_equal(only.pixels, SHOWN["axial"][0])


def test_a_fourth_axis_of_length_one_is_none() -> None:
    assert len(read(nifti(HEAD[..., np.newaxis]))) == 3


def test_a_volume_that_does_not_say_how_it_lies_is_read_with_a_note() -> None:
    found = read(nifti(affine=None))
    assert len(found) == 3
    assert "does not say how it lies" in found[0].notes[0]


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "says"),
        [
            (nifti(np.zeros((4, 5, 3, 6), np.int16)), r"4 dimensions \(4 x 5 x 3 x 6\).* save one"),
            (nifti(np.zeros((4, 5, 3, 1, 3), np.float32)), "5 dimensions"),
            (nifti(HEAD.astype(np.complex64)), "complex"),
            (nifti()[:-1], "truncated"),
            (nifti()[:200], "no PNG"),
            (nifti().replace(b"n+1\0", b"ni1\0"), "in another file"),
            (gzip.compress(b"no volume" * 99, mtime=0), "gzip file, and holds no NIfTI"),
            (gzip.compress(nifti(), mtime=0)[:-30], "truncated"),
            (damaged(gzip.compress(nifti(NOISE), mtime=0)), "damaged"),
            (gzip.compress(gzip.compress(nifti(), mtime=0), mtime=0), "holds no NIfTI"),
        ],
    )
    def test_one_sentence_with_the_name_of_the_file(self, data: bytes, says: str) -> None:
        with pytest.raises(ImageError, match=f"^head.nii cannot be used: .*{says}"):
            read(data)

    def test_colours(self) -> None:
        colours = np.zeros((4, 5, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
        with pytest.raises(ImageError, match="colours"):
            read(nifti(colours))

    @pytest.mark.parametrize("intent", ["label", "t test"])
    def test_what_is_no_scan_is_refused(self, intent: str) -> None:
        image = nibabel.Nifti1Image(HEAD, CANONICAL)
        image.header.set_intent(intent)
        with pytest.raises(RefusedError, match="not of a scan"):
            read(image.to_bytes())

    def test_a_slice_without_a_value_is_an_error_and_the_others_are_read(self) -> None:
        voxels = HEAD.astype(np.float32)
        voxels[..., 1] = np.nan
        found = list(read_slices(nifti(voxels), name="a.nii"))
        assert [isinstance(one, Slice) for one in found] == [True, False, True]
        assert str(found[1]).startswith("a.nii#2 cannot be used")
        first, second, third = (one.place for one in found if one.place is not None)
        assert first.series == second.series == third.series
        assert (first.number, second.number, third.number) == (1, 2, 3)
        assert first.along < second.along < third.along

    def test_sizes_that_the_header_announces(self) -> None:
        header = nibabel.Nifti1Image(HEAD, CANONICAL).header
        header.set_data_shape((30_000, 30_000, 30_000))
        data = header.binaryblock + bytes(4)
        with pytest.raises(ImageError, match="MiB that are accepted"):
            read(data)
        with pytest.raises(ImageError, match="3 slices, and at most 2"):
            read(nifti(), limits=Limits(max_frames=2))
        with pytest.raises(ImageError, match="pixels"):
            read(nifti(), limits=Limits(max_pixels=19))

    @pytest.mark.parametrize(
        ("kind", "offset"),
        [
            *((nibabel.Nifti1Image, offset) for offset in (-16, 0, 348, 351)),
            *((nibabel.Nifti2Image, offset) for offset in (-16, 0, 352, 543)),
        ],
    )
    def test_voxels_that_begin_inside_the_header_are_not_believed(
        self, kind: Any, offset: int
    ) -> None:
        """The header's bytes would be shown as if they were pixels."""
        header = kind.header_class.from_fileobj(io.BytesIO(nifti(kind=kind)))
        voxels = bytes(4) + HEAD.tobytes(order="F")
        header["vox_offset"] = offset
        with pytest.raises(ImageError, match="the voxels begin inside the header: save"):
            read(header.binaryblock + voxels)
        header["vox_offset"] = header.single_vox_offset
        found = read(header.binaryblock + voxels)
        np.testing.assert_array_equal(found[0].pixels, read(nifti())[0].pixels)

    def test_a_bomb_is_unpacked_no_further_than_the_limit(self) -> None:
        bomb = gzip.compress(nifti()[:352] + bytes(50 * 2**20))
        assert len(bomb) < 100_000
        with pytest.raises(ImageError, match="larger than the 1 MiB"):
            read(bomb, limits=Limits(max_volume_bytes=2**20))

    @pytest.mark.parametrize("part", [b"", b"x"])
    def test_countless_parts_of_a_gzip_file_take_no_time(self, part: bytes) -> None:
        whole = gzip.compress(nifti(NOISE)) + gzip.compress(part) * 150_000
        before = time.process_time()
        with pytest.raises(ImageError, match="countless tiny parts"):
            read(whole)
        assert time.process_time() - before < 1.0

    @settings(max_examples=150)
    @given(st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=8))
    def test_damaged_headers_give_slices_or_errors(self, damage: list[tuple[float, int]]) -> None:
        data = bytearray(nifti())
        for where, value in damage:
            data[int(where * 352)] = value
        for one in read_slices(bytes(data), limits=Limits(max_frames=500)):
            assert isinstance(one, ImageError) or one.pixels.ndim == 2


@pytest.mark.shared
def test_the_sample_volumes_lie_as_their_headers_say(shared: Path) -> None:
    folder = shared / "data" / "samples" / "nifti"
    for name in ("MR_Gd.nii.gz", "spm152.nii.gz"):
        canonical = nibabel.as_closest_canonical(nibabel.load(folder / name))
        voxels = np.asarray(canonical.dataobj)
        for plane, axis in (("axial", 2), ("coronal", 1), ("sagittal", 0)):
            found = list(read_slices(folder / name, choice=choose(plane, every=20)))
            count = voxels.shape[axis]
            assert len(found) == len(range(0, count, 20))
            middle = found[len(found) // 2]
            assert isinstance(middle, Slice)
            assert middle.place is not None
            number = middle.place.number
            index = number - 1 if axis == 2 else count - number
            expected = voxels.take(index, axis=axis)[::-1, ::-1].T
            np.testing.assert_allclose(middle.pixels, expected, rtol=1e-5)
