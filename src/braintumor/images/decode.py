"""Any picture file -> one grey slice.

PNG, JPEG, BMP, WebP, TIFF (first page), GIF (first frame) and DICOM (see `dicom.py`), told apart
by their bytes, never by their names. Size is checked from the header before a pixel is decoded,
and every file is decoded to its end, so that a truncated one is found here and nowhere later.

What it does not know: classes, models, what a brain looks like, how a slice is prepared. It cannot
tell that a file was damaged where the format itself cannot (a JPEG whose middle was overwritten
often still decodes).
"""

from __future__ import annotations

import io
import os
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from braintumor.errors import BraintumorError
from braintumor.files import sha256_bytes
from braintumor.images.sniff import looks_like_dicom

IMAGE_SUFFIXES: frozenset[str] = frozenset(
    {
        *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".webp", ".tif", ".tiff", ".gif"),
        *(".dcm", ".dicom", ".ima"),
    }
)
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF")
# Raised whenever the same bytes give other pixels; part of the cache's key.
DECODER_VERSION = 2

# `Limits` refuses what Pillow would only warn of, in one sentence and with the file's name.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
# A damaged EXIF block costs the orientation at most, and nobody needs to hear of it.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How large an input may be.

    Attributes:
        max_bytes: of the file.
        max_pixels: height x width, read from the header before decoding.
        max_side: of height and of width; thin giants cost more than their area says.
        max_frames: slices that one file may hold.
        max_seconds: that decoding one frame may take.
    """

    max_bytes: int = 64 * 2**20
    max_pixels: int = 64_000_000
    max_side: int = 32_768
    max_frames: int = 4096
    max_seconds: float = 30.0


class ImageError(BraintumorError):
    """A file that gives no slice.

    Attributes:
        name: of the file, as the caller gave it.
        reason: why, and where there is one, the remedy; a clause without a full stop. It never
            quotes what the file says, for that may be about a patient.
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name = printable(name)
        self.reason = reason
        super().__init__(f"{self.name} cannot be used: {reason}.")

    def __reduce__(self) -> tuple[type[ImageError], tuple[str, ...]]:
        return (type(self), (self.name, self.reason))


