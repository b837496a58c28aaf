"""A TIFF file -> its pages as slices; a TIFF of one page is one slice.

Thumbnails that a file keeps beside its pages are left out. Knows TIFF's pages; what a page looks
like is `decode`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from PIL import Image

from braintumor.files import sha256_bytes
from braintumor.images.choice import Choice
from braintumor.images.decode import (
    ImageError,
    Limits,
    Place,
    Slice,
    check_frames,
    check_unpacked,
    open_picture,
    series_key,
    slice_of_picture,
)
from braintumor.images.tiff_tags import TILE_LENGTH, TILE_WIDTH, is_thumbnail

# Bytes of a sample in Pillow's modes; of others one.
_SAMPLE_BYTES = {"I": 4, "F": 4, "I;16": 2, "I;16B": 2}


def pages(
    data: bytes, *, name: str, limits: Limits, choice: Choice
) -> Iterator[Slice | ImageError]:
    """The wanted pages, one by one.

    Raises:
        ImageError: no picture, damaged, too large or of too many pages.
    """
    sha256 = sha256_bytes(data)
    with open_picture(data, name=name, limits=limits) as picture:
        numbers = _full_pages(picture, name, limits)
        if len(numbers) < 2:
            picture.seek(numbers[0] - 1 if numbers else 0)
            yield slice_of_picture(picture, name=name, sha256=sha256, limits=limits)
            return
        series = series_key(name, sha256)
        wanted = set(choice.numbers(max(numbers)))
        for number in numbers:
            if number in wanted:
                picture.seek(number - 1)
                yield _page(
                    picture, f"{name}#{number}", sha256, limits, Place(series=series, number=number)
                )


def _full_pages(picture: Image.Image, name: str, limits: Limits) -> list[int]:
    """Numbers of the pages, from 1, that are no thumbnails.

    Raises:
        ImageError: too many, or too large together: they may all share the same packed pixels.
    """
    found: list[int] = []
    unpacked = 0
    for number in range(1, limits.max_frames + 2):
        try:
            picture.seek(number - 1)
        except EOFError:
            return found
        check_frames(number, name=name, limits=limits)
        if not is_thumbnail(picture):
            found.append(number)
            unpacked += _unpacked_bytes(picture)
            check_unpacked(unpacked, name=name, limits=limits)
    return found


def _unpacked_bytes(picture: Image.Image) -> int:
    """Bytes that the present page is decoded to; tiles are decoded whole."""
    tags = getattr(picture, "tag_v2", {})
    pixels = 1
    for side, tag in ((picture.width, TILE_WIDTH), (picture.height, TILE_LENGTH)):
        tile = max(1, int(tags.get(tag, 1)))
        pixels *= -(-side // tile) * tile
    return pixels * len(picture.getbands()) * _SAMPLE_BYTES.get(picture.mode, 1)


def _page(
    picture: Image.Image, name: str, sha256: str, limits: Limits, place: Place
) -> Slice | ImageError:
    try:
        found = slice_of_picture(picture, name=name, sha256=sha256, limits=limits)
    except ImageError as error:
        return ImageError(name, error.reason, place)
    except MemoryError:
        raise
    except Exception:  # a damaged page can make a decoder raise anything at all
        return ImageError(name, "the page is damaged: copy or download the file again", place)
    return replace(found, place=place)
