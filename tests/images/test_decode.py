"""Any picture becomes one grey slice, or one polite sentence."""

from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_files import bomb
from PIL import Image

from braintumor.errors import BraintumorError
from braintumor.files import sha256_bytes
from braintumor.images.decode import ImageError, Limits, Place, RefusedError, read_slice

RNG = np.random.default_rng(5)
# 5 x 7 grey levels, none like its neighbour, and not symmetric in any way.
GREY = np.arange(35, dtype=np.uint8).reshape(5, 7) * 7


def saved(picture: Image.Image, format_: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, format_, **options)
    return out.getvalue()


def noise(height: int = 64, width: int = 80) -> Image.Image:
    return Image.fromarray(RNG.integers(0, 256, (height, width), dtype=np.uint8))


def modes() -> dict[str, tuple[Image.Image, str]]:
    """The same grey picture in every mode, with a format without loss that can hold it."""
    grey = Image.fromarray(GREY)
    palette = grey.convert("RGB").quantize(64)
    return {
        "L": (grey, "PNG"),
        "LA": (grey.convert("LA"), "PNG"),
        "RGB": (grey.convert("RGB"), "PNG"),
        "RGBA": (grey.convert("RGBA"), "PNG"),
        "P": (palette, "PNG"),
        "P in GIF": (palette, "GIF"),
        "L in GIF": (grey, "GIF"),
        "L in BMP": (grey, "BMP"),
        "RGB in BMP": (grey.convert("RGB"), "BMP"),
        "L in TIFF": (grey, "TIFF"),
        "CMYK": (grey.convert("RGB").convert("CMYK"), "TIFF"),
        "I;16": (Image.fromarray(GREY.astype(np.uint16)), "PNG"),
        "I;16 in TIFF": (Image.fromarray(GREY.astype(np.uint16)), "TIFF"),
        "I": (Image.fromarray(GREY.astype(np.int32)), "TIFF"),
        "F": (Image.fromarray(GREY.astype(np.float32)), "TIFF"),
    }


class TestModes:
    @pytest.mark.parametrize("mode", modes())
    def test_every_mode_gives_the_same_grey(self, mode: str) -> None:
        picture, format_ = modes()[mode]
        slice_ = read_slice(saved(picture, format_))
        assert slice_.pixels.dtype in (np.uint8, np.uint16, np.float32)
        np.testing.assert_array_equal(slice_.pixels.astype(np.float64), GREY)
        assert slice_.size == GREY.shape
        assert slice_.format == format_
        assert not slice_.coloured

    def test_webp_without_loss(self) -> None:
        slice_ = read_slice(saved(Image.fromarray(GREY).convert("RGB"), "WEBP", lossless=True))
        np.testing.assert_array_equal(slice_.pixels, GREY)

    def test_one_bit(self) -> None:
        bits = GREY > 100
        slice_ = read_slice(saved(Image.fromarray(bits), "PNG"))
        assert slice_.mode == "1"
        np.testing.assert_array_equal(slice_.pixels, np.where(bits, 255, 0))

    def test_sixteen_bits_keep_their_depth(self) -> None:
        deep = GREY.astype(np.uint16) * 200 + 3
        for format_ in ("PNG", "TIFF"):
            slice_ = read_slice(saved(Image.fromarray(deep), format_))
            assert slice_.pixels.dtype == np.uint16
            np.testing.assert_array_equal(slice_.pixels, deep)

    def test_negative_integers_stay_in_order(self) -> None:
        low = GREY.astype(np.int32) - 100
        slice_ = read_slice(saved(Image.fromarray(low), "TIFF"))
        assert slice_.pixels.dtype == np.float32
        np.testing.assert_array_equal(slice_.pixels, low)

    def test_colours_become_luma_and_are_noticed(self) -> None:
        colours = np.zeros((4, 4, 3), np.uint8)
        colours[:, 0] = (255, 0, 0)
        colours[:, 1] = (0, 255, 0)
        colours[:, 2] = (0, 0, 255)
        slice_ = read_slice(saved(Image.fromarray(colours), "PNG"))
        assert slice_.pixels[0].tolist() == [76, 150, 29, 0]
        assert slice_.coloured

    @pytest.mark.parametrize("mode", ["RGBA", "LA"])
    def test_what_is_transparent_lies_on_black(self, mode: str) -> None:
        picture = Image.fromarray(np.full((4, 4), 200, np.uint8)).convert(mode)
        alpha = Image.fromarray(np.array([[255, 128, 0, 0]] * 4, np.uint8))
        picture.putalpha(alpha)
        row = read_slice(saved(picture, "PNG")).pixels[0]
        assert row[0] == 200
        assert abs(int(row[1]) - 100) <= 1
        assert row[2] == 0

    def test_a_transparent_palette_entry_is_black(self) -> None:
        picture = Image.new("P", (2, 1))
        picture.putpalette([250, 250, 250, 90, 90, 90])
        picture.putpixel((1, 0), 1)
        slice_ = read_slice(saved(picture, "PNG", transparency=0))
        assert slice_.pixels.tolist() == [[0, 90]]

    def test_first_page_and_first_frame(self) -> None:
        first, second = Image.fromarray(GREY), Image.fromarray(255 - GREY)
        for format_ in ("TIFF", "GIF"):
            data = saved(first, format_, save_all=True, append_images=[second])
            np.testing.assert_array_equal(read_slice(data).pixels, GREY)

    def test_the_bytes_count_and_not_the_name(self, tmp_path: Path) -> None:
        file = tmp_path / "scan.jpg"
        file.write_bytes(saved(Image.fromarray(GREY), "PNG"))
        slice_ = read_slice(file)
        assert slice_.format == "PNG"
        assert slice_.sha256 == sha256_bytes(file.read_bytes())


