"""A TIFF's directories are looked over before anything reads them, whatever their layout."""

from __future__ import annotations

import io
import struct
import tracemalloc

import numpy as np
import pytest
from made_files import GREY
from PIL import Image

from braintumor.images.decode import ImageError, Limits, Slice, read_slice
from braintumor.images.read import read_slices
from braintumor.images.tiff_tags import largest_page

# The start of a file, and what of it: byte order, and whether offsets have 64 bits.
LAYOUTS = {
    b"II*\0": ("<", False),
    b"MM\0*": (">", False),
    b"II\0*": ("<", False),
    b"MM*\0": (">", False),
    b"II+\0": ("<", True),
    b"MM\0+": (">", True),
}
# Of these one byte is a value.
SHORT, LONG, RATIONAL, DOUBLE, BYTE, ASCII, UNDEFINED = 3, 4, 5, 12, 1, 2, 7
SIZES = {SHORT: 2, LONG: 4, RATIONAL: 8, DOUBLE: 8, BYTE: 1, ASCII: 1, UNDEFINED: 1}
BITS, EXTRA, FORMAT, XMP, PHOTOSHOP, SOFTWARE = 258, 338, 339, 700, 34377, 305
MANY, LONG_PAGE = "a tag of the TIFF has more than 65536 values: save it anew", "512 tags a page"

Tag = tuple[int, int, int, int | bytes]  # number, kind, how many values, the value or the values


def tiff(*pages: list[Tag], magic: bytes = b"II*\0", loop: bool = False) -> bytes:
    """A file of these tags and those of a grey picture of 8 x 6; of a loop the last page's next is
    the first."""
    order, big = LAYOUTS[magic]
    number, inline = ("Q", 8) if big else ("I", 4)
    out = magic + (struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8))
    for at, more in enumerate(pages):
        given = {tag for tag, *_ in more}
        tags = [tag for tag in grey_tags(len(out)) if tag[0] not in given] + more
        behind = len(out) + (8 if big else 2) + len(tags) * (12 + 2 * (inline - 4)) + inline
        directory, values = struct.pack(order + ("Q" if big else "H"), len(tags)), b""
        for tag, kind, count, value in sorted(tags, key=lambda one: one[0]):
            directory += struct.pack(order + "HH" + number, tag, kind, count)
            if isinstance(value, bytes) and len(value) > inline:
                directory += struct.pack(order + number, behind + len(values))
                values += value
            elif isinstance(value, bytes):
                directory += value.ljust(inline, b"\0")
            else:
                short = struct.pack(order + ("H" if kind == SHORT else "I"), value)
                directory += short.ljust(inline, b"\0")
        last = at == len(pages) - 1
        following = (16 if big else 8) if loop else 0
        out += directory + struct.pack(order + number, following if last else behind + len(values))
        out += values
    return out


def largest(data: bytes, most_pages: int) -> int:
    return largest_page(lambda at, count: data[at : at + count], most_pages=most_pages)


def grey_tags(pixels: int) -> list[Tag]:
    """Of 8 x 6 pixels, for which any 48 bytes will do."""
    return [
        (256, SHORT, 1, 8), (257, SHORT, 1, 6), (BITS, SHORT, 1, 8), (259, SHORT, 1, 1),
        (262, SHORT, 1, 1), (273, LONG, 1, pixels), (277, SHORT, 1, 1), (278, SHORT, 1, 6),
        (279, LONG, 1, 48),
    ]  # fmt: skip


def values(kind: int, count: int) -> bytes:
    return b"\1\2\3\4\5\6\7\x08"[: SIZES[kind]] * count


class TestMany:
    @pytest.mark.parametrize("tag", [BITS, EXTRA, FORMAT])
    def test_a_tag_of_too_many_values_is_refused_before_they_are_taken_apart(
        self, tag: int
    ) -> None:
        data = tiff([(tag, SHORT, 500_000, np.arange(500_000, dtype="<u2").tobytes())])
        tracemalloc.start()
        try:
            with pytest.raises(ImageError, match=MANY):
                read_slice(data)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 2**20

    @pytest.mark.parametrize("magic", LAYOUTS)
    @pytest.mark.parametrize("kind", [SHORT, LONG, RATIONAL, DOUBLE])
    def test_in_every_layout_and_of_every_kind_of_numbers(self, magic: bytes, kind: int) -> None:
        data = tiff([(EXTRA, kind, 65_537, values(kind, 65_537))], magic=magic)
        with pytest.raises(ImageError, match=MANY):
            read_slice(data)

    @pytest.mark.parametrize("magic", [b"II*\0", b"II+\0"])
    def test_on_a_later_page(self, magic: bytes) -> None:
        data = tiff([], [], [(EXTRA, SHORT, 65_537, values(SHORT, 65_537))], magic=magic)
        (only,) = read_slices(data)
        assert MANY in str(only)

    @pytest.mark.parametrize("kind", [BYTE, UNDEFINED, ASCII])
    def test_what_stays_bytes_may_be_long(self, kind: int) -> None:
        """Colour profiles, and what other programs keep in a file."""
        tags: list[Tag] = [(tag, kind, 200_000, bytes(200_000)) for tag in (PHOTOSHOP, SOFTWARE)]
        assert read_slice(tiff(tags)).size == (6, 8)

    def test_a_picture_of_a_strip_a_row_is_read(self) -> None:
        """As many as a picture can have that is accepted."""
        tall = np.zeros((Limits().max_side, 1), np.uint8)
        out = io.BytesIO()
        Image.fromarray(tall).save(out, "TIFF", tiffinfo={278: 1}, compression="packbits")
        assert read_slice(out.getvalue()).size == tall.shape

    @pytest.mark.parametrize("magic", LAYOUTS)
    def test_a_page_of_too_many_tags_is_refused(self, magic: bytes) -> None:
        data = tiff([(40_000 + k, SHORT, 1, 1) for k in range(600)], magic=magic)
        with pytest.raises(ImageError, match=LONG_PAGE):
            read_slice(data)
        assert largest(data, 9) == 0


