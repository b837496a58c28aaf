"""Any picture file -> one grey slice.

PNG, JPEG, BMP, WebP, TIFF (first page), GIF (first frame) and DICOM (see `dicom.py`), told apart
by their bytes, never by their names. Size is checked from the header before a pixel is decoded,
and every file is decoded to its end, so that a truncated one is found here and nowhere later.

What it does not know: classes, models, what a brain looks like, how a slice is prepared. It cannot
tell that a file was damaged where the format itself cannot (a JPEG whose middle was overwritten
often still decodes).
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from braintumor.errors import BraintumorError
from braintumor.files import sha256_bytes
from braintumor.images.grey import orientation, to_grey, upright
from braintumor.images.sniff import HEAD, kind_of, looks_like_dicom
from braintumor.images.tiff_tags import TILE_LENGTH, TILE_WIDTH, is_tiff, refusal, to_full_page

IMAGE_SUFFIXES: frozenset[str] = frozenset(
    {
        *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".webp", ".tif", ".tiff", ".gif"),
        *(".dcm", ".dicom", ".ima"),
    }
)
VOLUME_SUFFIXES: tuple[str, ...] = (".nii", ".nii.gz")
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF")
_MAX_SCANS = 200
# As Pillow names it, and as older PNG files do.
_EXIF, _LONGEST_EXIF = ("exif", "Raw profile type exif"), 2**20
# A JPEG may have it in pieces of up to 64 KiB, which Pillow joins one by one.
_MAX_EXIF_PIECES = 64
# Raised whenever the same bytes give other pixels or notes; part of the cache's key.
DECODER_VERSION = 8

# `Limits` refuses what Pillow would only warn of, in one sentence and with the file's name.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
# A damaged EXIF block costs the orientation at most, and nobody needs to hear of it.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How large an input may be.

    Attributes:
        max_bytes: of a picture's file.
        max_volume_bytes: of a file that may hold many slices (DICOM, NIfTI, TIFF), as it is and
            unpacked.
        max_archive_bytes: that all files of a ZIP archive together may unpack to.
        max_entries: files that a ZIP archive may hold.
        max_pixels: height x width, read from the header before decoding.
        max_side: of height and of width; thin giants cost more than their area says.
        max_frames: slices that one file may hold.
        max_seconds: that decoding one frame may take.
    """

    max_bytes: int = 64 * 2**20
    max_volume_bytes: int = 2**30
    max_archive_bytes: int = 16 * 2**30
    max_entries: int = 50_000
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
        place: where the slice would lie in its series, as far as the file still says.
    """

    def __init__(self, name: str, reason: str, place: Place | None = None) -> None:
        self.name = printable(name)
        self.reason = reason
        self.place = place
        super().__init__(f"{self.name} cannot be used: {reason}.")

    def __reduce__(self) -> tuple[type[ImageError], tuple[str, str], dict[str, object]]:
        return (type(self), (self.name, self.reason), vars(self))


class RefusedError(ImageError):
    """A file that can be read and says itself that it is no slice of a head's MRI.

    Attributes:
        sha256: of the file's bytes.
    """

    def __init__(self, name: str, reason: str, sha256: str = "") -> None:
        super().__init__(name, reason)
        self.sha256 = sha256


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a slice lies in its series, volume or file of several slices.

    Attributes:
        series: the same for all slices of one series, another for any other (`series_key`). A
            hash, but of things that can be guessed too: it gets into no result.
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
        format: "PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF", "DICOM" or "NIFTI".
        mode: of the file's pixels: Pillow's name, DICOM's photometric interpretation, NIfTI's type.
        size: (height, width) in pixels, as shown (EXIF orientation applied).
        sha256: of the file's bytes, 64 hexadecimal digits.
        coloured: whether the file's colours differ visibly from grey; of a JPEG only where it was
            asked for.
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
    source: Path | str | bytes,
    *,
    name: str | None = None,
    limits: Limits | None = None,
    colours: bool = False,
) -> Slice:
    """Read one file, or the bytes of one, as a grey slice.

    Args:
        source: a path, or the file's bytes.
        name: what to call it in errors; the path as given where None.
        limits: how large it may be; the defaults where None.
        colours: whether to look for colours in a JPEG too, which doubles the time that it takes.

    Raises:
        ImageError: missing, empty, too large, truncated, or no picture of a known kind.
    """
    limits = limits or Limits()
    if isinstance(source, bytes | bytearray | memoryview):
        name = name or "The image"
        data = bytes(source)
        check_bytes(len(data), name, max_bytes_of(data, limits))
    else:
        name = name or os.fspath(source)
        data = read_bytes(Path(source), name=name, limits=limits)
    return decode(data, name=name, limits=limits, colours=colours)


def read_bytes(path: Path, *, name: str, limits: Limits) -> bytes:
    """The file's bytes, or a refusal before they are read; what they are decides how many.

    Raises:
        ImageError: missing, no plain file, empty or larger than the limit.
    """
    try:
        status = path.stat()
        # Opening a pipe or a device could wait for ever.
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a plain file"
            raise ImageError(name, f"it is {kind}")
        with path.open("rb") as file:
            data = file.read(HEAD)
            most = max_bytes_of(data, limits)
            check_bytes(status.st_size, name, most)
            data += file.read(max(0, min(status.st_size, most) + 1 - len(data)))
    except FileNotFoundError:
        raise ImageError(name, "there is no such file") from None
    except PermissionError:
        raise ImageError(name, "this user is not allowed to read it") from None
    except (OSError, ValueError) as error:
        text = (error.strerror if isinstance(error, OSError) else None) or "its name is not valid"
        raise ImageError(name, f"the system says: {text.lower()}") from None
    check_bytes(len(data), name, most)
    return data


def decode(data: bytes, *, name: str, limits: Limits, colours: bool = False) -> Slice:
    """The bytes of one file as a grey slice; see `read_slice`."""
    try:
        if looks_like_dicom(data):
            from braintumor.images import dicom  # pydicom takes a fifth of a second to import

            return dicom.decode(data, name=name, limits=limits)
        return _decode_picture(data, name, limits, colours)
    except MemoryError:
        raise ImageError(name, "it is too large for this machine's memory") from None


def series_key(*parts: str) -> str:
    """What tells a series from any other, the same whenever the same file is read.

    Args:
        parts: all that does: of a file of several slices its name, the hash of its bytes and the
            plane that it is cut in; of a series of files what they say of it.

    Returns:
        16 hexadecimal digits.
    """
    # A file's name may hold bytes that are no text.
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:16]


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


def max_bytes_of(head: bytes, limits: Limits) -> int:
    """How large a file may be that begins like this."""
    return limits.max_bytes if kind_of(head) == "picture" else limits.max_volume_bytes


def check_bytes(count: int, name: str, most: int) -> None:
    """Refuse an empty file, or one of more bytes than are accepted."""
    if count == 0:
        raise ImageError(name, "the file is empty (0 bytes): copy or download it again")
    if count > most:
        raise ImageError(
            name, f"the file is larger than the {most / 2**20:g} MiB that are accepted"
        )


def check_unpacked(count: int, *, name: str, limits: Limits) -> None:
    """Refuse slices that take more bytes together than are accepted, however little packed.

    Raises:
        ImageError: more than the limits allow.
    """
    if count > limits.max_volume_bytes:
        most = f"{limits.max_volume_bytes / 2**20:g} MiB"
        raise ImageError(name, f"its slices unpack to more than the {most} accepted: split it")


def _decode_picture(data: bytes, name: str, limits: Limits, colours: bool) -> Slice:
    with open_picture(data, name=name, limits=limits) as picture:
        to_full_page(picture, most=limits.max_frames)
        found = slice_of_picture(picture, name=name, sha256=sha256_bytes(data), limits=limits)
    if not colours or found.format != "JPEG":
        return found
    with open_picture(data, name=name, limits=limits) as picture:
        return replace(found, coloured=to_grey(picture)[1])


@contextmanager
def open_picture(data: bytes, *, name: str, limits: Limits) -> Iterator[Image.Image]:
    """A picture file, opened; whatever its decoder trips over in the block is an ImageError."""
    # Each scan of a progressive JPEG costs a pass over all its pixels; honest ones have a dozen.
    if data[:2] == b"\xff\xd8" and data.count(b"\xff\xda") > _MAX_SCANS:
        raise ImageError(name, "it is a JPEG of too many scans: save it anew")
    if data[:2] == b"\xff\xd8" and data.count(b"Exif\0\0") > _MAX_EXIF_PIECES:
        raise ImageError(name, "its EXIF block is in too many pieces: save it anew")
    if is_tiff(data) and (reason := refusal(data, most_pages=limits.max_frames)):
        raise ImageError(name, reason)
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            yield picture
    except ImageError:
        raise
    except Image.DecompressionBombError:
        raise ImageError(name, "it has more pixels than are accepted: scale it down") from None
    except UnidentifiedImageError:
        raise ImageError(name, _what_it_is_instead(data)) from None
    except MemoryError:
        raise
    except Exception as error:  # a damaged file can make a decoder raise anything at all
        what = "truncated" if "truncated" in str(error).lower() else "damaged"
        raise ImageError(name, f"the file is {what}: copy or download it again") from None


def slice_of_picture(picture: Image.Image, *, name: str, sha256: str, limits: Limits) -> Slice:
    """The present frame of an opened picture; its size is checked before it is decoded."""
    check_size(picture.height, picture.width, name=name, limits=limits)
    _check_tiles(picture, name=name, limits=limits)
    mode, format_ = picture.mode, str(picture.format)
    # Of a JPEG the luma alone, as it is stored: a third of the time, and no rounding to RGB and
    # back. Pillow decodes with libjpeg-turbo. What holds no luma (CMYK, RGB) stays as it is.
    picture.draft("L", None)
    picture.load()
    # Pillow makes an object of every number that the block gives for the orientation.
    if any(len(picture.info.get(block, b"")) > _LONGEST_EXIF for block in _EXIF):
        raise ImageError(name, "its EXIF block is absurdly long: save it anew")
    pixels, coloured = to_grey(picture)
    pixels = np.ascontiguousarray(upright(pixels, orientation(picture)))
    if pixels.dtype == np.float32 and not np.isfinite(pixels).any():
        raise ImageError(name, "it holds no finite value")
    return Slice(
        pixels=pixels,
        format="JPEG" if format_ == "MPO" else format_,
        mode=mode,
        size=(pixels.shape[0], pixels.shape[1]),
        sha256=sha256,
        coloured=coloured,
        name=name,
    )


def _check_tiles(picture: Image.Image, *, name: str, limits: Limits) -> None:
    """A TIFF's tiles are decoded whole, however little of them the picture shows."""
    tags = getattr(picture, "tag_v2", {})
    if TILE_LENGTH in tags:
        height, width = int(tags[TILE_LENGTH]), int(tags.get(TILE_WIDTH, 1))
        check_size(height, width, name=name, limits=limits)


def _what_it_is_instead(data: bytes) -> str:
    """One clause on bytes that no decoder knows."""
    known = {
        b"\x1f\x8b": "a compressed file (gzip), and one slice is asked for here",
        b"PK\x03\x04": "a ZIP archive, and one slice is asked for here",
        b"%PDF": "a PDF document: export the picture from it",
        b"<svg": "a drawing (SVG): export it as PNG",
        b"<!DO": "a web page, so its download went wrong: fetch it again",
        b"<htm": "a web page, so its download went wrong: fetch it again",
    }
    for magic, what in known.items():
        if data[:4].lower().startswith(magic.lower()):
            return f"it is {what}"
    if data[344:347] in (b"n+1", b"ni1"):
        return "it is a NIfTI volume, and one slice is asked for here"
    if not any(data[:4096]):
        return "it begins with zeros only, so its download or copy broke off: fetch it again"
    return "it is no PNG, JPEG, BMP, WebP, TIFF, GIF or DICOM image, or its header is damaged"


def printable(name: str) -> str:
    """The name without control characters, which could play tricks on a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