# EXIF 2.32: orientation -> what has to be done to the stored pixels to show them.
SHOW: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.T,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: np.rot90,
}


class TestOrientation:
    @pytest.mark.parametrize("format_", ["PNG", "TIFF", "WEBP"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_each_of_the_eight(self, orientation: int, format_: str) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"lossless": True} if format_ == "WEBP" else {}
        data = saved(Image.fromarray(GREY).convert("RGB"), format_, exif=exif, **options)
        slice_ = read_slice(data)
        np.testing.assert_array_equal(slice_.pixels, SHOW[orientation](GREY))
        assert slice_.size == slice_.pixels.shape

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_jpeg_agrees_with_pillow(self, orientation: int) -> None:
        from PIL import ImageOps

        exif = Image.Exif()
        exif[0x0112] = orientation
        data = saved(noise(), "JPEG", exif=exif)
        shown = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        np.testing.assert_array_equal(read_slice(data).pixels, np.asarray(shown))

    @pytest.mark.parametrize("orientation", [0, 9, 999])
    def test_nonsense_is_ignored(self, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = saved(Image.fromarray(GREY), "PNG", exif=exif)
        np.testing.assert_array_equal(read_slice(data).pixels, GREY)

    def test_damaged_exif_costs_the_orientation_only(self) -> None:
        data = saved(Image.fromarray(GREY), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff rubbish")
        np.testing.assert_array_equal(read_slice(data).pixels, GREY)

    @pytest.mark.parametrize("format_", ["PNG", "WEBP"])
    def test_a_block_of_countless_numbers_is_not_taken_apart(self, format_: str) -> None:
        """Half a million orientations, each of which would become an object."""
        count = 2**19
        directory = struct.pack("<IHHHIII", 8, 1, 0x0112, 4, count, 26, 0)
        exif = b"Exif\0\0II*\0" + directory + b"\1\2\3\4" * count
        data = saved(Image.fromarray(GREY).convert("RGB"), format_, exif=exif)
        with pytest.raises(ImageError, match="EXIF block is absurdly long: save it anew"):
            read_slice(data)


class TestRefusals:
    def test_an_error_is_one_sentence_with_name_and_reason(self, tmp_path: Path) -> None:
        with pytest.raises(BraintumorError) as caught:
            read_slice(tmp_path / "gone.png")
        assert isinstance(caught.value, ImageError)
        assert caught.value.name == str(tmp_path / "gone.png")
        assert caught.value.reason == "there is no such file"
        assert str(caught.value) == f"{tmp_path}/gone.png cannot be used: there is no such file."

    def test_zero_bytes(self, tmp_path: Path) -> None:
        (tmp_path / "empty.png").touch()
        with pytest.raises(ImageError, match=r"empty.png .*0 bytes"):
            read_slice(tmp_path / "empty.png")
        with pytest.raises(ImageError, match="scan cannot be used: the file is empty"):
            read_slice(b"", name="scan")

    @pytest.mark.parametrize("format_", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF"])
    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
    def test_truncated(self, format_: str, share: float) -> None:
        data = saved(noise(), format_)
        with pytest.raises(ImageError, match=r"truncated|damaged|no PNG"):
            read_slice(data[: int(share * len(data))])

    @pytest.mark.parametrize("format_", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF"])
    def test_no_cut_passes_with_other_pixels(self, format_: str) -> None:
        """What is cut off behind the last pixel may be missed; a pixel never."""
        data = saved(Image.fromarray(GREY), format_)
        whole = read_slice(data).pixels
        passed = 0
        for end in range(1, len(data)):
            try:
                slice_ = read_slice(data[:end])
            except ImageError:
                continue
            passed += 1
            np.testing.assert_array_equal(slice_.pixels, whole)
        assert passed < 25

    def test_a_jpeg_is_called_truncated(self) -> None:
        with pytest.raises(ImageError, match="truncated: copy or download it again"):
            read_slice(saved(noise(), "JPEG")[:-30])

    def test_damage_in_the_middle_of_a_png(self) -> None:
        data = bytearray(saved(noise(), "PNG"))
        data[len(data) // 2] ^= 0xFF
        with pytest.raises(ImageError, match="damaged"):
            read_slice(bytes(data))

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            (b"hello, world" * 9, "no PNG, JPEG"),
            (b"\x1f\x8b" + b"x" * 99, "gzip"),
            (b"PK\x03\x04" + b"x" * 99, "ZIP"),
            (b"%PDF-1.7" + b"x" * 99, "PDF"),
            (b"<!doctype html><html>", "web page"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
            (bytes(5000), "zeros"),
            (bytes(344) + b"n+1\0" + b"x" * 99, "NIfTI"),
            (b"\x89PNG\r\n\x1a\n", "damaged"),
            (b"\xff\xd8\xff", "damaged"),
        ],
    )
    def test_what_is_no_image(self, data: bytes, says: str) -> None:
        with pytest.raises(ImageError, match=says):
            read_slice(data)

    def test_other_formats_of_pillow_stay_closed(self) -> None:
        """Fewer parsers, fewer holes; some of Pillow's call other programs."""
        for format_ in ("PPM", "TGA", "PCX", "ICO", "EPS"):
            with pytest.raises(ImageError):
                read_slice(saved(noise().convert("RGB"), format_))

    def test_folders_pipes_and_loops(self, tmp_path: Path) -> None:
        with pytest.raises(ImageError, match="a folder"):
            read_slice(tmp_path)
        os.mkfifo(tmp_path / "pipe.png")
        with pytest.raises(ImageError, match="not a plain file"):
            read_slice(tmp_path / "pipe.png")
        (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
        with pytest.raises(ImageError, match="symbolic links"):
            read_slice(tmp_path / "loop.png")
        with pytest.raises(ImageError, match="not valid"):
            read_slice("bad\0name.png")

    def test_control_characters_of_a_name_do_not_reach_the_terminal(self) -> None:
        with pytest.raises(ImageError) as caught:
            read_slice(b"", name="a\x1b[31m\n.png")
        assert "\x1b" not in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_float_without_a_finite_value(self) -> None:
        picture = Image.fromarray(np.full((4, 4), np.nan, np.float32))
        with pytest.raises(ImageError, match="no finite value"):
            read_slice(saved(picture, "TIFF"))


@pytest.mark.parametrize("kind", [ImageError, RefusedError])
def test_an_error_comes_whole_out_of_another_process(kind: type[ImageError]) -> None:
    error = kind("a\n.dcm#3", "it is a knee")
    error.place = Place(series="a", number=3, along=-4.5)
    if isinstance(error, RefusedError):
        error.sha256 = "ab12"
    there = pickle.loads(pickle.dumps(error))

    assert type(there) is kind
    assert str(there) == str(error)
    assert vars(there) == vars(error)


class TestLimits:
    def test_bytes(self, tmp_path: Path) -> None:
        file = tmp_path / "large.png"
        file.write_bytes(saved(noise(), "PNG"))
        limits = Limits(max_bytes=file.stat().st_size - 1)
        for source in (file, file.read_bytes()):
            with pytest.raises(ImageError, match="MiB"):
                read_slice(source, limits=limits)
        assert read_slice(file, limits=Limits(max_bytes=file.stat().st_size)).format == "PNG"

    def test_absurdly_large_files_are_not_read(self, tmp_path: Path) -> None:
        with (tmp_path / "huge.jpg").open("wb") as file:
            file.truncate(2**40)  # a terabyte of nothing
        with pytest.raises(ImageError, match="larger than the 64 MiB"):
            read_slice(tmp_path / "huge.jpg")

    def test_pixels_and_sides(self) -> None:
        data = saved(noise(64, 80), "PNG")
        assert read_slice(data, limits=Limits(max_pixels=64 * 80, max_side=80)).size == (64, 80)
        with pytest.raises(ImageError, match="80 x 64 pixels"):
            read_slice(data, limits=Limits(max_pixels=64 * 80 - 1))
        with pytest.raises(ImageError, match="80 x 64 pixels"):
            read_slice(data, limits=Limits(max_side=79))

    @pytest.mark.parametrize("side", [9_000, 12_000, 60_000])
    def test_a_bomb_is_refused_by_its_header(
        self, side: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A few bytes that announce gigabytes: nothing may be decoded."""

        def explode(*_: object, **__: object) -> None:
            raise AssertionError("decoded a bomb")

        monkeypatch.setattr("PIL.ImageFile.ImageFile.load", explode)
        with pytest.raises(ImageError, match=r"pixels.* scale it down"):
            read_slice(bomb(side))

    def test_a_bomb_is_one_sentence_without_warnings_of_a_library(self, tmp_path: Path) -> None:
        (tmp_path / "bomb.png").write_bytes(bomb(12_000))
        code = (
            "import sys\nfrom braintumor.images.decode import ImageError, read_slice\n"
            "try: read_slice(sys.argv[1])\nexcept ImageError as error: print(error.reason)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "bomb.png")],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "scale it down" in done.stdout
        assert done.stderr == ""