class TestPages:
    # Which Pillow opens.
    @pytest.mark.parametrize("magic", [b"II*\0", b"MM\0*", b"II+\0"])
    def test_every_layout_is_read(self, magic: bytes) -> None:
        found = list(read_slices(tiff([], [], magic=magic), name="t"))
        assert [(one.name, one.size) for one in found if isinstance(one, Slice)] == [
            ("t#1", (6, 8)),
            ("t#2", (6, 8)),
        ]

    @pytest.mark.parametrize("magic", LAYOUTS)
    def test_the_largest_is_told_without_opening_the_file(self, magic: bytes) -> None:
        data = tiff([], [(256, LONG, 1, 70_000), (257, SHORT, 1, 900)], [], magic=magic)
        assert largest(data, 9) == 70_000 * 900
        assert largest(data, 0) == 8 * 6

    @pytest.mark.parametrize("magic", LAYOUTS)
    def test_a_chain_that_bites_its_tail_or_breaks_off_ends(self, magic: bytes) -> None:
        assert largest(tiff([], [], magic=magic, loop=True), 10**9) == 48
        data = tiff([], [], magic=magic)
        for length in range(4, len(data)):
            assert largest(data[:length], 9) in (0, 48)

    def test_tiles_are_unpacked_whole(self) -> None:
        """Pages of 8 x 6, and each a tile of 16 million pixels."""
        tiles: list[Tag] = [(322, SHORT, 1, 4096), (323, SHORT, 1, 4096)]
        (only,) = read_slices(tiff(tiles, tiles, tiles), limits=Limits(max_volume_bytes=2**25))
        assert "its slices unpack to more than the 32 MiB accepted: split it" in str(only)


def test_a_picture_that_other_programs_wrote_is_not_disturbed() -> None:
    out = io.BytesIO()
    Image.fromarray(GREY).save(out, "TIFF", compression="tiff_lzw", icc_profile=bytes(100_000))
    np.testing.assert_array_equal(read_slice(out.getvalue()).pixels, GREY)


@pytest.mark.parametrize(
    ("reduced", "taken"),
    [((0, 0), 0), ((1, 0), 1), ((1, 1), 0)],
    ids=["the-first", "the-first-that-is-no-thumbnail", "the-first-where-all-are"],
)
def test_one_slice_of_a_file_is_its_first_full_page(reduced: tuple[int, int], taken: int) -> None:
    """Training reads files so, and learns from no thumbnail."""
    pages = [np.full((20, 24), value, np.uint8) for value in (50, 200)]
    stream = io.BytesIO()
    first, second = map(Image.fromarray, pages)
    first.save(stream, "TIFF", save_all=True, append_images=[second], tiffinfo={254: 0})
    data, plain = stream.getvalue(), struct.pack("<HHII", 254, LONG, 1, 0)
    assert data.count(plain) == 2
    for _ in range(sum(reduced)):  # thumbnails come first
        data = data.replace(plain, struct.pack("<HHII", 254, LONG, 1, 1), 1)
    assert read_slice(data).pixels[0, 0] == pages[taken][0, 0]


def test_a_full_page_behind_more_thumbnails_than_pages_are_accepted_is_not_looked_for() -> None:
    """Turning to a page costs a quarter of a millisecond, and a file may have a million."""
    pages = [Image.fromarray(np.full((20, 24), 10 * number, np.uint8)) for number in range(6)]
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:], tiffinfo={254: 1})
    data = stream.getvalue().replace(
        struct.pack("<HHII", 254, LONG, 1, 1), struct.pack("<HHII", 254, LONG, 1, 0)
    )
    thumbnail, full = struct.pack("<HHII", 254, LONG, 1, 1), struct.pack("<HHII", 254, LONG, 1, 0)
    data = data.replace(full, thumbnail, 5)
    assert read_slice(data).pixels[0, 0] == 50
    assert read_slice(data, limits=Limits(max_frames=5)).pixels[0, 0] == 0
