"""The process that decodes compressed DICOM frames for `codecs.py`: a message in, a message out.

It bounds its own memory and leaves no core dump, which could hold a patient's picture.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder

from braintumor.images.codecs import receive, send

# On top of what Python and its libraries take: enough for 64 million pixels.
_MEMORY = 3 * 2**30
_DAMAGED = "its compressed pixels are damaged: export it again"


def main() -> None:
    """Decode frames from standard input until it is closed."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a chatty decoder would garble the answers
    _bound_memory()
    send(answers, {}, b"")
    while True:
        try:
            frame, data = receive(sys.stdin.buffer)
        except EOFError:
            return
        try:
            pixels = _decode(frame, data)
        except MemoryError:
            send(answers, {"error": "it is too large for this machine's memory"}, b"")
        except Exception:  # a damaged frame can make a decoder raise anything at all
            send(answers, {"error": _missing(frame) or _DAMAGED}, b"")
        else:
            send(answers, {"shape": pixels.shape, "dtype": pixels.dtype.name}, pixels.tobytes())


def _decode(frame: Any, data: bytes) -> np.ndarray[Any, Any]:
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = frame["syntax"]
    dataset.Rows, dataset.Columns = frame["rows"], frame["columns"]
    dataset.SamplesPerPixel = frame["samples"]
    dataset.PhotometricInterpretation = frame["photometric"]
    dataset.PlanarConfiguration = frame["planar"]
    dataset.BitsAllocated, dataset.BitsStored = frame["bits_allocated"], frame["bits_stored"]
    dataset.HighBit = frame["bits_stored"] - 1
    dataset.PixelRepresentation = int(frame["signed"])
    dataset.PixelData = encapsulate([data])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    pixels = np.ascontiguousarray(dataset.pixel_array)
    if pixels.shape[:2] != (frame["rows"], frame["columns"]):
        raise ValueError
    return pixels


def _missing(frame: Any) -> str:
    """What is missing where no decoder knows the transfer syntax; else an empty text."""
    syntax = pydicom.uid.UID(frame["syntax"])
    with contextlib.suppress(NotImplementedError):
        if get_decoder(syntax).is_available:
            return ""
    # The name of a known one only: what the file says instead could be anything.
    kind = syntax.name if syntax.is_transfer_syntax else "an unknown way"
    return f"it is compressed ({kind}), for which there is no decoder: export it uncompressed"


def _bound_memory() -> None:
    """Bound this process's memory as far as the system lets it, and forbid core dumps."""
    try:
        import resource
    except ImportError:  # Windows
        return
    # ValueError: of a limit that batch systems set, which must not be raised.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):  # Linux alone tells what is used here
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        set_already = resource.getrlimit(resource.RLIMIT_AS)
        finite = [limit for limit in set_already if limit != resource.RLIM_INFINITY]
        bound = min([used + _MEMORY, *finite])
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
