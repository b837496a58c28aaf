"""What a file is, told by its first bytes alone, so that pictures need not wait for pydicom.

Knows nothing of what is inside.
"""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal["dicom", "nifti", "gzip", "zip", "tiff", "picture"]
# So many bytes are enough for `kind_of`.
HEAD = 4096
# The last two are not valid, and opened by Pillow all the same.
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"II\0*", b"MM*\0")

_VR = re.compile(rb"AE|AS|AT|CS|DA|DS|DT|FD|FL|IS|LO|LT|OB|OW|PN|SH|SL|SQ|SS|ST|TM|UI|UL|UN|US|UT")
_NIFTI_1, _NIFTI_2 = (b"n+1\0", b"ni1\0"), (b"n+2\0", b"ni2\0")


def kind_of(head: bytes) -> Kind:
    """What a file is that begins with these bytes; `picture` is whatever is nothing else."""
    if looks_like_dicom(head):
        return "dicom"
    if looks_like_nifti(head):
        return "nifti"
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    # The second: an archive without a file.
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if head[:4] in TIFF_MAGIC:
        return "tiff"
    return "picture"


def looks_like_nifti(data: bytes) -> bool:
    """Whether the bytes begin like a NIfTI-1 or NIfTI-2 volume (or the header of a pair)."""
    return data[344:348] in _NIFTI_1 or data[4:8] in _NIFTI_2


def looks_like_dicom(data: bytes) -> bool:
    """Whether the bytes are DICOM: by the preamble, or by their first data element.

    Files without a preamble (from old software and from networks) start with group 0002 or 0008,
    a small element number, and either a known value representation or a short length.
    """
    if data[128:132] == b"DICM":
        return True
    if len(data) < 64 or data[:2] not in (b"\x02\x00", b"\x08\x00"):
        return False
    element = int.from_bytes(data[2:4], "little")
    if element > 0x0110:
        return False
    if _VR.fullmatch(data[4:6]):
        return True
    length = int.from_bytes(data[4:8], "little")
    next_group = int.from_bytes(data[8 + length : 10 + length], "little")
    return length <= 128 and next_group in (0x0002, 0x0008, 0x0010)