class RefusedError(ImageError):
    """A file that can be read and says itself that it is no slice of a head's MRI.

    Attributes:
        sha256: of the file's bytes.
    """

    def __init__(self, name: str, reason: str, sha256: str = "") -> None:
        super().__init__(name, reason)
        self.sha256 = sha256

    def __reduce__(self) -> tuple[type[ImageError], tuple[str, ...]]:
        return (type(self), (self.name, self.reason, self.sha256))


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a slice lies in its series, volume or file of several slices.

    Attributes:
        series: the same for all slices of one series, another for any other; a hash, which says
            nothing of the patient.
        number: of the slice in its file, from 1, as in `path#number`; 0 where the file holds no
            other.
        instance: number that the file gives itself in its series; 0 where it does not.
        along: distance along the slices' normal, millimetres; None where the file does not say.
    """

    series: str
    number: int = 0
    instance: int = 0
    along: float | None = None


@dataclass(frozen=True)
class Slice:
    """One grey slice and what its file was.

    Attributes:
        pixels: (height, width) uint8, uint16 or float32; larger means brighter.
        format: "PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF" or "DICOM".
        mode: of the file's pixels: Pillow's name, or DICOM's photometric interpretation.
        size: (height, width) in pixels, as shown (EXIF orientation applied).
        sha256: of the file's bytes, 64 hexadecimal digits.
        coloured: whether the file's colours differ visibly from grey.
        name: of the file as the caller gave it, with `#number` where it holds several slices.
        notes: reasons why a person should look at whatever is said of the slice: clauses without
            a full stop, which never quote what the file says.
        place: where it lies in its series, None for a picture of its own.
        window: values that are shown black and white, as the file asks for; None where it
            does not. For eyes: the pixels are not clipped to it.
    """

    pixels: NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]
    format: str
    mode: str
    size: tuple[int, int]
    sha256: str
    coloured: bool = False
    name: str = ""
    notes: tuple[str, ...] = ()
    place: Place | None = None
    window: tuple[float, float] | None = None


def read_slice(
    source: Path | str | bytes, *, name: str | None = None, limits: Limits | None = None
) -> Slice:
    """Read one file, or the bytes of one, as a grey slice.

    Args:
        source: a path, or the file's bytes.
        name: what to call it in errors; the path as given where None.
        limits: how large it may be; the defaults where None.

    Raises:
        ImageError: missing, empty, too large, truncated, or no picture of a known kind.
    """
    limits = limits or Limits()
    if isinstance(source, bytes | bytearray | memoryview):
        name = name or "The image"
        data = bytes(source)
        _check_bytes(len(data), name, limits)
    else:
        name = name or os.fspath(source)
        data = read_bytes(Path(source), name=name, limits=limits)
    return decode(data, name=name, limits=limits)


def read_bytes(path: Path, *, name: str, limits: Limits) -> bytes:
    """The file's bytes, or a refusal before they are read.

    Raises:
        ImageError: missing, no plain file, empty or larger than the limit.
    """
    try:
        status = path.stat()
        # Opening a pipe or a device could wait for ever.
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a plain file"
            raise ImageError(name, f"it is {kind}")
        _check_bytes(status.st_size, name, limits)
        with path.open("rb") as file:
            data = file.read(min(status.st_size, limits.max_bytes) + 1)
    except FileNotFoundError:
        raise ImageError(name, "there is no such file") from None
    except PermissionError:
        raise ImageError(name, "this user is not allowed to read it") from None
    except (OSError, ValueError) as error:
        text = (error.strerror if isinstance(error, OSError) else None) or "its name is not valid"
        raise ImageError(name, f"the system says: {text.lower()}") from None
    _check_bytes(len(data), name, limits)
    return data


def decode(data: bytes, *, name: str, limits: Limits) -> Slice:
    """The bytes of one file as a grey slice; see `read_slice`."""
    try:
        if looks_like_dicom(data):
            from braintumor.images import dicom  # pydicom takes a fifth of a second to import

            return dicom.decode(data, name=name, limits=limits)
        return _decode_picture(data, name, limits)
    except MemoryError:
        raise ImageError(name, "it is too large for this machine's memory") from None


def check_size(height: int, width: int, *, name: str, limits: Limits) -> None:
    """Refuse a size that the header announces.

    Raises:
        ImageError: a side below 1, or larger than the limits allow.
    """
    if height < 1 or width < 1:
        raise ImageError(name, "its header says that it has no pixels")
    if height * width > limits.max_pixels or max(height, width) > limits.max_side:
        raise ImageError(
            name,
            f"it has {width} x {height} pixels, and at most {limits.max_pixels / 1e6:g} million "
            f"with no side above {limits.max_side} are accepted: scale it down",
        )


def check_frames(count: int, *, name: str, limits: Limits) -> None:
    """Refuse a number of frames that the header announces.

    Raises:
        ImageError: more than the limits allow.
    """
    if count > limits.max_frames:
        raise ImageError(
            name,
            f"it holds {count} slices, and at most {limits.max_frames} are accepted: split it",
        )


def _check_bytes(count: int, name: str, limits: Limits) -> None:
    if count == 0:
        raise ImageError(name, "the file is empty (0 bytes): copy or download it again")
    if count > limits.max_bytes:
        raise ImageError(
            name,
            f"the file is larger than the {limits.max_bytes / 2**20:g} MiB that are accepted",
        )


def _decode_picture(data: bytes, name: str, limits: Limits) -> Slice:
    damaged = "the file is damaged: copy or download it again"
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            check_size(picture.height, picture.width, name=name, limits=limits)
            mode, format_ = picture.mode, str(picture.format)
            picture.load()
            pixels, coloured = to_grey(picture)
            pixels = np.ascontiguousarray(_upright(pixels, _orientation(picture)))
    except ImageError:
        raise
    except Image.DecompressionBombError:
        raise ImageError(name, "it has more pixels than are accepted: scale it down") from None
    except UnidentifiedImageError:
        raise ImageError(name, _what_it_is_instead(data)) from None
    except MemoryError:
        raise
    except Exception as error:  # a damaged file can make a decoder raise anything at all
        if "truncated" in str(error).lower():
            damaged = "the file is truncated: copy or download it again"
        raise ImageError(name, damaged) from None
    if pixels.dtype == np.float32 and not np.isfinite(pixels).any():
        raise ImageError(name, "it holds no finite value")
    return Slice(
        pixels=pixels,
        format="JPEG" if format_ == "MPO" else format_,
        mode=mode,
        size=(pixels.shape[0], pixels.shape[1]),
        sha256=sha256_bytes(data),
        coloured=coloured,
    )


def to_grey(picture: Image.Image) -> tuple[NDArray[Any], bool]:
    """The pixels of a loaded picture of any mode as grey, larger meaning brighter.

    Colours become luma (ITU-R BT.601, as Pillow's "L"); what is transparent lies on black.

    Returns:
        (pixels, coloured): (height, width) uint8, uint16 or float32; whether it had colours.
    """
    mode = picture.mode
    if mode.startswith("I;16"):
        return _sixteen_bit(picture), False
    if mode == "I":
        values = np.asarray(picture)
        if values.min() >= 0 and values.max() <= 65535:
            return values.astype(np.uint16), False
        return values.astype(np.float32), False
    if mode == "F":
        return np.asarray(picture, dtype=np.float32), False
    if mode == "LAB":
        return np.asarray(picture.getchannel(0)), True
    if "transparency" in picture.info or mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        picture = _on_black(picture)
    elif mode not in ("1", "L", "RGB", "YCbCr"):
        picture = picture.convert("RGB")
    return np.asarray(picture.convert("L")), _coloured(picture)


def _sixteen_bit(picture: Image.Image) -> NDArray[np.uint16]:
    pixels = np.asarray(picture).astype(np.uint16)
    # Pillow inverts "white is zero" (TIFF tag 262) at 8 bits and forgets it at 16.
    tags = getattr(picture, "tag_v2", None)
    if tags is not None and tags.get(262) == 0:
        pixels = np.uint16(65535) - pixels
    return pixels


def _on_black(picture: Image.Image) -> Image.Image:
    if picture.mode == "La":
        picture = picture.convert("LA")
    picture = picture.convert("RGBA")
    black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, picture).convert("RGB")


def _coloured(picture: Image.Image) -> bool:
    """Whether a hundredth of the pixels differ from grey by more than JPEG's rounding."""
    if picture.mode not in ("RGB", "YCbCr"):
        return False
    # Nearest neighbours: mixing would make grey of fine colours.
    thumb = picture.resize(
        (min(picture.width, 128), min(picture.height, 128)), Image.Resampling.NEAREST
    ).convert("RGB")
    values = np.asarray(thumb).astype(np.int16)
    spread = values.max(axis=2) - values.min(axis=2)
    return bool(np.mean(spread > 24) > 0.01)


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation 1 to 8, still to be applied; 1 where there is none or it is damaged."""
    try:
        # After load(): a PNG may carry it behind its pixels, and TIFF has applied it by then.
        value = picture.getexif().get(ExifTags.Base.Orientation, 1)
        return int(value) if 1 <= int(value) <= 8 else 1
    except Exception:
        return 1


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo an EXIF orientation (EXIF 2.32, tag 274)."""
    if orientation >= 5:
        pixels = pixels.T
    # What is left after the transposition: a flip of rows, of columns or of both.
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def _what_it_is_instead(data: bytes) -> str:
    """One clause on bytes that no decoder knows."""
    known = {
        b"\x1f\x8b": "a compressed file (gzip), perhaps a NIfTI volume: export single slices",
        b"PK\x03\x04": "a ZIP archive: unpack it first",
        b"%PDF": "a PDF document: export the picture from it",
        b"<svg": "a drawing (SVG): export it as PNG",
        b"<!DO": "a web page, so its download went wrong: fetch it again",
        b"<htm": "a web page, so its download went wrong: fetch it again",
    }
    for magic, what in known.items():
        if data[:4].lower().startswith(magic.lower()):
            return f"it is {what}"
    if data[344:347] in (b"n+1", b"ni1"):
        return "it is a NIfTI volume: export single slices"
    if not any(data[:4096]):
        return "it begins with zeros only, so its download or copy broke off: fetch it again"
    return "it is no PNG, JPEG, BMP, WebP, TIFF, GIF or DICOM image, or its header is damaged"


def printable(name: str) -> str:
    """The name without control characters, which could play tricks on a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
