"""Compressed frames: every codec gives the pixels back, and a bad one costs its own file only."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
from made_dicom import dataset, saved
from made_files import with_gdcm
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from braintumor.images import codecs
from braintumor.images.codecs import CodecError, Frame, decode_frame
from braintumor.images.decode import ImageError, Limits, read_slice

RNG = np.random.default_rng(0)
SMOOTH = np.add.outer(np.arange(64) * 9, np.arange(48) * 13)


def jpeg2000(pixels: np.ndarray, *, frames: int = 1) -> pydicom.Dataset:
    ds = dataset(pixels)
    if frames > 1:
        ds.NumberOfFrames = frames
        ds.PixelData = ds.PixelData * frames
    ds.compress(JPEG2000Lossless, encoding_plugin="pylibjpeg")
    return ds


class TestLossless:
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
    @pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless])
    def test_jpeg_2000_and_run_length(self, syntax: str, dtype: type) -> None:
        pixels = (SMOOTH % 250).astype(dtype) - (100 if dtype is np.int16 else 0)
        ds = dataset(pixels.astype(dtype))
        ds.compress(syntax)
        np.testing.assert_array_equal(read_slice(saved(ds)).pixels, pixels)

    @pytest.mark.parametrize("stored", [8, 10, 12, 16])
    @pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEGLosslessSV1])
    def test_jpeg_ls_and_lossless_jpeg(self, syntax: str, stored: int) -> None:
        pixels = (SMOOTH * 37 % 2**stored).astype(np.uint8 if stored == 8 else np.uint16)
        data = with_gdcm(saved(dataset(pixels, stored=stored)), syntax)
        assert pydicom.dcmread(io.BytesIO(data)).file_meta.TransferSyntaxUID == syntax
        np.testing.assert_array_equal(read_slice(data).pixels, pixels)

    def test_baseline_jpeg_is_close(self) -> None:
        from PIL import Image

        out = io.BytesIO()
        grey = (SMOOTH // 5).astype(np.uint8)
        Image.fromarray(grey).save(out, "JPEG", quality=95)
        ds = dataset(grey)
        ds.file_meta.TransferSyntaxUID = pydicom.uid.JPEGBaseline8Bit
        ds.PixelData = pydicom.encaps.encapsulate([out.getvalue()])
        ds["PixelData"].is_undefined_length = True
        assert np.abs(read_slice(saved(ds)).pixels.astype(int) - grey).max() <= 8


class TestChild:
    def frame(self, pixels: np.ndarray) -> tuple[bytes, Frame]:
        ds = jpeg2000(pixels)
        (data,) = pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=1)
        return data, Frame(
            syntax=str(JPEG2000Lossless), rows=pixels.shape[0], columns=pixels.shape[1],
            samples=1, photometric="MONOCHROME2", bits_allocated=16, bits_stored=16,
            signed=False, planar=0,
        )  # fmt: skip

    def test_one_is_kept_for_all_frames_and_is_another_process(self) -> None:
        data, frame = self.frame(SMOOTH.astype(np.uint16))
        decode_frame(data, frame, max_seconds=20)
        first = codecs._RUNNING[0].process.pid
        decode_frame(data, frame, max_seconds=20)
        assert codecs._RUNNING[0].process.pid == first != os.getpid()

    def test_its_death_costs_one_frame(self) -> None:
        data, frame = self.frame(SMOOTH.astype(np.uint16))
        decode_frame(data, frame, max_seconds=20)
        process = codecs._RUNNING[0].process
        os.kill(process.pid, 19)  # it stops where it is, as in an endless loop
        started = time.monotonic()
        with pytest.raises(CodecError, match=r"longer than the 0.5 s"):
            decode_frame(data, frame, max_seconds=0.5)
        assert time.monotonic() - started < 10
        assert process.returncode is not None
        np.testing.assert_array_equal(decode_frame(data, frame, max_seconds=20), SMOOTH)
        codecs._RUNNING[0].process.kill()
        np.testing.assert_array_equal(decode_frame(data, frame, max_seconds=20), SMOOTH)

    def test_an_interrupted_frame_does_not_lend_its_pixels_to_the_next(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, frame = self.frame(SMOOTH.astype(np.uint16))
        second, _ = self.frame(SMOOTH[::-1].astype(np.uint16))

        def interrupt(pipe: object) -> None:
            raise KeyboardInterrupt

        decode_frame(first, frame, max_seconds=20)
        with monkeypatch.context() as patch:
            patch.setattr(codecs, "receive", interrupt)
            with pytest.raises(KeyboardInterrupt):
                decode_frame(first, frame, max_seconds=20)
        np.testing.assert_array_equal(decode_frame(second, frame, max_seconds=20), SMOOTH[::-1])

    def test_a_slow_file_is_one_sentence(self) -> None:
        data = saved(jpeg2000(RNG.integers(0, 60_000, (1600, 1600), dtype=np.uint16)))
        with pytest.raises(ImageError, match=r"^big.dcm cannot be used: decoding .* 0.01 s"):
            read_slice(data, name="big.dcm", limits=Limits(max_seconds=0.01))

    def test_a_codestream_that_is_larger_than_the_header_says(self) -> None:
        data, frame = self.frame(SMOOTH.astype(np.uint16))
        wrong = Frame(**{**vars(frame), "rows": 8, "columns": 8})
        with pytest.raises(CodecError, match="damaged"):
            decode_frame(data, wrong, max_seconds=20)

    def test_a_bomb_is_refused_without_eating_the_memory(self) -> None:
        """A codestream that announces 60,000 x 60,000 pixels."""
        data, frame = self.frame(SMOOTH.astype(np.uint16))
        at = data.index(b"\xff\x51") + 6
        side = (60_000).to_bytes(4, "big")
        with pytest.raises(CodecError, match=r"damaged|memory"):
            decode_frame(data[:at] + side * 2 + data[at + 8 :], frame, max_seconds=20)

    @pytest.mark.skipif(sys.platform != "linux", reason="Linux alone bounds an address space")
    @pytest.mark.parametrize("kind", ["-v", "-S -v"])
    def test_a_limit_on_its_memory_is_kept(self, kind: str, tmp_path: Path) -> None:
        """As batch systems set them: lower than what the child would allow itself."""
        (tmp_path / "x.dcm").write_bytes(saved(jpeg2000(SMOOTH.astype(np.uint16))))
        code = (
            "from braintumor.images import codecs\n"
            "from braintumor.images.decode import read_slice\n"
            "print(read_slice('x.dcm').pixels.shape)\n"
            "pid = codecs._RUNNING[0].process.pid\n"
            "print(open(f'/proc/{pid}/limits').read())\n"
        )
        done = subprocess.run(
            ["bash", "-c", f'ulimit {kind} 3000000; exec "$0" -c "$1"', sys.executable, code],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            | {"OPENBLAS_NUM_THREADS": "1"},
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "(64, 48)" in done.stdout, done.stderr
        limits = next(line for line in done.stdout.splitlines() if "address space" in line)
        assert limits.split()[3] == str(3_000_000 * 1024)

    def test_it_is_told_nothing_of_the_patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sent: list[bytes] = []
        real = codecs.send

        def spy(pipe: object, header: dict[str, object], body: bytes) -> None:
            sent.extend([repr(header).encode(), body])
            real(pipe, header, body)  # type: ignore[arg-type]

        monkeypatch.setattr(codecs, "send", spy)
        read_slice(saved(jpeg2000(SMOOTH.astype(np.uint16))))
        assert sent
        assert all(b"Doe" not in one and b"SECRET" not in one for one in sent)


@pytest.mark.shared
class TestSamples:
    """The files are none of a head's MRI, so their tags are changed to look at the pixels."""

    def pixels(self, path: Path) -> np.ndarray:
        ds = pydicom.dcmread(path)
        ds.Modality, ds.BodyPartExamined = "MR", "HEAD"
        return read_slice(saved(ds)).pixels

    def test_codecs_agree(self, shared: Path) -> None:
        folder = shared / "data/samples/dicom-codecs"
        plain = self.pixels(folder / "MR2_UNCR.dcm")
        np.testing.assert_array_equal(plain, self.pixels(folder / "MR2_J2KR.dcm"))
        lossy = self.pixels(folder / "MR2_J2KI.dcm")
        assert np.corrcoef(plain.ravel(), lossy.ravel())[0, 1] > 0.99

    def test_modality_values_and_overlays(self, shared: Path) -> None:
        folder = shared / "data/samples/dicom-codecs"
        for name in ("693_J2KR.dcm", "693_UNCI.dcm"):
            middle = self.pixels(folder / name)[236:276, 236:276]
            assert -100 < np.median(middle) < 200  # Hounsfield units of a head
        overlays = self.pixels(folder / "MR-SIEMENS-DICOM-WithOverlays.dcm")
        assert overlays.max() < 4096
