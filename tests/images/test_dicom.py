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
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    HEVCMP51,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLossless,
    RLELossless,
    generate_uid,
)

from braintumor.files import sha256_bytes
from braintumor.images.decode import ImageError, Limits, read_slice
from braintumor.images.sniff import looks_like_dicom

SECRETS = ("Doe^Jane", "SECRET-ID-4711", "19501231", "Saint Elsewhere")
VALUES = np.arange(35).reshape(5, 7) * 3


def dataset(
    pixels: np.ndarray | None = None,
    *,
    stored: int | None = None,
    photometric: str = "MONOCHROME2",
    syntax: str = ExplicitVRLittleEndian,
    **more: Any,
) -> Dataset:
    """A small MR slice about an invented patient; `more` sets further elements."""
    pixels = VALUES.astype(np.uint16) if pixels is None else pixels
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID
    ds.Modality = "MR"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.InstitutionName = SECRETS
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    if pixels.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.PhotometricInterpretation = photometric
    ds.BitsAllocated = pixels.dtype.itemsize * 8
    ds.BitsStored = stored or ds.BitsAllocated
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    ds.PixelData = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    if len(ds.PixelData) % 2:
        ds.PixelData += b"\0"
    ds["PixelData"].VR = "OW"
    for name, value in more.items():
        setattr(ds, name, value)
    return ds


def saved(ds: Dataset) -> bytes:
    out = io.BytesIO()
    pydicom.dcmwrite(out, ds, enforce_file_format=True)
    return out.getvalue()


def read(ds: Dataset, **options: Any) -> Any:
    return read_slice(saved(ds), **options)


class TestPixels:
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_unsigned_values_stay_as_they_are(self, dtype: type) -> None:
        ds = dataset(VALUES.astype(dtype))
        slice_ = read(ds)
        assert slice_.pixels.dtype == dtype
        np.testing.assert_array_equal(slice_.pixels, VALUES)
        assert (slice_.format, slice_.mode, slice_.size) == ("DICOM", "MONOCHROME2", (5, 7))
        assert slice_.sha256 == sha256_bytes(saved(ds))

    @pytest.mark.parametrize("dtype", [np.int8, np.int16])
    def test_signed_values_stay_in_order(self, dtype: type) -> None:
        pixels = (VALUES - 40).astype(dtype)
        np.testing.assert_array_equal(read(dataset(pixels)).pixels, pixels)

    @pytest.mark.parametrize("stored", [9, 10, 12, 15])
    def test_bits_above_the_stored_ones_are_no_pixels(self, stored: int) -> None:
        """Old files keep overlays there."""
        dirty = VALUES.astype(np.uint16) | np.uint16(1 << stored)
        np.testing.assert_array_equal(read(dataset(dirty, stored=stored)).pixels, VALUES)

    def test_signed_twelve_bits(self) -> None:
        wanted = VALUES - 40
        pixels = (wanted & 0x0FFF).astype(np.int16)
        np.testing.assert_array_equal(read(dataset(pixels, stored=12)).pixels, wanted)

    def test_rescaling(self) -> None:
        slice_ = read(dataset(RescaleSlope="0.5", RescaleIntercept="-7"))
        assert slice_.pixels.dtype == np.float32
        np.testing.assert_allclose(slice_.pixels, VALUES * 0.5 - 7)

    def test_rescaling_by_one_changes_nothing(self) -> None:
        assert read(dataset(RescaleSlope="1", RescaleIntercept="0")).pixels.dtype == np.uint16

    def test_modality_table(self) -> None:
        table = Dataset()
        table.LUTDescriptor = [256, 0, 16]
        table.LUTData = (np.arange(256) * 11).astype(np.uint16).tobytes()
        table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "OW"
        table.ModalityLUTType = "US"
        slice_ = read(dataset(ModalityLUTSequence=[table]))
        np.testing.assert_array_equal(slice_.pixels, VALUES * 11)

    def test_monochrome1_is_turned(self) -> None:
        slice_ = read(dataset(VALUES.astype(np.uint8), photometric="MONOCHROME1"))
        np.testing.assert_array_equal(slice_.pixels, 255 - VALUES)
        assert slice_.mode == "MONOCHROME1"
        twelve = read(dataset(stored=12, photometric="MONOCHROME1"))
        np.testing.assert_array_equal(twelve.pixels, 4095 - VALUES)

    def test_monochrome1_is_turned_after_rescaling(self) -> None:
        ds = dataset(photometric="MONOCHROME1", RescaleSlope="2", RescaleIntercept="5")
        pixels = read(ds).pixels
        assert pixels.min() == 5
        assert pixels[0, 0] == pixels.max() == 2 * VALUES.max() + 5

    def test_colour_is_luma(self) -> None:
        colours = np.zeros((4, 6, 3), np.uint8)
        colours[..., 0], colours[:2, :, 1] = 255, 255
        slice_ = read(dataset(colours, photometric="RGB"))
        assert slice_.pixels.dtype == np.uint8
        assert slice_.pixels[0, 0] == 226
        assert slice_.pixels[3, 0] == 76
        assert slice_.coloured

    def test_colour_of_one_row(self) -> None:
        assert read(dataset(np.full((1, 6, 3), 9, np.uint8), photometric="RGB")).size == (1, 6)

    def test_the_window_of_the_file_is_left_to_the_preparation(self) -> None:
        np.testing.assert_array_equal(
            read(dataset(WindowCenter="5", WindowWidth="2")).pixels, VALUES
        )


