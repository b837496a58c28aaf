"""A single-frame DICOM file becomes one grey slice; its patient never gets into a message."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_dicom import SECRETS, VALUES, dataset, saved
from pydicom.dataset import Dataset
from pydicom.uid import (
    HEVCMP51,
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from braintumor.images.decode import ImageError, Limits, read_slice
from braintumor.images.geometry import with_square_pixels
from braintumor.images.read import read_slices
from braintumor.images.sniff import looks_like_dicom


def read(ds: Dataset, **options: Any) -> Any:
    return read_slice(saved(ds), **options)


class TestEncodings:
    @pytest.mark.parametrize(
        "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
    )
    def test_uncompressed(self, syntax: str) -> None:
        np.testing.assert_array_equal(read(dataset(syntax=syntax)).pixels, VALUES)

    def test_colour_that_is_stored_once_for_two_pixels(self) -> None:
        """Two thirds of the bytes that three samples a pixel would have, and nothing is missing."""
        ds = dataset(np.zeros((4, 6, 3), np.uint8), photometric="YBR_FULL_422")
        luma = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
        pairs = np.full((4, 3, 4), 128, np.uint8)
        pairs[..., 0], pairs[..., 1] = luma[:, ::2], luma[:, 1::2]
        ds.PixelData = pairs.tobytes()
        np.testing.assert_array_equal(read(ds).pixels, luma)
        ds.PixelData = ds.PixelData[:-2]
        with pytest.raises(ImageError, match="truncated"):
            read(ds)

    def test_run_length(self) -> None:
        ds = dataset()
        ds.compress(RLELossless)
        np.testing.assert_array_equal(read(ds).pixels, VALUES)

    @pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    def test_without_a_preamble(self, syntax: str) -> None:
        data = saved(dataset(syntax=syntax))
        naked = data[132:]
        assert naked[:2] == b"\x02\x00"
        np.testing.assert_array_equal(read_slice(naked).pixels, VALUES)

    @pytest.mark.parametrize("implicit", [True, False])
    def test_without_preamble_and_meta(self, implicit: bool) -> None:
        ds = dataset()
        out = io.BytesIO()
        del ds.file_meta
        pydicom.dcmwrite(
            out, ds, implicit_vr=implicit, little_endian=True, enforce_file_format=False
        )
        assert out.getvalue()[:2] == b"\x08\x00"
        np.testing.assert_array_equal(read_slice(out.getvalue()).pixels, VALUES)

    def test_what_does_not_look_like_dicom_is_not_forced(self) -> None:
        assert not looks_like_dicom(b"")
        assert not looks_like_dicom(b"\x08\x00")
        assert not looks_like_dicom(b"\x08\x00\x05\x00" + b"\xff" * 100)
        assert not looks_like_dicom(b"P5 20 20 255 " + bytes(400))
        assert not looks_like_dicom(bytes(4000))

    @pytest.mark.parametrize("syntax", [HEVCMP51, MPEG2MPML])
    def test_compressed_without_a_decoder_is_one_sentence(self, syntax: str) -> None:
        ds = dataset()
        ds.file_meta.TransferSyntaxUID = syntax
        ds.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xc3" + bytes(60)])
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
        with pytest.raises(ImageError, match=r"^x.dcm cannot be used: it is compressed \(.*export"):
            read(ds, name="x.dcm")

    def test_deflated_is_refused(self) -> None:
        ds = dataset(syntax=DeflatedExplicitVRLittleEndian)
        with pytest.raises(ImageError, match="deflated"):
            read(ds)


class TestRefusals:
    def test_several_frames_where_one_slice_is_asked_for(self) -> None:
        ds = dataset(NumberOfFrames=3)
        ds.PixelData *= 3
        with pytest.raises(ImageError, match="it holds 3 frames, and one slice is asked for"):
            read(ds)

    def test_no_picture(self) -> None:
        ds = dataset()
        del ds.PixelData
        with pytest.raises(ImageError, match="holds no picture"):
            read(ds)

    def test_truncated(self) -> None:
        data = saved(dataset(np.zeros((64, 64), np.uint16)))
        for cut in (1, 100, 4000, len(data) - 200):
            with pytest.raises(ImageError, match=r"truncated|no picture|incomplete"):
                read_slice(data[:-cut])

    @pytest.mark.parametrize(
        "lost", ["Rows", "Columns", "BitsAllocated", "PhotometricInterpretation", "SamplesPerPixel"]
    )
    def test_a_header_that_lacks_something(self, lost: str) -> None:
        ds = dataset()
        delattr(ds, lost)
        with pytest.raises(ImageError, match="damaged"):
            read(ds)

    @pytest.mark.parametrize(
        "lost", ["BitsStored", "HighBit", "PixelRepresentation", "Modality", "SOPInstanceUID"]
    )
    def test_what_a_header_lacks_and_can_be_guessed_is_survived(self, lost: str) -> None:
        ds = dataset()
        delattr(ds, lost)
        np.testing.assert_array_equal(read(ds).pixels, VALUES)

    def test_of_colours_the_usual_order_is_guessed(self) -> None:
        colours = np.random.default_rng(0).integers(0, 256, (4, 6, 3)).astype(np.uint8)
        whole, ds = (dataset(colours, photometric="RGB") for _ in range(2))
        del ds.PlanarConfiguration
        np.testing.assert_array_equal(read(ds).pixels, read(whole).pixels)

    def test_a_number_in_the_series_that_is_none_costs_no_slice(self) -> None:
        ds = dataset(SeriesInstanceUID="1.2")
        ds.add_new("InstanceNumber", "LO", "7a")
        found = read(ds)
        np.testing.assert_array_equal(found.pixels, VALUES)
        assert found.place.instance == 0

    def test_grey_levels_in_the_upper_bits_are_not_read_from_the_lower_ones(self) -> None:
        ds = dataset((VALUES.astype(np.uint16) << 4).astype(np.uint16))
        ds.BitsStored, ds.HighBit = 12, 15
        with pytest.raises(ImageError, match="HighBit"):
            read(ds)

    @pytest.mark.parametrize("element", ["PixelData", "FloatPixelData"])
    def test_a_transfer_syntax_that_nobody_knows(self, element: str) -> None:
        ds = dataset(VALUES.astype(np.uint16))
        if element == "FloatPixelData":
            del ds.PixelData
            ds.BitsAllocated, ds.FloatPixelData = 32, VALUES.astype(np.float32).tobytes()
        known = ExplicitVRLittleEndian.encode() + b"\0"
        data = saved(ds).replace(known, b"1.2.3.4".ljust(len(known), b"\0"))
        sentence = "x.dcm cannot be used: the DICOM file is damaged or incomplete: export it again."
        with pytest.raises(ImageError) as error:
            read_slice(data, name="x.dcm")
        assert str(error.value) == sentence
        assert [str(one) for one in read_slices(data, name="x.dcm")] == [sentence]

    def test_too_large_is_refused_by_its_header(self) -> None:
        with pytest.raises(ImageError, match="65000 x 65000 pixels"):
            read(dataset(Rows=65000, Columns=65000))
        with pytest.raises(ImageError, match="7 x 5 pixels"):
            read(dataset(), limits=Limits(max_pixels=34))
        with pytest.raises(ImageError, match="no pixels"):
            read(dataset(Rows=0))

    @settings(max_examples=80)
    @given(st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=6))
    def test_damaged_files_give_a_slice_or_an_image_error(
        self, damage: list[tuple[float, int]]
    ) -> None:
        data = bytearray(saved(dataset()))
        for where, value in damage:
            data[128 + int(where * (len(data) - 128))] = value
        error = _error_of(bytes(data))
        if error is None:
            assert read_slice(bytes(data)).pixels.ndim == 2
        else:
            _assert_no_secret(str(error))


class TestPixelsThatAreNoSquares:
    @pytest.mark.parametrize(
        "told", [{"PixelSpacing": [3.0, 1.5]}, {"PixelAspectRatio": ["2", "1"]}], ids=str
    )
    def test_they_are_made_squares(self, told: dict[str, Any]) -> None:
        """Rows lie twice as far apart as columns: the slice is twice as tall as it has rows."""
        found = read(dataset(**told)).pixels
        assert (found.shape, found.dtype) == ((10, 7), np.uint16)
        expected = with_square_pixels(VALUES.astype(np.uint16), 2, 1)
        np.testing.assert_array_equal(found, expected)

    def test_their_size_in_the_head_counts_before_their_shape(self) -> None:
        found = read(dataset(PixelSpacing=[1.0, 1.0], PixelAspectRatio=["2", "1"]))
        np.testing.assert_array_equal(found.pixels, VALUES)

    def test_they_lie_as_they_are_shown(self) -> None:
        """Turned by a right angle, the longer side of a pixel is another one."""
        lie = [0, 1, 0, 1, 0, 0]
        found = read(dataset(PixelSpacing=[3.0, 1.5], ImageOrientationPatient=lie))
        assert found.pixels.shape == (7, 10)

    @pytest.mark.parametrize("told", [[0.9, 0.9], [0, 1], [-1, 1], ["", 1], [1], [1, 2, 3], ["x"]])
    def test_squares_and_nonsense_change_nothing(self, told: list[Any]) -> None:
        ds = dataset()
        ds.add_new("PixelSpacing", "LO", [str(one) for one in told])
        np.testing.assert_array_equal(read(ds).pixels, VALUES)


class TestPrivacy:
    def broken(self) -> list[bytes]:
        """Files whose faults make pydicom quote what they say."""
        files = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds = dataset()
            ds.BitsStored = 40
            files.append(saved(ds))
            whole = saved(dataset(RescaleSlope="1.5"))
            files.append(whole.replace(b"1.5 ", b"Doe^"))
            files.append(whole.replace(b"19501231", b"Doe^Jane"))
            files.append(whole.replace(b"MONOCHROME2", b"Doe^Jane XX"))
            files.append(whole.replace(b"\x10\x00\x10\x00PN", b"\x10\x00\x10\x00UI"))
            files.append(whole.replace(b"\x10\x00\x10\x00PN", b"\x28\x00\x10\x00US"))
            files.append(whole.replace(b"\x10\x00\x10\x00PN", b"\x28\x00\x08\x00IS"))
            files.append(whole[: whole.index(b"Saint")])
        return files

    def test_nothing_of_the_patient_in_errors_warnings_or_logs(
        self, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
    ) -> None:
        caplog.set_level(logging.DEBUG)
        errors = [error for data in self.broken() if (error := _error_of(data))]
        assert len(errors) >= 4
        for error in errors:
            assert error.__cause__ is None
            assert error.__suppress_context__ or error.__context__ is None
            _assert_no_secret(str(error))
        _assert_no_secret(caplog.text)
        for warning in recwarn:
            _assert_no_secret(str(warning.message))

    def test_nothing_of_the_patient_on_the_terminal(self, tmp_path: Path) -> None:
        paths = []
        for number, data in enumerate(self.broken()):
            paths.append(tmp_path / f"{number}.dcm")
            paths[-1].write_bytes(data)
        code = (
            "import sys, logging\nlogging.basicConfig(level=logging.DEBUG)\n"
            "from braintumor.images.decode import ImageError, read_slice\n"
            "for path in sys.argv[1:]:\n"
            "    try: read_slice(path)\n"
            "    except ImageError as error: print(error)"
        )
        done = subprocess.run(
            [sys.executable, "-W", "always", "-c", code, *map(str, paths)],
            capture_output=True,
            text=True,
            check=True,
        )
        _assert_no_secret(done.stdout + done.stderr)


def _error_of(data: bytes) -> ImageError | None:
    try:
        read_slice(data)
    except ImageError as error:
        return error
    return None


def _assert_no_secret(text: str) -> None:
    for secret in (*SECRETS, "Doe", "Jane"):
        assert secret not in text


@pytest.mark.shared
class TestSamples:
    def test_a_head_series(self, shared: Path) -> None:
        files = sorted((shared / "data/samples/dicom-head-t1").glob("*.dcm"))
        assert len(files) == 26
        for file in files:
            slice_ = read_slice(file)
            assert slice_.size == (384, 274)
            assert slice_.pixels.max() > slice_.pixels.min()
