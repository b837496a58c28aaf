"""A small file of every format that is read, made on the spot; for the fuzzer and its finds."""

from __future__ import annotations

import gzip
import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import nibabel
import numpy as np
import pydicom
from made_dicom import dataset, saved
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

GREY = (np.add.outer(np.arange(48) * 5, np.arange(40) * 7) % 256).astype(np.uint8)


def picture(format_: str, mode: str = "L", **options: object) -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(GREY.astype(np.uint16) * 200) if mode == "I;16" else None
    image = image or Image.fromarray(GREY).convert("RGB").convert(mode)
    image.save(out, format_, **options)
    return out.getvalue()


def tiff(
    pixels: np.ndarray,
    *,
    white: bool = True,
    order: str = "<",
    more: Mapping[int, int] | None = None,
) -> bytes:
    """A one-strip grey TIFF by hand, for what Pillow does not write.

    Args:
        pixels: (height, width), stored as they are, their kind told by tag 339.
        white: whether the largest value is white, else the smallest.
        order: of the bytes.
        more: further tags and their values.
    """
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    tags = [
        (256, 4, pixels.shape[1]),
        (257, 4, pixels.shape[0]),
        (258, 3, pixels.itemsize * 8),
        (259, 3, 1),
        (262, 3, int(white)),
        (273, 4, 0),
        (277, 3, 1),
        (278, 4, pixels.shape[0]),
        (279, 4, len(data)),
    ]
    if pixels.dtype.kind != "u":  # which samples are that say nothing
        tags.append((339, 3, {"i": 2, "f": 3}[pixels.dtype.kind]))
    tags += [(tag, 4, value) for tag, value in (more or {}).items()]
    start = 8 + 2 + 12 * len(tags) + 4
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    out += struct.pack(order + "H", len(tags))
    for tag, kind, value in tags:
        value = start if tag == 273 else value
        packed = struct.pack(order + "I", value)
        if kind == 3:
            packed = struct.pack(order + "HH", value, 0)
        out += struct.pack(order + "HHI", tag, kind, 1) + packed
    return out + struct.pack(order + "I", 0) + data


def bomb(side: int) -> bytes:
    """A PNG of some hundred bytes that announces side x side pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def pages() -> bytes:
    out = io.BytesIO()
    images = [Image.fromarray(GREY), Image.fromarray(255 - GREY), Image.fromarray(GREY[:20])]
    images[0].save(out, "TIFF", save_all=True, append_images=images[1:], compression="tiff_lzw")
    return out.getvalue()


def dicom(syntax: str = "", *, frames: int = 1) -> bytes:
    ds = dataset(GREY.astype(np.uint16) * 16)
    if frames > 1:
        ds.NumberOfFrames = frames
        ds.PixelData = ds.PixelData * frames
    if syntax:
        ds.compress(syntax)
    return saved(ds)


def with_gdcm(data: bytes, syntax: str) -> bytes:
    """A DICOM file in a transfer syntax that pydicom cannot write."""
    import gdcm

    with tempfile.TemporaryDirectory() as folder:
        plain, small = Path(folder, "plain.dcm"), Path(folder, "small.dcm")
        plain.write_bytes(data)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(plain))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax))))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(small))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return small.read_bytes()


def dicom_jpeg() -> bytes:
    ds = dataset(GREY)
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.PixelData = pydicom.encaps.encapsulate([picture("JPEG")])
    ds["PixelData"].is_undefined_length = True
    return saved(ds)


def enhanced() -> bytes:
    def item(**elements: object) -> Dataset:
        ds = Dataset()
        for name, value in elements.items():
            setattr(ds, name, value)
        return ds

    ds = dataset(GREY)
    ds.NumberOfFrames = 2
    ds.PixelData = ds.PixelData * 2
    lie = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    ds.SharedFunctionalGroupsSequence = [item(PlaneOrientationSequence=[lie])]
    ds.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 5 * k])],
            PixelValueTransformationSequence=[item(RescaleSlope="2", RescaleIntercept="1")],
            FrameVOILUTSequence=[item(WindowCenter="90", WindowWidth="50")],
        )
        for k in range(2)
    ]
    return saved(ds)


def nifti() -> bytes:
    voxels = np.stack([GREY] * 3, axis=2).astype(np.int16)
    return bytes(nibabel.Nifti1Image(voxels, np.diag([1, 2, 3, 1])).to_bytes())


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("study/a.dcm", dicom())
        archive.writestr("study/b.png", picture("PNG"))
        archive.writestr("c.nii.gz", gzip.compress(nifti(), mtime=0))
    return out.getvalue()


def made_files() -> dict[str, bytes]:
    """A name for each kind of file, and its bytes."""
    return {
        "png": picture("PNG"),
        "png-16": picture("PNG", "I;16"),
        "png-palette": picture("PNG", "P"),
        "jpeg": picture("JPEG"),
        "jpeg-progressive": picture("JPEG", "RGB", progressive=True),
        "webp": picture("WEBP", "RGB"),
        "bmp": picture("BMP"),
        "gif": picture("GIF"),
        "tiff": picture("TIFF", "I;16"),
        "tiff-pages": pages(),
        "dicom": dicom(),
        "dicom-frames": dicom(frames=3),
        "dicom-rle": dicom(RLELossless, frames=2),
        "dicom-jpeg2000": dicom(JPEG2000Lossless, frames=2),
        "dicom-jpeg": dicom_jpeg(),
        "dicom-jpeg-ls": with_gdcm(dicom(), JPEGLSLossless),
        "dicom-jpeg-lossless": with_gdcm(dicom(), JPEGLosslessSV1),
        "dicom-enhanced": enhanced(),
        "dicom-naked": dicom()[132:],
        "nifti": nifti(),
        "nifti-gz": gzip.compress(nifti(), mtime=0),
        "zip": zipped(),
    }