class TestEncodings:
    @pytest.mark.parametrize(
        "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
    )
    def test_uncompressed(self, syntax: str) -> None:
        np.testing.assert_array_equal(read(dataset(syntax=syntax)).pixels, VALUES)

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

    @pytest.mark.parametrize("syntax", [JPEGLossless, HEVCMP51])
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
    def test_several_frames(self) -> None:
        ds = dataset(NumberOfFrames=3)
        ds.PixelData *= 3
        with pytest.raises(ImageError, match="it holds 3 frames: export each slice"):
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

    def test_too_large_is_refused_by_its_header(self) -> None:
        with pytest.raises(ImageError, match="65000 x 65000 pixels"):
            read(dataset(Rows=65000, Columns=65000))
        with pytest.raises(ImageError, match="7 x 5 pixels"):
            read(dataset(), limits=Limits(max_pixels=34))
        with pytest.raises(ImageError, match="no pixels"):
            read(dataset(Rows=0))

    @settings(max_examples=80, deadline=None)
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

    def test_codecs_agree(self, shared: Path) -> None:
        folder = shared / "data/samples/dicom-codecs"
        plain = read_slice(folder / "MR2_UNCR.dcm")
        np.testing.assert_array_equal(plain.pixels, read_slice(folder / "MR2_J2KR.dcm").pixels)
        lossy = read_slice(folder / "MR2_J2KI.dcm").pixels
        assert np.corrcoef(plain.pixels.ravel(), lossy.ravel())[0, 1] > 0.99

    def test_modality_values_and_overlays(self, shared: Path) -> None:
        folder = shared / "data/samples/dicom-codecs"
        for name in ("693_J2KR.dcm", "693_UNCI.dcm"):
            middle = read_slice(folder / name).pixels[236:276, 236:276]
            assert -100 < np.median(middle) < 200  # Hounsfield units of a head
        overlays = read_slice(folder / "MR-SIEMENS-DICOM-WithOverlays.dcm")
        assert overlays.pixels.max() < 4096

    def test_every_sample_is_a_slice_or_a_sentence(self, shared: Path) -> None:
        for file in sorted((shared / "data/samples").rglob("*.*")):
            if file.suffix == ".gz":
                with pytest.raises(ImageError, match="NIfTI"):
                    read_slice(file)
            else:
                assert read_slice(file).pixels.ndim == 2
