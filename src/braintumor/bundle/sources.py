"""What may be given to a classifier as an image, and what it is called.

Knows kinds of sources; no network, and no pixel of any picture but an array's channels.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from braintumor.images.decode import ImageError, Slice, read_slice
from braintumor.images.read import head_of, read_slices
from braintumor.images.sniff import kind_of
from braintumor.images.weight import weight_of_bytes, weight_of_file

# What is one image rather than a list of them.
ONE = (Path, str, bytes, bytearray, memoryview, np.ndarray, Slice, ImageError)


class Named(NamedTuple):
    """An image under a name: for bytes and arrays, which bear none themselves."""

    name: str
    source: Plain


# What `read_slices` gives can be passed on as it is: a slice, or the error in the place of one.
Plain = Path | str | bytes | bytearray | memoryview | NDArray[Any] | Slice | ImageError
Source = Plain | Named


def weight(image: Source) -> int:
    """Bytes that an image takes while it is read, as far as its header tells."""
    source = image.source if isinstance(image, Named) else image
    if isinstance(source, Path | str):
        return weight_of_file(Path(source))
    if isinstance(source, Slice):
        return source.pixels.nbytes
    if isinstance(source, np.ndarray):
        return source.nbytes
    return 0 if isinstance(source, ImageError) else weight_of_bytes(source)


def only_slice(source: Path | str | bytes, name: str | None) -> Slice:
    """The slice of a file that holds one; a volume of a single slice is such a file too, and so
    is a TIFF of one page and thumbnails of it.

    Raises:
        ImageError: it holds several, or none that can be read.
    """
    if kind_of(head_of(source)) == "tiff":
        return _only_page(source, name)
    try:
        return read_slice(source, name=name)
    except ImageError:
        found = list(islice(read_slices(source, name=name), 2))
        if len(found) == 1 and isinstance(found[0], Slice) and found[0].format == "NIFTI":
            return found[0]
        raise


def _only_page(source: Path | str | bytes, name: str | None) -> Slice:
    """The one full page; of several, an error, where `read_slice` takes the first."""
    first, *more = islice(read_slices(source, name=name), 2)
    if more:
        called = name or first.name.rpartition("#")[0]
        raise ImageError(called, "it holds several pages, and one slice is asked for here")
    if isinstance(first, ImageError):
        raise first
    return first


def path_or_bytes(source: Path | str | bytes | bytearray | memoryview) -> Path | str | bytes:
    """A file, or bytes that nobody changes while they are read."""
    return bytes(source) if isinstance(source, bytearray | memoryview) else source


def name_of(source: Plain) -> str:
    """What a source is called by itself; "" where it bears no name."""
    if isinstance(source, Slice | ImageError):
        return source.name
    return str(source) if isinstance(source, Path | str) else ""


def grey_array(array: NDArray[Any]) -> NDArray[Any]:
    """A grey slice from an array; three equal channels, as many readers give, count as grey."""
    if array.ndim == 3 and array.shape[2] == 1:
        return array[..., 0]
    if array.ndim == 3 and array.shape[2] == 3 and (array == array[..., :1]).all():
        return array[..., 0]
    return array
